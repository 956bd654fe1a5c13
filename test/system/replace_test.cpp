// What happens to a destination that exists, and to names that lead elsewhere.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr uint64_t size = 300'000;

struct Files {
    const Directory directory;
    const std::string from = directory / "from";
    const std::string to = directory / "to";

    Files() { write_pattern(from, size); }
};

} // namespace

TEST_CASE_FIXTURE(Clean, "in place keeps the inode, its links, its mode and its owner") {
    const Files files;
    for (const uint64_t old_size : {uint64_t{0}, uint64_t{10}, size, 3 * size}) {
        CAPTURE(old_size);
        write_pattern(files.to, old_size, 9);
        REQUIRE(link(files.to.c_str(), (files.directory / "link").c_str()) == 0);
        REQUIRE(chmod(files.to.c_str(), 0604) == 0);
        if (is_root())
            REQUIRE(chown(files.to.c_str(), 1234, 2345) == 0);
        const struct stat before = stat_of(files.to);
        Pool pool;
        CHECK(pool.copy(files.from, files.to).result == 0);
        const struct stat after = stat_of(files.to);
        CHECK(after.st_ino == before.st_ino);
        CHECK(after.st_nlink == 2);
        CHECK(after.st_mode == before.st_mode);
        CHECK(after.st_uid == before.st_uid);
        CHECK(after.st_gid == before.st_gid);
        CHECK(difference(files.from, files.directory / "link") == "");
        unlink(files.to.c_str());
        unlink((files.directory / "link").c_str());
    }
}

TEST_CASE_FIXTURE(Clean, "in place writes through a symbolic link") {
    const Files files;
    write_pattern(files.directory / "target", 10, 9);
    REQUIRE(symlink("target", files.to.c_str()) == 0);
    Pool pool;
    CHECK(pool.copy(files.from, files.to).result == 0);
    struct stat facts;
    REQUIRE(lstat(files.to.c_str(), &facts) == 0);
    CHECK(S_ISLNK(facts.st_mode));
    CHECK(difference(files.from, files.directory / "target") == "");
}

TEST_CASE_FIXTURE(Clean, "exclusive makes new files and touches no others") {
    const Files files;
    const Options exclusive = Options().with_replace(ARSYNC_REPLACE_EXCLUSIVE);
    Pool pool;
    CHECK(pool.copy(files.from, files.to, exclusive).result == 0);
    CHECK(difference(files.from, files.to) == "");
    write_pattern(files.to, 10, 9);
    // Both ways to make a file: at its name, and without one first.
    write_pattern(files.directory / "large", 3'000'000);
    REQUIRE(symlink("nowhere", (files.directory / "dangling").c_str()) == 0);
    for (const std::string& source : {files.from, files.directory / "large"}) {
        for (const std::string& name : {files.to, files.directory / "dangling"}) {
            const arsync_completion done = pool.copy(source, name, exclusive);
            CHECK(done.result == -EEXIST);
            CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
        }
    }
    CHECK(pool.copy(files.from, files.directory.path(), exclusive).result == -EEXIST);
    CHECK(read_file(files.to) == pattern(10, 9));
    CHECK_FALSE(exists(files.directory / "nowhere"));
    CHECK(files.directory.entries() == 4);
}

TEST_CASE_FIXTURE(Clean, "a link is in the way of what is exclusive, wherever it leads") {
    const Directory directory;
    make_symlink("loop", directory / "loop");
    write_pattern(directory / "file", 10);
    make_symlink("file/below", directory / "through a file");
    make_symlink("nowhere", directory / "dangling");
    Pool pool;
    for (const uint64_t size : {uint64_t{10}, uint64_t{3'000'000}}) {
        write_pattern(directory / "from", size);
        for (const char* link : {"loop", "through a file", "dangling"}) {
            CAPTURE(link);
            CAPTURE(size);
            CHECK(pool.copy(directory / "from", directory / link,
                            Options().with_replace(ARSYNC_REPLACE_EXCLUSIVE))
                      .result == -EEXIST);
        }
    }
    CHECK(directory.entries() == 5);
}

TEST_CASE_FIXTURE(Clean, "a file is not copied onto itself, by whatever name") {
    const Files files;
    const std::string hard = files.directory / "hard";
    const std::string soft = files.directory / "soft";
    REQUIRE(link(files.from.c_str(), hard.c_str()) == 0);
    REQUIRE(symlink("from", soft.c_str()) == 0);
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        for (const std::string& name :
             {files.from, hard, soft,
              files.directory / "../" +
                  files.from.substr(files.from.find_last_of('/', files.from.size() - 6) + 1)}) {
            CAPTURE(name);
            const arsync_completion done =
                pool.copy(files.from, name, Options().with_replace(replace));
            INFO(words(done));
            CHECK(done.result == -EINVAL);
            CHECK(done.stage == ARSYNC_STAGE_CHECK);
        }
        CHECK(pool.copy(soft, hard, Options().with_replace(replace)).result == -EINVAL);
    }
    CHECK(read_file(files.from) == pattern(size));
    CHECK(files.directory.entries() == 3);
}

