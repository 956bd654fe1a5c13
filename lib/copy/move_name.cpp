#include "copy/move_name.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/split_path.h"
#include "io/capability.h"
#include "io/mutex.h"

namespace arsync {

// EPERM: so does a seccomp filter say that there is no renameat2(2); a real one comes again.
static bool cannot_tell(int result) {
    return result == -EINVAL || result == -ENOSYS || result == -EOPNOTSUPP || result == -EPERM;
}

bool is_stuck(Files& files, int dirfd, const char* name) {
    const SplitPath path = split_path(name);
    struct statx above;
    struct statx own;
    const uid_t user = files.effective_user();
    return user != 0 && files.statx(dirfd, path.directory(), 0, above) == 0 &&
           (above.stx_mode & S_ISVTX) != 0 && above.stx_uid != user &&
           files.statx(dirfd, name, AT_SYMLINK_NOFOLLOW, own) == 0 && own.stx_uid != user &&
           !has_capability(CAP_FOWNER);
}

int move_name(Files& files, int dirfd, const char* from, const char* to) {
    const int moved = files.rename_to_free(dirfd, from, to);
    if (!cannot_tell(moved) || (moved == -EPERM && is_stuck(files, dirfd, from)))
        return moved;
    const int linked = files.make_link(dirfd, from, dirfd, to);
    if (linked == 0) {
        const int removed = files.unlink(dirfd, from);
        if (removed < 0)
            files.unlink(dirfd, to); // which is its second name
        return removed;
    }
    if (linked == -EEXIST)
        return linked;
    static Mutex one_at_a_time; // of what this process does, at least
    const Lock lock(one_at_a_time);
    struct statx found;
    const int there = files.statx(dirfd, to, AT_SYMLINK_NOFOLLOW, found);
    if (there != -ENOENT)
        return there == 0 ? -EEXIST : there;
    return files.rename(dirfd, from, to);
}

} // namespace arsync
