#include "copy/made_name.h"

#include <cerrno>
#include <fcntl.h>

#include "copy/identity.h"

namespace arsync {

MadeName::MadeName(Files& files, const FileCopy& names)
    : files_(files), names_(names), looked_(look(made_)) {}

MadeName::~MadeName() {
    struct statx now;
    const bool unknown = looked_ < 0 && looked_ != -ENOENT;
    if (!kept_ && (unknown || (look(now) == 0 && identity(now) == identity(made_))))
        files_.unlink(names_.destination_dirfd, names_.destination.c_str());
}

const struct statx& MadeName::made_like(const struct statx& source) {
    check(ARSYNC_STAGE_OPEN_DESTINATION, looked_);
    const mode_t kind = source.stx_mode & S_IFMT;
    const bool same_device =
        (kind != S_IFCHR && kind != S_IFBLK) || (made_.stx_rdev_major == source.stx_rdev_major &&
                                                 made_.stx_rdev_minor == source.stx_rdev_minor);
    if ((made_.stx_mode & S_IFMT) != kind || !same_device || made_.stx_nlink > 1) {
        keep();
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, ESTALE, true};
    }
    return made_;
}

int MadeName::look(struct statx& found) const {
    return files_.statx(names_.destination_dirfd, names_.destination.c_str(), AT_SYMLINK_NOFOLLOW,
                        found);
}

} // namespace arsync
