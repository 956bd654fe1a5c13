// Mirror: what is extra at the destination goes.
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/command.h"
#include "system/faulty_mount.h"
#include "system/tree.h"

namespace live {

namespace {

// An attribute of chattr(1), for as long as this lives.
class Attribute {
public:
    Attribute(const char* letter, const std::string& path) : letter_(letter), path_(path) {
        why_ = output_of({"chattr", "+" + letter_, path_});
    }
    Attribute(const Attribute&) = delete;
    Attribute& operator=(const Attribute&) = delete;
    ~Attribute() {
        if (usable())
            output_of({"chattr", "-" + letter_, path_});
    }
    bool usable() const { return why_.empty(); }
    std::string why() const { return "no chattr +" + letter_; }

private:
    const std::string letter_, path_;
    std::string why_;
};

} // namespace

TEST_CASE_FIXTURE(Clean, "mirror removes what is extra, whole directories too") {
    const Directory directory;
    make_files(directory / "from", {"a", "sub/b"});
    make_files(directory / "to", {"a", "extra", "sub/extra", "dir/1", "dir/deep/2", "dir/empty/"});
    make_symlink(directory / "from", directory / "to/link"); // what it leads to stays
    make_node(directory / "to/fifo", S_IFIFO | 0600);
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        output_of({"cp", "-a", directory / "to", to});
        Pool pool{PoolOptions(backend)};
        const TreeCopy plain = copy_tree(pool, directory / "from", to);
        CHECK(plain.totals.removed == 0);
        CHECK(exists(to + "/dir/deep/2"));
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to,
                      recursive(ARSYNC_COPY_MIRROR).with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(tree_difference(directory / "from", to) == "");
        CHECK(copy.totals.removed == 9);
        CHECK(copy.totals.entries == 4);
        CHECK(copy.action_of("dir") == ARSYNC_ACTION_REMOVE);
        CHECK(copy.action_of("sub/extra") == ARSYNC_ACTION_REMOVE);
    }
    CHECK_NAMES(directory / "from", {"a", "sub", "sub/b"});
}

TEST_CASE_FIXTURE(Clean, "mirror leaves what the filter excludes, inside extra directories too") {
    const Directory directory;
    make_files(directory / "from", {"a", "a.keep"});
    make_files(directory / "to",
               {"b", "b.keep", "dir/c", "dir/c.keep", "dir/deep/d.keep", "dir/kept/h",
                "dir/other/e", "dir/other/kept", "out/f", "out/g.keep"});
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to",
                  recursive(ARSYNC_COPY_MIRROR).with_filter("*.keep\n/out/\nkept/\n"));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "to",
                {"a", "b.keep", "dir", "dir/c.keep", "dir/deep", "dir/deep/d.keep", "dir/kept",
                 "dir/kept/h", "out", "out/f", "out/g.keep"});
    CHECK(copy.totals.removed == 5); // b, dir/c, dir/other, dir/other/e, dir/other/kept
}

TEST_CASE_FIXTURE(Clean, "mirror knows where it is when it comes up out of an extra directory") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_files(directory / "to", {"a", "dir/1/x/f", "dir/1/x/kept", "dir/1/y/f", "dir/1/y/kept",
                                  "dir/2/x/f", "dir/2/x/kept", "dir/2/kept", "dir/kept"});
    Pool pool;
    const TreeCopy copy = copy_tree(
        pool, directory / "from", directory / "to",
        recursive(ARSYNC_COPY_MIRROR)
            .with_filter("/dir/1/x/kept\n/dir/1/y/kept\n/dir/2/x/kept\n/dir/2/kept\n/dir/kept\n"));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "to",
                {"a", "dir", "dir/1", "dir/1/x", "dir/1/x/kept", "dir/1/y", "dir/1/y/kept", "dir/2",
                 "dir/2/kept", "dir/2/x", "dir/2/x/kept", "dir/kept"});
    CHECK(copy.totals.removed == 3);
}

