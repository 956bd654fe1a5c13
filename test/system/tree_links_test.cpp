// Symbolic links, hard links and mounts in a tree, and where they lead.
#include <cerrno>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean,
                  "one file system: what is mounted in the source is made, and stays empty") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::tmpfs)); // so that mounts are our own
    const Directory directory;
    make_files(directory / "from", {"a", "sub/mnt/", "sub/z"});
    const Mounted mounted(directory / "from/sub/mnt");
    NEEDS(mounted);
    write_file(directory / "from/sub/mnt/inside", "i");
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "one",
                                    recursive(ARSYNC_COPY_ONE_FILE_SYSTEM));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "one", {"a", "sub", "sub/mnt", "sub/z"});
    CHECK(copy_tree(pool, directory / "from", directory / "all").job.result == 0);
    CHECK(read_file(directory / "all/sub/mnt/inside") == "i");
}

// It looks up to date by itself, but what is written to the one name would not be in the other.
TEST_CASE_FIXTURE(
    Clean, "a further name becomes a link where it was a file, if only what changed is copied") {
    for (const arsync_update update : {ARSYNC_UPDATE_CHANGED, ARSYNC_UPDATE_OLDER}) {
        const Directory directory;
        make_files(directory / "from", {"one"});
        REQUIRE(link((directory / "from/one").c_str(), (directory / "from/two").c_str()) == 0);
        make_files(directory / "to", {"one", "two"});
        write_file(directory / "to/two", "one");
        for (const char* name : {"from/one", "to/one", "to/two"})
            set_mtime(directory / name, 1'000'000'000, 500);
        Pool pool;
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                        recursive().with_update(update).with_preserve(
                                            ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_TIMES));
        CAPTURE(update);
        CHECK(copy.job.result == 0);
        CHECK(inode_of(directory / "to/one") == inode_of(directory / "to/two"));
        CHECK(read_file(directory / "to/two") == "one");
        CHECK(copy.totals.hard_links == 1);
        CHECK(copy.totals.skipped == 1);
    }
}

TEST_CASE_FIXTURE(Clean, "symbolic links are kept or followed, as the policy says") {
    const Directory directory;
    make_files(directory / "real", {"file", "dir/below"});
    make_symlink("file", directory / "real/to-file");
    make_symlink("dir", directory / "real/to-dir");
    make_symlink("real", directory / "from");
    Pool pool;
    for (const uint32_t policy : {ARSYNC_SYMLINKS_AUTO, ARSYNC_SYMLINKS_KEEP}) {
        const std::string to = directory / ("keep" + std::to_string(policy));
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, recursive().with_symlinks(policy));
        CHECK(copy.job.result == 0);
        CHECK(text_of(to) == "real");
        CHECK(copy.totals.symlinks == 1);
        CHECK(copy.totals.entries == 1);
    }
    const TreeCopy top = copy_tree(pool, directory / "from", directory / "top",
                                   recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW_TOP));
    CHECK(top.job.result == 0);
    CHECK(kind_of(directory / "top") == S_IFDIR);
    CHECK(tree_difference(directory / "real", directory / "top") == "");
    CHECK(top.totals.symlinks == 2);
    const TreeCopy all = copy_tree(pool, directory / "from", directory / "all",
                                   recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
    CHECK(all.job.result == 0);
    CHECK_NAMES(directory / "all",
                {"file", "dir", "dir/below", "to-file", "to-dir", "to-dir/below"});
    CHECK(kind_of(directory / "all/to-file") == S_IFREG);
    CHECK(kind_of(directory / "all/to-dir") == S_IFDIR);
    CHECK(read_file(directory / "all/to-dir/below") == "dir/below");
    CHECK(all.totals.symlinks == 0);
}

TEST_CASE_FIXTURE(Clean,
                  "links that are followed in circles, or nowhere, fail; the rest is copied") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/deep/b", "z"});
    make_symlink("../..", directory / "from/sub/deep/up");
    make_symlink(".", directory / "from/sub/here");
    make_symlink("self", directory / "from/self");
    make_symlink("nothing", directory / "from/nowhere");
    Pool pool;
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        const TreeCopy copy = copy_tree(pool, directory / "from", to,
                                        recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
        INFO(words(copy));
        std::map<std::string, int> results;
        for (const Entry& entry : copy.entries)
            results[entry.path] = entry.result;
        CHECK(results == std::map<std::string, int>{{"sub/deep/up", -ELOOP},
                                                    {"sub/here", -ELOOP},
                                                    {"self", -ELOOP},
                                                    {"nowhere", -ENOENT}});
        CHECK(copy.totals.errors == 4);
        CHECK_NAMES(to, {"a", "sub", "sub/deep", "sub/deep/b", "z"});
    }
}