TEST_CASE_FIXTURE(Clean, "names that cannot be a destination are refused") {
    const Files files;
    REQUIRE(symlink("nowhere", (files.directory / "dangling").c_str()) == 0);
    REQUIRE(mkdir((files.directory / "sub").c_str(), 0755) == 0);
    REQUIRE(symlink("loop", (files.directory / "loop").c_str()) == 0);
    Pool pool;
    struct Row {
        std::string name;
        int result;
    };
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        const Row rows[] = {
            {files.directory / "sub", -EISDIR},
            {files.directory / "missing/to", -ENOENT},
            {files.from + "/to", -ENOTDIR},
            {files.directory / std::string(256, 'n'), -ENAMETOOLONG},
            {files.directory / "new/", 0}, // any error
        };
        for (const Row& row : rows) {
            CAPTURE(row.name);
            const arsync_completion done =
                pool.copy(files.from, row.name, Options().with_replace(replace));
            INFO(words(done));
            CHECK(done.result < 0);
            if (row.result != 0)
                CHECK(done.result == row.result);
            CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
        }
    }
    // As with cp, nothing is made where a link that leads nowhere points.
    CHECK(pool.copy(files.from, files.directory / "dangling").result == -ENOENT);
    CHECK(pool.copy(files.from, files.directory / "loop").result == -ELOOP);
    CHECK_FALSE(exists(files.directory / "nowhere"));
    CHECK(files.directory.entries() == 4);
}

TEST_CASE_FIXTURE(Clean, "nofollow follows no link in the last component of either path") {
    const Files files;
    REQUIRE(symlink("from", (files.directory / "link").c_str()) == 0);
    write_pattern(files.directory / "target", 10, 9);
    REQUIRE(symlink("target", (files.directory / "to-link").c_str()) == 0);
    REQUIRE(mkdir((files.directory / "sub").c_str(), 0755) == 0);
    REQUIRE(symlink("sub", (files.directory / "sub-link").c_str()) == 0);
    const Options nofollow = Options().with_flags(ARSYNC_COPY_NOFOLLOW);
    Pool pool;
    arsync_completion done = pool.copy(files.directory / "link", files.to, nofollow);
    CHECK(done.result == -ELOOP);
    CHECK(done.stage == ARSYNC_STAGE_OPEN_SOURCE);
    CHECK_FALSE(exists(files.to));
    done = pool.copy(files.from, files.directory / "to-link", nofollow);
    CHECK(done.result == -ELOOP);
    CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
    CHECK(read_file(files.directory / "target") == pattern(10, 9));
    CHECK(pool.copy(files.from, files.directory / "sub-link/to", nofollow).result == 0);
    CHECK(difference(files.from, files.directory / "sub/to") == "");
}

// Nor to see whether it leads to what is up to date, and would only get attributes.
TEST_CASE_FIXTURE(Clean, "nofollow follows no link whatever is to be updated") {
    const Files files;
    const std::string target = files.directory / "target";
    const std::string link = files.directory / "link";
    write_pattern(target, size);
    REQUIRE(symlink("target", link.c_str()) == 0);
    REQUIRE(chmod(files.from.c_str(), 0644) == 0);
    REQUIRE(chmod(target.c_str(), 0600) == 0);
    const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    for (const std::string& path : {files.from, target})
        REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    Pool pool;
    const auto copied = [&](uint32_t update, uint32_t more_flags = 0) {
        return pool.copy(files.from, link,
                         Options()
                             .with_flags(ARSYNC_COPY_NOFOLLOW | more_flags)
                             .with_update(update)
                             .with_preserve(ARSYNC_PRESERVE_MODE));
    };
    for (const uint32_t update : {ARSYNC_UPDATE_ALL, ARSYNC_UPDATE_CHANGED, ARSYNC_UPDATE_OLDER})
        for (const uint32_t flags : {0u, ARSYNC_COPY_ATTRIBUTES_ONLY, ARSYNC_COPY_FORCE}) {
            CAPTURE(update);
            CAPTURE(flags);
            const arsync_completion done = copied(update, flags);
            CHECK(done.result == -ELOOP);
            CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
        }
    const arsync_completion none = copied(ARSYNC_UPDATE_NONE);
    CHECK(none.result == 0);
    CHECK(none.action == ARSYNC_ACTION_SKIP);
    CHECK(mode_of(target) == 0600);
    CHECK(read_file(target) == pattern(size));
    // A link that may be followed leads to what is up to date.
    CHECK(
        pool.copy(files.from, link,
                  Options().with_update(ARSYNC_UPDATE_CHANGED).with_preserve(ARSYNC_PRESERVE_MODE))
            .action == ARSYNC_ACTION_SKIP);
    CHECK(mode_of(target) == 0644);
}