TEST_CASE_FIXTURE(Clean, "a source below the mirror would be extra there: it is refused") {
    const Directory directory;
    make_files(directory / "to", {"a", "src/b", "deep/in/src/c"});
    const auto before = state(directory / "to");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        for (const std::string source : {"src", "deep/in/src", "deep"}) {
            CAPTURE(source);
            for (const uint32_t dry_run : {0u, ARSYNC_COPY_DRY_RUN}) {
                CAPTURE(dry_run);
                const TreeCopy copy =
                    copy_tree(pool, directory / ("to/" + source), directory / "to",
                              recursive(ARSYNC_COPY_MIRROR | dry_run));
                INFO(words(copy));
                CHECK(copy.job.result == -ELOOP);
                CHECK(copy.job.stage == ARSYNC_STAGE_CHECK);
                CHECK(difference(before, state(directory / "to")) == "");
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "mirror removes nothing where the source could not be listed") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"locked/a", "locked/sub/b", "open/a"});
    make_files(directory / "to", {"locked/extra", "locked/sub/extra", "open/extra", "gone"});
    output_of({"chown", "-R", std::to_string(ordinary_user), directory / "to"});
    set_mode(directory / "from/locked", 0);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy copy =
            copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
        EXPECT_WITH(report,
                    copy.errors() == std::vector<std::string>{"locked: list: Permission denied"},
                    words(copy));
        EXPECT(report, copy.totals.removed == 2);
    });
    CHECK_NAMES(directory / "to",
                {"locked", "locked/extra", "locked/sub", "locked/sub/extra", "open", "open/a"});
}

TEST_CASE_FIXTURE(
    Clean, "a mirror that is shown a directory twice makes it like one source, and says so") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4)); // so that mounts are our own
    const Directory directory;
    make_files(directory / "from", {"a/f", "b/g"});
    make_files(directory / "to", {"a/old", "a/x/old", "b/", "c/old"});
    Pool pool;
    for (const char* shown : {"to/a/x", "to/a"}) { // an extra one; one that is copied to
        CAPTURE(shown);
        make_files(directory / "to", {"a/x/", "c/old"});
        const Bound bound(directory / shown, directory / "to/b");
        NEEDS(bound);
        const TreeCopy copy =
            copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
        INFO(words(copy));
        CHECK(copy.job.result < 0);
        const bool has_a = exists(directory / "to/a/f");
        const bool has_b = exists(directory / "to/b/g");
        if (copy.errors() == std::vector<std::string>{"b: check: File exists"})
            CHECK((has_a && !has_b));
        else if (copy.errors() == std::vector<std::string>{"a: check: File exists"})
            CHECK((!has_a && has_b));
        else
            CHECK(copy.errors() == std::vector<std::string>{std::string(shown).substr(3) +
                                                            ": remove: Device or resource busy"});
        if (shown == std::string("to/a/x"))
            CHECK(has_a);
        CHECK_FALSE(exists(directory / "to/c"));
    }
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
    CHECK(copy.job.result == 0);
    CHECK_NAMES(directory / "to", {"a", "a/f", "b", "b/g"});
}

TEST_CASE_FIXTURE(Clean, "mirror leaves what is mounted in an extra directory, and says so") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::tmpfs)); // so that mounts are our own
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_files(directory / "to", {"extra/mnt/", "gone"});
    const Mounted mounted(directory / "to/extra/mnt");
    NEEDS(mounted);
    write_file(directory / "to/extra/mnt/inside", "i");
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
    CHECK(copy.errors() == std::vector<std::string>{"extra: remove: Device or resource busy"});
    CHECK(copy.job.result == -EBUSY);
    CHECK_NAMES(directory / "to", {"a", "extra", "extra/mnt", "extra/mnt/inside"});
    CHECK(copy.totals.removed == 1);
}

TEST_CASE_FIXTURE(Clean, "mirror tells of an extra file that may not be removed, and removes the "
                         "others") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        make_files(to, {"b", "dir/1", "dir/deep/2", "stuck", "z"});
        const Attribute immutable("i", to + "/stuck");
        NEEDS(immutable);
        Pool pool{PoolOptions(backend)};
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, recursive(ARSYNC_COPY_MIRROR));
        CHECK(copy.errors() == std::vector<std::string>{"stuck: remove: Operation not permitted"});
        CHECK(copy.job.result == -EPERM);
        CHECK(copy.job.stage == ARSYNC_STAGE_REMOVE);
        CHECK(copy.totals.errors == 1);
        CHECK_NAMES(to, {"a", "stuck"});
        CHECK(copy.totals.removed == 6);
    }
}

