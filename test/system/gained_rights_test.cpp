// An ordinary user copies what others have: setuid and setgid programs, programs with capabilities,
// devices, and files with ACLs. However it is copied, nobody can do afterwards what they could not
// do before, and what could not be kept is told.
#include <cerrno>
#include <filesystem>
#include <functional>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/acl.h"
#include "system/check.h"
#include "system/child.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr unsigned other_user = 4242; // whom the ACLs name
constexpr unsigned stranger = 777;
constexpr const char* capability_name = "security.capability";
const dev_t null_device = makedev(1, 3);
const dev_t no_device = makedev(60, 0); // a block device that nothing serves

void set_attribute(const std::string& path, const char* name, const std::string& value) {
    REQUIRE(setxattr(path.c_str(), name, value.data(), value.size(), 0) == 0);
}
bool has_attribute(const std::string& path, const char* name) {
    return lgetxattr(path.c_str(), name, nullptr, 0) >= 0;
}

// cap_setuid=ep
std::string capability() {
    std::string value;
    append(value, 0x02000001, 4);
    append(value, 1u << 7, 4);
    value.append(12, '\0'); // none inheritable, nor of the upper 32
    return value;
}

const std::vector<std::string>& programs() {
    static const std::vector<std::string> all = {
        "setuid",         "setgid", "both",  "own-group",  "capable",
        "capable-setuid", "acl",    "large", "dir/setuid", "dir/own-group"};
    return all;
}
const std::vector<std::string> devices = {"null", "block", "dir/null"};

void make_source(const std::string& top) {
    make_directories(top + "/dir");
    const auto program = [&](const std::string& name, unsigned group, mode_t mode,
                             uint64_t size = 3000) {
        write_pattern(top + "/" + name, size);
        set_owner(top + "/" + name, 0, group);
        set_mode(top + "/" + name, mode);
    };
    program("setuid", 0, 04755);
    program("setgid", 0, 02755);
    program("both", 0, 06755);
    program("own-group", ordinary_user, 06755);
    program("capable", 0, 0755);
    program("capable-setuid", 0, 04755);
    program("acl", 0, 0644);
    program("large", 0, 06755, 5'000'000);
    program("dir/setuid", 0, 04755);
    program("dir/own-group", ordinary_user, 02755);
    set_attribute(top + "/capable", capability_name, capability());
    set_attribute(top + "/capable-setuid", capability_name, capability());
    set_attribute(top + "/acl", acl_name, acl_for(other_user));
    set_owner(top + "/acl", ordinary_user, 0); // to be read
    make_node(top + "/null", S_IFCHR | 0666, null_device);
    make_node(top + "/block", S_IFBLK | 0666, no_device);
    make_node(top + "/dir/null", S_IFCHR | 0666, null_device);
    make_node(top + "/socket", S_IFSOCK | 04777);
    make_node(top + "/fifo", S_IFIFO | 06777);
    set_mode(top + "/dir", 03777);
}

// Some of it has been there before, and not all of it was the user's.
void make_old(const std::string& top) {
    make_directories(top + "/dir");
    write_pattern(top + "/setuid", 100, 9);
    set_mode(top + "/setuid", 06777); // another's, in the user's directory
    write_pattern(top + "/capable", 100, 9);
    set_mode(top + "/capable", 0777);
    set_attribute(top + "/capable", capability_name, capability());
    write_pattern(top + "/acl", 100, 9);
    set_attribute(top + "/acl", acl_name, acl_for(ordinary_user));
    write_pattern(top + "/dir/setuid", 100, 9);
    for (const char* path : {"", "/dir", "/dir/setuid"})
        set_owner(top + path, ordinary_user, ordinary_user);
    set_mode(top + "/dir/setuid", 0700);
}

struct Way {
    std::string name;
    Options options;
};
std::vector<Way> ways() {
    const auto mode = [] { return Options().with_preserve(ARSYNC_PRESERVE_MODE); };
    const auto all = [] { return Options().with_preserve(preserve_all); };
    return {
        {"nothing kept", Options()},
        {"mode", mode()},
        {"owner", Options().with_preserve(ARSYNC_PRESERVE_OWNER)},
        {"attributes", Options().with_preserve(ARSYNC_PRESERVE_XATTR)},
        {"mode and attributes",
         Options().with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_XATTR)},
        {"all", all()},
        {"all, atomic", all().with_replace(ARSYNC_REPLACE_ATOMIC)},
        {"nothing kept, atomic", Options().with_replace(ARSYNC_REPLACE_ATOMIC)},
        {"mode, atomic", mode().with_replace(ARSYNC_REPLACE_ATOMIC)},
        {"all, removed", all().with_replace(ARSYNC_REPLACE_REMOVE)},
        {"all, forced", all().with_flags(ARSYNC_COPY_FORCE)},
        {"all, changed", all().with_update(ARSYNC_UPDATE_CHANGED)},
        {"all, mirror", all().with_flags(ARSYNC_COPY_MIRROR)},
        {"all, backups", all().with_backup(ARSYNC_BACKUP_NUMBERED)},
        {"attributes alone", all().with_flags(ARSYNC_COPY_ATTRIBUTES_ONLY)},
        {"hard links", Options().with_flags(ARSYNC_COPY_HARD_LINK)},
    };
}

