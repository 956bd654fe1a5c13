// What becomes of the files that are in the way of a tree's.
#include <atomic>
#include <cerrno>
#include <optional>
#include <sys/stat.h>
#include <thread>

#include "system/check.h"
#include "system/child.h"
#include "system/command.h"
#include "system/faulty_mount.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

TEST_CASE_FIXTURE(Clean, "backups are named as their kind says") {
    const Directory directory;
    make_files(directory / "from", {"plain", "numbered", "sub/plain", "new", "link"});
    Pool pool;
    const auto copied = [&](const std::string& to, Options options) {
        make_files(to, {"plain", "numbered", "sub/plain"}, " old");
        make_files(to, {"numbered.~2~", "numbered.~9~"}, " older");
        make_symlink("nowhere", to + "/link");
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, options.with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        for (const char* name : {"plain", "numbered", "sub/plain", "new", "link"}) {
            CHECK(kind_of(to + "/" + name) == S_IFREG);
            CHECK(read_file(to + "/" + name) == name);
            const Entry* entry = copy.find(name);
            REQUIRE(entry);
            CHECK(((entry->flags & ARSYNC_COMPLETION_BACKED_UP) != 0) ==
                  (std::string(name) != "new"));
            if (std::string(name) != "new") {
                const std::string parent =
                    to + "/" + (entry->path.starts_with("sub/") ? "sub/" : "");
                const std::string kept = parent + entry->backup;
                CHECK(entry->backup != "");
                CHECK((std::string(name) == "link"
                           ? text_of(kept) == "nowhere"
                           : read_file(kept) == name + std::string(" old")));
            }
        }
        CHECK(read_file(to + "/numbered.~9~") == "numbered.~9~ older");
    };
    const Names always = {"plain", "numbered",     "sub",          "sub/plain",
                          "new",   "numbered.~2~", "numbered.~9~", "link"};
    const auto with = [&](Names more) {
        more.insert(always.begin(), always.end());
        return more;
    };
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_ATOMIC}) {
        CAPTURE(replace);
        const std::string to = directory / std::to_string(replace);
        const Options options = recursive().with_replace(replace);

        copied(to + "simple", Options(options).with_backup(ARSYNC_BACKUP_SIMPLE));
        CHECK_NAMES(to + "simple", with({"plain~", "numbered~", "sub/plain~", "link~"}));
        CHECK(read_file(to + "simple/sub/plain~") == "sub/plain old");
        CHECK(text_of(to + "simple/link~") == "nowhere");

        Options suffix = Options(options).with_backup(ARSYNC_BACKUP_SIMPLE);
        suffix.backup_suffix = ".old";
        copied(to + "suffix", suffix);
        CHECK_NAMES(to + "suffix",
                    with({"plain.old", "numbered.old", "sub/plain.old", "link.old"}));

        copied(to + "numbered", Options(options).with_backup(ARSYNC_BACKUP_NUMBERED));
        CHECK_NAMES(to + "numbered",
                    with({"plain.~1~", "numbered.~10~", "sub/plain.~1~", "link.~1~"}));
        CHECK(read_file(to + "numbered/numbered.~10~") == "numbered old");

        copied(to + "existing", Options(options).with_backup(ARSYNC_BACKUP_EXISTING));
        CHECK_NAMES(to + "existing", with({"plain~", "numbered.~10~", "sub/plain~", "link~"}));
        CHECK(read_file(to + "existing/plain~") == "plain old");
    }
}