TEST_CASE_FIXTURE(Clean, "mirror counts what went inside an extra directory that stays") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const std::string to = directory / backend_name(backend);
        make_files(to, {"dir/1", "dir/deep/2", "dir/deep/empty/"});
        const Attribute append_only("a", to); // no name goes from it, from those below it all may
        NEEDS(append_only);
        Pool pool{PoolOptions(backend)};
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, recursive(ARSYNC_COPY_MIRROR));
        CHECK(copy.errors() == std::vector<std::string>{"dir: remove: Operation not permitted"});
        CHECK(copy.job.result == -EPERM);
        CHECK_NAMES(to, {"a", "dir"});
        CHECK(copy.totals.removed == 4);
    }
}

TEST_CASE_FIXTURE(Clean, "mirror removes what is beside a file that may not be removed, inside an "
                         "extra directory too") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_files(directory / "to", {"dir/stuck", "dir/sub/deep/1"});
    for (int i = 0; i < 200; ++i)
        make_files(directory / "to/dir", {std::to_string(i)});
    const Attribute immutable("i", directory / "to/dir/stuck");
    NEEDS(immutable);
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
    INFO(words(copy));
    CHECK(copy.job.result == -EPERM);
    CHECK(copy.totals.errors == 1);
    CHECK_NAMES(directory / "to", {"a", "dir", "dir/stuck"});
    CHECK(copy.totals.removed == 203);
}

TEST_CASE_FIXTURE(Clean, "mirror can be cancelled in the middle of one extra directory") {
    NEEDS(shared_volume(Kind::tmpfs)); // where so many names are made quickly
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        bool in_the_middle = false;
        for (uint64_t count = sanitized ? 10'000 : 50'000; !in_the_middle && count < 1'000'000;
             count *= 4) {
            CAPTURE(count);
            const Directory directory(shared_volume(Kind::tmpfs));
            const std::string extra = directory / "to/extra";
            make_directories(directory / "from");
            make_directories(extra);
            for (uint64_t i = 0; i < count; ++i)
                make_node(extra + "/" + std::to_string(i), S_IFREG | 0600);
            set_mtime(extra, 1'000'000'000); // until the first name goes
            Pool pool{PoolOptions(backend)};
            const arsync_job job =
                pool.submit(directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
            REQUIRE(job != 0);
            CHECK(eventually([&] {
                struct stat facts;
                return lstat(extra.c_str(), &facts) < 0 || facts.st_mtim.tv_sec != 1'000'000'000;
            }));
            arsync_job_cancel(pool.get(), job); // -ENOENT if it was too quick
            const TreeCopy copy = take_all(pool);
            INFO(words(copy));
            CHECK(copy.strays == 0);
            const uint64_t left = exists(extra) ? names_in(extra).size() : 0;
            in_the_middle = left > 0; // else it was too quick: once more, with more files
            if (in_the_middle)
                CHECK(copy.job.result == -ECANCELED);
            CHECK(left < count);
            CHECK(copy.totals.removed == count - left + !exists(extra));
        }
        CHECK(in_the_middle); // else nothing was tried
    }
}

// Otherwise neither would be there afterwards.
TEST_CASE_FIXTURE(Clean, "a directory gives way only to what can be made") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::tmpfs));
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"x", "y/z"});
    make_files(directory / "to", {"x/precious"});
    Pool pool;
    // A symbolic link by a relative path leads elsewhere, and a hard one to no other filesystem.
    const int base = open(directory.path().c_str(), O_PATH | O_DIRECTORY);
    Options options = recursive(ARSYNC_COPY_MIRROR | ARSYNC_COPY_SYMBOLIC_LINK);
    for (const uint32_t more : {0u, ARSYNC_COPY_DRY_RUN}) {
        options.flags |= more;
        REQUIRE(arsync_submit_copy(pool.get(), base, "from", base, "to", &options, 0, nullptr) ==
                0);
        CHECK(take_all(pool).job.result == -EINVAL);
        CHECK(read_file(directory / "to/x/precious") == "x/precious");
    }
    close(base);
    const Directory other(shared_volume(Kind::tmpfs));
    make_files(other / "to", {"x/precious"});
    const TreeCopy hard = copy_tree(pool, directory / "from", other / "to",
                                    recursive(ARSYNC_COPY_MIRROR | ARSYNC_COPY_HARD_LINK));
    CHECK(hard.job.result == -EXDEV);
    CHECK(hard.job.stage == ARSYNC_STAGE_LINK);
    CHECK_NAMES(other / "to", {"x", "x/precious", "y"});
    // An ordinary user makes no device.
    make_directories(directory / "devices");
    make_node(directory / "devices/x", S_IFCHR | 0666, makedev(1, 3));
    make_files(directory / "mine", {"x/precious"});
    for (const char* path : {"mine", "mine/x", "mine/x/precious"})
        set_owner(directory / path, ordinary_user, ordinary_user);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool own;
        const TreeCopy copy = copy_tree(own, directory / "devices", directory / "mine",
                                        recursive(ARSYNC_COPY_MIRROR));
        EXPECT_WITH(report, copy.job.result == -EPERM, words(copy));
        EXPECT(report, copy.job.stage == ARSYNC_STAGE_MAKE_SPECIAL);
    });
    CHECK_NAMES(directory / "mine", {"x", "x/precious"});
    // What can be made takes the place, and nothing else is left.
    const TreeCopy made =
        copy_tree(pool, directory / "devices", directory / "mine", archive(ARSYNC_COPY_MIRROR));
    CHECK(made.job.result == 0);
    CHECK(made.totals.removed == 2);
    CHECK_NAMES(directory / "mine", {"x"});
    CHECK(kind_of(directory / "mine/x") == S_IFCHR);
}

