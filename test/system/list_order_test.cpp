// Lists come out as if their items had been copied one after the other.
#include <cerrno>
#include <random>
#include <unistd.h>

#include "system/check.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint32_t created = ARSYNC_COMPLETION_JUST_CREATED;

nlink_t names_of(const std::string& path) {
    return stat_of(path).st_nlink;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "what an item has made is not overwritten by another") {
    const Directory directory;
    make_files(directory.path(), {"a", "b", "c"});
    Pool pool;
    const ListCopy copy = copy_list(pool, {{directory / "a", directory / "to"},
                                           {directory / "b", directory / "to"},
                                           {directory / "c", directory / "there"}});
    INFO(words(copy));
    CHECK(copy.job.result == -EEXIST);
    CHECK(copy.item(1).result == 0);
    CHECK(copy.item(2).result == -EEXIST);
    CHECK(copy.item(2).has(created));
    CHECK(copy.item(3).result == 0);
    CHECK(!copy.item(3).has(created));
    CHECK(read_file(directory / "to") == "a");
}

TEST_CASE_FIXTURE(Clean, "an item whose path only seems to be an earlier one's is copied") {
    const Directory directory;
    make_files(directory.path(), {"s", "tree/f", "else/d/"});
    make_symlink("else/d", directory / "l");
    Pool pool;
    const ListCopy copy = copy_list(pool,
                                    {{directory / "s", directory / "l/../x"},
                                     {directory / "s", directory / "x"},
                                     {directory / "tree", directory / "l/../t"},
                                     {directory / "tree", directory / "t"},
                                     {directory / "s", directory / ".//x"}},
                                    recursive());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(read_file(directory / "else/x") == "s");
    CHECK(read_file(directory / "x") == "s");
    CHECK(read_file(directory / "else/t/f") == "tree/f");
    CHECK(read_file(directory / "t/f") == "tree/f");
    CHECK(copy.item(5).has(ARSYNC_COMPLETION_REPEATED));
}

TEST_CASE_FIXTURE(Clean, "what an item could not make may be made by another") {
    const Directory directory;
    make_files(directory.path(), {"b"});
    Pool pool;
    const ListCopy copy = copy_list(
        pool, {{directory / "missing", directory / "to"}, {directory / "b", directory / "to"}});
    INFO(words(copy));
    CHECK(copy.item(1).result == -ENOENT);
    CHECK(copy.item(2).result == 0);
    CHECK(read_file(directory / "to") == "b");
}

TEST_CASE_FIXTURE(Clean, "what an item has made gets a numbered backup") {
    const Directory directory;
    make_files(directory.path(), {"a", "b", "c"});
    Pool pool;
    const ListCopy copy = copy_list(pool,
                                    {{directory / "a", directory / "to"},
                                     {directory / "b", directory / "to"},
                                     {directory / "c", directory / "to"}},
                                    Options().with_backup(ARSYNC_BACKUP_NUMBERED));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.item(2).backup == "to.~1~");
    CHECK(copy.item(3).backup == "to.~2~");
    CHECK(read_file(directory / "to") == "c");
    CHECK(read_file(directory / "to.~1~") == "a");
    CHECK(read_file(directory / "to.~2~") == "b");
}

TEST_CASE_FIXTURE(Clean, "an item that comes twice is skipped, but not where it is backed up") {
    const Directory directory;
    make_files(directory.path(), {"a"});
    Pool pool;
    const Items twice = {{directory / "a", directory / "to"}, {directory / "a", directory / "to"}};
    const ListCopy plain = copy_list(pool, twice);
    CHECK(plain.job.result == 0);
    CHECK(plain.item(2).action == ARSYNC_ACTION_SKIP);
    CHECK((plain.item(2).flags & ARSYNC_COMPLETION_REPEATED) != 0);
    REQUIRE(unlink((directory / "to").c_str()) == 0);
    const ListCopy kept = copy_list(pool, twice, Options().with_backup(ARSYNC_BACKUP_NUMBERED));
    CHECK(kept.job.result == 0);
    CHECK(kept.item(2).action == ARSYNC_ACTION_COPY);
    CHECK((kept.item(2).flags & ARSYNC_COMPLETION_REPEATED) == 0);
    CHECK(kept.item(2).backup == "to.~1~");
    CHECK(read_file(directory / "to.~1~") == "a");
}

