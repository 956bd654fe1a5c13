// The directories on the way to what is copied.
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

// Two directories that paths are below.
class Ends {
public:
    Ends(const std::string& from, const std::string& to)
        : from_(open(from.c_str(), O_PATH | O_DIRECTORY)),
          to_(open(to.c_str(), O_PATH | O_DIRECTORY)) {}
    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;
    ~Ends() {
        close(from_);
        close(to_);
    }

    TreeCopy copy(Pool& pool, const char* path, const char* as, const Options& options) const {
        TreeCopy refused;
        refused.job.result =
            arsync_submit_copy(pool.get(), from_, path, to_, as, &options, 0, nullptr);
        return refused.job.result < 0 ? refused : take_all(pool);
    }

private:
    int from_, to_;
};

constexpr uint32_t mode_and_times = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES;

} // namespace

TEST_CASE_FIXTURE(Clean, "parents makes the directories on the way, with their attributes") {
    const Directory directory;
    make_files(directory / "from", {"a/b/c/file", "a/b/beside", "a/beside"});
    make_directories(directory / "to");
    set_mode(directory / "from/a", 0710);
    set_mode(directory / "from/a/b", 0751);
    set_mtime(directory / "from/a", 1'000'000'000);
    const Ends ends(directory / "from", directory / "to");
    Pool pool;
    const auto copied = [&](const char* path, const char* as, const Options& options) {
        return ends.copy(pool, path, as, options).job.result;
    };
    const Options options = recursive(ARSYNC_COPY_PARENTS).with_preserve(mode_and_times);
    CHECK(copied("a/b/c", "a/b/c", recursive()) == -ENOENT);
    CHECK(copied("a/b/c", "other/c", options) == -EINVAL);
    CHECK_NAMES(directory / "to", {});
    CHECK(copied("a/b/c", "a/b/c", options) == 0);
    CHECK_NAMES(directory / "to", {"a", "a/b", "a/b/c", "a/b/c/file"});
    CHECK(mode_of(directory / "to/a") == 0710);
    CHECK(mode_of(directory / "to/a/b") == 0751);
    CHECK(stat_of(directory / "to/a").st_mtim.tv_sec == 1'000'000'000);
    // Those that are there get the attributes too on the way to one that is made, or beneath.
    const auto has_mode_of_source = [&](const char* path, uint32_t flags) {
        set_mode(directory / "to/a", 0700);
        CHECK(copied(path, path,
                     recursive(ARSYNC_COPY_PARENTS | flags).with_preserve(mode_and_times)) == 0);
        return mode_of(directory / "to/a") == 0710;
    };
    CHECK_FALSE(has_mode_of_source("a/beside", 0));
    CHECK(has_mode_of_source("a/beside", ARSYNC_COPY_BENEATH));
    CHECK_FALSE(has_mode_of_source("a/b/beside", 0));
    remove_tree(directory / "to/a/b");
    CHECK(has_mode_of_source("a/b/beside", 0));
    CHECK(read_file(directory / "to/a/beside") == "a/beside");
    // So do those that parts of a tree have left bare, in the end.
    const uint32_t bare = ARSYNC_COPY_BARE_PARENTS;
    remove_tree(directory / "to/a/b");
    CHECK_FALSE(has_mode_of_source("a/b/beside", bare));
    CHECK_FALSE(has_mode_of_source("a/b/c", bare));
    CHECK(has_mode_of_source("a/b/c", ARSYNC_COPY_DIRECTORIES_ONLY));
    CHECK(mode_of(directory / "to/a/b") == 0751);
}

TEST_CASE_FIXTURE(Clean, "parents get their attributes where the copy below them fails") {
    NEEDS_ROOT(); // to become somebody who may not read
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a/b/secret"});
    set_mode(directory / "from/a/b/secret", 0);
    set_mode(directory / "from/a/b", 0515);
    set_mode(directory / "from/a", 0715);
    set_mtime(directory / "from/a/b", 1'100'000'000, 7);
    set_mtime(directory / "from/a", 1'000'000'000, 5);
    struct Failing {
        std::string path;
        int result;
    };
    for (const uint32_t flags : {0u, ARSYNC_COPY_RECURSIVE}) {
        CAPTURE(flags);
        for (const Failing& failing : {Failing{"a/b/none", -ENOENT}, {"a/b/secret", -EACCES}}) {
            CAPTURE(failing.path);
            const std::string to = directory / "to";
            make_directories(to);
            set_mode(to, 0777);
            check_in_child([&](Report& report) {
                EXPECT(report, become_ordinary());
                const Ends ends(directory / "from", to);
                Pool pool;
                const TreeCopy copy = ends.copy(pool, failing.path.c_str(), failing.path.c_str(),
                                                Options()
                                                    .with_flags(flags | ARSYNC_COPY_PARENTS)
                                                    .with_preserve(mode_and_times));
                EXPECT_WITH(report, copy.job.result == failing.result, words(copy));
                EXPECT(report, copy.job.stage == ARSYNC_STAGE_OPEN_SOURCE);
            });
            CHECK_NAMES(to, {"a", "a/b"});
            CHECK(mode_of(to + "/a") == 0715);
            CHECK(mode_of(to + "/a/b") == 0515);
            const auto mtime = [](const std::string& path) {
                const timespec time = stat_of(path).st_mtim;
                return std::pair<int64_t, long>(time.tv_sec, time.tv_nsec);
            };
            CHECK(mtime(to + "/a") == std::pair<int64_t, long>(1'000'000'000, 5));
            CHECK(mtime(to + "/a/b") == std::pair<int64_t, long>(1'100'000'000, 7));
            remove_tree(to);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "parents that may be searched, but not listed, are made") {
    NEEDS_ROOT(); // to become somebody who may not list
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a/b/file"});
    set_mode(directory / "from/a", 0711);
    make_directories(directory / "to");
    set_mode(directory / "to", 0777);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        const Ends ends(directory / "from", directory / "to");
        Pool pool;
        const TreeCopy copy =
            ends.copy(pool, "a/b/file", "a/b/file", Options().with_flags(ARSYNC_COPY_PARENTS));
        EXPECT_WITH(report, copy.job.result == 0, words(copy));
    });
    CHECK_NAMES(directory / "to", {"a", "a/b", "a/b/file"});
}

TEST_CASE_FIXTURE(Clean, "parents that cannot be made are one entry and one error") {
    const Directory directory;
    make_files(directory / "from", {"a/file"});
    make_files(directory / "to", {"a"});
    const Ends ends(directory / "from", directory / "to");
    Pool pool;
    const TreeCopy copy = ends.copy(pool, "a/file", "a/file", recursive(ARSYNC_COPY_PARENTS));
    CHECK(copy.job.result == -ENOTDIR);
    REQUIRE(copy.has_totals);
    CHECK(copy.totals.entries == 1);
    CHECK(copy.totals.errors == 1);
}

TEST_CASE_FIXTURE(Clean, "parents are made of whole names, below the directory that is meant") {
    const Directory directory;
    make_files(directory / "from", {"a/b/file"});
    make_directories(directory / "to/x");
    make_directories(directory / "to/xa/b");
    const Ends ends(directory / "from", directory / "to");
    Pool pool;
    const std::set<std::string> before = {"x", "xa", "xa/b"};
    for (const uint32_t flags : {0u, ARSYNC_COPY_BENEATH}) {
        CAPTURE(flags);
        const Options options = recursive(ARSYNC_COPY_PARENTS | flags);
        CHECK(ends.copy(pool, "a/b/file", "xa/b/file", options).job.result == -EINVAL);
        CHECK_NAMES(directory / "to", before);
    }
    // Of an absolute path nothing is left but the root.
    const std::string file = directory / "from/a/b/file";
    const Options options = recursive(ARSYNC_COPY_PARENTS);
    CHECK(ends.copy(pool, file.c_str(), file.c_str(), options).job.result == -EINVAL);
    CHECK_NAMES(directory / "to", before);
    const std::string below = "x" + file;
    CHECK(ends.copy(pool, file.c_str(), below.c_str(), options).job.result == 0);
    CHECK(read_file(directory / ("to/" + below)) == "a/b/file");
}

TEST_CASE_FIXTURE(Clean,
                  "beneath, no symbolic link on the way is followed, nor one written through") {
    const Directory directory;
    make_files(directory / "from", {"a/b/file", "top"});
    make_files(directory / "outside", {"file"});
    make_symlink("../outside", directory / "from/out");
    make_symlink("a", directory / "from/in");
    make_directories(directory / "to");
    make_symlink("../outside", directory / "to/a");
    make_symlink("../outside/file", directory / "to/top");
    const Ends ends(directory / "from", directory / "to");
    Pool pool;
    const Options beneath = recursive(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH);
    for (const uint32_t dry : {ARSYNC_COPY_DRY_RUN, 0u}) {
        const auto copied = [&](const char* path, Options options) {
            options.flags |= dry;
            return ends.copy(pool, path, path, options).job.result;
        };
        CHECK(copied("out/file", beneath) == -ENOTDIR);
        CHECK(copied("in/b/file", beneath) == -ENOTDIR);
        CHECK(copied("a/b/file", beneath) == -ENOTDIR);
        CHECK(copied("a/../top", beneath) == -EXDEV);
        CHECK(copied("/etc/passwd", beneath) == -EXDEV);
        CHECK(copied("top", beneath) == 0);
    }
    CHECK_NAMES(directory / "outside", {"file"});
    CHECK(read_file(directory / "outside/file") == "file");
    CHECK(read_file(directory / "to/top") == "top");
    CHECK(kind_of(directory / "to/top") == S_IFREG);

    Options follows = beneath;
    follows.symlinks = ARSYNC_SYMLINKS_FOLLOW;
    CHECK(ends.copy(pool, "in/b/file", "in/b/file", follows).job.result == 0);
    CHECK(read_file(directory / "to/in/b/file") == "a/b/file");
    Options keeps = beneath;
    keeps.flags |= ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK;
    CHECK(ends.copy(pool, "a/b", "a/b", keeps).job.result == 0);
    CHECK(read_file(directory / "outside/b/file") == "a/b/file");
}

TEST_CASE_FIXTURE(Clean, "what parents lose is an error, though the copy below them is complete") {
    NEEDS_ROOT(); // to become somebody whose directories they are not
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a/file"});
    make_directories(directory / "to/a");
    set_mode(directory / "to/a", 0777);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        const Ends ends(directory / "from", directory / "to");
        Pool pool;
        Options options = recursive(ARSYNC_COPY_PARENTS).with_preserve(ARSYNC_PRESERVE_MODE);
        EXPECT(report, ends.copy(pool, "a/file", "a/file", options).job.result == 0); // as by cp
        options.flags |= ARSYNC_COPY_BENEATH;
        const TreeCopy copy = ends.copy(pool, "a/file", "a/file", options);
        EXPECT_WITH(report, copy.job.result == -EPERM, words(copy));
        EXPECT(report, copy.totals.files == 1);
        EXPECT(report, copy.totals.errors == 1);
    });
    CHECK(read_file(directory / "to/a/file") == "a/file");
}

TEST_CASE_FIXTURE(Clean, "a file below parents that cannot be synced is not begun") {
    NEEDS_ROOT(); // to become somebody who may not read
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a/file"});
    for (const uint32_t flags : {0u, ARSYNC_COPY_RECURSIVE, ARSYNC_COPY_BENEATH}) {
        CAPTURE(flags);
        const std::string to = directory / "to";
        make_directories(to);
        set_mode(to, 0333);
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            const Ends ends(directory / "from", to);
            Pool pool;
            Options options = Options().with_flags(ARSYNC_COPY_PARENTS | flags);
            options.durability = ARSYNC_DURABILITY_FULL;
            const TreeCopy copy = ends.copy(pool, "a/file", "a/file", options);
            EXPECT_WITH(report, copy.job.result == -EACCES, words(copy));
            EXPECT(report, copy.job.stage == ARSYNC_STAGE_SYNC);
        });
        CHECK_NAMES(to, {"a"});
        remove_tree(to);
    }
}

// Whoever waits at the other end of a FIFO would go on.
TEST_CASE_FIXTURE(Clean, "beneath, a FIFO that is refused is not opened") {
    const Directory directory;
    make_directories(directory / "from/a");
    make_directories(directory / "to");
    const std::string fifo = directory / "from/a/fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    const int opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    REQUIRE(opened >= 0);
    REQUIRE(inotify_add_watch(opened, fifo.c_str(), IN_OPEN) >= 0);
    const Ends ends(directory / "from", directory / "to");
    Pool pool;
    for (const uint32_t dry : {ARSYNC_COPY_DRY_RUN, 0u}) {
        Options options = Options().with_flags(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH | dry);
        for (const uint32_t symlinks : {ARSYNC_SYMLINKS_KEEP, ARSYNC_SYMLINKS_FOLLOW}) {
            options.symlinks = symlinks;
            const TreeCopy copy = ends.copy(pool, "a/fifo", "a/fifo", options);
            CHECK_MESSAGE(copy.job.result == -EOPNOTSUPP, words(copy));
            CHECK(copy.job.stage == ARSYNC_STAGE_CHECK);
        }
    }
    inotify_event event;
    CHECK(read(opened, &event, sizeof event) < 0);
    CHECK(errno == EAGAIN);
    close(opened);
    CHECK_NAMES(directory / "to", {"a"});
}

} // namespace live
