// Entries that fail in the middle of a tree: each is reported once, the others are copied.
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/faulty_mount.h"
#include "system/tree.h"

namespace live {

namespace {

// Errors of the entries, and those that the job tells of, are the same ones.
#define EXPECT_TOLD(report, copy)                                                                  \
    do {                                                                                           \
        EXPECT(report, (copy).totals.errors == (copy).errors().size());                            \
        EXPECT(report, (copy).strays == 0);                                                        \
    } while (false)
#define CHECK_TOLD(copy)                                                                           \
    do {                                                                                           \
        CHECK((copy).totals.errors == (copy).errors().size());                                     \
        CHECK((copy).strays == 0);                                                                 \
    } while (false)

} // namespace

TEST_CASE_FIXTURE(Clean,
                  "what an ordinary user may not read is reported once, the rest is copied") {
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    set_mode(directory.path(), 0777);
    const std::string from = directory / "from";
    for (const char* name : {"a", "locked", "listable", "z"}) {
        make_directories(from + "/" + name);
        for (int i = 0; i < 20; ++i)
            write_file(from + "/" + name + "/" + std::to_string(i), name);
    }
    set_mode(from + "/a/7", 0);
    set_mode(from + "/locked", 0700);   // neither listed nor entered
    set_mode(from + "/listable", 0744); // listed, but nothing in it can be reached
    for (const uint32_t backend : backends()) {
        const std::string to = directory / backend_name(backend);
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            Pool pool{PoolOptions(backend)};
            const TreeCopy copy = copy_tree(pool, from, to);
            std::vector<std::string> expected = {"a/7: open source: Permission denied",
                                                 "locked: list: Permission denied"};
            for (int i = 0; i < 20; ++i)
                expected.push_back("listable/" + std::to_string(i) +
                                   ": open source: Permission denied");
            std::sort(expected.begin(), expected.end());
            EXPECT_WITH(report, copy.errors() == expected, words(copy));
            EXPECT(report, copy.job.result == -EACCES);
            EXPECT_TOLD(report, copy);
            EXPECT(report, copy.totals.files == 39);
        });
        CHECK(read_file(to + "/a/19") == "a");
        CHECK(read_file(to + "/z/0") == "z");
        CHECK_FALSE(exists(to + "/a/7"));
        CHECK(count_tree(to + "/locked").entries == 1);
        CHECK(count_tree(to + "/listable").entries == 1);
    }
}

TEST_CASE_FIXTURE(Clean, "the job's result is its first error") {
    const Directory directory;
    for (const char* name : {"from/1", "from/2", "from/3", "to"})
        make_directories(directory / name);
    write_file(directory / "from/1/file", "x");
    make_directories(directory / "to/1/file"); // -EISDIR
    write_file(directory / "to/2", "x");       // -ENOTDIR
    write_file(directory / "to/3", "x");
    PoolOptions one;
    one.workers = 1;
    Pool pool(one);
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to");
    INFO(words(copy));
    CHECK(copy.errors() == std::vector<std::string>{"1/file: open destination: Is a directory",
                                                    "2: make directory: Not a directory",
                                                    "3: make directory: Not a directory"});
    REQUIRE(!copy.entries.empty());
    CHECK(copy.job.result == copy.entries[0].result);
    CHECK(copy.job.stage == copy.entries[0].stage);
    CHECK_TOLD(copy);
}

