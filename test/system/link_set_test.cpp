// Hard links between the jobs of a link set.
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

namespace {

class LinkSet {
public:
    explicit LinkSet(Pool& pool) : pool_(pool) {
        REQUIRE(arsync_link_set_open(pool.get(), &set_) == 0);
    }
    ~LinkSet() {
        if (set_ != 0)
            arsync_link_set_close(pool_.get(), set_);
    }
    Options options(uint32_t flags = 0) const {
        Options result = Options().with_preserve(ARSYNC_PRESERVE_LINKS).with_flags(flags);
        result.link_set = set_;
        return result;
    }

private:
    Pool& pool_;
    arsync_link_set set_ = 0;
};

nlink_t names_of(const std::string& path) {
    struct stat facts;
    return stat(path.c_str(), &facts) == 0 ? facts.st_nlink : 0;
}

// How many of so many jobs failed.
unsigned failures_of(Pool& pool, unsigned jobs) {
    unsigned failures = 0;
    for (unsigned ended = 0; ended < jobs;) {
        const arsync_completion done = pool.wait();
        REQUIRE(done.result != -ETIMEDOUT);
        failures += done.result < 0;
        ended += done.kind != ARSYNC_COMPLETION_ENTRY;
    }
    return failures;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "names in several trees and outside of them are names of one copy") {
    const Directory directory;
    constexpr int files = 300;
    make_directories(directory / "a/sub");
    make_directories(directory / "b");
    for (int i = 0; i < files; ++i) {
        const std::string name = "/" + std::to_string(i);
        write_file(directory / ("a/sub" + name), name);
        make_hard_link(directory / ("a/sub" + name), directory / ("b" + name));
    }
    make_hard_link(directory / "b/0", directory / "single");
    for (const uint32_t backend : backends()) {
        for (const bool at_once : {true, false}) {
            CAPTURE(backend_name(backend));
            CAPTURE(at_once);
            const Directory to;
            Pool pool{PoolOptions(backend)};
            const LinkSet set(pool);
            unsigned waiting = 0;
            for (const std::string name : {"a", "single", "b"}) {
                const uint32_t flags = name == "single" ? 0 : ARSYNC_COPY_RECURSIVE;
                REQUIRE(pool.submit(directory / name, to / name, set.options(flags)) != 0);
                if (at_once)
                    ++waiting;
                else
                    CHECK(failures_of(pool, 1) == 0);
            }
            CHECK(failures_of(pool, waiting) == 0);
            CHECK(tree_difference(directory.path(), to.path()) == "");
            for (int i = 0; i < files; ++i) {
                const std::string name = "/" + std::to_string(i);
                CHECK(inode_of(to / ("a/sub" + name)) == inode_of(to / ("b" + name)));
            }
            CHECK(inode_of(to / "single") == inode_of(to / "b/0"));
            CHECK(names_of(to / "single") == 3);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "without a set, jobs make copies of their own") {
    const Directory directory;
    write_file(directory / "first", "x");
    make_hard_link(directory / "first", directory / "second");
    Pool pool;
    const Options options = Options().with_preserve(ARSYNC_PRESERVE_LINKS);
    CHECK(pool.copy(directory / "first", directory / "a", options).result == 0);
    CHECK(pool.copy(directory / "second", directory / "b", options).result == 0);
    CHECK(inode_of(directory / "a") != inode_of(directory / "b"));
}

TEST_CASE_FIXTURE(Clean, "a first copy that is gone, or is another file now, is made anew") {
    const Directory directory;
    write_file(directory / "1", "x");
    for (const char* name : {"2", "3", "4"})
        make_hard_link(directory / "1", directory / name);
    const Directory to;
    Pool pool;
    const LinkSet set(pool);
    CHECK(pool.copy(directory / "1", to / "1", set.options()).result == 0);
    CHECK(unlink((to / "1").c_str()) == 0);
    CHECK(pool.copy(directory / "2", to / "2", set.options()).result == 0);
    CHECK(names_of(to / "2") == 1);
    CHECK(rename((to / "2").c_str(), (to / "moved").c_str()) == 0);
    write_file(to / "2", "somebody else's");
    CHECK(pool.copy(directory / "3", to / "3", set.options()).result == 0);
    CHECK(read_file(to / "3") == "x");
    CHECK(names_of(to / "2") == 1);
    CHECK(pool.copy(directory / "4", to / "4", set.options()).result == 0);
    CHECK(inode_of(to / "4") == inode_of(to / "3"));
}

TEST_CASE_FIXTURE(Clean, "a first copy that was written to since is made anew") {
    const Directory directory;
    write_file(directory / "1", "x");
    make_hard_link(directory / "1", directory / "2");
    const Directory to;
    Pool pool;
    const LinkSet set(pool);
    CHECK(pool.copy(directory / "1", to / "1", set.options()).result == 0);
    write_file(to / "1", "somebody else's");
    CHECK(pool.copy(directory / "2", to / "2", set.options()).result == 0);
    CHECK(read_file(to / "2") == "x");
    CHECK(names_of(to / "1") == 1);
}

TEST_CASE_FIXTURE(Clean, "files of one name are not linked to what they were copied to before") {
    const Directory directory;
    write_file(directory / "single", "x");
    Pool pool;
    const LinkSet set(pool);
    CHECK(pool.copy(directory / "single", directory / "a", set.options()).result == 0);
    CHECK(pool.copy(directory / "single", directory / "b", set.options()).result == 0);
    CHECK(inode_of(directory / "a") != inode_of(directory / "b"));
}

TEST_CASE_FIXTURE(Clean, "the base of a copy's path is its job's, closed with the set") {
    const Directory directory;
    write_file(directory / "1", "x");
    make_hard_link(directory / "1", directory / "2");
    make_hard_link(directory / "1", directory / "3");
    make_directories(directory / "to/sub");
    Pool pool;
    const LinkSet set(pool);
    const Options options = set.options();
    const int to = open((directory / "to").c_str(), O_RDONLY | O_DIRECTORY);
    REQUIRE(to >= 0);
    CHECK(arsync_submit_copy(pool.get(), AT_FDCWD, (directory / "1").c_str(), to, "sub/1", &options,
                             0, nullptr) == 0);
    CHECK(failures_of(pool, 1) == 0);
    close(to);
    CHECK(pool.copy(directory / "2", directory / "2.copy", options).result == 0);
    CHECK(inode_of(directory / "to/sub/1") == inode_of(directory / "2.copy"));
}

TEST_CASE_FIXTURE(Clean, "who waits for another job's copy can be cancelled") {
    const Directory directory;
    make_node(directory / "fifo", S_IFIFO | 0600);
    make_hard_link(directory / "fifo", directory / "other");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory to;
        Pool pool{PoolOptions(backend)};
        const LinkSet set(pool);
        const Options options = set.options(ARSYNC_COPY_SPECIAL);
        // Nobody writes into it, so this does not end by itself.
        const arsync_job first = pool.submit(directory / "fifo", to / "fifo", options);
        CHECK(eventually([&] { return pool.progress(first).stage == ARSYNC_STAGE_READ; }));
        const arsync_job second = pool.submit(directory / "other", to / "other", options);
        CHECK(eventually([&] { return pool.progress(second).state == ARSYNC_JOB_RUNNING; }));
        CHECK(arsync_job_cancel(pool.get(), second) == 0);
        const arsync_completion done = pool.wait();
        CHECK(done.job == second);
        CHECK(done.result == -ECANCELED);
        CHECK(arsync_job_cancel(pool.get(), first) == 0);
        CHECK(pool.wait().result == -ECANCELED);
        CHECK_NAMES(to.path(), {});
    }
}

TEST_CASE_FIXTURE(Clean, "links that are followed lead to names of one copy, if links are kept") {
    const Directory directory;
    make_files(directory / "from", {"file", "sub/other"});
    make_symlink("file", directory / "from/to-file");
    make_symlink("../file", directory / "from/sub/to-file");
    Pool pool;
    const TreeCopy copy = copy_tree(
        pool, directory / "from", directory / "to",
        recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW).with_preserve(ARSYNC_PRESERVE_LINKS));
    CHECK(copy.job.result == 0);
    CHECK(names_of(directory / "to/file") == 3);
    CHECK(names_of(directory / "to/sub/other") == 1);
    CHECK(copy.totals.hard_links == 2);
}

} // namespace live