TEST_CASE_FIXTURE(Clean,
                  "what an item has made stays without an error where it would stay anyway") {
    const Directory directory;
    make_files(directory.path(), {"a", "b"});
    Pool pool;
    const ListCopy copy =
        copy_list(pool, {{directory / "a", directory / "to"}, {directory / "b", directory / "to"}},
                  Options().with_update(ARSYNC_UPDATE_NONE));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.item(2).action == ARSYNC_ACTION_SKIP);
    CHECK(read_file(directory / "to") == "a");
}

// Of one size and time, so that it looks like the other, up to date.
TEST_CASE_FIXTURE(Clean, "what an item has made does not pass for the copy of another") {
    const Directory directory;
    make_files(directory.path(), {"a", "b"});
    for (const char* name : {"a", "b"})
        set_mtime(directory / name, 1'000'000'000);
    Pool pool;
    const ListCopy copy = copy_list(
        pool, {{directory / "a", directory / "to"}, {directory / "b", directory / "to"}},
        Options().with_update(ARSYNC_UPDATE_CHANGED).with_preserve(ARSYNC_PRESERVE_TIMES));
    INFO(words(copy));
    CHECK(copy.item(1).result == 0);
    CHECK(copy.item(2).result == -EEXIST);
    CHECK(copy.item(2).has(created));
    CHECK(read_file(directory / "to") == "a");
}

TEST_CASE_FIXTURE(Clean, "nothing is written through a link that an item has made") {
    const Directory directory;
    make_files(directory.path(), {"a", "b", "target"});
    make_symlink(directory / "target", directory / "link");
    Pool pool;
    const ListCopy copy = copy_list(
        pool, {{directory / "link", directory / "to"}, {directory / "a", directory / "to"}},
        recursive());
    INFO(words(copy));
    CHECK(copy.item(1).action == ARSYNC_ACTION_SYMBOLIC_LINK);
    CHECK(copy.item(2).result == -ELOOP);
    CHECK(copy.item(2).has(created));
    CHECK(read_file(directory / "target") == "target");
}

TEST_CASE_FIXTURE(Clean, "nothing is written a second time through a link that was there") {
    const Directory directory;
    make_files(directory.path(), {"a", "b", "target"});
    make_symlink("target", directory / "to");
    Pool pool;
    const ListCopy copy =
        copy_list(pool, {{directory / "a", directory / "to"}, {directory / "b", directory / "to"}});
    INFO(words(copy));
    CHECK(copy.item(1).result == 0);
    CHECK(copy.item(2).result == -ELOOP);
    CHECK(copy.item(2).has(created));
    CHECK(read_file(directory / "target") == "a");
}

TEST_CASE_FIXTURE(Clean, "what comes a second time is skipped") {
    const Directory directory;
    make_files(directory.path(), {"file", "tree/a", "tree/b/c"});
    make_directories(directory / "to");
    Pool pool;
    const Items items = {{directory / "file", directory / "to/file"},
                         {directory / "tree", directory / "to/tree"},
                         {directory / "./file", directory / "to/file"},
                         {directory / "tree/", directory / "to/tree"}};
    const ListCopy copy = copy_list(pool, items, recursive());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    for (const uint64_t number : {3U, 4U}) {
        CHECK(copy.item(number).has(ARSYNC_COMPLETION_REPEATED));
        CHECK(copy.item(number).action == ARSYNC_ACTION_SKIP);
    }
    CHECK_NAMES(directory / "to", {"file", "tree", "tree/a", "tree/b", "tree/b/c"});
}

TEST_CASE_FIXTURE(Clean, "one source goes to as many places as are named") {
    const Directory directory;
    make_files(directory.path(), {"file", "tree/a"});
    Pool pool;
    const ListCopy copy = copy_list(pool,
                                    {{directory / "file", directory / "1"},
                                     {directory / "file", directory / "2"},
                                     {directory / "tree", directory / "tree1"},
                                     {directory / "tree", directory / "tree2"}},
                                    recursive());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.totals.files == 4);
    CHECK(read_file(directory / "2") == "file");
    CHECK(tree_difference(directory / "tree", directory / "tree2") == "");
}