TEST_CASE_FIXTURE(Clean, "nofollow follows no link to or from a tree's root") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_files(directory / "target", {"b"});
    make_symlink("from", directory / "from-link");
    make_symlink("target", directory / "to-link");
    Pool pool;
    for (const uint32_t flags : {0u, ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK, ARSYNC_COPY_DRY_RUN}) {
        CAPTURE(flags);
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to-link",
                                        recursive(ARSYNC_COPY_NOFOLLOW | flags));
        CHECK(copy.job.result == -ELOOP);
        CHECK(copy.job.stage == ARSYNC_STAGE_MAKE_DIRECTORY);
    }
    CHECK_NAMES(directory / "target", {"b"});
    for (const uint32_t symlinks : {ARSYNC_SYMLINKS_FOLLOW, ARSYNC_SYMLINKS_FOLLOW_TOP}) {
        const TreeCopy copy = copy_tree(pool, directory / "from-link", directory / "to",
                                        recursive(ARSYNC_COPY_NOFOLLOW).with_symlinks(symlinks));
        CHECK(copy.job.result == -ELOOP);
        CHECK(copy.job.stage == ARSYNC_STAGE_OPEN_SOURCE);
    }
    CHECK_FALSE(exists(directory / "to"));
    // Nor at a directory that is an item of a list by itself.
    make_directories(directory / "top");
    set_mode(directory / "from", 0700);
    set_mode(directory / "target", 0755);
    make_symlink("../target", directory / "top/link");
    REQUIRE(rename((directory / "from").c_str(), (directory / "link").c_str()) == 0);
    REQUIRE(chdir(directory.path().c_str()) == 0);
    const Items items = {{"link", directory / "top/link"}};
    for (const uint32_t dry : {ARSYNC_COPY_DRY_RUN, 0u}) {
        const ListCopy list = copy_list(
            pool, items,
            recursive(ARSYNC_COPY_NOFOLLOW | ARSYNC_COPY_SHALLOW | ARSYNC_COPY_PARENTS | dry)
                .with_preserve(ARSYNC_PRESERVE_MODE));
        INFO(words(list));
        CHECK(list.job.result == -ELOOP);
        CHECK(list.job.stage == ARSYNC_STAGE_MAKE_DIRECTORY);
    }
    REQUIRE(chdir("/") == 0);
    CHECK(mode_of(directory / "target") == 0755);
}

TEST_CASE_FIXTURE(Clean, "attributes go through no link that would itself be replaced") {
    const Files files;
    const std::string target = files.directory / "target";
    write_pattern(target, 10, 9);
    REQUIRE(symlink("target", files.to.c_str()) == 0);
    REQUIRE(chmod(files.from.c_str(), 0644) == 0);
    REQUIRE(chmod(target.c_str(), 0600) == 0);
    Pool pool;
    const arsync_completion done = pool.copy(files.from, files.to,
                                             Options()
                                                 .with_flags(ARSYNC_COPY_ATTRIBUTES_ONLY)
                                                 .with_replace(ARSYNC_REPLACE_ATOMIC)
                                                 .with_preserve(ARSYNC_PRESERVE_MODE));
    CHECK(done.result == -ELOOP);
    CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
    CHECK(mode_of(target) == 0600);
}

TEST_CASE_FIXTURE(Clean, "what gets attributes alone is another file than its backup") {
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        CAPTURE(replace);
        const Files files;
        const std::string backup = files.to + "~";
        write_file(files.to, "old");
        REQUIRE(chmod(files.to.c_str(), 0600) == 0);
        REQUIRE(chmod(files.from.c_str(), 0644) == 0);
        const ino_t old = inode_of(files.to);
        Pool pool;
        const arsync_completion done = pool.copy(files.from, files.to,
                                                 Options()
                                                     .with_flags(ARSYNC_COPY_ATTRIBUTES_ONLY)
                                                     .with_replace(replace)
                                                     .with_backup(ARSYNC_BACKUP_SIMPLE)
                                                     .with_preserve(ARSYNC_PRESERVE_MODE));
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK((done.flags & ARSYNC_COMPLETION_BACKED_UP) != 0);
        CHECK(inode_of(backup) == old);
        CHECK(inode_of(files.to) != old);
        CHECK(read_file(backup) == "old");
        CHECK(mode_of(backup) == 0600);
        CHECK(mode_of(files.to) == 0644);
    }
}

