// Lists with the directories on the way to their items, and lists of one tree's entries.
#include <algorithm>
#include <cerrno>
#include <sys/resource.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint32_t mode_and_times = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES;

Options with_parents(uint32_t more_flags = 0) {
    return recursive(ARSYNC_COPY_PARENTS | more_flags)
        .with_preserve(mode_and_times)
        .with_report(ARSYNC_REPORT_ALL);
}

Options entries_of_a_tree(uint32_t more_flags = 0) {
    return with_parents(ARSYNC_COPY_BENEATH | more_flags);
}

std::vector<std::string> sorted(std::vector<std::string> all) {
    std::sort(all.begin(), all.end());
    return all;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "each directory on the way is made once, and told of") {
    const Directory directory;
    const std::vector<std::string> paths = {"a/b/1", "a/2", "a/b/c/3", "d/4", "a/b/5", "6"};
    make_files(directory / "from", paths);
    make_directories(directory / "to/d");
    set_mode(directory / "from/a/b", 0750);
    for (const char* name : {"a/b/c", "a/b", "a", "d"})
        set_mtime(directory / "from" + "/" + name, 1'000'000'000);
    for (const uint32_t flags : {0U, uint32_t{ARSYNC_COPY_BENEATH}}) {
        CAPTURE(flags);
        Pool pool;
        const ListCopy copy = copy_list_between(pool, directory / "from", directory / "to",
                                                Items::entries(paths), with_parents(flags));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(copy.count(ARSYNC_COMPLETION_ITEM) == paths.size());
        CHECK(sorted(copy.paths(ARSYNC_COMPLETION_WAY)) ==
              std::vector<std::string>{"a", "a/b", "a/b/c"});
        CHECK(tree_difference(directory / "from", directory / "to") == "");
        CHECK(mode_of(directory / "to/a/b") == 0750);
        for (const char* name : {"a/b/c", "a/b", "a"})
            CHECK(stat_of(directory / "to" + "/" + name).st_mtim.tv_sec == 1'000'000'000);
        const bool is_given = stat_of(directory / "to/d").st_mtim.tv_sec == 1'000'000'000;
        CHECK(is_given == (flags == ARSYNC_COPY_BENEATH)); // it was there
        remove_tree(directory / "to");
        make_directories(directory / "to/d");
    }
}

TEST_CASE_FIXTURE(Clean, "a directory that is an item itself is on the way to nothing") {
    const Directory directory;
    make_directories(directory / "from/a/b");
    make_directories(directory / "to/a");
    set_mode(directory / "from/a", 0750);
    set_mode(directory / "from/a/b", 0751);
    set_mode(directory / "to/a", 0711);
    Pool pool;
    const ListCopy copy =
        copy_list_between(pool, directory / "from", directory / "to", Items::entries({"a/b"}),
                          with_parents(ARSYNC_COPY_SHALLOW));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(mode_of(directory / "to/a/b") == 0751);
    CHECK(mode_of(directory / "to/a") == 0711); // it was there, as with cp
}

TEST_CASE_FIXTURE(Clean, "a way is told of before the items that go it") {
    const Directory directory;
    make_files(directory / "from", {"a/b/1"});
    make_directories(directory / "to");
    Pool pool;
    const ListCopy copy = copy_list_between(pool, directory / "from", directory / "to",
                                            Items::entries({"a/b/1"}), with_parents());
    INFO(words(copy));
    REQUIRE(copy.all.size() == 3);
    CHECK(copy.all[0].path == "a");
    CHECK(copy.all[1].path == "a/b");
    CHECK(copy.all[1].action == ARSYNC_ACTION_MAKE_DIRECTORY);
    CHECK(copy.all[2].kind == ARSYNC_COMPLETION_ITEM);
}

TEST_CASE_FIXTURE(Clean, "a way has the path that its item spells") {
    const Directory directory;
    make_files(directory / "from", {"a/b/1", "c/2"});
    make_directories(directory / "to");
    Pool pool;
    const ListCopy copy =
        copy_list_between(pool, directory / "from", directory / "to",
                          Items::entries({".//a/./b/1", "a/../c//2"}), with_parents());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(sorted(copy.paths(ARSYNC_COMPLETION_WAY)) ==
          std::vector<std::string>{".//a", ".//a/./b", "a/../c"});
    CHECK(tree_difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "ways that are made are told of only if all is") {
    const Directory directory;
    make_files(directory / "from", {"a/1"});
    make_directories(directory / "to");
    Pool pool;
    const ListCopy copy =
        copy_list_between(pool, directory / "from", directory / "to", Items::entries({"a/1"}),
                          with_parents().with_report(ARSYNC_REPORT_ERRORS));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.count(ARSYNC_COMPLETION_WAY) == 0);
    CHECK(copy.count(ARSYNC_COMPLETION_ITEM) == 1);
}

TEST_CASE_FIXTURE(Clean, "items fail whose way cannot be made") {
    const Directory directory;
    make_files(directory / "from", {"a/b/1", "a/b/2", "a/3"});
    make_files(directory / "to", {"a/b"});
    for (const uint32_t flags : {0U, uint32_t{ARSYNC_COPY_BENEATH}}) {
        CAPTURE(flags);
        Pool pool;
        const ListCopy copy = copy_list_between(
            pool, directory / "from", directory / "to", Items::entries({"a/b/1", "a/b/2", "a/3"}),
            with_parents(flags).with_report(ARSYNC_REPORT_ERRORS));
        INFO(words(copy));
        CHECK(copy.job.result == -ENOTDIR);
        for (const uint64_t number : {1U, 2U}) {
            CHECK(copy.item(number).result == -ENOTDIR);
            CHECK(copy.item(number).has(ARSYNC_COMPLETION_ON_THE_WAY));
        }
        CHECK(copy.item(3).result == 0);
        CHECK(copy.count(ARSYNC_COMPLETION_WAY) > 0);
        for (const Told& told : copy.all)
            if (told.kind == ARSYNC_COMPLETION_WAY) {
                CHECK(told.path == "a/b");
                CHECK(told.result == -ENOTDIR);
            }
        CHECK(read_file(directory / "to/a/b") == "a/b");
    }
}

TEST_CASE_FIXTURE(Clean, "an ordinary user copies what lies in read-only directories") {
    NEEDS_ROOT();
    for (const uint32_t flags : {0U, uint32_t{ARSYNC_COPY_BENEATH}})
        for (const uint32_t backend : backends()) {
            CAPTURE(flags);
            CAPTURE(backend_name(backend));
            const Directory directory;
            set_mode(directory.path(), 0777);
            std::vector<std::string> paths;
            for (int i = 0; i < 100; ++i)
                for (const char* in : {"a", "b", "a/c", "b/c/d"})
                    paths.push_back(std::string(in) + "/" + std::to_string(i));
            check_in_child([&](Report& report) {
                EXPECT(report, become_ordinary());
                make_files(directory / "from", paths);
                make_directories(directory / "to");
                for (const char* name : {"a/c", "b/c/d", "b/c", "a", "b"}) {
                    set_mtime(directory / "from" + "/" + name, 1'000'000'000);
                    set_mode(directory / "from" + "/" + name, 0555);
                }
                Pool pool{PoolOptions(backend)};
                const ListCopy copy = copy_list_between(pool, directory / "from", directory / "to",
                                                        Items::entries(paths), with_parents(flags));
                EXPECT_WITH(report, copy.job.result == 0, words(copy.job));
                const std::string different = tree_difference(directory / "from", directory / "to");
                EXPECT_WITH(report, different.empty(), different);
                for (const char* name : {"a/c", "b/c/d", "b/c", "a", "b"}) {
                    const struct stat facts = stat_of(directory / "to" + "/" + name);
                    EXPECT_WITH(report, (facts.st_mode & 07777) == 0555, name);
                    EXPECT_WITH(report, facts.st_mtim.tv_sec == 1'000'000'000, name);
                }
            });
        }
}

// ---- entries of one tree ----

TEST_CASE_FIXTURE(Clean, "what lies in a tree that was copied is not copied again") {
    const Directory directory;
    make_files(directory / "from", {"d/f", "d/sub/g", "e"});
    make_directories(directory / "to");
    Pool pool;
    const ListCopy copy =
        copy_list_between(pool, directory / "from", directory / "to",
                          Items::entries({"d", "d/f", "e", "d"}), entries_of_a_tree());
    INFO(words(copy));
    CHECK(copy.item(1).result == 0);
    CHECK(copy.item(2).result == -EEXIST);
    CHECK(copy.item(2).has(ARSYNC_COMPLETION_JUST_CREATED));
    CHECK(copy.item(3).result == 0);
    CHECK(copy.item(4).result == 0);
    CHECK(copy.item(4).has(ARSYNC_COMPLETION_REPEATED));
    CHECK(copy.totals.files == 3);
    CHECK(tree_difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "what the filter has left out of a tree is copied if it is named") {
    const Directory directory;
    make_files(directory / "from", {"d/f", "d/sub/g"});
    make_directories(directory / "to");
    Pool pool;
    const ListCopy copy = copy_list_between(pool, directory / "from", directory / "to",
                                            Items::entries({"d", "d/sub"}),
                                            entries_of_a_tree().with_filter("sub/\n"));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(!copy.item(2).has(ARSYNC_COMPLETION_REPEATED));
    CHECK(tree_difference(directory / "from", directory / "to") == "");
}

// Of one filesystem a tree has copied what lies on that of its own root, whatever is above that.
TEST_CASE_FIXTURE(Clean, "what lies in a tree of a mount that was copied is not copied again") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
    const Directory directory;
    make_files(directory / "from", {"s/g", "s/m/"});
    const Mounted mount(directory / "from/s/m");
    NEEDS(mount);
    make_files(directory / "from/s/m", {"f"});
    Items items;
    SUBCASE("whose root is that of the filesystem") {
        items = Items::entries({"s/m", "s/m/f"});
    }
    SUBCASE("with another tree around it") {
        items = Items::entries({"s", "s/m", "s/m/f"});
    }
    make_files(directory / "to", {"s/m/f"}, " old");
    Pool pool;
    const ListCopy copy = copy_list_between(
        pool, directory / "from", directory / "to", items,
        entries_of_a_tree(ARSYNC_COPY_ONE_FILE_SYSTEM).with_backup(ARSYNC_BACKUP_SIMPLE));
    INFO(words(copy));
    CHECK(copy.item(items.size() - 1).result == 0);
    CHECK(!copy.item(items.size() - 1).has(ARSYNC_COMPLETION_REPEATED));
    CHECK(copy.item(items.size()).result == -EEXIST);
    CHECK(copy.item(items.size()).has(ARSYNC_COMPLETION_JUST_CREATED));
    CHECK(read_file(directory / "to/s/m/f") == "f");
    CHECK(read_file(directory / "to/s/m/f~") == "s/m/f old");
}

TEST_CASE_FIXTURE(Clean, "what a followed link leads to is looked for in a tree as it is copied") {
    const Directory directory;
    make_files(directory.path(), {"from/d/f", "else/g", "to/"});
    make_symlink(directory / "else", directory / "from/d/l");
    make_symlink(directory / "else/g", directory / "from/d/file");
    Options options = entries_of_a_tree().with_filter("l/\n");
    options.symlinks = ARSYNC_SYMLINKS_FOLLOW;
    SUBCASE("on any filesystem") {}
    SUBCASE("on one") {
        options.flags |= ARSYNC_COPY_ONE_FILE_SYSTEM;
    }
    Pool pool;
    const ListCopy copy = copy_list_between(pool, directory / "from", directory / "to",
                                            Items::entries({"d", "d/l", "d/file"}), options);
    INFO(words(copy));
    CHECK(copy.item(2).result == 0);
    CHECK(!copy.item(2).has(ARSYNC_COMPLETION_REPEATED));
    CHECK(read_file(directory / "to/d/l/g") == "else/g");
    CHECK(copy.item(3).result == -EEXIST);
    CHECK(copy.item(3).has(ARSYNC_COMPLETION_JUST_CREATED));
}

// What is of another filesystem is left out if it is a directory, and copied if it is a file.
TEST_CASE_FIXTURE(Clean, "what a followed link leads to on another filesystem is copied once") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
    const Directory directory;
    make_files(directory.path(), {"from/d/f", "else/", "to/"});
    const Mounted mount(directory / "else");
    NEEDS(mount);
    make_files(directory / "else", {"g"});
    make_symlink(directory / "else", directory / "from/d/l");
    make_symlink(directory / "else/g", directory / "from/d/file");
    Options options = entries_of_a_tree(ARSYNC_COPY_ONE_FILE_SYSTEM);
    options.symlinks = ARSYNC_SYMLINKS_FOLLOW;
    Pool pool;
    const ListCopy copy = copy_list_between(pool, directory / "from", directory / "to",
                                            Items::entries({"d", "d/l", "d/file"}), options);
    INFO(words(copy));
    CHECK(copy.item(2).result == 0);
    CHECK(read_file(directory / "to/d/l/g") == "g");
    CHECK(copy.item(3).result == -EEXIST);
    CHECK(copy.item(3).has(ARSYNC_COMPLETION_JUST_CREATED));
}

TEST_CASE_FIXTURE(Clean, "two entries of one tree are not copied to one place") {
    const Directory directory;
    make_files(directory.path(), {"from/x/f", "from/f", "from/x/d", "from/d/g", "to/"});
    Pool pool;
    const ListCopy copy = copy_list_between(
        pool, directory / "from", directory / "to",
        {{"x/f", "x/f"}, {"f", "x/f"}, {"x/d", "x/d"}, {"d", "x/d"}}, entries_of_a_tree());
    INFO(words(copy));
    CHECK(copy.item(1).result == 0);
    CHECK(copy.item(2).result == -EEXIST);
    CHECK(copy.item(2).has(ARSYNC_COMPLETION_JUST_CREATED));
    CHECK(read_file(directory / "to/x/f") == "from/x/f");
    CHECK(copy.item(4).result < 0);
    CHECK(read_file(directory / "to/x/d") == "from/x/d");
}

TEST_CASE_FIXTURE(Clean, "a tree is copied but for what was copied of it before") {
    const Directory directory;
    make_files(directory / "from", {"d/f", "d/h", "d/sub/g"});
    make_directories(directory / "to");
    Pool pool;
    const ListCopy copy =
        copy_list_between(pool, directory / "from", directory / "to",
                          Items::entries({"d/f", "d/sub/g", "d"}), entries_of_a_tree());
    INFO(words(copy));
    CHECK(copy.item(1).result == 0);
    CHECK(copy.item(2).result == 0);
    CHECK(copy.totals.files == 3);
    CHECK(tree_difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "of a shallow list only what is named is copied") {
    const Directory directory;
    make_files(directory / "from", {"d/f", "d/unnamed", "d/sub/g", "d/sub/unnamed", "empty/"});
    make_directories(directory / "to");
    for (const char* name : {"d/sub", "d"})
        set_mtime(directory / "from" + "/" + name, 1'000'000'000);
    Pool pool;
    const ListCopy copy =
        copy_list_between(pool, directory / "from", directory / "to",
                          Items::entries({"d", "d/f", "d/sub/g", "d/sub", "empty"}),
                          entries_of_a_tree(ARSYNC_COPY_SHALLOW));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.item(1).action == ARSYNC_ACTION_MAKE_DIRECTORY);
    CHECK(copy.item(2).action == ARSYNC_ACTION_COPY);
    CHECK(copy.item(4).action == ARSYNC_ACTION_ENTER_DIRECTORY); // it was on the way
    CHECK(copy.paths(ARSYNC_COMPLETION_WAY) == std::vector<std::string>{"d/sub"});
    CHECK_NAMES(directory / "to", {"d", "d/f", "d/sub", "d/sub/g", "empty"});
    for (const char* name : {"d/sub", "d"})
        CHECK(stat_of(directory / "to" + "/" + name).st_mtim.tv_sec == 1'000'000'000);
}

// Each is come to twice, and again to get its times; so many are not kept open.
TEST_CASE_FIXTURE(Clean, "more directories on the way than are kept open lead through links") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    std::vector<std::string> paths;
    for (const char* name : {"/a", "/b"}) {
        for (int i = 0; i < 600; ++i) {
            const std::string way = "d" + std::to_string(i);
            paths.push_back(way + name);
            make_files(from, {paths.back()});
            if (name == std::string("/b"))
                set_mtime(from + "/" + way, 1'000'000'000);
        }
    }
    make_directories(to);
    for (int i = 0; i < 600; ++i) {
        make_directories(directory / "elsewhere" + "/" + std::to_string(i));
        make_symlink("../elsewhere/" + std::to_string(i), to + "/d" + std::to_string(i));
    }
    Pool pool;
    const ListCopy copy = copy_list_between(pool, from, to, Items::entries(paths),
                                            entries_of_a_tree(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK));
    CHECK(copy.job.result == 0);
    CHECK(copy.totals.files == paths.size());
    for (const std::string& path : paths)
        REQUIRE(read_file(to + "/" + path) == path);
    for (int i = 0; i < 600; ++i)
        REQUIRE(stat_of(to + "/d" + std::to_string(i)).st_mtim.tv_sec == 1'000'000'000);
}

TEST_CASE_FIXTURE(Clean, "as many ways as there are items begin elsewhere than the others") {
    const Directory directory;
    make_files(directory / "from", {"a/f", "a/g"});
    Items items;
    for (const char* name : {"a/f", "a/g"})
        for (int i = 0; i < 300; ++i) {
            make_directories(directory / "to" + "/" + std::to_string(i) + "/a");
            items.add(name, std::to_string(i) + "/" + name);
        }
    for (const uint32_t flags : {uint32_t{ARSYNC_COPY_DRY_RUN}, 0U}) {
        CAPTURE(flags);
        check_in_child([&](Report& report) {
            const rlimit few = {128, 128};
            EXPECT(report, setrlimit(RLIMIT_NOFILE, &few) == 0);
            Pool pool;
            const ListCopy copy = copy_list_between(pool, directory / "from", directory / "to",
                                                    items, with_parents(flags));
            EXPECT_WITH(report, copy.job.result == 0, words(copy.job));
            EXPECT(report, copy.totals.files == items.size());
        });
    }
    for (size_t i = 0; i < items.size(); ++i)
        REQUIRE(read_file(directory / "to" + "/" + items.names(i).second) == items.names(i).first);
}

TEST_CASE_FIXTURE(Clean, "entries of one tree lead out of it by no link") {
    const Directory directory;
    make_files(directory.path(), {"from/file", "outside/file"});
    make_symlink("../outside", directory / "from/link");
    make_directories(directory / "to");
    make_symlink(directory / "outside/file", directory / "to/file");
    Pool pool;
    const ListCopy copy = copy_list_between(
        pool, directory / "from", directory / "to",
        Items::entries({"link/file", "../outside/file", "file", "link"}), entries_of_a_tree());
    INFO(words(copy));
    CHECK(copy.item(1).result == -ENOTDIR);
    CHECK(copy.item(2).result == -EXDEV);
    CHECK(copy.item(3).result == 0);
    CHECK(copy.item(4).result == 0);
    CHECK(read_file(directory / "outside/file") == "outside/file");
    CHECK_NAMES(directory / "to", {"file", "link"});
    CHECK(kind_of(directory / "to/file") == S_IFREG);
}

// ---- trees ----

TEST_CASE_FIXTURE(Clean, "what is told of a tree's entries is told as its item's") {
    const Directory directory;
    make_files(directory.path(), {"one/a", "one/b/c", "two/a", "three", "four/", "to/"});
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        Items items;
        for (const char* name : {"one", "two", "three", "four"})
            items.add(directory / name, directory / "to" + "/" + name);
        const ListCopy copy = copy_list(pool, items, recursive().with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        const auto entries_of = [&](uint64_t number) {
            return copy.paths(ARSYNC_COMPLETION_ENTRY, number);
        };
        CHECK(entries_of(1) == std::vector<std::string>{"", "a", "b", "b/c"});
        CHECK(entries_of(2) == std::vector<std::string>{"", "a"});
        CHECK(entries_of(3).empty());
        CHECK(entries_of(4) == std::vector<std::string>{""});
        CHECK(copy.item(1).action == ARSYNC_ACTION_TREE);
        CHECK(copy.item(1).totals.files == 2);
        CHECK(copy.item(1).totals.directories == 2);
        CHECK(copy.item(2).totals.entries == 2);
        CHECK(copy.item(3).action == ARSYNC_ACTION_COPY);
        CHECK(copy.totals.files == 4);
        CHECK(copy.totals.directories == 4);
        CHECK(copy.totals.entries == 8);
        remove_tree(directory / "to");
        make_directories(directory / "to");
    }
}

TEST_CASE_FIXTURE(Clean, "many trees are copied side by side, and their failures told as theirs") {
    const Directory directory;
    Items items;
    make_directories(directory / "to");
    for (int i = 0; i < 120; ++i) {
        const std::string name = std::to_string(i);
        make_files(directory / name, {"a", "b/c", "b/d"});
        if (i % 10 == 3)
            make_node(directory / (name + "/b/fifo"), S_IFIFO | 0600);
        items.add(directory / name, directory / ("to/" + name));
    }
    make_files(directory / "to", {"7/b"});
    Pool pool;
    const ListCopy copy = copy_list(pool, items, recursive());
    CHECK(copy.job.result == -ENOTDIR);
    CHECK(copy.count(ARSYNC_COMPLETION_ITEM) == items.size());
    CHECK(copy.item(8).result == -ENOTDIR);
    CHECK(copy.paths(ARSYNC_COMPLETION_ENTRY, 8) == std::vector<std::string>{"b"});
    CHECK(copy.count(ARSYNC_COMPLETION_ENTRY) == 1);
    CHECK(copy.totals.errors == 1);
    CHECK(copy.totals.files == 3 * 120 - 2);
    CHECK(copy.totals.specials == 12);
}

// The entries of a tree that are to touch one file, whose copies take a while.
TEST_CASE_FIXTURE(Clean, "entries of one tree that touch one file come one after the other") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    for (const char* name : {"a/f", "b/f", "a/f~"})
        make_files(from, {name}, std::string(8 << 20, name[0]));
    uint32_t more = 0;
    Items items = Items::entries({"a/f", "b/f"});
    Options options = entries_of_a_tree();
    std::string at = "b/f"; // what is there has the content of the last one
    SUBCASE("which has two names at the destination") {
        make_files(to, {"a/f", "b/"}, " old");
        make_hard_link(to + "/a/f", to + "/b/f");
    }
    SUBCASE("in a directory that is there, and that a link leads to") {
        make_files(to, {"a/f"}, " old");
        make_symlink("a", to + "/b");
        more = ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK;
    }
    SUBCASE("which is new, in a directory that a link leads to") {
        make_directories(to + "/a");
        make_symlink("a", to + "/b");
        more = ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK;
    }
    SUBCASE("which is the other's source, by another name") {
        make_directories(to + "/a");
        make_hard_link(from + "/b/f", to + "/a/f");
    }
    SUBCASE("which was the other's source, by another name") {
        make_directories(to + "/b");
        make_hard_link(from + "/a/f", to + "/b/f");
    }
    SUBCASE("which is the other's backup") {
        make_files(to, {"a/f", "a/f~"}, " old");
        items = Items::entries({"a/f~", "a/f"});
        options.with_backup(ARSYNC_BACKUP_SIMPLE);
        at = "a/f";
    }
    options.with_want(ARSYNC_WANT_TIMES).flags |= more;
    Pool pool;
    const ListCopy copy = copy_list_between(pool, from, to, items, options);
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.item(2).begin_ns >= copy.item(1).end_ns);
    CHECK(read_file(to + "/" + at) == read_file(from + "/" + at));
}

TEST_CASE_FIXTURE(Clean, "trees of one tree come one after the other where that is promised") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    std::vector<std::string> paths;
    for (int i = 0; i < 4; ++i) {
        paths.push_back(std::to_string(i));
        for (int j = 0; j < 100; ++j)
            make_files(from, {paths.back() + "/" + std::to_string(j)}, std::string(50000, 'x'));
    }
    Options options = entries_of_a_tree();
    make_directories(to);
    SUBCASE("if all of their entries are told of") {}
    SUBCASE("if they are there already") {
        for (const std::string& path : paths)
            make_directories(to + "/" + path);
        options.with_report(ARSYNC_REPORT_ERRORS);
    }
    options.with_want(ARSYNC_WANT_TIMES);
    Pool pool;
    const ListCopy copy = copy_list_between(pool, from, to, Items::entries(paths), options);
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    for (uint64_t number = 2; number <= paths.size(); ++number)
        CHECK(copy.item(number).begin_ns >= copy.item(number - 1).end_ns);
    CHECK(tree_difference(from, to) == "");
}

} // namespace live
