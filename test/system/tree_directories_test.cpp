// Directories that are made and given their attributes, whatever else happens.
#include <cerrno>
#include <sys/stat.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

mode_t mode_of(const std::string& path) {
    struct stat facts = {};
    CHECK(lstat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "setgid is inherited at every level when only the owner is preserved") {
    NEEDS_ROOT();
    const Directory directory;
    make_files(directory / "from", {"a/b/c/file"});
    make_directories(directory / "to");
    set_owner(directory / "to", 0, 12);
    set_mode(directory / "to", 02775);
    Pool pool;
    Options options = recursive();
    options.preserve = ARSYNC_PRESERVE_OWNER;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to/new", options);
    CHECK(copy.job.result == 0);
    for (const char* path : {"to/new", "to/new/a", "to/new/a/b", "to/new/a/b/c"}) {
        CAPTURE(path);
        CHECK((mode_of(directory / path) & S_ISGID) != 0);
    }
}

TEST_CASE_FIXTURE(Clean, "a directory that is made but may not be listed is counted") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"locked/a", "open/a"});
    set_mode(directory / "from/locked", 0);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to");
        EXPECT_WITH(report, copy.job.result == -EACCES, words(copy));
        EXPECT(report, copy.totals.errors == 1);
        EXPECT(report, copy.totals.directories == 3);
    });
    CHECK(exists(directory / "to/locked"));
}

TEST_CASE_FIXTURE(Clean, "so is a source that may not be listed itself") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a"});
    set_mode(directory / "from", 0711);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", archive());
        EXPECT_WITH(report, copy.job.result == -EACCES, words(copy));
        EXPECT_WITH(report, copy.errors() == std::vector<std::string>{": list: Permission denied"},
                    words(copy));
        EXPECT(report, copy.totals.errors == 1);
        EXPECT(report, copy.totals.directories == 1);
    });
    CHECK(mode_of(directory / "to") == 0711);
}

TEST_CASE_FIXTURE(Clean, "directories made before a tree is stopped have their attributes") {
    constexpr int64_t time = 1'000'000'000;
    const Directory directory;
    const std::string from = directory / "from";
    for (int i = 0; i < 40; ++i)
        make_files(from, {std::to_string(i) + "/x/f", std::to_string(i) + "/y/z/f"});
    for (const std::string& name : names_in(from))
        if (kind_of(from + "/" + name) == S_IFDIR)
            set_mode(from + "/" + name, 0751);
    const Names all = names_in(from);
    for (auto name = all.rbegin(); name != all.rend(); ++name)
        set_mtime(from + "/" + *name, time);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        make_directories(to + "/20/x/f/in the way"); // of a file
        Pool pool{PoolOptions(backend)};
        const TreeCopy copy = copy_tree(
            pool, from, to, archive(ARSYNC_COPY_STOP_ON_ERROR).with_report(ARSYNC_REPORT_ALL));
        CHECK(copy.job.result == -EISDIR);
        for (const Entry& entry : copy.entries) {
            if (entry.action != ARSYNC_ACTION_MAKE_DIRECTORY || entry.path.empty())
                continue;
            CAPTURE(entry.path);
            struct stat facts = {};
            CHECK(lstat((to + "/" + entry.path).c_str(), &facts) == 0);
            CHECK((facts.st_mode & 07777) == 0751);
            CHECK(facts.st_mtim.tv_sec == time);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "what an entry lost is told of the tree though no entry is reported") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a/b"});
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        Options options = recursive().with_report(ARSYNC_REPORT_NONE);
        TreeCopy copy = copy_tree(pool, directory / "from", directory / "one", options);
        EXPECT(report, (copy.job.flags & ARSYNC_COMPLETION_OWNER_LOST) == 0);
        options.preserve = ARSYNC_PRESERVE_OWNER;
        copy = copy_tree(pool, directory / "from", directory / "two", options);
        EXPECT(report, copy.job.result == 0);
        EXPECT(report, copy.entries.empty());
        EXPECT(report, (copy.job.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
    });
}

TEST_CASE_FIXTURE(Clean, "an existing directory that may be written to need not be read") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a", "drop/b", "drop/sub/c"});
    make_directories(directory / "to/drop");
    set_mode(directory / "to", 0777);
    set_mode(directory / "to/drop", 0733);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        TreeCopy copy = copy_tree(pool, directory / "from", directory / "to");
        EXPECT_WITH(report, copy.job.result == 0, words(copy));
        copy = copy_tree(pool, directory / "from", directory / "to/drop");
        EXPECT_WITH(report, copy.job.result == 0, words(copy));
        // What is extra is not to be known.
        copy = copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
        EXPECT_WITH(report,
                    copy.errors() ==
                        std::vector<std::string>{"drop: make directory: Permission denied"},
                    words(copy));
    });
    CHECK_NAMES(directory / "to/drop",
                {"a", "b", "sub", "sub/c", "drop", "drop/b", "drop/sub", "drop/sub/c"});
}

TEST_CASE_FIXTURE(Clean, "a dry run tells of what may not be read") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"open", "shut"});
    make_node(directory / "from/fifo", S_IFIFO | 0600);
    set_mode(directory / "from/shut", 0);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        for (const uint32_t flag : {0u, ARSYNC_COPY_DRY_RUN}) {
            const TreeCopy copy =
                copy_tree(pool, directory / "from", directory / "to", recursive(flag));
            EXPECT_WITH(report,
                        copy.errors() ==
                            std::vector<std::string>{"shut: open source: Permission denied"},
                        words(copy));
            remove_tree(directory / "to");
        }
    });
}

} // namespace live
