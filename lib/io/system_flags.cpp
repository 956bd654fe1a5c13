// The calls of files.h on a file's flags and its project.
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/files.h"
#include "io/plain_call.h"

namespace arsync {

namespace {

// file_getattr(2) and file_setattr(2), Linux 6.17. Neither takes a descriptor with O_PATH, but both
// take the way to it through /proc. Of flags they have fewer than the ioctls.
constexpr long file_getattr_number = 468;
constexpr long file_setattr_number = 469;

struct FileAttributes {
    uint64_t xflags; // FS_XFLAG_*
    uint32_t extent_size;
    uint32_t extents;
    uint32_t project;
    uint32_t cow_extent_size;
};

// What both have names for.
constexpr struct {
    unsigned flag;
    uint64_t xflag;
} in_both[] = {
    {FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE},
    {FS_APPEND_FL, FS_XFLAG_APPEND},
    {FS_SYNC_FL, FS_XFLAG_SYNC},
    {FS_NOATIME_FL, FS_XFLAG_NOATIME},
    {FS_NODUMP_FL, FS_XFLAG_NODUMP},
    {FS_DAX_FL, FS_XFLAG_DAX},
    {FS_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT},
};

int get_by_path(int fd, FileAttributes& attributes) {
    return static_cast<int>(by_proc(fd, [&](const char* path) {
        return ::syscall(file_getattr_number, AT_FDCWD, path, &attributes, sizeof attributes, 0);
    }));
}

int set_by_path(int fd, FileAttributes& attributes) {
    return static_cast<int>(by_proc(fd, [&](const char* path) {
        return ::syscall(file_setattr_number, AT_FDCWD, path, &attributes, sizeof attributes, 0);
    }));
}

} // namespace

int SystemFiles::inode_flags(int fd, InodeFlags& flags) {
    flags = {0, ~0u};
    const int result = without_eintr([&] { return ::ioctl(fd, FS_IOC_GETFLAGS, &flags.set); });
    if (opened(result))
        return result;
    FileAttributes attributes{};
    const int got = get_by_path(fd, attributes);
    flags = {};
    for (const auto& [flag, xflag] : in_both) {
        flags.known |= flag;
        if ((attributes.xflags & xflag) != 0)
            flags.set |= flag;
    }
    return got;
}

int SystemFiles::set_inode_flags(int fd, unsigned flags) {
    const int result = without_eintr([&] { return ::ioctl(fd, FS_IOC_SETFLAGS, &flags); });
    if (opened(result))
        return result;
    FileAttributes attributes{};
    if (const int got = get_by_path(fd, attributes); got < 0)
        return got;
    for (const auto& [flag, xflag] : in_both) {
        attributes.xflags &= ~xflag;
        if ((flags & flag) != 0)
            attributes.xflags |= xflag;
    }
    return set_by_path(fd, attributes);
}

int SystemFiles::project(int fd, uint32_t& project) {
    fsxattr of_open{};
    int result = without_eintr([&] { return ::ioctl(fd, FS_IOC_FSGETXATTR, &of_open); });
    project = of_open.fsx_projid;
    if (opened(result))
        return result;
    FileAttributes attributes{};
    result = get_by_path(fd, attributes);
    project = attributes.project;
    return result;
}

int SystemFiles::set_project(int fd, uint32_t project) {
    fsxattr of_open{};
    const int result = without_eintr([&] { return ::ioctl(fd, FS_IOC_FSGETXATTR, &of_open); });
    if (opened(result)) {
        of_open.fsx_projid = project;
        return result < 0 ? result
                          : without_eintr([&] { return ::ioctl(fd, FS_IOC_FSSETXATTR, &of_open); });
    }
    FileAttributes attributes{};
    if (const int got = get_by_path(fd, attributes); got < 0)
        return got;
    attributes.project = project;
    return set_by_path(fd, attributes);
}

} // namespace arsync