TEST_CASE_FIXTURE(Clean, "a link that is followed into its own copy is not copied into itself") {
    for (const bool is_there : {false, true}) {
        CAPTURE(is_there);
        const Directory directory;
        make_files(directory / "s", {"d/a", "e/b"});
        if (is_there)
            make_directories(directory / "d/d");
        make_symlink(directory / "d/d", directory / "s/d/l");
        Pool pool;
        const TreeCopy copy = copy_tree(pool, directory / "s", directory / "d",
                                        recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
        INFO(words(copy));
        REQUIRE(copy.find("d/l"));
        CHECK(copy.find("d/l")->result == -ELOOP);
        CHECK(copy.totals.errors == 1);
        CHECK_NAMES(directory / "d", {"d", "d/a", "e", "e/b"});
    }
}

// Else two directories could each be copied into the other's copy, for ever.
TEST_CASE_FIXTURE(Clean, "what a tree has made is not copied again by links that lead there") {
    const Directory directory;
    constexpr int count = 8;
    for (int i = 0; i < count; ++i) {
        const std::string name = std::to_string(i);
        make_files(directory / "s", {name + "/deep/f"});
        for (int j = 0; j < count; ++j)
            make_symlink(directory / ("d/" + std::to_string(j)),
                         directory / ("s/" + name + "/deep/l" + std::to_string(j)));
    }
    PoolOptions one_by_one; // what is made is noted a moment later
    one_by_one.workers = 1;
    Pool pool(one_by_one);
    const TreeCopy copy = copy_tree(pool, directory / "s", directory / "d",
                                    recursive().with_symlinks(ARSYNC_SYMLINKS_FOLLOW));
    INFO(words(copy));
    CHECK(copy.totals.errors == count * count);
    for (const Entry& entry : copy.entries) // there is nothing yet, or what was made
        CHECK((entry.result == -ENOENT || entry.result == -ELOOP));
    CHECK(copy.totals.directories == 1 + 2 * count);
}

TEST_CASE_FIXTURE(Clean, "a destination that leads into its own source does not grow there") {
    const Directory directory;
    make_files(directory / "s", {"a/b/c", "a/f", "g"});
    make_directories(directory / "d");
    make_symlink("../s/a/b", directory / "d/a");
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "s", directory / "d",
                                    recursive(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK));
    INFO(words(copy));
    REQUIRE(copy.find("a/b"));
    CHECK(copy.find("a/b")->result == -ELOOP);
    CHECK(copy.totals.errors == 1);
    CHECK_NAMES(directory / "s", {"a", "a/b", "a/b/c", "a/b/f", "a/f", "g"});
}

TEST_CASE_FIXTURE(Clean, "a directory is copied neither into itself nor onto itself") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    make_symlink("from/sub", directory / "alias");
    Pool pool;
    const auto before = state(directory.path());
    for (const char* to : {"from/new", "from/sub/new", "from/sub", "alias/new"}) {
        CAPTURE(to);
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / to);
        INFO(words(copy));
        CHECK(copy.job.result == -ELOOP);
        CHECK(difference(before, state(directory.path())) == "");
    }
    for (const char* to : {"from", "from/", "from/sub/..", "./from"}) {
        CAPTURE(to);
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / to);
        INFO(words(copy));
        CHECK(copy.job.result == -EINVAL);
        CHECK(difference(before, state(directory.path())) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "hard and symbolic links in place of copies") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    Pool pool;
    const TreeCopy hard =
        copy_tree(pool, directory / "from", directory / "hard", recursive(ARSYNC_COPY_HARD_LINK));
    CHECK(hard.job.result == 0);
    for (const char* name : {"/a", "/sub/b"})
        CHECK(inode_of((directory / "hard") + name) == inode_of((directory / "from") + name));
    CHECK(inode_of(directory / "hard/sub") != inode_of(directory / "from/sub"));
    CHECK(hard.totals.hard_links == 2);
    CHECK(hard.totals.files == 0);
    CHECK(hard.totals.bytes == 0);
    const TreeCopy symbolic = copy_tree(pool, directory / "from", directory / "symbolic",
                                        recursive(ARSYNC_COPY_SYMBOLIC_LINK));
    CHECK(symbolic.job.result == 0);
    CHECK(text_of(directory / "symbolic/a") == directory / "from/a");
    CHECK(text_of(directory / "symbolic/sub/b") == directory / "from/sub/b");
    CHECK(kind_of(directory / "symbolic/sub") == S_IFDIR);
    CHECK(symbolic.totals.symlinks == 2);
}

