// Extended attributes, POSIX ACLs and file capabilities.
#include <cerrno>
#include <cstring>
#include <endian.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include "system/acl.h"
#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr const char* capability_name = "security.capability";

std::string xattr(const std::string& path, const char* name) {
    char value[8192];
    const ssize_t size = getxattr(path.c_str(), name, value, sizeof value);
    return size < 0 ? "" : std::string(value, static_cast<size_t>(size));
}

bool set_xattr(const std::string& path, const char* name, const std::string& value) {
    return setxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
}

// cap_net_raw=ep
std::string capability() {
    std::string value;
    append(value, 0x02000001, 4);
    append(value, 1u << 13, 4);
    append(value, 0, 8);
    append(value, 0, 4);
    return value;
}

struct Files {
    const Directory directory{shared_volume(Kind::ext4)};
    const std::string from = directory / "from";
    const std::string to = directory / "to";

    explicit Files(uint64_t size = 10'000) {
        chmod(directory.path().c_str(), 0777);
        write_pattern(from, size);
        chmod(from.c_str(), 0640);
    }
};

} // namespace

TEST_CASE_FIXTURE(Clean, "preserve xattr copies attributes of any size, and only then") {
    NEEDS(shared_volume(Kind::ext4));
    const Files files;
    const std::string odd("a\0b\xff", 4);
    REQUIRE(set_xattr(files.from, "user.short", "v"));
    REQUIRE(set_xattr(files.from, "user.empty", ""));
    REQUIRE(set_xattr(files.from, "user.bytes", odd));
    REQUIRE(set_xattr(files.from, "user.long", pattern(2000)));
    REQUIRE(set_xattr(files.from, "trusted.mine", "t"));
    REQUIRE(set_xattr(files.from, acl_name, acl_for(4321)));
    Pool pool;
    const auto preserving = [](uint32_t what) { return Options().with_preserve(what); };
    CHECK(pool.copy(files.from, files.to).result == 0);
    CHECK(listxattr(files.to.c_str(), nullptr, 0) == 0);

    CHECK(pool.copy(files.from, files.to, preserving(ARSYNC_PRESERVE_XATTR)).result == 0);
    CHECK(xattr(files.to, "user.short") == "v");
    CHECK(getxattr(files.to.c_str(), "user.empty", nullptr, 0) == 0);
    CHECK(xattr(files.to, "user.bytes") == odd);
    CHECK(xattr(files.to, "user.long") == pattern(2000));
    CHECK(xattr(files.to, "trusted.mine") == "t");
    CHECK(xattr(files.to, acl_name) == ""); // goes with the mode
}

