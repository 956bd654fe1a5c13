// Durable copies: what is on disk, and in which order. A crash itself is the simulation's.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leave.h"
#include "system/check.h"
#include "system/child.h"
#include "system/trace.h"
#include "system/tree.h"

namespace live {

namespace {

// The system calls that one copy makes, a line each; "" where they cannot be seen.
std::string syncs_of(const Directory& directory, const Options& options) {
    const auto copy = [&] {
        Pool pool{PoolOptions(ARSYNC_BACKEND_THREADS)};
        return pool.copy(directory / "from", directory / "to", options).result == 0;
    };
    return trace_of(copy, directory / "trace",
                    "fsync,fdatasync,linkat,rename,renameat,renameat2,pwritev2,pwrite64,unlinkat");
}

size_t last_of(const std::string& trace, const std::string& call) {
    const size_t plain = trace.rfind(" " + call + "(");
    const size_t resumed = trace.rfind(" " + call + " resumed");
    if (plain == std::string::npos)
        return resumed;
    return resumed == std::string::npos ? plain : std::max(plain, resumed);
}

// Of those that were made: what must be refused was only to find out whether there can be links.
size_t first_link(const std::string& trace) {
    size_t at = trace.find(" linkat(");
    while (at != std::string::npos &&
           trace.substr(at, trace.find('\n', at) - at).find("EEXIST") != std::string::npos)
        at = trace.find(" linkat(", at + 1);
    return at;
}

} // namespace

TEST_CASE_FIXTURE(Clean,
                  "durable means: the data is synced, then the name given, then that synced") {
    NEEDS(shared_volume(Kind::ext4));
    if (!has_command("strace")) {
        skip("no strace");
        return;
    }
    constexpr auto none = std::string::npos;
    const Directory directory;
    for (const uint64_t size : {uint64_t{10'000}, uint64_t{3'000'000}}) {
        write_pattern(directory / "from", size);
        for (const bool existing : {false, true}) {
            for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
                for (const uint32_t durability :
                     {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL}) {
                    unlink((directory / "to").c_str());
                    if (existing)
                        write_pattern(directory / "to", 10, 9);
                    const std::string trace = syncs_of(
                        directory, Options().with_replace(replace).with_durability(durability));
                    if (trace.empty()) {
                        skip("strace may not look at other processes here");
                        return;
                    }
                    INFO(trace);
                    CHECK(difference(directory / "from", directory / "to") == "");
                    const size_t file_synced = last_of(trace, "fdatasync");
                    const size_t directory_synced = last_of(trace, "fsync");
                    const size_t renamed = last_of(trace, "renameat");
                    const size_t linked = last_of(trace, "linkat");
                    const size_t named = renamed != none ? renamed : linked;
                    CHECK((file_synced != none) == (durability != ARSYNC_DURABILITY_NONE));
                    CHECK((directory_synced != none) == (durability == ARSYNC_DURABILITY_FULL));
                    if (replace == ARSYNC_REPLACE_ATOMIC)
                        CHECK(named != none);
                    if (existing && replace == ARSYNC_REPLACE_ATOMIC)
                        CHECK(renamed != none);
                    const size_t first_named = linked != none ? first_link(trace) : named;
                    if (file_synced != none && named != none)
                        CHECK(file_synced < first_named);
                    if (directory_synced != none) {
                        CHECK(file_synced < directory_synced);
                        if (named != none)
                            CHECK(named < directory_synced);
                    }
                    const size_t written =
                        std::max(last_of(trace, "pwritev2") + 1, last_of(trace, "pwrite64") + 1);
                    CHECK(written > 0);
                    if (file_synced != none)
                        CHECK(written < file_synced);
                }
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "durable copies succeed everywhere, by every method") {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs, Kind::overlay}) {
        NEEDS(shared_volume(kind));
        CAPTURE(name_of(kind));
        const Directory directory(shared_volume(kind));
        write_pattern(directory / "from", 1'500'000);
        for (const uint32_t backend : both_backends) {
            if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
                continue;
            Pool pool{PoolOptions(backend)};
            for (const uint32_t method : all_methods) {
                if (method == ARSYNC_METHOD_REFLINK)
                    continue;
                CAPTURE(method_name(method));
                const Options options = Options()
                                            .with_method(method)
                                            .with_durability(ARSYNC_DURABILITY_FULL)
                                            .with_replace(ARSYNC_REPLACE_ATOMIC);
                const arsync_completion done =
                    pool.copy(directory / "from", directory / "to", options);
                INFO(words(done));
                CHECK(done.result == 0);
                CHECK(difference(directory / "from", directory / "to") == "");
            }
        }
    }
}

// Its content need not have been: by whatever program it was written.
TEST_CASE_FIXTURE(Clean, "the content of what gets a durable further name is synced before that") {
    NEEDS(shared_volume(Kind::ext4));
    if (!has_command("strace")) {
        skip("no strace");
        return;
    }
    const Directory directory;
    write_pattern(directory / "from", 10'000);
    for (const uint32_t durability :
         {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL}) {
        CAPTURE(durability);
        unlink((directory / "to").c_str());
        const std::string trace = syncs_of(
            directory, Options().with_flags(ARSYNC_COPY_HARD_LINK).with_durability(durability));
        if (trace.empty()) {
            skip("strace may not look at other processes here");
            return;
        }
        INFO(trace);
        const size_t linked = last_of(trace, "linkat");
        CHECK(linked != std::string::npos);
        const std::string before = trace.substr(0, linked);
        const std::string after = trace.substr(linked);
        CHECK((before.find("sync(") != std::string::npos) ==
              (durability != ARSYNC_DURABILITY_NONE));
        CHECK((after.find("sync(") != std::string::npos) == (durability == ARSYNC_DURABILITY_FULL));
    }
}

TEST_CASE_FIXTURE(Clean, "a durable further name can be made of what may not be opened") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    set_mode(directory.path(), 0777);
    write_pattern(directory / "from", 10'000);
    set_owner(directory / "from", ordinary_user, ordinary_user);
    set_mode(directory / "from", 0);
    for (const uint32_t durability : {ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL}) {
        CAPTURE(durability);
        const std::string to = directory / std::to_string(durability);
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            Pool pool;
            Options options =
                Options().with_flags(ARSYNC_COPY_HARD_LINK).with_durability(durability);
            for (const uint32_t update : {ARSYNC_UPDATE_ALL, ARSYNC_UPDATE_CHANGED}) {
                const arsync_completion done =
                    pool.copy(directory / "from", to, options.with_update(update));
                EXPECT_WITH(report, done.result == 0, words(done));
            }
        });
        CHECK(inode_of(to) == inode_of(directory / "from"));
    }
}

TEST_CASE_FIXTURE(Clean,
                  "a directory that cannot be synced is found before anything is published") {
    NEEDS_ROOT();
    const Directory directory;
    chmod(directory.path().c_str(), 0755);
    const std::string from = directory / "from";
    make_directories(directory / "in");
    REQUIRE(chmod((directory / "in").c_str(), 0733) == 0); // to be written to, not to be read
    write_pattern(from, 3'000'000);
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        for (const bool existing : {false, true}) {
            const std::string to = directory / "in/to";
            if (existing) {
                write_pattern(to, 10, 9);
                chmod(to.c_str(), 0666);
            }
            Child child([&] {
                if (setgid(65534) != 0 || setuid(65534) != 0)
                    arsync::leave(2);
                Pool pool;
                const arsync_completion done = pool.copy(
                    from, to,
                    Options().with_replace(replace).with_durability(ARSYNC_DURABILITY_FULL));
                arsync::leave(done.result == -EACCES && done.stage == ARSYNC_STAGE_SYNC ? 0 : 3);
            });
            CHECK(child.wait() == 0);
            CHECK(exists(to) == existing);
            if (existing)
                CHECK(size_of(to) == 10);
            unlink(to.c_str());
        }
    }
}

} // namespace live
