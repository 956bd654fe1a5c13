// What takes as long as a file is large keeps no other job of the same worker waiting: neither its
// end nor its cancel. The filesystem of the tests stands for one that frees blocks for ever.
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/lease.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr int limit_ms = 20'000;
constexpr uint64_t huge = 20 << 20;
constexpr uint64_t small = 1000;

// One job that hangs, on a file "huge" in the mount's directory "a".
struct Case {
    const char* name;
    const char* fault; // beside the hang
    const char* hang;
    uint64_t source; // its size
    uint64_t there;  // of what is at the destination; 0: nothing is
    uint32_t replace;
    uint32_t backup;
    bool in_tree; // the source is a tree without that name, which is mirrored
    int result;
};

constexpr Case cases[] = {
    {"overwritten", "", "truncate", small, huge, ARSYNC_REPLACE_IN_PLACE, 0, false, 0},
    {"removed first", "", "unlink", small, huge, ARSYNC_REPLACE_REMOVE, 0, false, 0},
    {"replaced", "", "rename", small, huge, ARSYNC_REPLACE_ATOMIC, 0, false, 0},
    {"a backup of it replaced", "", "rename", small, small, ARSYNC_REPLACE_IN_PLACE,
     ARSYNC_BACKUP_SIMPLE, false, 0},
    {"written over a small one", "", "flush", huge, small, ARSYNC_REPLACE_IN_PLACE, 0, false, 0},
    {"incomplete", "fail=write:ENOSPC:3", "unlink", huge, 0, ARSYNC_REPLACE_IN_PLACE, 0, false,
     -ENOSPC},
    {"extra in a directory that is not", "", "unlink", small, huge, ARSYNC_REPLACE_IN_PLACE, 0,
     true, 0},
};

// Other files of the mount, of which one is cancelled. They have user_data 1.
void others_end(Pool& pool, const FaultyMount& mount) {
    REQUIRE(pool.submit(mount / "b/well", mount / "b/copy", Options(), 1) != 0);
    const arsync_completion done = pool.wait(limit_ms);
    INFO(words(done));
    REQUIRE(done.user_data == 1);
    CHECK(done.result == 0);
    const arsync_job silent = pool.submit(mount / "b/silent", mount / "b/never",
                                          Options().with_flags(ARSYNC_COPY_SPECIAL), 1);
    REQUIRE(silent != 0);
    CHECK(eventually([&] { return pool.progress(silent).state == ARSYNC_JOB_RUNNING; }));
    CHECK(arsync_job_cancel(pool.get(), silent) == 0);
    CHECK(pool.wait(limit_ms).result == -ECANCELED);
}

} // namespace