TEST_CASE_FIXTURE(
    Clean, "attributes that the destination cannot hold are an error, and cost nothing else") {
    NEEDS(shared_volume(Kind::xfs));
    NEEDS(shared_volume(Kind::ext4));
    const Directory from(shared_volume(Kind::xfs));
    const Directory to(shared_volume(Kind::ext4));
    write_pattern(from / "file", 10'000);
    REQUIRE(set_xattr(from / "file", "user.little", "l"));
    REQUIRE(set_xattr(from / "file", "user.huge", pattern(60'000)));
    REQUIRE(set_xattr(from / "file", "user.zero", "z"));
    Pool pool;
    const arsync_completion done =
        pool.copy(from / "file", to / "file", Options().with_preserve(ARSYNC_PRESERVE_XATTR));
    INFO(words(done));
    CHECK((done.result == -ENOSPC || done.result == -E2BIG));
    CHECK(done.stage == ARSYNC_STAGE_XATTR);
    CHECK((done.flags & ARSYNC_COMPLETION_COPIED) != 0);
    CHECK(difference(from / "file", to / "file") == "");
    CHECK(xattr(to / "file", "user.little") == "l");
    CHECK(xattr(to / "file", "user.zero") == "z"); // before and after it in any order
}

TEST_CASE_FIXTURE(Clean,
                  "preserve mode copies the ACL, and takes away one that the source has not") {
    NEEDS(shared_volume(Kind::ext4));
    for (const uint64_t size : {uint64_t{10'000}, uint64_t{2'000'000}}) {
        const Files files(size);
        Pool pool;
        const Options mode = Options().with_preserve(ARSYNC_PRESERVE_MODE);
        write_pattern(files.to, 10, 9);
        REQUIRE(set_xattr(files.to, acl_name, acl_for(4321)));
        CHECK(pool.copy(files.from, files.to, mode).result == 0);
        CHECK(xattr(files.to, acl_name) == "");
        CHECK(mode_of(files.to) == 0640);

        REQUIRE(set_xattr(files.from, acl_name, acl_for(1111)));
        for (const char* name : {"to", "new"}) {
            const std::string to = files.directory / name;
            CHECK(pool.copy(files.from, to, mode).result == 0);
            CHECK(xattr(to, acl_name) == acl_for(1111));
            CHECK(mode_of(to) == mode_of(files.from));
        }
    }
}

TEST_CASE_FIXTURE(Clean, "what replaces a file without an ACL gets none from its directory") {
    NEEDS(shared_volume(Kind::ext4));
    const Files files;
    write_pattern(files.to, 100, 9);
    set_mode(files.to, 0660);
    REQUIRE(set_xattr(files.directory.path(), "system.posix_acl_default", acl_for(4321)));
    Pool pool;
    const Options atomic = Options().with_replace(ARSYNC_REPLACE_ATOMIC);
    CHECK(pool.copy(files.from, files.to, atomic).result == 0);
    CHECK(difference(files.from, files.to) == "");
    CHECK(xattr(files.to, "system.posix_acl_access") == "");
    CHECK(mode_of(files.to) == 0660);
}

TEST_CASE_FIXTURE(Clean, "preserve mode leaves nothing of the directory's default ACL") {
    NEEDS(shared_volume(Kind::ext4));
    const Files files;
    REQUIRE(set_xattr(files.directory.path(), "system.posix_acl_default", acl_for(4321)));
    Pool pool;
    const Options mode = Options().with_preserve(ARSYNC_PRESERVE_MODE);
    CHECK(pool.copy(files.from, files.to, mode).result == 0);
    CHECK(xattr(files.to, acl_name) == "");
    CHECK(mode_of(files.to) == 0640);
}

TEST_CASE_FIXTURE(Clean,
                  "an ACL is an error where there can be none, as with cp, if it is wanted") {
    NEEDS(shared_volume(Kind::ext4));
    NEEDS(shared_volume(Kind::tmpfs)); // so that mounts are our own
    const Files files;
    const Directory place(shared_volume(Kind::tmpfs));
    make_directories(place / "elsewhere");
    const Mounted elsewhere(place / "elsewhere", "ramfs"); // tmpfs has ACLs
    NEEDS(elsewhere);
    const std::string to = place / "elsewhere/to";
    Pool pool;
    const Options mode = Options().with_preserve(ARSYNC_PRESERVE_MODE);
    CHECK(pool.copy(files.from, to, mode).result == 0); // without one
    CHECK(mode_of(to) == mode_of(files.from));
    unlink(to.c_str());

    REQUIRE(set_xattr(files.from, acl_name, acl_for(1111)));
    REQUIRE(set_xattr(files.from, "user.x", "v"));
    const arsync_completion done = pool.copy(files.from, to, mode);
    CHECK(done.result == -EOPNOTSUPP);
    CHECK(done.stage == ARSYNC_STAGE_MODE);
    CHECK((done.flags & ARSYNC_COMPLETION_COPIED) != 0);
    CHECK(difference(files.from, to) == "");
    // None wanted: no file system is too poor for that.
    CHECK(pool.copy(files.from, to, Options().with_preserve(ARSYNC_PRESERVE_TIMES)).result == 0);
    CHECK(exists(to));
}

TEST_CASE_FIXTURE(Clean, "root keeps file capabilities, though the owner changes too") {
    NEEDS(shared_volume(Kind::ext4));
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        const Files files;
        REQUIRE(chown(files.from.c_str(), 1234, 2345) == 0);
        REQUIRE(chmod(files.from.c_str(), 0755) == 0);
        REQUIRE(set_xattr(files.from, capability_name, capability()));
        Pool pool;
        const Options options =
            Options()
                .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_XATTR)
                .with_replace(replace);
        for (int existing = 0; existing < 2; ++existing) {
            CHECK(pool.copy(files.from, files.to, options).result == 0);
            CHECK(xattr(files.to, capability_name) == xattr(files.from, capability_name));
            CHECK(stat_of(files.to).st_uid == 1234);
        }
        CHECK(pool.copy(files.from, files.directory / "plain").result == 0);
        CHECK(xattr(files.directory / "plain", capability_name) == "");
    }
}

TEST_CASE_FIXTURE(Clean,
                  "an ordinary user who may not set an attribute is told, and keeps the others") {
    NEEDS(shared_volume(Kind::ext4));
    const Files files;
    REQUIRE(set_xattr(files.from, "user.mine", "m"));
    REQUIRE(chmod(files.from.c_str(), 0755) == 0);
    REQUIRE(set_xattr(files.from, capability_name, capability()));
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const arsync_completion done =
            pool.copy(files.from, files.to, Options().with_preserve(ARSYNC_PRESERVE_XATTR));
        EXPECT_WITH(report, done.result == -EPERM, words(done));
        EXPECT(report, done.stage == ARSYNC_STAGE_XATTR);
    });
    CHECK(difference(files.from, files.to) == "");
    CHECK(xattr(files.to, "user.mine") == "m");
}

TEST_CASE_FIXTURE(Clean, "an ordinary user's read-only files keep their attributes") {
    NEEDS(shared_volume(Kind::ext4));
    const std::initializer_list<uint32_t> preserved = {
        ARSYNC_PRESERVE_XATTR, ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_MODE, preserve_all};
    for (const uint64_t size : {uint64_t{10'000}, uint64_t{2'000'000}}) {
        const Files files(size);
        make_directories(files.directory / "tree");
        set_owner(files.directory / "tree", ordinary_user, ordinary_user);
        set_owner(files.from, ordinary_user, ordinary_user);
        REQUIRE(set_xattr(files.from, "user.mine", "m"));
        set_mode(files.from, 04555);
        make_hard_link(files.from, files.directory / "tree/file");
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            umask(027);
            Pool pool;
            for (const uint32_t what : preserved) {
                const std::string to = files.to + std::to_string(what);
                const Options options = Options().with_preserve(what);
                // Writable for a moment, and then as it would have been.
                const mode_t mode = (what & ARSYNC_PRESERVE_MODE) != 0 ? 04555 : 0550;
                const arsync_completion done = pool.copy(files.from, to, options);
                EXPECT_WITH(report, done.result == 0, words(done));
                EXPECT_WITH(report, xattr(to, "user.mine") == "m", to);
                EXPECT(report, mode_of(to) == mode);
                const TreeCopy tree = copy_tree(pool, files.directory / "tree", to + "d",
                                                recursive().with_preserve(what));
                EXPECT_WITH(report, tree.job.result == 0, words(tree));
                EXPECT_WITH(report, xattr(to + "d/file", "user.mine") == "m", to);
                EXPECT(report, mode_of(to + "d/file") == mode);
            }
        });
    }
}

// CAP_CHOWN alone: what was given away may not be named, nor changed any more.
TEST_CASE_FIXTURE(Clean, "who may give files away, and no more, loses nothing of them but setuid") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    for (const uint64_t size : {uint64_t{10'000}, uint64_t{2'000'000}}) {
        const Files files(size);
        REQUIRE(set_xattr(files.from, "user.mine", "m"));
        REQUIRE(chown(files.from.c_str(), 1234, 2345) == 0);
        set_mode(files.from, 04754);
        set_mtime(files.from, 1'000'000'000);
        check_in_child([&](Report& report) {
            EXPECT(report, keep_capabilities({CAP_CHOWN, CAP_DAC_READ_SEARCH}));
            Pool pool;
            const arsync_completion done =
                pool.copy(files.from, files.to, Options().with_preserve(preserve_all));
            EXPECT_WITH(report, done.result == -EPERM, words(done));
            EXPECT(report, done.stage == ARSYNC_STAGE_MODE);
            EXPECT(report, (done.flags & ARSYNC_COMPLETION_COPIED) != 0);
        });
        CHECK(difference(files.from, files.to) == "");
        const struct stat facts = stat_of(files.to);
        CHECK(facts.st_uid == 1234);
        CHECK(facts.st_gid == 2345);
        CHECK((facts.st_mode & 07777) == 0754);
        CHECK(facts.st_mtime == 1'000'000'000);
        CHECK(xattr(files.to, "user.mine") == "m");
    }
}

// A change of owner takes them away, so they are set once more after it.
TEST_CASE_FIXTURE(Clean, "who may set capabilities, and gives the file away, keeps them") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    for (const uint64_t size : {uint64_t{10'000}, uint64_t{2'000'000}}) {
        const Files files(size);
        REQUIRE(chown(files.from.c_str(), 1234, 2345) == 0);
        set_mode(files.from, 0755);
        REQUIRE(set_xattr(files.from, capability_name, capability()));
        check_in_child([&](Report& report) {
            EXPECT(report, keep_capabilities({CAP_CHOWN, CAP_SETFCAP, CAP_DAC_READ_SEARCH}));
            Pool pool;
            const arsync_completion done =
                pool.copy(files.from, files.to, Options().with_preserve(preserve_all));
            EXPECT_WITH(report, done.result == 0, words(done));
        });
        CHECK(stat_of(files.to).st_uid == 1234);
        CHECK(xattr(files.to, capability_name) == capability());
    }
}

TEST_CASE_FIXTURE(Clean, "what is brought up to date loses the capabilities that its source lost") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Files files(10'000);
    write_pattern(files.to, 10'000);
    for (const std::string& file : {files.from, files.to})
        set_mtime(file, 1'000'000'000);
    REQUIRE(set_xattr(files.to, capability_name, capability()));
    Pool pool;
    const arsync_completion done = pool.copy(
        files.from, files.to,
        Options().with_preserve(ARSYNC_PRESERVE_XATTR).with_update(ARSYNC_UPDATE_CHANGED));
    CHECK(done.result == 0);
    CHECK(done.action == ARSYNC_ACTION_SKIP);
    CHECK(xattr(files.to, capability_name) == "");
}

// It is taken back while it is changed; then its owner is another than when it was looked at.
TEST_CASE_FIXTURE(Clean, "a file that was the source's owner's before is his afterwards") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    for (const uint64_t size : {uint64_t{10'000}, uint64_t{2'000'000}}) {
        const Files files(size);
        write_pattern(files.to, 700, 2);
        for (const std::string& file : {files.from, files.to})
            REQUIRE(chown(file.c_str(), 1234, 1234) == 0);
        set_mode(files.from, 0640);
        check_in_child([&](Report& report) {
            EXPECT(report, keep_capabilities({CAP_CHOWN, CAP_DAC_OVERRIDE}));
            Pool pool;
            const arsync_completion done =
                pool.copy(files.from, files.to, Options().with_preserve(preserve_all));
            EXPECT_WITH(report, (done.flags & ARSYNC_COMPLETION_COPIED) != 0, words(done));
        });
        CHECK(difference(files.from, files.to) == "");
        CHECK(stat_of(files.to).st_uid == 1234);
        CHECK(stat_of(files.to).st_gid == 1234);
        CHECK(mode_of(files.to) == 0640);
    }
}

} // namespace live