TEST_CASE_FIXTURE(Clean, "exclusive copies what is not there and fails at what is") {
    const Directory directory;
    make_files(directory / "from", {"old", "new", "sub/old", "sub/new"});
    make_files(directory / "to", {"old", "sub/old"}, " as it was");
    make_symlink("a", directory / "from/link");
    make_symlink("b", directory / "to/link");
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive().with_replace(ARSYNC_REPLACE_EXCLUSIVE));
    INFO(words(copy));
    CHECK(copy.job.result == -EEXIST);
    CHECK(copy.entries.size() == 3);
    for (const char* name : {"old", "sub/old", "link"}) {
        const Entry* entry = copy.find(name);
        REQUIRE(entry);
        CHECK(entry->result == -EEXIST);
    }
    CHECK(read_file(directory / "to/old") == "old as it was");
    CHECK(read_file(directory / "to/sub/old") == "sub/old as it was");
    CHECK(text_of(directory / "to/link") == "b");
    CHECK(read_file(directory / "to/new") == "new");
    CHECK(read_file(directory / "to/sub/new") == "sub/new");
}

TEST_CASE_FIXTURE(Clean, "remove and atomic make new files, in place writes into the old one") {
    const Directory directory;
    make_files(directory / "from", {"file", "link"});
    Pool pool;
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_ATOMIC}) {
        CAPTURE(replace);
        const std::string to = directory / std::to_string(replace);
        make_files(to, {"file"}, " as it was");
        make_files(directory.path(), {"aside"});
        make_symlink("../aside", to + "/link");
        const std::string other = to + "-other-name";
        make_hard_link(to + "/file", other);
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to,
                      recursive().with_replace(replace).with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK_NAMES(to, {"file", "link"});
        CHECK(read_file(to + "/file") == "file");
        CHECK(read_file(other) == (replace == ARSYNC_REPLACE_IN_PLACE ? "file" : "file as it was"));
        CHECK(kind_of(to + "/link") == S_IFREG); // not written through
        CHECK(read_file(directory / "aside") == "aside");
        const Entry* file = copy.find("file");
        REQUIRE(file);
        if (replace != ARSYNC_REPLACE_ATOMIC)
            CHECK(((file->flags & ARSYNC_COMPLETION_REPLACED) != 0) ==
                  (replace == ARSYNC_REPLACE_REMOVE));
    }
}

// One is longer, so that of a mixture not even the length need be right.
TEST_CASE_FIXTURE(Clean, "what has two names at the destination is one of the two files, whole") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    make_files(from, {"a/f"}, std::string(9 << 20, 'a'));
    make_files(from, {"b/f"}, std::string(8 << 20, 'b'));
    make_files(to, {"a/f"}, " old");
    Options options = recursive();
    bool lists = false;
    bool is_new = false;
    SUBCASE("by a hard link") {
        make_directories(to + "/b");
        make_hard_link(to + "/a/f", to + "/b/f");
    }
    SUBCASE("by a hard link, of two trees of a list") {
        make_directories(to + "/b");
        make_hard_link(to + "/a/f", to + "/b/f");
        lists = true;
    }
    SUBCASE("by a link to its directory") {
        make_symlink("a", to + "/b");
        options.with_flags(ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK);
        SUBCASE("where it was") {}
        SUBCASE("where it is new") {
            is_new = true;
        }
    }
    std::optional<Bound> bound;
    SUBCASE("by a mount of its directory") {
        NEEDS_ROOT();
        NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
        make_directories(to + "/b");
        bound.emplace(to + "/a", to + "/b");
        NEEDS(*bound);
        SUBCASE("where it was") {}
        SUBCASE("where it is new") {
            is_new = true;
        }
    }
    Pool pool;
    for (int round = 0; round < 5; ++round) {
        if (is_new)
            REQUIRE(unlink((to + "/a/f").c_str()) == 0);
        if (lists)
            CHECK(copy_list_between(pool, from, to, Items{{"a", "a"}, {"b", "b"}}, options)
                      .job.result == 0);
        else
            CHECK(copy_tree(pool, from, to, options).job.result == 0);
        const std::string there = read_file(to + "/a/f");
        CHECK((there == read_file(from + "/a/f") || there == read_file(from + "/b/f")));
    }
}