// Who keeps the mode and not the owner has asked for the bits, as of cp --preserve=mode: then a
// program is setuid to the user, and to nobody else.
bool asks_for_setuid(const Options& options) {
    return (options.preserve & ARSYNC_PRESERVE_MODE) != 0 &&
           (options.preserve & ARSYNC_PRESERVE_OWNER) == 0;
}

// What stands there that gives anybody more than the source, or what was there, did.
std::string gains(const std::string& from, const std::string& to, const std::string& old,
                  const Options& options) {
    std::string trouble;
    for (const std::string& name : names_in(to)) {
        const std::string path = to + "/" + name;
        struct stat there, source, before;
        if (lstat(path.c_str(), &there) < 0)
            continue;
        const bool has_source = lstat((from + "/" + name).c_str(), &source) == 0;
        const std::string name_before = name.substr(0, name.find(".~")); // of a backup
        const bool was_there = lstat((old + "/" + name_before).c_str(), &before) == 0;
        if (has_source && source.st_ino == there.st_ino)
            continue; // one more name of it
        const auto whose = [](const struct stat& a, const struct stat& b) {
            return a.st_uid == b.st_uid && a.st_gid == b.st_gid;
        };
        const bool asked = asks_for_setuid(options) && there.st_uid == ordinary_user &&
                           there.st_gid == ordinary_user;
        const auto had = [&](mode_t bit) {
            return (asked && has_source && (source.st_mode & bit) != 0) ||
                   (has_source && (source.st_mode & bit) != 0 && whose(source, there)) ||
                   (was_there && (before.st_mode & bit) != 0 && whose(before, there));
        };
        if (S_ISCHR(there.st_mode) || S_ISBLK(there.st_mode))
            trouble += name + " is a device; ";
        for (const mode_t bit : {mode_t{S_ISUID}, mode_t{S_ISGID}})
            if ((there.st_mode & bit) != 0 && !had(bit))
                trouble += name + " has gained " + (bit == S_ISUID ? "setuid" : "setgid") + "; ";
        if (S_ISREG(there.st_mode) && there.st_uid == ordinary_user &&
            has_attribute(path, capability_name))
            trouble += name + " has capabilities; ";
    }
    return trouble;
}

// What this user may do to a copy and not to its source.
void expect_no_more_access(Report& report, unsigned user, const std::string& from,
                           const std::string& to) {
    EXPECT(report, become_ordinary(user));
    for (const std::string& name : programs())
        for (const int right : {R_OK, W_OK, X_OK}) {
            const std::string copy = to + "/" + name;
            const bool may = access(copy.c_str(), right) == 0;
            const bool may_source = access((from + "/" + name).c_str(), right) == 0;
            EXPECT_WITH(report, !may || may_source, name + " " + std::to_string(right));
        }
}

void expect_devices_are_refused(Report& report, const ListCopy& copy) {
    for (const std::string& device : devices) {
        unsigned told = 0;
        for (const Told& entry : copy.all)
            if (entry.path == device && entry.action == ARSYNC_ACTION_MAKE_SPECIAL) {
                ++told;
                EXPECT_WITH(report, entry.result == -EPERM, device);
                EXPECT_WITH(report, entry.stage == ARSYNC_STAGE_MAKE_SPECIAL, device);
                EXPECT_WITH(report, !entry.has(ARSYNC_COMPLETION_COPIED), device);
            }
        EXPECT_WITH(report, told == 1, device);
    }
}

void expect_losses_are_told(Report& report, const ListCopy& copy, const Options& options) {
    constexpr uint32_t lost = ARSYNC_COMPLETION_OWNER_LOST;
    for (const Told& entry : copy.all) {
        if (entry.action != ARSYNC_ACTION_COPY || !entry.has(ARSYNC_COMPLETION_COPIED))
            continue;
        if ((options.preserve & ARSYNC_PRESERVE_OWNER) != 0)
            EXPECT_WITH(report, entry.has(lost), entry.path);
        if ((options.preserve & ARSYNC_PRESERVE_XATTR) != 0 && entry.path.starts_with("capable"))
            EXPECT_WITH(report, entry.result == -EPERM && entry.stage == ARSYNC_STAGE_XATTR,
                        entry.path);
    }
}

// old: what was there before; "none": nothing.
void expect_no_gain(const std::string& from, const std::string& to, const std::string& old,
                    const Options& options) {
    CHECK(gains(from, to, old, options) == "");
    if (old == "none")
        for (const unsigned user : {other_user, stranger})
            check_in_child([&](Report& report) { expect_no_more_access(report, user, from, to); });
}

} // namespace

