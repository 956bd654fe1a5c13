#include "io/facts.h"

#include <cstdint>
#include <ctime>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "io/missing.h"

namespace arsync {

namespace {

struct statx_timestamp time_of(const timespec& time) {
    struct statx_timestamp result {};
    result.tv_sec = time.tv_sec;
    result.tv_nsec = static_cast<unsigned>(time.tv_nsec);
    return result;
}

void fill(const struct stat& from, struct statx& to) {
    to = {};
    to.stx_mask = STATX_BASIC_STATS;
    to.stx_blksize = static_cast<unsigned>(from.st_blksize);
    to.stx_nlink = static_cast<unsigned>(from.st_nlink);
    to.stx_uid = from.st_uid;
    to.stx_gid = from.st_gid;
    to.stx_mode = static_cast<unsigned short>(from.st_mode);
    to.stx_ino = from.st_ino;
    to.stx_size = static_cast<uint64_t>(from.st_size);
    to.stx_blocks = static_cast<uint64_t>(from.st_blocks);
    to.stx_atime = time_of(from.st_atim);
    to.stx_ctime = time_of(from.st_ctim);
    to.stx_mtime = time_of(from.st_mtim);
    to.stx_rdev_major = major(from.st_rdev);
    to.stx_rdev_minor = minor(from.st_rdev);
    to.stx_dev_major = major(from.st_dev);
    to.stx_dev_minor = minor(from.st_dev);
}

} // namespace

int facts_of(int dirfd, const char* path, int at_flags, unsigned mask, struct statx& out) {
    const int result = ::statx(dirfd, path, at_flags, mask, &out);
    if (result == 0 || !is_missing(errno))
        return result;
    struct stat facts;
    const int flags = at_flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
    if (::fstatat(dirfd, path, &facts, flags) < 0)
        return -1;
    fill(facts, out);
    return 0;
}

} // namespace arsync
