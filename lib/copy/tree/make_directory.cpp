#include "copy/tree/make_directory.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>

#include "copy/metadata.h"

namespace arsync {

MadeDirectory make_directory(Files& files, int dirfd, const char* name, const struct statx& source,
                             bool beneath, bool follow, bool fresh,
                             const arsync_copy_options& options, Umask& umask) {
    constexpr Stage stage = ARSYNC_STAGE_MAKE_DIRECTORY;
    const bool keeps_mode = (options.preserve & ARSYNC_PRESERVE_MODE) != 0;
    const bool keeps_owner = (options.preserve & ARSYNC_PRESERVE_OWNER) != 0;
    const bool default_mode = (options.flags & ARSYNC_COPY_DEFAULT_MODE) != 0;
    // As mkdir(2) takes it, and cp gives it. What others might do to it before it is ready they may
    // do when it is.
    const mode_t wanted =
        (default_mode ? 0777 : source.stx_mode & 0777) | (source.stx_mode & S_ISVTX);
    const mode_t withheld = wanted & (keeps_owner ? 0077 : 0022);

    MadeDirectory result;
    const int made =
        files.make_directory(dirfd, name, keeps_mode ? 0700 : (wanted & ~withheld) | 0700);
    if (made != -EEXIST || fresh)
        check(stage, made);
    result.made = made == 0;
    if (result.made)
        result.undo = UndoDirectory(files, dirfd, name);
    if (!result.made && !follow) {
        struct statx found;
        check(stage, files.statx(dirfd, name, AT_SYMLINK_NOFOLLOW, found));
        if (!S_ISDIR(found.stx_mode))
            throw Error{stage, ENOTDIR};
    }
    const auto open = [&](int access = O_RDONLY) {
        const int flags = access | O_DIRECTORY;
        if (beneath && !follow)
            return files.open_beneath(dirfd, name, flags | O_NOFOLLOW,
                                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        return files.open(dirfd, name, flags | (follow ? 0 : O_NOFOLLOW), 0);
    };
    int fd = open();
    struct statx made_as = {};
    bool shut = false; // by a umask that takes even its owner's rights
    if (fd == -EACCES && result.made) {
        const int closed = files.open(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        check(stage, closed);
        const File held(files, closed);
        check(stage, files.statx(closed, "", 0, made_as));
        shut = (made_as.stx_mode & 0700) != 0700;
        if (shut)
            check(stage, files.chmod(closed, (made_as.stx_mode & 07777) | 0700));
    }
    if (shut)
        fd = open();
    // To be listed or synced it must be read; to put things in it, only searched and written to.
    const bool must_be_read =
        (options.flags & ARSYNC_COPY_MIRROR) != 0 || options.durability != ARSYNC_DURABILITY_NONE;
    if (fd == -EACCES && !result.made && !must_be_read)
        fd = open(O_PATH);
    check(stage, fd == -ELOOP ? -ENOTDIR : fd);
    result.directory = File(files, fd);
    check(stage, files.statx(fd, "", 0, result.facts));
    if (!result.made)
        return result;
    // A umask, or a default ACL, may take even its owner's rights. Where no mode can be changed,
    // what is in it will tell whether they were needed.
    const mode_t given = (shut ? made_as : result.facts).stx_mode & 07777;
    if ((result.facts.stx_mode & 0700) != 0700)
        files.chmod(fd, keeps_mode ? 0700 : given | 0700);
    if (keeps_mode)
        return result;
    result.final_mode.drops_acl = default_mode && has_default_acl(files, fd);
    const mode_t ours = 0700 & ~wanted; // so that it can be filled
    mode_t whole = given & ~ours;
    if (result.final_mode.drops_acl)
        whole = (given & 07000) | (0777 & ~umask.get(files));
    else if (withheld != 0)
        whole |= withheld & ~umask.get(files);
    if (result.final_mode.drops_acl || whole != given || (given & 0700) != 0700)
        result.final_mode.bits = whole;
    return result;
}

// Without a default ACL, and with the group that this process has, it does not matter whether
// groups come from the directory.
NewFile new_file_in(Files& files, const MadeDirectory& directory,
                    const arsync_copy_options& options, uid_t uid, gid_t gid) {
    NewFile result;
    result.known = true;
    result.device_major = directory.facts.stx_dev_major;
    result.device_minor = directory.facts.stx_dev_minor;
    result.uid = uid;
    result.gid = gid;
    const bool may_be_plain =
        (options.preserve & ARSYNC_PRESERVE_MODE) != 0 && directory.facts.stx_gid == gid;
    const bool matters = may_be_plain || (options.flags & ARSYNC_COPY_DEFAULT_MODE) != 0;
    result.no_default_acl = matters && !has_default_acl(files, directory.directory.get());
    result.plain = may_be_plain && result.no_default_acl;
    return result;
}

} // namespace arsync