TEST_CASE_FIXTURE(Clean, "an ordinary user's tree of others' programs gives nobody more rights") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from", old = directory / "old";
    make_source(from);
    make_old(old);
    unsigned number = 0;
    for (const Way& way : ways())
        for (const bool was_there : {false, true}) {
            CAPTURE(way.name);
            CAPTURE(was_there);
            const std::string here = directory / "here", to = here + "/to";
            make_directories(here);
            set_owner(here, ordinary_user, ordinary_user);
            if (was_there)
                make_old(to);
            const Options options =
                Options(way.options).with_flags(way.options.flags | ARSYNC_COPY_RECURSIVE);
            const auto all = backends();
            const uint32_t backend = all[number++ % all.size()];
            check_in_child([&](Report& report) {
                EXPECT(report, become_ordinary());
                umask(0);
                Pool pool{PoolOptions(backend)};
                for (unsigned time = 0; time < 2; ++time) {
                    const arsync_job job =
                        pool.submit(from, to, Options(options).with_report(ARSYNC_REPORT_ALL));
                    EXPECT(report, job != 0);
                    const ListCopy copy = take_list(pool);
                    const bool makes_them = (options.flags & ARSYNC_COPY_HARD_LINK) == 0;
                    if (makes_them && !was_there)
                        expect_devices_are_refused(report, copy);
                    if (!was_there && time == 0)
                        expect_losses_are_told(report, copy, options);
                    EXPECT_WITH(report, copy.job.result == -EPERM || was_there || time > 0,
                                words(copy));
                }
            });
            expect_no_gain(from, to, was_there ? old : "none", way.options);
            remove_tree(here);
        }
}

TEST_CASE_FIXTURE(Clean, "an ordinary user's list of others' programs gives nobody more rights") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from", old = directory / "old";
    make_source(from);
    make_old(old);
    std::vector<std::string> names = programs();
    names.insert(names.end(), devices.begin(), devices.end());
    unsigned number = 0;
    for (const Way& way : ways())
        for (const bool was_there : {false, true}) {
            if ((way.options.flags & ARSYNC_COPY_MIRROR) != 0)
                continue;
            CAPTURE(way.name);
            CAPTURE(was_there);
            const std::string to = directory / "to";
            make_directories(to);
            if (was_there)
                make_old(to);
            set_owner(to, ordinary_user, ordinary_user);
            const Options options = Options(way.options)
                                        .with_flags(way.options.flags | ARSYNC_COPY_RECURSIVE |
                                                    ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH);
            const auto all = backends();
            const uint32_t backend = all[number++ % all.size()];
            check_in_child([&](Report& report) {
                EXPECT(report, become_ordinary());
                umask(0);
                Pool pool{PoolOptions(backend)};
                const ListCopy copy =
                    copy_list_between(pool, from, to, Items::entries(names), options);
                EXPECT(report, copy.count(ARSYNC_COMPLETION_ITEM) == names.size());
                for (size_t i = programs().size(); i < names.size(); ++i) {
                    const Told device = copy.item(i + 1);
                    const bool links = (options.flags & ARSYNC_COPY_HARD_LINK) != 0;
                    EXPECT_WITH(report, links || device.result == -EPERM, names[i]);
                }
            });
            expect_no_gain(from, to, was_there ? old : "none", way.options);
            remove_tree(to);
        }
}

// By arsync_copy the calling thread itself copies.
TEST_CASE_FIXTURE(Clean, "an ordinary user's copies of others' programs give nobody more rights") {
    NEEDS_ROOT();
    NEEDS(shared_volume(Kind::ext4));
    const Directory directory(shared_volume(Kind::ext4));
    const std::string from = directory / "from", old = directory / "old";
    make_source(from);
    make_old(old);
    for (const Way& way : ways())
        for (const bool was_there : {false, true}) {
            if ((way.options.flags & ARSYNC_COPY_MIRROR) != 0)
                continue;
            CAPTURE(way.name);
            CAPTURE(was_there);
            const std::string to = directory / "to";
            make_directories(to + "/dir");
            if (was_there)
                make_old(to);
            set_owner(to, ordinary_user, ordinary_user);
            set_owner(to + "/dir", ordinary_user, ordinary_user);
            check_in_child([&](Report& report) {
                EXPECT(report, become_ordinary());
                umask(0);
                const auto copy = [&](const std::string& name, uint32_t more_flags) {
                    const Options options = Options(way.options)
                                                .with_flags(way.options.flags | more_flags)
                                                .with_want(0);
                    arsync_completion done = {};
                    const int result = arsync_copy(AT_FDCWD, (from + "/" + name).c_str(), AT_FDCWD,
                                                   (to + "/" + name).c_str(), &options, &done);
                    arsync_details_free(done.details);
                    return result;
                };
                for (const std::string& name : programs())
                    copy(name, 0);
                for (const std::string& name : devices) {
                    const bool links = (way.options.flags & ARSYNC_COPY_HARD_LINK) != 0;
                    EXPECT_WITH(report, copy(name, ARSYNC_COPY_RECURSIVE) == -EPERM || links, name);
                    EXPECT_WITH(report, !exists(to + "/" + name) || links, name);
                }
            });
            expect_no_gain(from, to, was_there ? old : "none", way.options);
            remove_tree(to);
        }
}

} // namespace live
