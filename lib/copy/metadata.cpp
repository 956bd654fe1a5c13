#include "copy/metadata.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace arsync {

namespace {

constexpr const char* access_acl = "system.posix_acl_access";

// False: not for lack of anything but privilege.
bool set_owner(Files& files, int fd, uid_t uid, gid_t gid) {
    const int result = files.chown(fd, uid, gid);
    if (result == 0)
        return true;
    if (result != -EPERM && result != -EINVAL) // EINVAL: an id that this user namespace has not
        check(ARSYNC_STAGE_OWNER, result);
    files.chown(fd, static_cast<uid_t>(-1), gid); // the group may still be one of ours
    return false;
}

// The value of an attribute; false if there is none, or the filesystem has none at all.
bool get_xattr(Files& files, int fd, const char* name, std::vector<char>& value, Stage stage) {
    for (;;) {
        const int64_t size = files.get_xattr(fd, name, nullptr, 0);
        if (size == -ENODATA || size == -EOPNOTSUPP)
            return false;
        value.resize(static_cast<size_t>(check(stage, size)));
        const int64_t got = files.get_xattr(fd, name, value.data(), value.size());
        if (got == -ERANGE)
            continue; // it grew in between
        if (got == -ENODATA)
            return false;
        value.resize(static_cast<size_t>(check(stage, got)));
        return true;
    }
}

// ACLs go with the mode. SELinux labels are the policy's to give. Other "system." attributes belong
// to the filesystem.
bool is_copied(std::string_view name) {
    return !name.starts_with("system.") && name != "security.selinux";
}

void copy_xattrs(Files& files, int source, int destination) {
    std::vector<char> names;
    int64_t size = -ERANGE;
    while (size == -ERANGE) {
        size = files.list_xattrs(source, nullptr, 0);
        if (size <= 0)
            break;
        names.resize(static_cast<size_t>(size));
        size = files.list_xattrs(source, names.data(), names.size());
    }
    if (size == -EOPNOTSUPP)
        return;
    names.resize(static_cast<size_t>(check(ARSYNC_STAGE_XATTR, size)));

    std::vector<char> value;
    for (size_t at = 0; at < names.size(); at += strlen(&names[at]) + 1) {
        const char* name = &names[at];
        if (is_copied(name) && get_xattr(files, source, name, value, ARSYNC_STAGE_XATTR))
            check(ARSYNC_STAGE_XATTR,
                  files.set_xattr(destination, name, value.data(), value.size()));
    }
}

// An ACL that the destination had, or inherited from its directory, would open it further than its
// source.
void copy_acl(Files& files, int source, int destination) {
    std::vector<char> value;
    if (get_xattr(files, source, access_acl, value, ARSYNC_STAGE_MODE)) {
        check(ARSYNC_STAGE_MODE,
              files.set_xattr(destination, access_acl, value.data(), value.size()));
        return;
    }
    const int result = files.remove_xattr(destination, access_acl);
    if (result != -ENODATA && result != -EOPNOTSUPP)
        check(ARSYNC_STAGE_MODE, result);
}

// What an overwrite in place would have kept, as far as this process may.
void take_over(Files& files, int fd, const struct statx& replaced,
               const arsync_copy_options& options) {
    if ((options.preserve & ARSYNC_PRESERVE_OWNER) == 0)
        files.chown(fd, replaced.stx_uid, replaced.stx_gid);
    // Writing takes setuid and setgid away, and so does this.
    if ((options.preserve & ARSYNC_PRESERVE_MODE) == 0)
        check(ARSYNC_STAGE_MODE, files.chmod(fd, replaced.stx_mode & 0777));
}

} // namespace

void copy_metadata(Files& files, int source, const struct statx& facts, Destination& destination,
                   const arsync_copy_options& options, Control& control, Outcome& outcome) {
    const int fd = destination.fd();
    mode_t mode = facts.stx_mode & 07777;
    if (const struct statx* replaced = destination.replaced())
        take_over(files, fd, *replaced, options);
    if ((options.preserve & ARSYNC_PRESERVE_OWNER) != 0) {
        control.enter(ARSYNC_STAGE_OWNER);
        if (!set_owner(files, fd, facts.stx_uid, facts.stx_gid)) {
            outcome.flags |= ARSYNC_COMPLETION_OWNER_LOST;
            mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
        }
    }
    if ((options.preserve & ARSYNC_PRESERVE_XATTR) != 0) {
        control.enter(ARSYNC_STAGE_XATTR);
        copy_xattrs(files, source, fd);
    }
    if ((options.preserve & ARSYNC_PRESERVE_MODE) != 0) {
        control.enter(ARSYNC_STAGE_MODE);
        copy_acl(files, source, fd);
        check(ARSYNC_STAGE_MODE, files.chmod(fd, mode));
    } else if (destination.final_mode() != 0 && !destination.replaced()) {
        check(ARSYNC_STAGE_MODE, files.chmod(fd, destination.final_mode()));
    }
    if ((options.preserve & ARSYNC_PRESERVE_TIMES) != 0) {
        control.enter(ARSYNC_STAGE_TIMES);
        const timespec times[2] = {
            {facts.stx_atime.tv_sec, static_cast<long>(facts.stx_atime.tv_nsec)},
            {facts.stx_mtime.tv_sec, static_cast<long>(facts.stx_mtime.tv_nsec)},
        };
        check(ARSYNC_STAGE_TIMES, files.set_times(fd, times));
    }
}

} // namespace arsync
