// Trees that mounts show under more than one path.
#include <cerrno>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

// A mirror that must be refused, with nothing removed.
void check_refused(const std::string& from, const std::string& to, const std::string& all) {
    const auto before = contents(all);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const TreeCopy copy = copy_tree(pool, from, to, recursive(ARSYNC_COPY_MIRROR));
        INFO(words(copy));
        CHECK(copy.job.result == -ELOOP);
        CHECK(copy.job.stage == ARSYNC_STAGE_CHECK);
        CHECK(copy.totals.removed == 0);
        CHECK(difference(before, contents(all)) == "");
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a mirror into its own source by a link with a slash is refused") {
    const Directory directory;
    make_files(directory / "all/s", {"a", "sub/b"});
    make_symlink("s/sub", directory / "all/link");
    check_refused(directory / "all/s", directory / "all/link/", directory / "all");
}

TEST_CASE_FIXTURE(Clean, "a mirror that would meet its source by a bind mount is refused") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
    const Directory directory;
    const std::string s = directory / "all/s";
    const std::string d = directory / "all/d";
    make_files(s, {"a", "sub/b", "sub/deep/c", "mnt/"});
    make_files(d, {"extra", "sub/", "x/y"});
    SUBCASE("the destination is in the source") {
        const Bound bound(s + "/sub", d);
        NEEDS(bound);
        check_refused(s, d, s);
        check_refused(s, d + "/deep", s);
    }
    SUBCASE("the source is in the destination") {
        const Bound bound(d + "/x", s);
        NEEDS(bound);
        check_refused(s, d, d);
    }
    SUBCASE("the source is mounted in the destination") {
        const Bound bound(s, d + "/sub");
        NEEDS(bound);
        check_refused(s, d, s);
    }
    SUBCASE("a part of the source is mounted in the destination") {
        const Bound bound(s + "/sub", d + "/sub");
        NEEDS(bound);
        check_refused(s, d, s);
    }
    SUBCASE("a part of the destination is mounted in the source") {
        const Bound bound(d + "/x", s + "/mnt");
        NEEDS(bound);
        check_refused(s, d, d);
    }
}

TEST_CASE_FIXTURE(Clean, "a mirror between bind mounts of one file system is none of itself") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory;
    make_files(directory / "s", {"a", "sub/b"});
    make_files(directory / "d", {"extra", "sub/extra"});
    make_directories(directory / "from");
    make_directories(directory / "to");
    const Bound from(directory / "s", directory / "from");
    const Bound to(directory / "d", directory / "to");
    NEEDS(to);
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
    CHECK(copy.job.result == 0);
    CHECK(copy.totals.removed == 2);
    CHECK_NAMES(directory / "d", {"a", "sub", "sub/b"});
}

TEST_CASE_FIXTURE(Clean, "a part of the source that is mounted in its destination does not grow") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory;
    make_files(directory / "s", {"a/b/c", "a/f", "g"});
    make_directories(directory / "d/a");
    const auto check_refused = [&](const std::string& path) {
        Pool pool;
        const TreeCopy copy = copy_tree(pool, directory / "s", directory / "d");
        INFO(words(copy));
        REQUIRE(copy.find(path));
        CHECK(copy.find(path)->result == -ELOOP);
        CHECK(copy.totals.errors == 1);
    };
    SUBCASE("into a directory of the destination") {
        const Bound bound(directory / "s/a/b", directory / "d/a");
        NEEDS(bound);
        check_refused("a/b");
        CHECK_NAMES(directory / "s", {"a", "a/b", "a/b/c", "a/b/f", "a/f", "g"});
    }
    SUBCASE("as a directory of the destination is mounted in the source") {
        make_directories(directory / "s/a/m");
        const Bound bound(directory / "d/a", directory / "s/a/m");
        NEEDS(bound);
        check_refused("a/m");
        CHECK_NAMES(directory / "d", {"a", "a/b", "a/b/c", "a/f", "g"});
    }
}

TEST_CASE_FIXTURE(Clean, "one file system is copied to another that is mounted in it") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::tmpfs)); // so that mounts are our own
    const Directory directory;
    make_files(directory / "s", {"a", "mnt/", "sub/b"});
    const Mounted mounted(directory / "s/mnt");
    NEEDS(mounted);
    Pool pool;
    const Options options = recursive(ARSYNC_COPY_ONE_FILE_SYSTEM);
    TreeCopy copy = copy_tree(pool, directory / "s", directory / "s/mnt/new", options);
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "s/mnt", {"new", "new/a", "new/mnt", "new/sub", "new/sub/b"});
    write_file(directory / "s/mnt/new/extra", "e");
    copy = copy_tree(pool, directory / "s", directory / "s/mnt/new",
                     recursive(ARSYNC_COPY_ONE_FILE_SYSTEM | ARSYNC_COPY_MIRROR));
    CHECK(copy.job.result == 0);
    CHECK(copy.totals.removed == 1);
    copy = copy_tree(pool, directory / "s", directory / "s/mnt", options);
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "s/mnt",
                {"a", "mnt", "new", "new/a", "new/mnt", "new/sub", "new/sub/b", "sub", "sub/b"});
    // Without that it would never end.
    CHECK(copy_tree(pool, directory / "s", directory / "s/mnt/other").job.result == -ELOOP);
}

TEST_CASE_FIXTURE(Clean, "mirror leaves what a bind mount shows in an extra directory, with "
                         "openat2 and without") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    for (const int denied_with : {0, ENOSYS, EPERM}) {
        CAPTURE(denied_with);
        const Directory directory;
        make_files(directory / "from", {"a"});
        make_files(directory / "to", {"extra/mnt/", "extra/sub/mnt/", "gone"});
        make_files(directory / "precious", {"x", "sub/y"});
        const auto before = state(directory / "precious");
        const Bound one(directory / "precious", directory / "to/extra/mnt");
        const Bound two(directory / "precious", directory / "to/extra/sub/mnt");
        NEEDS(two);
        check_in_child([&](Report& report) {
            EXPECT(report, denied_with == 0 || deny(__NR_openat2, denied_with));
            Pool pool;
            const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                            recursive(ARSYNC_COPY_MIRROR));
            EXPECT_WITH(report,
                        copy.errors() ==
                            std::vector<std::string>{"extra: remove: Device or resource busy"},
                        words(copy));
        });
        CHECK(difference(before, state(directory / "precious")) == "");
        CHECK(exists(directory / "to/extra/sub/mnt"));
        CHECK_FALSE(exists(directory / "to/gone"));
    }
}

TEST_CASE_FIXTURE(Clean, "hard links are kept where a mount shows more names than a file has") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
    const Directory directory;
    const std::string s = directory / "s";
    make_files(s, {"a/x", "b/", "m/", "n/"});
    REQUIRE(link((s + "/a/x").c_str(), (s + "/b/y").c_str()) == 0);
    const Bound a(s + "/a", s + "/m");
    const Bound b(s + "/b", s + "/n");
    NEEDS(a);
    NEEDS(b);
    for (const unsigned workers : {1u, 4u}) {
        PoolOptions options(ARSYNC_BACKEND_AUTO);
        options.workers = workers;
        Pool pool{options};
        const std::string to = directory / std::to_string(workers);
        CHECK(copy_tree(pool, s, to, archive()).job.result == 0);
        struct stat facts = {};
        CHECK(stat((to + "/n/y").c_str(), &facts) == 0);
        CHECK(facts.st_nlink == 4);
    }
}

} // namespace live