TEST_CASE_FIXTURE(Clean, "an item reads what an earlier one has written") {
    for (const uint32_t backend : backends())
        for (const uint64_t size : {10U, 20U << 20})
            for (const bool there : {false, true}) {
                CAPTURE(backend_name(backend));
                CAPTURE(size);
                CAPTURE(there);
                const Directory directory;
                write_pattern(directory / "a", size, 1);
                if (there)
                    for (const char* name : {"b", "c", "d"})
                        write_pattern(directory / name, size / 2, 2);
                Pool pool{PoolOptions(backend)};
                const ListCopy copy = copy_list(pool, {{directory / "a", directory / "b"},
                                                       {directory / "b", directory / "c"},
                                                       {directory / "c", directory / "d"}});
                INFO(words(copy));
                CHECK(copy.job.result == 0);
                CHECK(difference(directory / "a", directory / "d") == "");
            }
}

TEST_CASE_FIXTURE(Clean, "an item writes only when earlier ones have read") {
    const Directory directory;
    constexpr uint64_t size = 20 << 20;
    write_pattern(directory / "a", size, 1);
    write_pattern(directory / "b", size, 2);
    write_pattern(directory / "b.expected", size, 2);
    Pool pool;
    const ListCopy copy =
        copy_list(pool, {{directory / "b", directory / "c"}, {directory / "a", directory / "b"}});
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(difference(directory / "b.expected", directory / "c") == "");
    CHECK(difference(directory / "a", directory / "b") == "");
}

TEST_CASE_FIXTURE(Clean, "an item reads what was written under another name of its source") {
    const Directory directory;
    write_pattern(directory / "a", 20 << 20, 1);
    write_pattern(directory / "b", 5, 2);
    make_hard_link(directory / "b", directory / "other");
    make_symlink("b", directory / "link");
    make_directories(directory / "tree");
    make_hard_link(directory / "b", directory / "tree/b");
    Pool pool;
    const ListCopy copy = copy_list(pool,
                                    {{directory / "a", directory / "link"},
                                     {directory / "other", directory / "c"},
                                     {directory / "tree", directory / "tree.copy"}},
                                    recursive());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(difference(directory / "a", directory / "c") == "");
    CHECK(difference(directory / "a", directory / "tree.copy/b") == "");
}

TEST_CASE_FIXTURE(Clean, "a tree is copied with what earlier items have put into it") {
    const Directory directory;
    make_files(directory.path(), {"file", "tree/sub/a"});
    Pool pool;
    const ListCopy copy = copy_list(pool,
                                    {{directory / "file", directory / "tree/sub/file"},
                                     {directory / "tree", directory / "copy"},
                                     {directory / "copy", directory / "second"},
                                     {directory / "second/sub/file", directory / "third"}},
                                    recursive());
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "second", {"sub", "sub/a", "sub/file"});
    CHECK(read_file(directory / "third") == "file");
}