TEST_CASE_FIXTURE(Clean,
                  "what can be written to does not give way, though its copy is wanted open") {
    NEEDS_ROOT();
    const Files files;
    REQUIRE(chmod(files.directory.path().c_str(), 0777) == 0);
    write_file(files.to, "old");
    REQUIRE(chown(files.to.c_str(), ordinary_user, ordinary_user) == 0);
    REQUIRE(chmod(files.to.c_str(), 0222) == 0);
    make_hard_link(files.to, files.directory / "link"); // so that its inode is not used again
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const arsync_completion done =
            pool.copy(files.from, files.to,
                      Options().with_flags(ARSYNC_COPY_FORCE).with_want(ARSYNC_WANT_FD));
        EXPECT_WITH(report, done.result == 0, words(done));
    });
    CHECK(inode_of(files.to) == inode_of(files.directory / "link"));
    CHECK(difference(files.from, files.to) == "");
}

TEST_CASE_FIXTURE(Clean, "paths are relative to directory descriptors") {
    const Files files;
    REQUIRE(mkdir((files.directory / "sub").c_str(), 0755) == 0);
    const int here = open(files.directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int sub = open((files.directory / "sub").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    Pool pool;
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_EXCLUSIVE, ARSYNC_REPLACE_ATOMIC}) {
        const std::string name = "to" + std::to_string(replace);
        const Options options =
            Options().with_replace(replace).with_durability(ARSYNC_DURABILITY_FULL);
        REQUIRE(arsync_submit_copy(pool.get(), here, "from", sub, name.c_str(), &options, 0,
                                   nullptr) == 0);
        const arsync_completion done = pool.wait();
        INFO(words(done));
        CHECK(done.result == 0);
        CHECK(difference(files.from, files.directory / ("sub/" + name)) == "");
    }
    REQUIRE(arsync_submit_copy(pool.get(), sub, "../from", here, "sub/late", nullptr, 0, nullptr) ==
            0);
    close(here);
    close(sub);
    CHECK(pool.wait().result == 0);
    CHECK(difference(files.from, files.directory / "sub/late") == "");
}

TEST_CASE_FIXTURE(Clean, "a backup does not take the place of what is copied, by whatever link") {
    const Directory directory;
    make_files(directory.path(), {"a", "a~"});
    make_symlink("a~", directory / "s");
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        CAPTURE(replace);
        const arsync_completion done =
            pool.copy(directory / "s", directory / "a",
                      Options().with_replace(replace).with_backup(ARSYNC_BACKUP_SIMPLE));
        CHECK(done.result == -EINVAL);
        CHECK(done.stage == ARSYNC_STAGE_BACKUP);
        CHECK(read_file(directory / "a") == "a");
        CHECK(read_file(directory / "a~") == "a~");
    }
    // With another name it is not lost.
    make_hard_link(directory / "a~", directory / "other");
    CHECK(pool.copy(directory / "s", directory / "a", Options().with_backup(ARSYNC_BACKUP_SIMPLE))
              .result == 0);
    CHECK(read_file(directory / "a") == "a~");
    CHECK(read_file(directory / "a~") == "a");
    CHECK(read_file(directory / "other") == "a~");
}

TEST_CASE_FIXTURE(Clean, "nor in a tree whose links are followed") {
    const Directory directory;
    make_files(directory.path(), {"from/", "to/a", "to/a~"});
    make_symlink("../to/a~", directory / "from/a");
    Options options = recursive();
    options.with_symlinks(ARSYNC_SYMLINKS_FOLLOW).with_backup(ARSYNC_BACKUP_SIMPLE);
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", options);
    INFO(words(copy));
    CHECK(copy.job.result == -EINVAL);
    CHECK(copy.job.stage == ARSYNC_STAGE_BACKUP);
    CHECK(read_file(directory / "to/a") == "to/a");
    CHECK(read_file(directory / "to/a~") == "to/a~");
}

TEST_CASE_FIXTURE(Clean, "a copy that fails leaves nothing where a link led nowhere") {
    const Directory directory;
    make_files(directory.path(), {"sub/"});
    make_symlink("sub/link", directory / "to");
    make_symlink("../target", directory / "sub/link");
    Pool pool;
    // It opens, and cannot be read.
    const Options options = Options().with_flags(ARSYNC_COPY_DANGLING);
    CHECK(pool.copy("/proc/self/mem", directory / "to", options).result == -EIO);
    CHECK_NAMES(directory.path(), {"sub", "sub/link", "to"});
    write_file(directory / "from", "new");
    CHECK(pool.copy(directory / "from", directory / "to", options).result == 0);
    CHECK(read_file(directory / "target") == "new");
}

} // namespace live
