// Whose the copy is: maps of users and groups, and mounts that map them.
#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/acl.h"
#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

std::string acl_of(const std::string& path) {
    char value[1024];
    const ssize_t size = getxattr(path.c_str(), acl_name, value, sizeof value);
    return size < 0 ? "" : std::string(value, static_cast<size_t>(size));
}

std::string owner_of(const std::string& path) {
    struct stat status {};
    lstat(path.c_str(), &status);
    return std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid);
}

Options with_maps(Options options, const char* users, const char* groups) {
    options.user_map = users;
    options.group_map = groups;
    return options;
}

// What is at `path` once more at `at`, where the user and group 5 to 14 of the disk are shown as
// 100005 to 100014.
class IdMapped {
public:
    IdMapped(const std::string& path, const std::string& at) : at_(at) {
        const int space = user_namespace();
        const auto tree = static_cast<int>(
            syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        mount_attr attributes{};
        attributes.attr_set = MOUNT_ATTR_IDMAP;
        attributes.userns_fd = static_cast<uint64_t>(space);
        usable_ =
            space >= 0 && tree >= 0 &&
            syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) ==
                0 &&
            syscall(SYS_move_mount, tree, "", AT_FDCWD, at.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0;
        close(space);
        close(tree);
    }
    IdMapped(const IdMapped&) = delete;
    IdMapped& operator=(const IdMapped&) = delete;
    ~IdMapped() {
        if (usable_)
            umount2(at_.c_str(), MNT_DETACH);
    }
    bool usable() const { return usable_; }
    std::string why() const { return "no id-mapped mount to be had"; }

private:
    // In one call, from its beginning, as these files want it.
    static void put(const std::string& path, const std::string& text) {
        const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
        CHECK(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        close(fd);
    }
    // -1 if there is none. It lives as long as its descriptor.
    static int user_namespace() {
        int ready[2];
        int done[2];
        if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
            return -1;
        const Child child([&] {
            char byte = unshare(CLONE_NEWUSER) == 0 ? 1 : 0;
            if (write(ready[1], &byte, 1) == 1)
                static_cast<void>(read(done[0], &byte, 1));
        });
        char byte = 0;
        const bool made = read(ready[0], &byte, 1) == 1 && byte == 1;
        const std::string process = "/proc/" + std::to_string(child.pid());
        int space = -1;
        if (made) {
            for (const char* map : {"/uid_map", "/gid_map"})
                put(process + map, "0 0 1\n5 100005 10\n");
            space = open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC);
        }
        for (const int fd : {ready[0], ready[1], done[0], done[1]})
            close(fd);
        return space;
    }

    const std::string at_;
    bool usable_ = false;
};

} // namespace

TEST_CASE_FIXTURE(Clean, "a tree's owners and ACLs are whom the maps say") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from";
    make_files(from, {"a", "b", "sub/c"});
    write_pattern(from + "/large", 3'000'000);
    make_symlink("a", from + "/link");
    make_node(from + "/pipe", S_IFIFO | 0600);
    set_owner(from + "/a", 1001, 2001);
    set_owner(from + "/large", 1001, 2001);
    set_owner(from + "/sub", 1005, 2002);
    set_owner(from + "/sub/c", 7, 8);
    REQUIRE(lchown((from + "/link").c_str(), 1001, 2001) == 0);
    REQUIRE(lchown((from + "/pipe").c_str(), 1009, 2001) == 0);
    REQUIRE(setxattr((from + "/b").c_str(), acl_name, acl_for(1003).data(), acl_for(1003).size(),
                     0) == 0);
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        const std::string to = directory / ("to" + std::to_string(replace));
        const Options options =
            with_maps(archive().with_replace(replace), "1001:44,1000-1009:3000-3009", "2001:root");
        Pool pool;
        for (int run = 0; run < 2; ++run) { // the second one finds all of it
            const TreeCopy copy = copy_tree(pool, from, to, options);
            INFO(words(copy));
            CHECK(copy.job.result == 0);
            CHECK(owner_of(to + "/a") == "44:0");
            CHECK(owner_of(to + "/large") == "44:0");
            CHECK(owner_of(to + "/sub") == "3005:2002");
            CHECK(owner_of(to + "/sub/c") == "7:8");
            CHECK(owner_of(to + "/link") == "44:0");
            CHECK(owner_of(to + "/pipe") == "3009:0");
            CHECK(acl_of(to + "/b") == acl_for(3003));
        }
        // What is up to date is compared with what is mapped.
        set_owner(to + "/a", 1001, 2001);
        Options changed = options;
        const TreeCopy copy = copy_tree(pool, from, to, changed.with_update(ARSYNC_UPDATE_CHANGED));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(owner_of(to + "/a") == "44:0");
    }
}