TEST_CASE_FIXTURE(Clean, "hard links are kept over all items") {
    const Directory directory;
    Items items;
    make_files(directory.path(), {"0", "tree/other"});
    make_directories(directory / "to");
    for (int i = 0; i < 60; ++i) {
        const std::string name = std::to_string(i);
        if (i > 0)
            make_hard_link(directory / "0", directory / name);
        items.add(directory / name, directory / ("to/" + name));
    }
    make_hard_link(directory / "0", directory / "tree/0");
    make_hard_link(directory / "tree/other", directory / "other");
    items.add(directory / "tree", directory / "to/tree");
    items.add(directory / "other", directory / "to/other");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const ListCopy copy = copy_list(pool, items, archive());
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(names_of(directory / "to/0") == 61);
        CHECK(inode_of(directory / "to/0") == inode_of(directory / "to/tree/0"));
        CHECK(inode_of(directory / "to/other") == inode_of(directory / "to/tree/other"));
        CHECK(copy.item(1).action == ARSYNC_ACTION_COPY);
        CHECK(copy.item(2).action == ARSYNC_ACTION_HARD_LINK);
        CHECK(copy.totals.hard_links == 61);
        remove_tree(directory / "to");
        make_directories(directory / "to");
    }
}

// Files and trees over a few names, so that most items meet others.
TEST_CASE_FIXTURE(Clean, "any list gives what its items give one after the other") {
    const auto make = [](const std::string& top) {
        for (int i = 0; i < 6; ++i)
            write_pattern(top + "/f" + std::to_string(i), static_cast<uint64_t>(i) * 70'000,
                          static_cast<uint32_t>(i) + 1);
        make_hard_link(top + "/f3", top + "/f6");
        make_symlink("f4", top + "/f7");
        make_symlink("f8", top + "/f9");
        for (int i = 0; i < 3; ++i)
            make_files(top + "/t" + std::to_string(i), {"a", "b/c"}, std::to_string(i));
        make_hard_link(top + "/f5", top + "/t0/f5");
    };
    const auto any_list = [](const std::string& top, uint32_t seed) {
        std::mt19937 random(seed);
        const auto below = [&](uint32_t count) { return std::to_string(random() % count); };
        Items items;
        std::set<std::string> destinations; // each once: a second time is refused
        for (int i = 0; i < 40; ++i) {
            const uint32_t kind = random() % 4;
            const std::string from = kind == 0 ? "t" + below(5) : "f" + below(14);
            const std::string to = kind == 0   ? "t" + below(5)
                                   : kind == 1 ? "t" + below(3) + "/f" + below(6)
                                               : "f" + below(14);
            if (destinations.insert(to).second)
                items.add(top + "/" + from, top + "/" + to);
        }
        return items;
    };
    for (uint32_t seed = 1; seed <= 60; ++seed) {
        Options options = recursive();
        if (seed % 2 == 0)
            options.with_symlinks(ARSYNC_SYMLINKS_FOLLOW_TOP);
        if (seed % 3 == 0)
            options.with_backup(ARSYNC_BACKUP_NUMBERED);
        const Directory expected;
        make(expected.path());
        Pool turns;
        const unsigned failures = copy_in_turn(turns, any_list(expected.path(), seed), options);
        for (const uint32_t workers : {1U, 8U}) {
            CAPTURE(seed);
            CAPTURE(workers);
            const Directory directory;
            make(directory.path());
            PoolOptions pool_options;
            pool_options.workers = workers;
            Pool pool{pool_options};
            const Items items = any_list(directory.path(), seed);
            const ListCopy copy = copy_list(pool, items, options);
            INFO(words(copy));
            CHECK(tree_difference(expected.path(), directory.path()) == "");
            unsigned failed = 0;
            for (const Told& told : copy.all)
                failed += told.kind == ARSYNC_COMPLETION_ITEM && told.result < 0;
            CHECK(failed == failures);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a tree waits for what an earlier item puts into it") {
    const Directory directory;
    make_files(directory.path(), {"w/A/old"});
    write_file(directory / "f", std::string(24 << 20, 'x'));
    make_directories(directory / "w2");
    Pool pool;
    const ListCopy copy = copy_list(
        pool, {{directory / "f", directory / "w/A/new"}, {directory / "w/A", directory / "w2/X"}},
        recursive());
    CHECK(copy.job.result == 0);
    CHECK(read_file(directory / "w2/X/new") == read_file(directory / "f"));
}

} // namespace live
