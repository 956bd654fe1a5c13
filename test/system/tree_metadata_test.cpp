// Every kind of entry with every attribute, judged by rsync, find, getfattr, getfacl and getcap.
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <system_error>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/command.h"
#include "system/tree.h"

namespace live {

namespace {

namespace fs = std::filesystem;

#define NEEDS_JUDGES()                                                                             \
    do {                                                                                           \
        for (const char* judge : {"rsync", "getfattr", "getfacl", "setfacl", "getcap", "find"})    \
            NEEDS_COMMAND(judge);                                                                  \
    } while (false)

void must(bool well, const std::string& what) {
    if (!well)
        throw std::system_error(errno, std::generic_category(), what);
}

void set_xattr(const std::string& path, const char* name, const std::string& value) {
    must(lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0, path + " " + name);
}

void set_acl(const std::string& path, const std::string& acl) {
    const std::string said = output_of({"setfacl", "-m", acl, path});
    if (!said.empty())
        throw std::runtime_error("setfacl " + path + ": " + said);
}

// Each entry has times of its own, down to the nanosecond. Access times lie ahead, so that reading
// does not move them (relatime). What is in a directory comes before it.
void set_all_times(const std::string& path, int& count) {
    if (fs::is_directory(fs::symlink_status(path)))
        for (const auto& entry : fs::directory_iterator(path))
            set_all_times(entry.path().string(), count);
    ++count;
    const timespec times[2] = {{2'100'000'000 + count, 900'000'001 + 1001 * count},
                               {1'000'000'000 + count, 100'000'001 + 1003 * count}};
    must(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, path);
}

void set_all_times(const std::string& top) {
    int count = 0;
    set_all_times(top, count);
}

// What any user may make.
void make_ordinary_kinds(const std::string& top) {
    for (const char* name : {"", "/a", "/a/b", "/a/b/c", "/empty", "/readonly", "/other"})
        make_directories(top + name);
    write_file(top + "/file", pattern(10'000));
    write_file(top + "/large", pattern(3'000'000, 2));
    write_file(top + "/nothing", "");
    write_file(top + "/a/private", "p");
    write_file(top + "/a/b/c/deep", pattern(500, 3));
    write_file(top + "/readonly/within", "w");
    write_file(top + "/readonly/unwritable", "u");
    write_sparse(top + "/sparse", 4 << 20, {{1 << 20, (1 << 20) + 65536}});
    write_sparse(top + "/all-hole", 1 << 20, {});
    make_symlink("file", top + "/link");
    make_symlink("a/b", top + "/link-to-directory");
    make_symlink("leads/nowhere", top + "/dangling");
    make_node(top + "/a/fifo", S_IFIFO | 0620);
    make_node(top + "/a/socket", S_IFSOCK | 0700);
    write_file(top + "/other/several", pattern(20'000, 4));
    for (const char* name : {"/several", "/a/b/several", "/other/again"})
        make_hard_link(top + "/other/several", top + name);
    make_hard_link(top + "/dangling", top + "/a/dangling-again");
    make_hard_link(top + "/a/fifo", top + "/other/fifo-again");

    set_xattr(top + "/file", "user.short", "v");
    set_xattr(top + "/file", "user.empty", "");
    set_xattr(top + "/large", "user.bytes", std::string("a\0b\xff", 4));
    set_xattr(top + "/a", "user.of-a-directory", "d");
    set_xattr(top, "user.of-the-root", "r");
    set_acl(top + "/a/private", "u:4321:rw,g:2345:r,m::rw");
    set_acl(top + "/a/b", "u:4321:rx");
    set_acl(top + "/a/b", "d:u:4321:rwx,d:g:2345:r");

    set_mode(top + "/file", 0644);
    set_mode(top + "/large", 06755);
    set_mode(top + "/nothing", 0000);
    set_mode(top + "/readonly/unwritable", 0400);
    set_mode(top + "/a", 03771);
    set_mode(top + "/other", 01777);
    set_mode(top + "/empty", 0500);
    set_mode(top + "/readonly", 0555);
    set_mode(top, 0750);
}

// And what only root may.
void make_every_kind(const std::string& top) {
    make_ordinary_kinds(top);
    make_node(top + "/a/character", S_IFCHR | 0640, makedev(1, 3));
    make_node(top + "/a/block", S_IFBLK | 0660, makedev(7, 200));
    set_owner(top + "/file", 1001, 1002);
    set_owner(top + "/link", 1003, 1004);
    set_owner(top + "/a/fifo", 1005, 1006);
    set_owner(top + "/a/character", 1007, 1008);
    set_owner(top + "/large", 1009, 1010);
    set_mode(top + "/large", 06755); // which the change of owner has taken away
    set_owner(top + "/other", 1011, 1012);
    write_file(top + "/capable", "c");
    set_owner(top + "/capable", 1013, 1014);
    set_mode(top + "/capable", 0755);
    must(output_of({"setcap", "cap_net_raw,cap_sys_nice=ep", top + "/capable"}).empty(), "setcap");
    set_xattr(top + "/file", "trusted.mine", "t");
    set_xattr(top + "/link", "trusted.of-a-link", "l");
    set_xattr(top + "/a/fifo", "trusted.of-a-fifo", "f");
    set_xattr(top + "/a/character", "trusted.of-a-device", "c");
    // A policy that is in force may refuse labels that it does not know.
    for (const char* name : {"/file", "/link", "/a", "/a/fifo"})
        lsetxattr((top + name).c_str(), "security.selinux", "user_u:object_r:tmp_t:s0", 25, 0);
}

// ---- the judges ----

std::string listing(const std::string& top, const std::string& command) {
    return output_in(top, command);
}

std::string first_difference(const std::string& a, const std::string& b) {
    if (a == b)
        return "";
    const auto both = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    const auto line = [](const std::string& text, ptrdiff_t at) {
        const size_t from = at > 0 ? text.rfind('\n', static_cast<size_t>(at) - 1) : 0;
        const size_t begin = from == std::string::npos ? 0 : from;
        return text.substr(begin, text.find('\n', static_cast<size_t>(at)) - begin);
    };
    return line(a, both.first - a.begin()) + " and " + line(b, both.second - b.begin());
}

// Kind, mode, owner, times and what links hold. Looks at a directory before it reads it.
std::string stat_listing(const std::string& top) {
    return listing(top, "find . \\( -type d -printf '%p %y %#m %U:%G %A@ %T@\\n' \\) -o "
                        "-printf '%p %y %#m %U:%G %A@ %T@ %s %n %l\\n' | LC_ALL=C sort");
}

// XFS shows ACLs a second time, as attributes of a name of its own.
std::string rsync_difference(const std::string& from, const std::string& to) {
    return output_of({"rsync", "-naiHAX", "--checksum", "--delete", "--filter=-x trusted.SGI_ACL_*",
                      from + "/", to + "/"});
}

std::string attributes(const std::string& top) {
    return listing(top, "find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m- -e hex | "
                        "grep -v ^trusted.SGI_ACL_");
}

std::string acls(const std::string& top) {
    return listing(top, "find . ! -type l -print0 | LC_ALL=C sort -z | xargs -0 getfacl -n");
}

std::string capabilities(const std::string& top) {
    return listing(top, "getcap -r . | LC_ALL=C sort");
}

std::string device_numbers(const std::string& top) {
    return listing(top, "find . \\( -type b -o -type c \\) -exec stat -c '%n %t:%T' {} + | sort");
}

// Asked before anything else, for the others move access times.
void check_alike(const std::string& from, const std::string& to, bool judge_rsync = true) {
    CHECK(first_difference(stat_listing(from), stat_listing(to)) == "");
    if (judge_rsync)
        CHECK(rsync_difference(from, to) == "");
    CHECK(first_difference(attributes(from), attributes(to)) == "");
    CHECK(first_difference(acls(from), acls(to)) == "");
    CHECK(first_difference(capabilities(from), capabilities(to)) == "");
    CHECK(first_difference(device_numbers(from), device_numbers(to)) == "");
    for (const char* name : {"/sparse", "/all-hole"}) {
        CHECK(hole_difference(from + name, to + name) == "");
        CHECK(difference(from + name, to + name) == "");
    }
    CHECK(stat_of(to + "/several").st_ino == stat_of(to + "/other/again").st_ino);
    CHECK(stat_of(to + "/several").st_nlink == 4);
}

void keeps_everything(Kind from_kind, Kind to_kind, bool inherits = false) {
    const Volume& from_volume = shared_volume(from_kind);
    const Volume& to_volume = shared_volume(to_kind);
    NEEDS(from_volume);
    NEEDS(to_volume);
    NEEDS_JUDGES();
    const Directory source(from_volume);
    const Directory destination(to_volume);
    const std::string from = source / "tree";
    make_every_kind(from);
    set_all_times(from);
    if (inherits)
        set_acl(destination.path(), "d:u:999:rwx");
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const std::string to = destination / backend_name(backend);
        for (const bool again : {false, true}) { // over what is there already
            CAPTURE(again);
            const TreeCopy copy = copy_tree(pool, from, to, archive());
            INFO(words(copy));
            CHECK(copy.job.result == 0);
            CHECK(copy.entries.empty());
            check_alike(from, to);
        }
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "rsync finds nothing to do after a copy of every kind of entry on ext4") {
    keeps_everything(Kind::ext4, Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "rsync finds nothing to do after a copy of every kind of entry on XFS") {
    keeps_everything(Kind::xfs, Kind::xfs);
}
TEST_CASE_FIXTURE(Clean, "rsync finds nothing to do after a copy of every kind of entry on btrfs") {
    keeps_everything(Kind::btrfs, Kind::btrfs);
}
TEST_CASE_FIXTURE(Clean, "rsync finds nothing to do after a copy of every kind of entry on tmpfs") {
    keeps_everything(Kind::tmpfs, Kind::tmpfs);
}
TEST_CASE_FIXTURE(Clean,
                  "rsync finds nothing to do after a copy of every kind of entry on overlayfs") {
    keeps_everything(Kind::overlay, Kind::overlay);
}
TEST_CASE_FIXTURE(Clean, "rsync finds nothing to do after a copy from one file system to another") {
    keeps_everything(Kind::ext4, Kind::xfs);
    keeps_everything(Kind::btrfs, Kind::tmpfs);
}
TEST_CASE_FIXTURE(Clean, "nothing of the destination's default ACL stays where modes are kept") {
    keeps_everything(Kind::ext4, Kind::ext4, true);
}

TEST_CASE_FIXTURE(Clean, "of what XFS shows as attributes, ACLs are not copied as such") {
    NEEDS(shared_volume(Kind::xfs));
    NEEDS(shared_volume(Kind::ext4));
    NEEDS_COMMAND("setfacl");
    const Directory from(shared_volume(Kind::xfs));
    write_file(from / "file", "f");
    set_acl(from / "file", "u:4321:rw");
    for (const Kind kind : {Kind::xfs, Kind::ext4}) {
        CAPTURE(name_of(kind));
        const Directory to(shared_volume(kind));
        Pool pool;
        const TreeCopy copy = copy_tree(pool, from.path(), to / "tree",
                                        recursive().with_preserve(ARSYNC_PRESERVE_XATTR));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(listxattr((to / "tree/file").c_str(), nullptr, 0) == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "atomic replacing and durable copies keep every attribute too") {
    NEEDS(shared_volume(Kind::ext4));
    NEEDS_JUDGES();
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from";
    make_every_kind(from);
    set_all_times(from);
    Pool pool;
    for (const uint32_t replace : {ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_REMOVE}) {
        const std::string to = directory / ("to" + std::to_string(replace));
        const Options options = archive(ARSYNC_COPY_VERIFY)
                                    .with_replace(replace)
                                    .with_durability(ARSYNC_DURABILITY_FULL);
        for (const bool again : {false, true}) {
            CAPTURE(again);
            const TreeCopy copy = copy_tree(pool, from, to, options);
            INFO(words(copy));
            CHECK(copy.job.result == 0);
            check_alike(from, to);
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "an ordinary user keeps all of a tree of their own, on every file system") {
    NEEDS_JUDGES();
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs, Kind::overlay}) {
        CAPTURE(name_of(kind));
        const Volume& volume = shared_volume(kind);
        NEEDS(volume);
        const Directory directory(volume);
        set_mode(directory.path(), 0777);
        const std::string from = directory / "from";
        check_in_child([&](Report& report) {
            EXPECT(report, become_ordinary());
            make_ordinary_kinds(from);
            set_mode(from + "/nothing", 0400);
            set_all_times(from);
            for (const uint32_t backend : backends()) {
                Pool pool{PoolOptions(backend)};
                const TreeCopy copy =
                    copy_tree(pool, from, directory / backend_name(backend), archive());
                EXPECT_WITH(report, copy.job.result == 0, words(copy));
                EXPECT(report, copy.entries.empty());
            }
        });
        for (const uint32_t backend : backends())
            check_alike(from, directory / backend_name(backend));
    }
}

TEST_CASE_FIXTURE(Clean, "an ordinary user's copy of another's tree loses owners and setuid, and "
                         "says so") {
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from";
    make_directories(from + "/d");
    write_file(from + "/plain", "p");
    write_file(from + "/d/setuid", "s");
    make_symlink("plain", from + "/link");
    make_node(from + "/fifo", S_IFIFO | 0644);
    set_mode(from + "/plain", 0644);
    set_mode(from + "/d/setuid", 06755);
    set_mode(from + "/d", 02755);
    const std::string to = directory / "to";
    make_directories(to);
    set_owner(to, ordinary_user, ordinary_user);
    check_in_child([&](Report& report) {
        EXPECT(report, become_ordinary());
        Pool pool;
        const TreeCopy copy = copy_tree(pool, from, to + "/t", archive());
        EXPECT_WITH(report, copy.job.result == 0, words(copy));
        for (const char* path : {"plain", "d", "d/setuid", "link", "fifo"}) {
            const Entry* entry = copy.find(path);
            EXPECT_WITH(report,
                        entry && (entry->flags & ARSYNC_COMPLETION_OWNER_LOST) != 0 &&
                            entry->result == 0,
                        path);
        }
        EXPECT(report, copy.totals.errors == 0);
    });
    CHECK(mode_of(to + "/t/d/setuid") == 0755);
    CHECK(mode_of(to + "/t/d") == 0755);
    CHECK(mode_of(to + "/t/plain") == 0644);
    CHECK(stat_of(to + "/t/plain").st_uid == ordinary_user);
    CHECK(tree_difference(from, to + "/t") == "");
}

TEST_CASE_FIXTURE(Clean, "without preserve a tree gets modes less the umask, and this moment") {
    const Directory directory;
    const std::string from = directory / "from";
    make_directories(from + "/open");
    make_directories(from + "/readonly");
    write_file(from + "/open/setuid", "s");
    write_file(from + "/readonly/within", "w");
    make_node(from + "/open/fifo", S_IFIFO | 0666);
    set_mode(from + "/open/setuid", 06777);
    set_mode(from + "/open", 0777);
    set_mode(from + "/readonly", 0555);
    set_mtime(from + "/open", 1'000'000'000);
    check_in_child([&](Report& report) {
        umask(027);
        Pool pool;
        const TreeCopy copy = copy_tree(pool, from, directory / "to");
        EXPECT_WITH(report, copy.job.result == 0, words(copy));
        const TreeCopy other =
            copy_tree(pool, from, directory / "default", recursive(ARSYNC_COPY_DEFAULT_MODE));
        EXPECT_WITH(report, other.job.result == 0, words(other));
    });
    CHECK(mode_of(directory / "to/open") == 0750);
    CHECK(mode_of(directory / "to/open/setuid") == 0750);
    CHECK(mode_of(directory / "to/open/fifo") == 0640);
    CHECK(mode_of(directory / "to/readonly") == 0550);
    CHECK(mode_of(directory / "default/open") == 0750);
    CHECK(mode_of(directory / "default/open/setuid") == 0640);
    CHECK(mode_of(directory / "default/readonly") == 0750);
    CHECK(stat_of(directory / "to/open").st_mtime > 1'000'000'000);
    CHECK(tree_difference(from, directory / "to") == "");
}

} // namespace live
