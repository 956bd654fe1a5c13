// A destination gets its name, or goes again.
#include <cerrno>
#include <fcntl.h>

#include "copy/conflict.h"
#include "copy/destination.h"
#include "copy/huge.h"
#include "copy/identity.h"
#include "copy/move_name.h"
#include "copy/temporary_name.h"

namespace arsync {

// linkat(2) of a file without a name, where a file with one may be made all the same.
static bool denies_linking(int error) {
    switch (-error) {
    case EPERM: // by seccomp, a security module, or protected_hardlinks for what was given away
    case EACCES:
    case ENOSYS:
    case EOPNOTSUPP:
    case EINVAL:
    case EXDEV:
    case EMLINK:
    case ENOENT: // no /proc, any more
        return true;
    default:
        return false;
    }
}

File Destination::publish(Control& control) {
    control.enter(ARSYNC_STAGE_PUBLISH);
    if (kind_ == Kind::unnamed) {
        const bool replaces = options_.replace == ARSYNC_REPLACE_ATOMIC && has_replaced_;
        int result = replaces ? -EEXIST : io_.files.link(fd(), directory(), path_.name.c_str());
        // A file that appeared at the name meanwhile gives way too, unless asked otherwise.
        if (result == -EEXIST && !exclusive_) {
            do {
                temporary_name_ = temporary_name_for(path_.name);
                result = io_.files.link(fd(), directory(), temporary_name_.c_str());
            } while (result == -EEXIST);
            kind_ = Kind::temporary;
        } else {
            kind_ = Kind::created;
        }
        if (result < 0)
            kind_ = Kind::unnamed;
        if (denies_linking(result))
            return std::move(file_);
        check(ARSYNC_STAGE_PUBLISH, result);
    }
    // A write error may come as late as this. Not yet published: then it is removed after all.
    // By its inode, but a small one, whose inode was not asked for, by its name.
    facts();
    const int closed = file_.close();
    if (closed < 0 && guessed_) {
        struct statx found;
        if (stat_name(AT_SYMLINK_NOFOLLOW, found) == 0 && S_ISREG(found.stx_mode) &&
            found.stx_nlink == 1)
            io_.files.unlink(copy_.destination_dirfd, copy_.destination.c_str());
        kind_ = Kind::none;
    }
    check(ARSYNC_STAGE_CLOSE, closed);
    if (kind_ == Kind::temporary) {
        arsync::refuse_unasked(io_.files, copy_);
        const char* temporary = temporary_name_.c_str();
        const char* name = path_.name.c_str();
        check(ARSYNC_STAGE_PUBLISH, exclusive_ ? move_name(io_.files, directory(), temporary, name)
                                               : io_.files.rename(directory(), temporary, name));
        kind_ = Kind::created;
    }
    published_ = true;
    return File();
}

Task<void> Destination::sync_name(Control& control) {
    control.enter(ARSYNC_STAGE_SYNC);
    published_ = !new_name_;
    const int64_t result = co_await io_.ring.sync(directory_.get(), false);
    check(ARSYNC_STAGE_SYNC, result);
    published_ = true;
}

bool Destination::is_slow_to_publish(uint64_t bytes) const {
    return (kind_ == Kind::existing && is_huge(bytes)) ||
           (has_replaced_ && (is_huge(bytes) || is_huge(replaced_)));
}

void Destination::discard() {
    if (!published_)
        remove_partial();
    kind_ = Kind::none;
    file_.close();
}

// Only what is still ours: somebody may have put another file at the name.
void Destination::remove_partial() {
    if (kind_ == Kind::temporary) {
        io_.files.unlink(directory_ ? directory_.get() : copy_.destination_dirfd,
                         temporary_name_.c_str());
    } else if (kind_ == Kind::created) {
        struct statx now;
        if (!has_facts_ || guessed_)
            has_facts_ = io_.files.statx(fd(), "", 0, facts_) == 0;
        if (has_facts_ && stat_name(AT_SYMLINK_NOFOLLOW, now) == 0 &&
            identity(facts_) == identity(now))
            io_.files.unlink(copy_.destination_dirfd, copy_.destination.c_str());
    }
}

} // namespace arsync