// The first one takes a while, and what is there is new meanwhile.
TEST_CASE_FIXTURE(Clean, "what has two names there is compared with what was copied to it") {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";
    make_files(from, {"a"}, std::string(20 << 20, 'a'));
    make_files(from, {"b"}, "b");
    make_files(to, {"a"}, " old");
    make_hard_link(to + "/a", to + "/b");
    set_mtime(to + "/a", 1'000'000'000);
    set_mtime(from + "/a", 1'000'000'100);
    set_mtime(from + "/b", 1'000'000'200);
    Pool pool;
    const TreeCopy copy = copy_tree(
        pool, from, to,
        recursive().with_update(ARSYNC_UPDATE_OLDER).with_preserve(ARSYNC_PRESERVE_TIMES));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(read_file(to + "/b") == read_file(from + "/b"));
    CHECK(stat_of(to + "/b").st_mtim.tv_sec == 1'000'000'200);
}

TEST_CASE_FIXTURE(Clean, "in an atomic copy of a tree a reader sees old or new whole files") {
    const Directory directory;
    const std::string contents_of[] = {pattern(300'000, 1), pattern(500'000, 2)};
    for (const char* top : {"0", "1"}) {
        make_directories(directory / (std::string(top) + "/sub"));
        write_file(directory / (std::string(top) + "/sub/file"), contents_of[*top - '0']);
    }
    const std::string to = directory / "to";
    Pool pool;
    REQUIRE(copy_tree(pool, directory / "0", to).job.result == 0);
    std::atomic<bool> stop = false;
    std::atomic<int> seen[2] = {0, 0};
    std::atomic<int> odd = 0;
    std::thread reader([&] {
        while (!stop) {
            try {
                const std::string content = read_file(to + "/sub/file");
                ++(content == contents_of[0] ? seen[0] : content == contents_of[1] ? seen[1] : odd);
            } catch (const std::exception&) {
                ++odd; // the name was not there
            }
        }
    });
    bool right = true;
    for (int i = 1; i <= 30 || (i < 20'000 && (seen[0] < 3 || seen[1] < 3)); ++i)
        right = copy_tree(pool, directory / std::to_string(i % 2), to,
                          recursive().with_replace(ARSYNC_REPLACE_ATOMIC))
                        .job.result == 0 &&
                right;
    stop = true;
    reader.join();
    CHECK(right);
    CHECK(odd == 0);
    CHECK(seen[0] >= 3);
    CHECK(seen[1] >= 3);
    CHECK_NAMES(to, {"sub", "sub/file"});
}

TEST_CASE_FIXTURE(Clean, "force removes what an ordinary user may not write") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"locked", "open", "sub/locked"});
    make_files(directory / "to", {"locked", "open", "sub/locked"}, " as it was");
    output_of({"chown", "-R", std::to_string(ordinary_user), directory / "to"});
    set_mode(directory / "to/locked", 0444);
    set_mode(directory / "to/sub/locked", 0444);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy without = copy_tree(pool, directory / "from", directory / "to");
        EXPECT_WITH(report,
                    without.errors() == (std::vector<std::string>{
                                            "locked: open destination: Permission denied",
                                            "sub/locked: open destination: Permission denied"}),
                    words(without));
        EXPECT(report, read_file(directory / "to/locked") == "locked as it was");
        EXPECT(report, read_file(directory / "to/open") == "open");
        const TreeCopy with =
            copy_tree(pool, directory / "from", directory / "to",
                      recursive(ARSYNC_COPY_FORCE).with_report(ARSYNC_REPORT_ALL));
        EXPECT_WITH(report, with.job.result == 0, words(with));
        EXPECT(report, read_file(directory / "to/locked") == "locked");
        EXPECT(report, read_file(directory / "to/sub/locked") == "sub/locked");
        const Entry* locked = with.find("locked");
        const Entry* open = with.find("open");
        EXPECT(report, locked && (locked->flags & ARSYNC_COMPLETION_REPLACED));
        EXPECT(report, open && !(open->flags & ARSYNC_COMPLETION_REPLACED));
    });
}

TEST_CASE_FIXTURE(Clean, "numbered backups count on from any number, and take no other's place") {
    const Directory directory;
    const std::string huge(30, '9');
    Pool pool;
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_ATOMIC}) {
        CAPTURE(replace);
        const std::string to = directory / std::to_string(replace);
        make_files(directory / "from", {"f", "g", "h"});
        make_files(to, {"f", "g", "f.~18446744073709551615~", "f.~0~", "g.~" + huge + "~"}, " old");
        make_files(to, {"h", "h.~9~", "h.~100~", "h.~0200~"}, " old");
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to,
                      recursive().with_replace(replace).with_backup(ARSYNC_BACKUP_NUMBERED));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(read_file(to + "/f.~0~") == "f.~0~ old");
        CHECK(read_file(to + "/f.~18446744073709551616~") == "f old");
        CHECK(read_file(to + "/g.~1" + std::string(30, '0') + "~") == "g old");
        CHECK(read_file(to + "/h.~101~") == "h old");
        CHECK(read_file(to + "/f") == "f");
    }
}