// As of a server's name that its own rules do not allow.
TEST_CASE_FIXTURE(Clean, "mirror ends though a name is listed that is not there") {
    const FaultyMount mount({"fail=unlink:ENOENT"});
    NEEDS(mount);
    const Directory directory;
    make_files(directory / "from", {"a"});
    make_files(mount.backing() + "/to", {"extra/1", "extra/2"});
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", mount / "to", recursive(ARSYNC_COPY_MIRROR));
    INFO(words(copy));
    CHECK(copy.job.result == -ENOTEMPTY);
    CHECK(copy.job.stage == ARSYNC_STAGE_REMOVE);
    CHECK(read_file(mount.backing() + "/to/a") == "a");
}

TEST_CASE_FIXTURE(Clean, "a directory that is excluded gives way to no file of its name") {
    const Directory directory;
    make_files(directory / "from", {"x", "y"});
    make_files(directory / "to", {"x/deep/precious", "y/1"});
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive(ARSYNC_COPY_MIRROR).with_filter("x/\n"));
    INFO(words(copy));
    CHECK(copy.errors() == std::vector<std::string>{"x: open destination: Is a directory"});
    CHECK_NAMES(directory / "to", {"x", "x/deep", "x/deep/precious", "y"});
    CHECK(read_file(directory / "to/y") == "y");
}

TEST_CASE_FIXTURE(Clean, "nor does a file that is excluded, to a directory that is not") {
    const Directory directory;
    make_files(directory.path(), {"from/x/1", "to/x"});
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    recursive(ARSYNC_COPY_MIRROR).with_filter("x\n!x/\n"));
    INFO(words(copy));
    CHECK(copy.errors() == std::vector<std::string>{"x: make directory: Not a directory"});
    CHECK_NAMES(directory / "to", {"x"});
    CHECK(read_file(directory / "to/x") == "to/x");
}

TEST_CASE_FIXTURE(Clean, "nor to one that a link leads to and that cannot be read") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory.path(), {"from/", "secret", "to/link/precious"});
    make_symlink("../secret", directory / "from/link");
    output_of({"chown", "-R", std::to_string(ordinary_user), directory / "to"});
    set_mode(directory / "secret", 0);
    Options options = recursive(ARSYNC_COPY_MIRROR);
    options.with_symlinks(ARSYNC_SYMLINKS_FOLLOW);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to", options);
        EXPECT_WITH(report,
                    copy.errors() ==
                        std::vector<std::string>{"link: open source: Permission denied"},
                    words(copy));
    });
    CHECK_NAMES(directory / "to", {"link", "link/precious"});
    set_mode(directory / "secret", 0644);
    Pool pool;
    CHECK(copy_tree(pool, directory / "from", directory / "to", options).job.result == 0);
    CHECK(read_file(directory / "to/link") == "secret");
}

} // namespace live