TEST_CASE_FIXTURE(Clean, "to be rid of a huge file keeps no other job waiting") {
    for (const uint32_t backend : both_backends) {
        if (backend == ARSYNC_BACKEND_URING && !has_io_uring())
            continue;
        for (const Case& each : cases) {
            CAPTURE(backend_name(backend));
            CAPTURE(each.name);
            std::vector<std::string> options{std::string("hang=") + each.hang + ":huge"};
            if (*each.fault)
                options.emplace_back(each.fault);
            const FaultyMount mount(options);
            NEEDS(mount);
            const Directory local;
            for (const char* directory : {"/a", "/b"})
                REQUIRE(mkdir((mount.backing() + directory).c_str(), 0755) == 0);
            write_pattern(mount.backing() + "/b/well", small);
            REQUIRE(mkfifo((mount.backing() + "/b/silent").c_str(), 0600) == 0);
            std::string to = mount / "a/huge";
            if (each.in_tree) {
                REQUIRE(mkdir((mount.backing() + "/a/extra").c_str(), 0755) == 0);
                write_pattern(mount.backing() + "/a/extra/huge", each.there);
            } else if (each.there > 0) {
                write_pattern(mount.backing() + "/a/huge", each.there);
            }
            if (each.backup != 0)
                write_pattern(mount.backing() + "/a/huge~", huge);
            Options how;
            how.with_replace(each.replace).with_backup(each.backup);
            std::string from = local / "from";
            if (each.in_tree) {
                REQUIRE(mkdir(from.c_str(), 0755) == 0);
                write_pattern(from + "/file", each.source);
                to = mount / "a";
                how.with_flags(ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR)
                    .with_report(ARSYNC_REPORT_NONE);
            } else {
                write_pattern(from, each.source);
            }
            PoolOptions one(backend);
            one.workers = 1;
            Pool pool(one);
            const arsync_job hung = pool.submit(from, to, how);
            REQUIRE(hung != 0);
            CHECK(eventually([&] { return pool.progress(hung).state == ARSYNC_JOB_RUNNING; }));
            usleep(100'000);
            others_end(pool, mount);
            CHECK(pool.progress(hung).state == ARSYNC_JOB_RUNNING);
            mount.go_on();
            const arsync_completion done = pool.wait(limit_ms);
            INFO(words(done));
            CHECK(done.result == each.result);
            const std::string copy = each.in_tree ? mount / "a/file" : to;
            const std::string source = each.in_tree ? from + "/file" : from;
            if (each.result == 0)
                CHECK(difference(source, copy) == "");
            else
                CHECK(!exists(copy));
            if (each.in_tree)
                CHECK(!exists(mount / "a/extra"));
        }
    }
}

TEST_CASE_FIXTURE(Clean, "only a huge file costs another thread") {
    const Directory local;
    struct {
        const char* name;
        uint32_t replace;
    } const ways[] = {{"overwritten", ARSYNC_REPLACE_IN_PLACE},
                      {"removed", ARSYNC_REPLACE_REMOVE},
                      {"replaced", ARSYNC_REPLACE_ATOMIC}};
    write_pattern(local / "from", small);
    for (const auto& way : ways)
        for (const uint64_t there : {small, huge}) {
            CAPTURE(way.name);
            CAPTURE(there);
            write_pattern(local / "to", there);
            Pool pool;
            const arsync_completion done =
                pool.copy(local / "from", local / "to", Options().with_replace(way.replace));
            CHECK(done.result == 0);
            CHECK(difference(local / "from", local / "to") == "");
            CHECK(pool.stats().helper_calls == (there == huge ? 1 : 0));
        }
}

// By their last descriptors: the names went meanwhile.
TEST_CASE_FIXTURE(Clean, "the ends of a range that are nobody else's are closed aside") {
    const Directory local;
    for (const uint64_t size : {small, huge}) {
        CAPTURE(size);
        write_pattern(local / "from", size);
        write_pattern(local / "to", size);
        const int from = open((local / "from").c_str(), O_RDONLY | O_CLOEXEC);
        const int to = open((local / "to").c_str(), O_RDWR | O_CLOEXEC);
        Pool pool;
        const auto calls_for = [&] {
            const uint64_t before = pool.stats().helper_calls;
            CHECK(pool.copy_range(from, 0, to, 0, 100).result == 0);
            return pool.stats().helper_calls - before;
        };
        CHECK(calls_for() == 0);
        unlink((local / "from").c_str());
        CHECK(calls_for() == (size == huge ? 1 : 0));
        close(from);
        close(to);
    }
}

TEST_CASE_FIXTURE(Clean, "so is a file of the pool's that its last operation goes with") {
    const Directory local;
    for (const uint64_t size : {small, huge}) {
        CAPTURE(size);
        write_pattern(local / "from", size);
        PoolOptions options;
        options.lease_count = 1;
        options.byte_rate = 5000; // it ends when it is closed, and not before
        Pool pool(options);
        const Lease buffer(pool);
        const uint64_t before = pool.stats().helper_calls;
        {
            const PoolFile file(pool, local / "from", O_RDONLY);
            unlink((local / "from").c_str());
            REQUIRE(submit_read(pool, {file, 0, buffer, 0, small}) == 0);
        }
        CHECK(pool.wait(limit_ms).bytes == small);
        CHECK(pool.stats().helper_calls - before == (size == huge ? 1 : 0));
    }
}

} // namespace live