TEST_CASE_FIXTURE(Clean, "files and directories in each other's place fail and stay as they are") {
    const Directory directory;
    make_directories(directory / "from/file-in-the-way/below");
    write_file(directory / "from/file-in-the-way/below/deeper", "d");
    for (const char* name : {"directory-in-the-way", "good", "link", "fifo"})
        if (std::string(name) == "link")
            make_symlink("good", directory / "from/link");
        else if (std::string(name) == "fifo")
            make_node(directory / "from/fifo", S_IFIFO | 0600);
        else
            write_file(directory / ("from/" + std::string(name)), name);
    for (const char* name : {"directory-in-the-way", "link", "fifo"})
        make_directories(directory / ("to/" + std::string(name) + "/kept"));
    write_file(directory / "to/file-in-the-way", "old");
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_EXCLUSIVE,
                                   ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_REMOVE}) {
        CAPTURE(replace);
        unlink((directory / "to/good").c_str());
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                        recursive().with_replace(replace));
        INFO(words(copy));
        CHECK(copy.errors() ==
              std::vector<std::string>{"directory-in-the-way: open destination: Is a directory",
                                       "fifo: open destination: Is a directory",
                                       "file-in-the-way: make directory: Not a directory",
                                       "link: open destination: Is a directory"});
        CHECK_TOLD(copy);
        CHECK(read_file(directory / "to/good") == "good");
        CHECK(read_file(directory / "to/file-in-the-way") == "old");
        CHECK(exists(directory / "to/directory-in-the-way/kept"));
    }
}

TEST_CASE_FIXTURE(Clean, "stop on error begins nothing more") {
    constexpr int count = 3000;
    const Directory directory;
    for (int i = 0; i < count; ++i) {
        const std::string name = std::to_string(i);
        make_directories(directory / "from");
        write_file(directory / ("from/" + name), name);
        make_directories(directory / ("to/" + name)); // in the way
    }
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const TreeCopy all = copy_tree(pool, directory / "from", directory / "to");
        CHECK(all.totals.errors == count);
        CHECK(all.job.result == -EISDIR);
        const TreeCopy some = copy_tree(pool, directory / "from", directory / "to",
                                        recursive(ARSYNC_COPY_STOP_ON_ERROR));
        CHECK(some.job.result == -EISDIR);
        CHECK(some.totals.errors >= 1);
        CHECK(some.totals.errors < count / 4);
        CHECK_TOLD(some);
    }
}

TEST_CASE_FIXTURE(Clean, "reports none says all in the job's completion") {
    const Directory directory;
    make_directories(directory / "from");
    write_file(directory / "from/file", "f");
    make_directories(directory / "to/file");
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive().with_report(ARSYNC_REPORT_NONE));
    CHECK(copy.job.result == -EISDIR);
    CHECK(copy.job.stage == ARSYNC_STAGE_OPEN_DESTINATION);
    CHECK(copy.entries.empty());
    CHECK(copy.totals.errors == 1);
}

static void survives_full_disk(Kind kind, uint64_t megabytes) {
    const Volume volume(kind, megabytes);
    NEEDS(volume);
    const Directory here(volume);
    const Directory elsewhere;
    make_directories(elsewhere / "from/sub");
    for (int i = 0; i < 40; ++i)
        write_pattern(elsewhere / ("from/" + std::string(i % 2 ? "sub/" : "") + std::to_string(i)),
                      20'000, static_cast<uint32_t>(i));
    write_pattern(elsewhere / "from/sub/large", (megabytes + 1) << 20);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const std::string to = here / backend_name(backend);
        const TreeCopy copy = copy_tree(pool, elsewhere / "from", to, archive());
        INFO(words(copy));
        CHECK(copy.job.result == -ENOSPC);
        const Entry* large = copy.find("sub/large");
        REQUIRE(large);
        CHECK(large->result == -ENOSPC);
        CHECK_TOLD(copy);
        // Each file is there and whole, or reported and not there.
        for (const auto& [path, what] : contents(elsewhere / "from")) {
            const std::string shown = path; // bindings cannot be captured
            CAPTURE(shown);
            const std::string name = path.empty() ? "" : path.substr(1);
            const Entry* said = copy.find(name);
            const bool failed = said && said->result < 0;
            CHECK(exists(to + path) == !failed);
            if (!failed && what.starts_with("file"))
                CHECK(difference(elsewhere / ("from" + path), to + path) == "");
        }
        remove_tree(to);
    }
}

TEST_CASE_FIXTURE(Clean,
                  "on a full ext4 every file of a tree is whole, or reported and not there") {
    survives_full_disk(Kind::ext4, 24);
}
TEST_CASE_FIXTURE(Clean,
                  "on a full tmpfs every file of a tree is whole, or reported and not there") {
    survives_full_disk(Kind::tmpfs, 16);
}

