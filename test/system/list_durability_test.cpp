// Lists that are durable as one, at their end.
#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/command.h"
#include "system/faulty_mount.h"
#include "system/list.h"
#include "system/trace.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr int many = 40;

Options durable(uint32_t flags = 0) {
    return recursive(flags).with_durability(ARSYNC_DURABILITY_FULL);
}

// So many small files in two directories, and a tree.
std::vector<std::string> make_source(const std::string& at, int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i)
        names.push_back((i % 2 == 0 ? "a/" : "b/") + std::to_string(i));
    make_files(at, names);
    make_files(at, {"tree/1", "tree/sub/2"});
    names.push_back("tree");
    return names;
}

// The system calls that sync, of one list between directories that are there.
std::string syncs_of(const Directory& directory, int count, const Options& options) {
    const auto copy = [&] {
        const std::string from = directory / "from";
        const std::string to = directory / "to";
        const std::vector<std::string> names = make_source(from, count);
        make_directories(to + "/a");
        make_directories(to + "/b");
        Pool pool{PoolOptions(ARSYNC_BACKEND_THREADS)};
        const ListCopy done = copy_list_between(pool, from, to, Items::entries(names), options);
        return done.job.result == 0 && tree_difference(from, to).empty();
    };
    const std::string trace = trace_of(copy, directory / "trace", "fsync,fdatasync,syncfs");
    remove_tree(directory / "from");
    remove_tree(directory / "to");
    return trace;
}

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);)
        all.push_back(line);
    return all;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a durable list is written out once, with its trees; a short one is not") {
    NEEDS_COMMAND("strace");
    for (const Kind kind : {Kind::ext4, Kind::xfs}) {
        NEEDS(shared_volume(kind));
        const Directory directory(shared_volume(kind));
        for (const uint32_t flags :
             {0u, uint32_t{ARSYNC_COPY_PARENTS}, ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH}) {
            CAPTURE(flags);
            std::string trace = syncs_of(directory, many, durable(flags));
            if (trace.empty()) {
                skip("strace may not look at other processes here");
                return;
            }
            INFO(trace);
            // One more is of no descriptor: whether it is denied.
            CHECK(count_of(trace, " syncfs(") - count_of(trace, " syncfs(-1") == 1);
            CHECK(count_of(trace, "sync(") == 0);
            trace = syncs_of(directory, 4, durable(flags));
            CAPTURE(trace);
            CHECK(count_of(trace, " fdatasync(") + count_of(trace, " fsync(") >= 8);
            CHECK(count_of(trace, " syncfs(") - count_of(trace, " syncfs(-1") == 1); // of the tree
        }
        // What takes the place of a file is complete before it does.
        const std::string trace =
            syncs_of(directory, many, durable().with_replace(ARSYNC_REPLACE_ATOMIC));
        INFO(trace);
        CHECK(count_of(trace, " fdatasync(") >= many);
        CHECK(count_of(trace, " fsync(") == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "on FUSE each file of a durable list is synced, and each directory once") {
    const Directory local;
    const std::vector<std::string> names = make_source(local / "from", many);
    for (const uint32_t flags :
         {0u, uint32_t{ARSYNC_COPY_PARENTS}, ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH}) {
        CAPTURE(flags);
        const std::string log = local / ("log" + std::to_string(flags));
        const FaultyMount mount({"log=" + log});
        NEEDS(mount);
        if (flags == 0) {
            make_directories(mount / "a");
            make_directories(mount / "b");
        }
        const int made = static_cast<int>(lines_of(log).size());
        Pool pool;
        const ListCopy copy = copy_list_between(pool, local / "from", mount / "",
                                                Items::entries(names), durable(flags));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        std::vector<std::string> done = lines_of(log);
        done.erase(done.begin(), done.begin() + made);
        const auto count = [&](const std::string& line) {
            return std::count(done.begin(), done.end(), line);
        };
        for (const std::string& name : names)
            if (name != "tree")
                CHECK_MESSAGE(count("fsync /" + name) == 1, name);
        for (const char* name : {"/tree/1", "/tree/sub/2"})
            CHECK_MESSAGE(count(std::string("fsync ") + name) == 1, name);
        for (const char* directory : {"/a", "/b", "/tree", "/tree/sub"})
            CHECK_MESSAGE(count(std::string("fsyncdir ") + directory) == 1, directory);
        CHECK(count("fsyncdir /") >= (flags == 0 ? 1 : 2)); // for the tree, and what was made
        // Names are synced when they are there.
        const auto last_file = std::find(done.rbegin(), done.rend(), "fsync /a/38");
        CHECK(std::find(done.rbegin(), last_file, "fsyncdir /a") != last_file);
    }
}

TEST_CASE_FIXTURE(Clean,
                  "on FUSE the directory that all names of a list are in is synced, and last") {
    const Directory local;
    std::vector<std::string> names;
    for (int i = 0; i < many; ++i)
        names.push_back("f" + std::to_string(i));
    make_files(local / "from", names);
    for (const uint32_t flags :
         {0u, uint32_t{ARSYNC_COPY_PARENTS}, ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH}) {
        CAPTURE(flags);
        const auto copy_to = [&](const FaultyMount& mount) {
            Pool pool;
            const ListCopy copy = copy_list_between(pool, local / "from", mount / "",
                                                    Items::entries(names), durable(flags));
            INFO(words(copy));
            return copy.job;
        };
        const std::string log = local / ("log" + std::to_string(flags));
        const FaultyMount mount({"log=" + log});
        NEEDS(mount);
        CHECK(copy_to(mount).result == 0);
        const std::vector<std::string> done = lines_of(log);
        CHECK(std::count(done.begin(), done.end(), "fsyncdir /") == 1);
        const auto synced = std::find(done.begin(), done.end(), "fsyncdir /");
        for (const std::string& name : names)
            CHECK_MESSAGE(std::find(done.begin(), synced, "fsync /" + name) != synced, name);

        const FaultyMount failing({"fail=fsyncdir:EIO"});
        NEEDS(failing);
        const arsync_completion failed = copy_to(failing);
        CHECK(failed.result == -EIO);
        CHECK(failed.stage == ARSYNC_STAGE_SYNC);
    }
}

TEST_CASE_FIXTURE(Clean, "a durable list fails where its server fails to sync") {
    const Directory local;
    const std::vector<std::string> names = make_source(local / "from", many);
    for (const char* fault : {"fail=fsync:EIO:3", "fail=fsyncdir:EIO:1", "fail=fsyncdir:EIO"}) {
        CAPTURE(fault);
        const FaultyMount mount({fault});
        NEEDS(mount);
        make_directories(mount / "a");
        make_directories(mount / "b");
        Pool pool;
        const ListCopy copy =
            copy_list_between(pool, local / "from", mount / "", Items::entries(names), durable());
        INFO(words(copy));
        CHECK(copy.job.result == -EIO);
        CHECK(copy.job.stage == ARSYNC_STAGE_SYNC);
    }
}

TEST_CASE_FIXTURE(Clean, "a durable list does without syncfs(2) where that is denied") {
    const Directory local;
    const std::vector<std::string> names = make_source(local / "from", many);
    make_directories(local / "to/a");
    make_directories(local / "to/b");
    for (const int error : {EPERM, ENOSYS}) {
        CAPTURE(error);
        check_in_child([&](Report& report) {
            EXPECT(report, deny(__NR_syncfs, error));
            Pool pool;
            const ListCopy copy = copy_list_between(pool, local / "from", local / "to",
                                                    Items::entries(names), durable());
            EXPECT_WITH(report, copy.job.result == 0, words(copy));
            EXPECT(report, tree_difference(local / "from", local / "to") == "");
        });
    }
}

// A file that a link leads to elsewhere is not where the list's directories are.
TEST_CASE_FIXTURE(Clean, "what a durable list writes elsewhere is synced by itself") {
    NEEDS_COMMAND("strace");
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    const Directory elsewhere(shared_volume(Kind::xfs));
    NEEDS(shared_volume(Kind::xfs));
    const auto copy = [&] {
        std::vector<std::string> names = make_source(directory / "from", many);
        make_directories(directory / "to/a");
        make_directories(directory / "to/b");
        write_file(elsewhere / "file", "old");
        make_symlink(elsewhere / "file", directory / "to/a/0");
        Pool pool{PoolOptions(ARSYNC_BACKEND_THREADS)};
        const ListCopy done = copy_list_between(pool, directory / "from", directory / "to",
                                                Items::entries(names), durable());
        return done.job.result == 0 && read_file(elsewhere / "file") == "a/0";
    };
    const std::string trace = trace_of(copy, directory / "trace", "fsync,fdatasync,syncfs");
    if (trace.empty()) {
        skip("strace may not look at other processes here");
        return;
    }
    INFO(trace);
    CHECK(count_of(trace, " fdatasync(") + count_of(trace, " fsync(") >= 1);
    CHECK(count_of(trace, " syncfs(") - count_of(trace, " syncfs(-1") == 1);
}

// What its name lies on is synced at the end, and has nothing of its content.
TEST_CASE_FIXTURE(Clean, "of a durable list, what goes to a block device is written out with it") {
    NEEDS_COMMAND("strace");
    const LoopDevice device(1 << 20);
    NEEDS(device);
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    Items items;
    for (int i = 0; i < 20; ++i) {
        write_pattern(directory / std::to_string(i), 1000);
        items.add(directory / std::to_string(i), directory / ("to" + std::to_string(i)));
    }
    items.add(directory / "0", device.path());
    const auto copy = [&] {
        Pool pool{PoolOptions(ARSYNC_BACKEND_THREADS)};
        return copy_list(pool, items, Options().with_durability(ARSYNC_DURABILITY_FILE))
                   .job.result == 0;
    };
    const std::string trace = trace_of(copy, directory / "trace", "fsync,fdatasync,syncfs");
    if (trace.empty()) {
        skip("strace may not look at other processes here");
        return;
    }
    INFO(trace);
    CHECK(count_of(trace, " fdatasync(") + count_of(trace, " fsync(") == 1);
}

} // namespace live
