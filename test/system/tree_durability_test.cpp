// Trees on filesystems where syncfs(2) does not reach what stores them.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "system/check.h"
#include "system/child.h"
#include "system/command.h"
#include "system/faulty_mount.h"
#include "system/list.h"
#include "system/opened.h"
#include "system/trace.h"
#include "system/tree.h"

namespace live {

namespace {

void make_tree(const std::string& at) {
    for (const char* name : {"", "/a", "/a/b", "/empty"})
        REQUIRE(mkdir((at + name).c_str(), 0755) == 0);
    write_pattern(at + "/one", 100'000);
    write_pattern(at + "/a/two", 10);
    write_pattern(at + "/a/b/three", 5'000'000);
}

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);)
        all.push_back(line);
    return all;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a durable tree on FUSE is synced by its files and directories") {
    const Directory local;
    make_tree(local / "from");
    for (const uint32_t preserve : {0u, preserve_all}) {
        const std::string log = local / ("log" + std::to_string(preserve));
        const FaultyMount mount({"log=" + log});
        NEEDS(mount);
        Pool pool;
        const TreeCopy copy =
            copy_tree(pool, local / "from", mount / "to",
                      recursive().with_durability(ARSYNC_DURABILITY_FULL).with_preserve(preserve));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        const std::vector<std::string> done = lines_of(log);
        const auto has = [&](const std::string& line) {
            return std::find(done.begin(), done.end(), line) != done.end();
        };
        for (const char* file : {"/to/one", "/to/a/two", "/to/a/b/three"})
            CHECK_MESSAGE(has(std::string("fsync ") + file), file);
        for (const char* directory : {"/", "/to", "/to/a", "/to/a/b", "/to/empty"})
            CHECK_MESSAGE(has(std::string("fsyncdir ") + directory), directory);
    }
}

// Who wrote it may have been killed before it synced anything.
TEST_CASE_FIXTURE(Clean, "what a durable copy finds up to date is synced, too") {
    const Directory local;
    make_tree(local / "from");
    const std::string log = local / "log";
    const FaultyMount mount({"log=" + log});
    NEEDS(mount);
    Pool pool;
    Options options = archive();
    CHECK(copy_tree(pool, local / "from", mount / "to", options).job.result == 0);
    CHECK(pool.copy(local / "from/one", mount / "one", options).result == 0);
    const size_t before = lines_of(log).size();
    options.with_update(ARSYNC_UPDATE_CHANGED).with_durability(ARSYNC_DURABILITY_FULL);
    CHECK(copy_tree(pool, local / "from", mount / "to", options).job.result == 0);
    const size_t between = lines_of(log).size();
    CHECK(pool.copy(local / "from/one", mount / "one", options).result == 0);
    const std::vector<std::string> done = lines_of(log);
    const auto has = [&](size_t begin, size_t end, const std::string& line) {
        const auto at = [&](size_t i) { return done.begin() + static_cast<ptrdiff_t>(i); };
        return std::find(at(begin), at(end), line) != at(end);
    };
    for (const char* file : {"/to/one", "/to/a/two", "/to/a/b/three"})
        CHECK_MESSAGE(has(before, between, std::string("fsync ") + file), file);
    CHECK(has(between, done.size(), "fsync /one"));
    CHECK(has(between, done.size(), "fsyncdir /"));
    CHECK(!has(before, done.size(), "write /one"));
}

namespace {

// The directories that a durable copy has synced, as a filesystem writes it down that has to be
// told of each: what it made durable by itself would not be seen on a disk's.
class SyncedDirectories {
public:
    explicit SyncedDirectories(const Directory& local)
        : log_(local / "log"), mount_({"log=" + log_}) {}
    const FaultyMount& mount() const { return mount_; }
    void begin() { before_ = lines_of(log_).size(); }
    bool has(const std::string& directory) const {
        const std::vector<std::string> done = lines_of(log_);
        return std::find(done.begin() + static_cast<ptrdiff_t>(before_), done.end(),
                         "fsyncdir " + directory) != done.end();
    }

private:
    const std::string log_;
    const FaultyMount mount_;
    size_t before_ = 0;
};

} // namespace