TEST_CASE_FIXTURE(Clean, "a server without flags for renames keeps numbered backups apart") {
    for (const std::vector<std::string>& faults :
         {std::vector<std::string>{"no_rename_flags"}, {"no_rename_flags", "no_link"}}) {
        const FaultyMount mount(faults);
        NEEDS(mount);
        const Directory directory;
        make_files(directory / "from", {"f"});
        make_files(mount / "to", {"f", "f.~1~"}, " old");
        Pool pool;
        const Options options = recursive().with_backup(ARSYNC_BACKUP_NUMBERED);
        CHECK(copy_tree(pool, directory / "from", mount / "to", options).job.result == 0);
        CHECK(read_file(mount / "to/f.~1~") == "f.~1~ old");
        CHECK(read_file(mount / "to/f.~2~") == "f old");
        CHECK(read_file(mount / "to/f") == "f");
    }
}

TEST_CASE_FIXTURE(Clean, "a server without flags for renames gets the old file back") {
    for (const std::vector<std::string>& faults :
         {std::vector<std::string>{"no_rename_flags", "fail=write:EIO"},
          {"no_rename_flags", "no_link", "fail=write:EIO"}}) {
        const FaultyMount mount(faults);
        NEEDS(mount);
        const Directory directory;
        make_files(directory / "from", {"f"});
        make_files(mount.backing() + "/to", {"f"}, " old");
        Pool pool;
        for (const uint32_t backup : {ARSYNC_BACKUP_NUMBERED, ARSYNC_BACKUP_SIMPLE}) {
            const Options options = recursive().with_backup(backup);
            CHECK(copy_tree(pool, directory / "from", mount / "to", options).job.result == -EIO);
            CHECK_NAMES(mount.backing() + "/to", Names{"f"});
            CHECK(read_file(mount.backing() + "/to/f") == "f old");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a link or a pipe that cannot be made costs nothing that is there") {
    const FaultyMount mount({"no_symlink", "fail=mknod:EPERM"});
    NEEDS(mount);
    const Directory directory;
    make_files(directory / "from", {"file"});
    make_symlink("file", directory / "from/link");
    make_node(directory / "from/pipe", S_IFIFO | 0600);
    make_files(mount.backing() + "/to", {"link", "pipe"}, " old");
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE}) {
        CAPTURE(replace);
        const TreeCopy copy =
            copy_tree(pool, directory / "from", mount / "to", recursive().with_replace(replace));
        INFO(words(copy));
        CHECK(copy.errors() ==
              std::vector<std::string>{"link: link: Operation not permitted",
                                       "pipe: make special file: Operation not permitted"});
        CHECK_NAMES(mount.backing() + "/to", {"file", "link", "pipe"});
        CHECK(read_file(mount.backing() + "/to/link") == "link old");
        CHECK(read_file(mount.backing() + "/to/pipe") == "pipe old");
    }
}

} // namespace live