TEST_CASE_FIXTURE(Clean, "a map of users or of groups alone is one for ACLs, too") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from";
    make_files(from, {"user", "group"});
    const auto give = [&](const char* name, const std::string& value) {
        REQUIRE(setxattr((from + name).c_str(), acl_name, value.data(), value.size(), 0) == 0);
    };
    give("/user", acl_for(1003));
    give("/group", acl_for_group(1003));
    Pool pool;
    for (const bool users : {true, false}) {
        CAPTURE(users);
        const std::string to = directory / (users ? "users" : "groups");
        const TreeCopy copy = copy_tree(
            pool, from, to,
            with_maps(archive(), users ? "1003:3003" : nullptr, users ? nullptr : "1003:3003"));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(acl_of(to + "/user") == acl_for(users ? 3003 : 1003));
        CHECK(acl_of(to + "/group") == acl_for_group(users ? 1003 : 3003));
    }
}

TEST_CASE_FIXTURE(Clean, "a map that is none, or is for nothing, is refused") {
    const Directory directory;
    write_pattern(directory / "from", 10);
    Pool pool;
    const auto result = [&](const char* users, uint32_t preserve) {
        return pool
            .copy(directory / "from", directory / "to",
                  with_maps(Options().with_preserve(preserve), users, nullptr))
            .result;
    };
    CHECK(result("0", ARSYNC_PRESERVE_OWNER) == -EINVAL);
    CHECK(result("0:1", ARSYNC_PRESERVE_TIMES) == -EINVAL);
    CHECK(!exists(directory / "to"));
}

TEST_CASE_FIXTURE(Clean, "an id-mapped mount shows whose its files are, and takes them so") {
    NEEDS_ROOT();
    for (const Kind kind : {Kind::ext4, Kind::tmpfs}) {
        CAPTURE(name_of(kind));
        NEEDS(shared_volume(kind));
        const Directory directory(shared_volume(kind));
        make_directories(directory / "disk");
        make_directories(directory / "view");
        const IdMapped view(directory / "disk", directory / "view");
        NEEDS(view);
        Pool pool;
        const Options options = archive();
        make_files(directory / "disk/from", {"a", "sub/b"});
        for (const char* name : {"disk/from/a", "disk/from/sub", "disk/from/sub/b"})
            set_owner(directory / name, 5, 6);
        REQUIRE(owner_of(directory / "view/from/a") == "100005:100006");
        CHECK(copy_tree(pool, directory / "view/from", directory / "out", options).job.result == 0);
        CHECK(owner_of(directory / "out/a") == "100005:100006");
        CHECK(owner_of(directory / "out/sub/b") == "100005:100006");

        // Back in.
        CHECK(copy_tree(pool, directory / "out", directory / "view/in", options).job.result == 0);
        CHECK(owner_of(directory / "view/in/a") == "100005:100006");
        CHECK(owner_of(directory / "disk/in/sub/b") == "5:6");

        // What the mount has no id for is lost and told, unless a map gives it one.
        set_owner(directory / "out/a", 77, 77);
        const arsync_completion lost = pool.copy(directory / "out/a", directory / "view/lost",
                                                 Options().with_preserve(ARSYNC_PRESERVE_OWNER));
        INFO(words(lost));
        CHECK(lost.result < 0);
        CHECK(lost.stage == ARSYNC_STAGE_OWNER);
        CHECK((lost.flags & ARSYNC_COMPLETION_COPIED) != 0);
        CHECK((lost.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
        CHECK(pool.copy(directory / "out/a", directory / "view/kept",
                        with_maps(Options().with_preserve(ARSYNC_PRESERVE_OWNER), "77:100007",
                                  "77:100008"))
                  .result == 0);
        CHECK(owner_of(directory / "disk/kept") == "7:8");
    }
}

TEST_CASE_FIXTURE(Clean, "the owner that a map says and an ordinary user cannot give is an error") {
    NEEDS_ROOT();
    const Directory directory;
    set_mode(directory.path(), 0777);
    make_files(directory / "from", {"a"});
    make_files(directory / "to", {"theirs", "ours"});
    set_owner(directory / "to/theirs", 2000, 2000);
    set_owner(directory / "to/ours", ordinary_user, ordinary_user);
    for (const char* name : {"to/theirs", "to/ours"})
        set_mode(directory / name, 0666);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        const std::string map = "*:" + std::to_string(ordinary_user);
        const Options options =
            with_maps(Options().with_preserve(ARSYNC_PRESERVE_OWNER), map.c_str(), nullptr);
        Pool pool;
        EXPECT(report, pool.copy(directory / "from/a", directory / "to/ours", options).result == 0);
        const arsync_completion lost =
            pool.copy(directory / "from/a", directory / "to/theirs", options);
        EXPECT(report, lost.result == -EPERM);
        EXPECT(report, lost.stage == ARSYNC_STAGE_OWNER);
        EXPECT(report, (lost.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
    });
    CHECK(owner_of(directory / "to/theirs") == "2000:2000");
}

} // namespace live