TEST_CASE_FIXTURE(Clean, "names of one file whose first copies fail are copied and linked all the "
                         "same") {
    constexpr int count = 20;
    const Directory directory;
    for (int i = 0; i < count; ++i) {
        make_directories(directory / ("from/" + std::to_string(i)));
        const std::string path = directory / ("from/" + std::to_string(i) + "/name");
        if (i == 0)
            write_pattern(path, 2'000'000);
        else
            make_hard_link(directory / "from/0/name", path);
    }
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const int blocked : {1, 10, count - 1, count}) {
            CAPTURE(blocked);
            const std::string to = directory / "to";
            std::vector<std::string> expected;
            for (int i = 0; i < blocked; ++i) {
                make_directories(to + "/" + std::to_string(i) + "/name");
                expected.push_back(std::to_string(i) + "/name: open destination: Is a directory");
            }
            std::sort(expected.begin(), expected.end());
            const TreeCopy copy = copy_tree(pool, directory / "from", to, archive());
            INFO(words(copy));
            CHECK(copy.errors() == expected);
            CHECK_TOLD(copy);
            CHECK(copy.totals.files == (blocked < count ? 1 : 0));
            CHECK(copy.totals.hard_links ==
                  static_cast<uint64_t>(std::max(0, count - blocked - 1)));
            for (int i = blocked; i < count; ++i) {
                const std::string path = to + "/" + std::to_string(i) + "/name";
                CHECK(stat_of(path).st_nlink == static_cast<nlink_t>(count - blocked));
                CHECK(difference(directory / "from/0/name", path) == "");
            }
            remove_tree(to);
        }
    }
}

TEST_CASE_FIXTURE(Clean, "every name of one unreadable file is reported") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_directories(directory / "from");
    write_file(directory / "from/0", "secret");
    for (int i = 1; i < 50; ++i)
        make_hard_link(directory / "from/0", directory / ("from/" + std::to_string(i)));
    set_mode(directory / "from/0", 0);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        for (const uint32_t backend : backends()) {
            Pool pool{PoolOptions(backend)};
            const TreeCopy copy =
                copy_tree(pool, directory / "from", directory / backend_name(backend), archive());
            EXPECT(report, copy.errors().size() == 50);
            EXPECT(report, copy.job.result == -EACCES);
            EXPECT_TOLD(report, copy);
        }
    });
}

TEST_CASE_FIXTURE(Clean, "what a server has forgotten is opened again, once") {
    const Directory directory;
    for (const char* fault : {"once=open:ESTALE:2", "once=read:ESTALE:2", "once=getattr:ESTALE:12",
                              "once=readdir:ESTALE"}) {
        CAPTURE(fault);
        const FaultyMount mount({"direct_io", fault});
        NEEDS(mount);
        make_files(mount.backing() + "/from", {"a", "b", "sub/c", "sub/d"});
        Pool pool;
        const TreeCopy copy = copy_tree(pool, mount / "from", directory / fault);
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK_NAMES(directory / fault, {"a", "b", "sub", "sub/c", "sub/d"});
        CHECK(read_file(directory / fault + "/sub/c") == "sub/c");
    }
    for (const char* fault : {"once=read:ESTALE", "once=open:ESTALE"}) {
        const FaultyMount mount({"direct_io", fault});
        NEEDS(mount);
        make_files(mount.backing(), {"a"});
        Pool pool;
        CHECK(pool.copy(mount / "a", directory / "single").result == 0);
        CHECK(read_file(directory / "single") == "a");
    }
    const FaultyMount gone({"direct_io", "fail=read:ESTALE"});
    NEEDS(gone);
    make_files(gone.backing(), {"a"});
    Pool pool;
    const arsync_completion done = pool.copy(gone / "a", directory / "none");
    CHECK(done.result == -ESTALE);
    CHECK(done.stage == ARSYNC_STAGE_READ);
    CHECK(!exists(directory / "none"));
}

} // namespace live
