#include "copy/tree/make_directory.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>

#include "copy/metadata.h"

namespace arsync {

MadeDirectory make_directory(Files& files, int dirfd, const char* name, const struct statx& source,
                             bool beneath, bool follow, const arsync_copy_options& options) {
    constexpr Stage stage = ARSYNC_STAGE_MAKE_DIRECTORY;
    const bool keeps_mode = (options.preserve & ARSYNC_PRESERVE_MODE) != 0;
    const bool keeps_owner = (options.preserve & ARSYNC_PRESERVE_OWNER) != 0;
    const bool default_mode = (options.flags & ARSYNC_COPY_DEFAULT_MODE) != 0;
    // As mkdir(2) takes it, and cp gives it.
    const mode_t wanted =
        (default_mode ? 0777 : source.stx_mode & 0777) | (source.stx_mode & S_ISVTX);

    MadeDirectory result;
    const int made = files.make_directory(dirfd, name, keeps_mode ? 0700 : wanted | 0700);
    if (made != -EEXIST)
        check(stage, made);
    result.made = made == 0;
    if (!result.made && !follow) {
        struct statx found;
        check(stage, files.statx(dirfd, name, AT_SYMLINK_NOFOLLOW, found));
        if (!S_ISDIR(found.stx_mode))
            throw Error{stage, ENOTDIR};
    }
    constexpr int flags = O_RDONLY | O_DIRECTORY;
    int fd = 0;
    if (beneath && !follow)
        fd = files.open_beneath(dirfd, name, flags | O_NOFOLLOW,
                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    else
        fd = files.open(dirfd, name, flags | (follow ? 0 : O_NOFOLLOW), 0);
    check(stage, fd == -ELOOP ? -ENOTDIR : fd);
    result.directory = File(files, fd);
    check(stage, files.statx(fd, "", 0, result.facts));
    result.final_mode = keep_mode;
    if (!result.made || keeps_mode)
        return result;

    // The kernel has taken the umask off, or put a default ACL on; it alone knows.
    const mode_t given = result.facts.stx_mode & 07777;
    const mode_t final_mode = (given & 07000) | (given & wanted & 0777);
    const mode_t meanwhile = keeps_owner ? 0700 : given | 0700;
    if (meanwhile != given)
        check(stage, files.chmod(fd, meanwhile));
    if (meanwhile != final_mode)
        result.final_mode = final_mode;
    return result;
}

} // namespace arsync