TEST_CASE_FIXTURE(Clean, "a symbolic link to the source leads to it, or is not made") {
    const Directory directory;
    make_files(directory / "data", {"f"});
    make_directories(directory / "other");
    const int data = open((directory / "data").c_str(), O_PATH | O_DIRECTORY);
    const int other = open((directory / "other").c_str(), O_PATH | O_DIRECTORY);
    const Options link = Options().with_flags(ARSYNC_COPY_SYMBOLIC_LINK);
    Pool pool;
    const auto result = [&](int source, int destination, const char* to) {
        REQUIRE(arsync_submit_copy(pool.get(), source, "f", destination, to, &link, 0, nullptr) ==
                0);
        return take_all(pool).job.result;
    };
    CHECK(result(data, data, "link") == 0);
    CHECK(text_of(directory / "data/link") == "f");
    CHECK(result(data, other, "link") == -EINVAL);
    CHECK(result(data, AT_FDCWD, "arsync-link-to-f") == -EINVAL); // whatever that is
    CHECK_NAMES(directory / "other", {});
    close(data);
    close(other);
}

TEST_CASE_FIXTURE(Clean,
                  "a link in a directory's place is gone into only where that is asked for") {
    const Directory directory;
    make_files(directory / "from", {"sub/a", "other"});
    make_files(directory / "elsewhere", {"there"});
    make_directories(directory / "to");
    make_symlink("../elsewhere", directory / "to/sub");
    Pool pool;
    const TreeCopy without = copy_tree(pool, directory / "from", directory / "to");
    CHECK(without.errors() == std::vector<std::string>{"sub: make directory: Not a directory"});
    CHECK(without.job.result == -ENOTDIR);
    CHECK_NAMES(directory / "elsewhere", {"there"});
    CHECK(read_file(directory / "to/other") == "other");
    const TreeCopy with = copy_tree(pool, directory / "from", directory / "to",
                                    recursive(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK));
    INFO(words(with));
    CHECK(with.job.result == 0);
    CHECK(text_of(directory / "to/sub") == "../elsewhere");
    CHECK_NAMES(directory / "elsewhere", {"there", "a"});
    // To a file it is none to a directory.
    make_files(directory / "second", {"sub/a"});
    make_files(directory / "file", {"it"});
    make_directories(directory / "third");
    make_symlink("../file/it", directory / "third/sub");
    CHECK(copy_tree(pool, directory / "second", directory / "third",
                    recursive(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK))
              .job.result == -ENOTDIR);
    CHECK(read_file(directory / "file/it") == "it");
}

// Whichever of the two is listed first.
TEST_CASE_FIXTURE(Clean, "a name is not linked to the backup that took its first copy's place") {
    const Directory directory;
    make_directories(directory / "from");
    make_directories(directory / "to");
    constexpr unsigned pairs = 40;
    for (unsigned i = 0; i < pairs; ++i) {
        const std::string name = "f" + std::to_string(i);
        write_file(directory / "from/" + name, "new");
        write_file(directory / "from/" + name + "~", "another");
        write_file(directory / "to/" + name, "old");
        for (const char* more : {"g", "h"})
            REQUIRE(link((directory / "from/" + name + "~").c_str(),
                         (directory / "from/" + more + std::to_string(i)).c_str()) == 0);
    }
    Pool pool;
    Options options = recursive().with_preserve(ARSYNC_PRESERVE_LINKS);
    options.backup = ARSYNC_BACKUP_SIMPLE;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", options);
    CHECK_MESSAGE(copy.job.result == 0, words(copy));
    for (unsigned i = 0; i < pairs; ++i) {
        const std::string number = std::to_string(i);
        CAPTURE(number);
        CHECK(read_file(directory / "to/f" + number) == "new");
        CHECK(read_file(directory / "to/g" + number) == "another");
        CHECK(read_file(directory / "to/h" + number) == "another");
    }
}

TEST_CASE_FIXTURE(Clean, "hard links are kept where each name has an inode of its own") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/z"});
    for (const char* name : {"b", "sub/c", "d"})
        REQUIRE(link((directory / "from/a").c_str(), (directory / "from" + "/" + name).c_str()) ==
                0);
    for (const char* kind : {"inode_by_name", "inode_by_node"}) {
        const FaultyMount mount({kind});
        NEEDS(mount);
        Pool pool;
        for (const Options& options :
             {archive(), archive(), archive().with_replace(ARSYNC_REPLACE_REMOVE),
              archive().with_update(ARSYNC_UPDATE_CHANGED),
              archive().with_update(ARSYNC_UPDATE_CHANGED)}) {
            CAPTURE(kind);
            const TreeCopy copy = copy_tree(pool, directory / "from", mount / "to", options);
            INFO(words(copy));
            CHECK(copy.job.result == 0);
            CHECK_NAMES(mount.backing() + "/to", {"a", "b", "d", "sub", "sub/c", "sub/z"});
            struct stat facts = {};
            CHECK(stat((mount.backing() + "/to/a").c_str(), &facts) == 0);
            CHECK(facts.st_nlink == 4);
        }
    }
}

} // namespace live