TEST_CASE_FIXTURE(Clean, "the directories on the way to a durable tree are synced") {
    const Directory local;
    make_directories(local / "from/p/q");
    make_tree(local / "from/p/q/top");
    SyncedDirectories synced(local);
    NEEDS(synced.mount());
    const int from = open((local / "from").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int to = open((synced.mount() / "").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const Options options = recursive(ARSYNC_COPY_PARENTS)
                                .with_durability(ARSYNC_DURABILITY_FULL)
                                .with_preserve(preserve_all);
    Pool pool;
    const auto copy_it = [&] {
        CHECK(arsync_submit_copy(pool.get(), from, "p/q/top", to, "p/q/top", &options, 0,
                                 nullptr) == 0);
        const TreeCopy copy = take_all(pool);
        INFO(words(copy));
        CHECK(copy.job.result == 0);
    };
    copy_it();
    for (const char* directory : {"/", "/p", "/p/q", "/p/q/top", "/p/q/top/a"})
        CHECK_MESSAGE(synced.has(directory), directory);
    synced.begin(); // they are all there; who has made them may have been killed
    copy_it();
    for (const char* directory : {"/p", "/p/q", "/p/q/top", "/p/q/top/a"})
        CHECK_MESSAGE(synced.has(directory), directory);
    close(from);
    close(to);
}

TEST_CASE_FIXTURE(Clean, "a name that is a link already is synced as if it were made") {
    const Directory local;
    make_directories(local / "from/1");
    make_directories(local / "from/2");
    write_file(local / "from/1/a", "content");
    REQUIRE(link((local / "from/1/a").c_str(), (local / "from/2/b").c_str()) == 0);
    SyncedDirectories synced(local);
    NEEDS(synced.mount());
    make_directories(synced.mount() / "1");
    make_directories(synced.mount() / "2");
    Pool pool;
    Options options = Options().with_preserve(preserve_all);
    const auto copied = [&] {
        const ListCopy copy = copy_list_between(pool, local / "from", synced.mount() / "",
                                                Items::entries({"1/a", "2/b"}), options);
        return copy.job.result;
    };
    CHECK(copied() == 0);
    REQUIRE(inode_of(synced.mount() / "1/a") == inode_of(synced.mount() / "2/b"));
    synced.begin();
    options.with_update(ARSYNC_UPDATE_CHANGED).with_durability(ARSYNC_DURABILITY_FULL);
    CHECK(copied() == 0);
    CHECK(synced.has("/1"));
    CHECK(synced.has("/2"));
}

TEST_CASE_FIXTURE(
    Clean, "where a durable copy goes through a link that leads nowhere, there it is synced") {
    const Directory local;
    write_file(local / "from", "content");
    SyncedDirectories synced(local);
    NEEDS(synced.mount());
    make_directories(synced.mount() / "there");
    make_symlink("there/file", synced.mount() / "link");
    Pool pool;
    const Options options =
        Options().with_flags(ARSYNC_COPY_DANGLING).with_durability(ARSYNC_DURABILITY_FULL);
    CHECK(pool.copy(local / "from", synced.mount() / "link", options).result == 0);
    CHECK(read_file(synced.mount() / "there/file") == "content");
    CHECK(synced.has("/there"));
    synced.begin(); // who made it may have been killed before that
    CHECK(pool.copy(local / "from", synced.mount() / "link", options).result == 0);
    CHECK(synced.has("/there"));
}

TEST_CASE_FIXTURE(Clean, "what is up to date beyond a link is synced there, by whatever links") {
    const Directory local;
    write_file(local / "from", "content");
    SyncedDirectories synced(local);
    NEEDS(synced.mount());
    make_directories(synced.mount() / "there/beyond");
    make_symlink("there/link", synced.mount() / "link");
    make_symlink("beyond/file", synced.mount() / "there/link");
    Pool pool;
    Options options = Options().with_preserve(ARSYNC_PRESERVE_TIMES);
    CHECK(pool.copy(local / "from", synced.mount() / "there/beyond/file", options).result == 0);
    synced.begin();
    options.with_update(ARSYNC_UPDATE_CHANGED).with_durability(ARSYNC_DURABILITY_FULL);
    const arsync_completion done = pool.copy(local / "from", synced.mount() / "link", options);
    CHECK(done.result == 0);
    CHECK(done.action == ARSYNC_ACTION_SKIP);
    CHECK(synced.has("/there/beyond"));
    CHECK(synced.has("/"));
}

TEST_CASE_FIXTURE(Clean, "a durable tree fails where its server fails to sync") {
    const Directory local;
    make_tree(local / "from");
    for (const char* fault : {"fail=fsync:EIO", "fail=fsyncdir:EIO", "fail=fsync:EIO:3"}) {
        CAPTURE(fault);
        const FaultyMount mount({fault});
        NEEDS(mount);
        Pool pool;
        const TreeCopy copy = copy_tree(pool, local / "from", mount / "to",
                                        recursive().with_durability(ARSYNC_DURABILITY_FULL));
        INFO(words(copy));
        CHECK(copy.job.result == -EIO);
        CHECK(copy.job.stage == ARSYNC_STAGE_SYNC);
    }
}

// Its syncfs(2) says nothing of what the filesystem below it has lost.
TEST_CASE_FIXTURE(Clean, "a durable tree on overlayfs is synced by its files and directories") {
    NEEDS_COMMAND("strace");
    NEEDS(shared_volume(Kind::overlay));
    const Directory local;
    make_tree(local / "from");
    const Directory upper(shared_volume(Kind::overlay));
    const auto copy = [&] {
        Pool pool{PoolOptions(ARSYNC_BACKEND_THREADS)};
        return copy_tree(pool, local / "from", upper / "to",
                         recursive().with_durability(ARSYNC_DURABILITY_FULL))
                   .job.result == 0;
    };
    const std::string trace = trace_of(copy, local / "trace", "fsync,fdatasync");
    if (trace.empty()) {
        skip("strace may not look at other processes here");
        return;
    }
    INFO(trace);
    const auto calls = [&](const std::string& name) {
        int count = 0;
        for (size_t at = trace.find(name); at != std::string::npos; at = trace.find(name, at + 1))
            ++count;
        return count;
    };
    CHECK(calls(" fsync(") + calls(" fdatasync(") >= 8); // three files, four directories, one above
}

TEST_CASE_FIXTURE(Clean, "a durable tree does without syncfs(2) where that is denied") {
    const Directory local;
    make_tree(local / "from");
    for (const int error : {EPERM, ENOSYS})
        for (const uint32_t backend : {ARSYNC_BACKEND_AUTO, ARSYNC_BACKEND_THREADS}) {
            CAPTURE(error);
            CAPTURE(backend_name(backend));
            check_in_child([&](Report& report) {
                EXPECT(report, deny(__NR_syncfs, error));
                Pool pool{PoolOptions(backend)};
                const TreeCopy copy = copy_tree(pool, local / "from", local / "to",
                                                archive().with_durability(ARSYNC_DURABILITY_FULL));
                EXPECT_WITH(report, copy.job.result == 0, words(copy));
                EXPECT(report, difference(local / "from/one", local / "to/one") == "");
            });
            std::filesystem::remove_all(local / "to");
        }
}

TEST_CASE_FIXTURE(Clean, "a file that is mounted on a name of a durable tree is synced by itself") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own, and the rest is synced as one
    const Directory local(shared_volume(Kind::ext4));
    make_files(local / "from", {"a", "one"});
    make_files(local / "to", {"one"});
    const std::string log = local / "log";
    const FaultyMount mount({"log=" + log});
    NEEDS(mount);
    write_file(mount.backing() + "/one", "old");
    const Bound bound(mount / "one", local / "to/one");
    NEEDS(bound);
    Pool pool;
    const auto syncs = [&] {
        const std::vector<std::string> done = lines_of(log);
        return std::count(done.begin(), done.end(), "fsync /one");
    };
    Options options = archive();
    options.with_durability(ARSYNC_DURABILITY_FULL);
    CHECK(copy_tree(pool, local / "from", local / "to", options).job.result == 0);
    CHECK(read_file(mount.backing() + "/one") == "one");
    CHECK(syncs() == 1);
    // And what is up to date.
    options.with_update(ARSYNC_UPDATE_CHANGED);
    CHECK(copy_tree(pool, local / "from", local / "to", options).job.result == 0);
    CHECK(syncs() == 2);
}

TEST_CASE_FIXTURE(Clean, "of two filesystems in a durable tree's destination both are synced") {
    NEEDS_ROOT();
    NEEDS_COMMAND("strace");
    NEEDS(shared_volume(Kind::ext4));
    NEEDS(shared_volume(Kind::xfs));
    const Directory local(shared_volume(Kind::ext4));
    const Directory other(shared_volume(Kind::xfs));
    CHECK(major(stat_of(local.path()).st_dev) == major(stat_of(other.path()).st_dev));
    make_files(local / "from", {"one", "inner/two"});
    make_directories(local / "to/inner");
    const Bound bound(other.path(), local / "to/inner");
    NEEDS(bound);
    const auto copy = [&] {
        Pool pool;
        const Options options = recursive().with_durability(ARSYNC_DURABILITY_FULL);
        return copy_tree(pool, local / "from", local / "to", options).job.result == 0;
    };
    const std::string trace = trace_of(copy, local / "trace", "syncfs");
    if (trace.empty()) {
        skip("strace may not look at other processes here");
        return;
    }
    CHECK(count_of(trace, " syncfs(") - count_of(trace, " syncfs(-1") == 2);
    CHECK(read_file(other / "two") == "inner/two");
}

TEST_CASE_FIXTURE(Clean, "an entry whose name cannot be synced does not stay") {
    const FaultyMount mount({"fail=fsyncdir:EIO"});
    NEEDS(mount);
    const Directory local;
    make_files(local / "from", {"sub/file"});
    Pool pool;
    const Opened from(local / "from");
    const Opened to(mount.path());
    const Options options = Options()
                                .with_flags(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH)
                                .with_durability(ARSYNC_DURABILITY_FULL);
    REQUIRE(arsync_submit_copy(pool.get(), from.get(), "sub/file", to.get(), "sub/file", &options,
                               0, nullptr) == 0);
    CHECK(pool.wait().result == -EIO);
    CHECK(!exists(mount.backing() + "/sub/file"));
}

} // namespace live
