// The calls of files.h, made for real.
#include "io/files.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/open_beneath.h"

namespace arsync {

namespace {

// The result of a system call in the form this library uses: a count, or a negative errno.
template <class Call>
auto without_eintr(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR)
        result = call();
    return result < 0 ? static_cast<decltype(result)>(-errno) : result;
}

// "/proc/self/fd/N": the way to an open file that has no name; "/proc/self/fd/N/NAME": to a name in
// an open directory, for calls that know no directory descriptors.
struct ProcPath {
    char text[32 + 4096];
    explicit ProcPath(int fd) { snprintf(text, sizeof text, "/proc/self/fd/%d", fd); }
    ProcPath(int dirfd, const char* name) {
        if (dirfd == AT_FDCWD || name[0] == '/')
            snprintf(text, sizeof text, "%s", name);
        else
            snprintf(text, sizeof text, "/proc/self/fd/%d/%s", dirfd, name);
    }
};

// cachestat(2), Linux 6.5; older C libraries have no wrapper.
constexpr long cachestat_number = 451;
struct CacheRange {
    uint64_t offset, length;
};
struct CacheStat {
    uint64_t cached, dirty, write_back, evicted, recently_evicted; // pages
};

} // namespace

int SystemFiles::open(int dirfd, const char* path, int flags, mode_t mode) {
    return without_eintr([&] { return ::openat(dirfd, path, flags | O_CLOEXEC, mode); });
}

int SystemFiles::close(int fd) {
    // Linux has closed the descriptor even when it says EINTR.
    const int result = ::close(fd);
    return result < 0 && errno != EINTR ? -errno : 0;
}

int SystemFiles::open_beneath(int dirfd, const char* path, int flags, uint64_t resolve) {
    return without_eintr([&] { return arsync::open_beneath(dirfd, path, flags, resolve); });
}

int SystemFiles::reopen(int fd, int flags) {
    return open(AT_FDCWD, ProcPath(fd).text, flags, 0);
}

int SystemFiles::set_direct(int fd, bool direct) {
    const int flags = without_eintr([&] { return ::fcntl(fd, F_GETFL); });
    if (flags < 0)
        return flags;
    const int wanted = direct ? flags | O_DIRECT : flags & ~O_DIRECT;
    return without_eintr([&] { return ::fcntl(fd, F_SETFL, wanted); });
}

int SystemFiles::statx(int dirfd, const char* path, int at_flags, struct statx& out) {
    const int flags = at_flags | (*path ? 0 : AT_EMPTY_PATH);
    constexpr unsigned mask = STATX_BASIC_STATS | STATX_DIOALIGN | STATX_MNT_ID;
    return without_eintr([&] { return ::statx(dirfd, path, flags, mask, &out); });
}

int SystemFiles::filesystem_type(int fd, uint64_t& magic) {
    struct statfs facts;
    const int result = without_eintr([&] { return ::fstatfs(fd, &facts); });
    if (result == 0)
        magic = static_cast<uint64_t>(static_cast<uint32_t>(facts.f_type));
    return result;
}

int SystemFiles::places_of(int directory, std::vector<PlaceOnDevice>& places) {
    return arsync::places_of(directory, places);
}

int SystemFiles::device_size(int fd, uint64_t& bytes) {
    return without_eintr([&] { return ::ioctl(fd, BLKGETSIZE64, &bytes); });
}

int SystemFiles::cached(int fd, uint64_t offset, uint64_t length, uint64_t& bytes) {
    CacheRange range{offset, length};
    CacheStat stat{};
    const long result =
        without_eintr([&] { return ::syscall(cachestat_number, fd, &range, &stat, 0); });
    if (result == 0)
        bytes = stat.cached * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    return static_cast<int>(result);
}

int64_t SystemFiles::seek(int fd, int64_t offset, int whence) {
    return without_eintr([&] { return ::lseek(fd, offset, whence); });
}

int64_t SystemFiles::list(int fd, void* records, size_t size) {
    return without_eintr([&] { return ::syscall(SYS_getdents64, fd, records, size); });
}

int SystemFiles::set_list_position(int fd, int64_t position) {
    return without_eintr([&] { return ::lseek(fd, position, SEEK_SET); }) < 0 ? -errno : 0;
}

int64_t SystemFiles::read_link(int dirfd, const char* path, char* text, size_t size) {
    return without_eintr([&] { return ::readlinkat(dirfd, path, text, size); });
}

int64_t SystemFiles::read_cached(int fd, void* data, size_t length, uint64_t offset) {
    const iovec part{data, length};
    return without_eintr(
        [&] { return ::preadv2(fd, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
}

int64_t SystemFiles::write(int fd, const void* data, size_t length, uint64_t offset) {
    return without_eintr([&] { return ::pwrite(fd, data, length, static_cast<off_t>(offset)); });
}

int SystemFiles::truncate(int fd, uint64_t size) {
    return without_eintr([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
}

int SystemFiles::drop_cache(int fd, uint64_t offset, uint64_t length) {
    return -::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(length),
                            POSIX_FADV_DONTNEED);
}

int SystemFiles::chmod(int fd, mode_t mode) {
    return without_eintr([&] { return ::fchmod(fd, mode); });
}

int SystemFiles::chown(int fd, uid_t uid, gid_t gid) {
    return without_eintr([&] { return ::fchown(fd, uid, gid); });
}

int SystemFiles::set_times(int fd, const timespec times[2]) {
    return without_eintr([&] { return ::futimens(fd, times); });
}

int64_t SystemFiles::list_xattrs(int fd, char* names, size_t size) {
    const int64_t result = without_eintr([&] { return ::flistxattr(fd, names, size); });
    if (result != -EBADF) // or open with O_PATH
        return result;
    return without_eintr([&] { return ::listxattr(ProcPath(fd).text, names, size); });
}

int64_t SystemFiles::get_xattr(int fd, const char* name, void* value, size_t size) {
    const int64_t result = without_eintr([&] { return ::fgetxattr(fd, name, value, size); });
    if (result != -EBADF) // or open with O_PATH
        return result;
    return without_eintr([&] { return ::getxattr(ProcPath(fd).text, name, value, size); });
}

int SystemFiles::set_xattr(int fd, const char* name, const void* value, size_t size) {
    return without_eintr([&] { return ::fsetxattr(fd, name, value, size, 0); });
}

int SystemFiles::remove_xattr(int fd, const char* name) {
    return without_eintr([&] { return ::fremovexattr(fd, name); });
}

int SystemFiles::chmod_name(int dirfd, const char* path, mode_t mode) {
    // fchmodat(2) follows links. What is opened here is the name itself, and then known by number.
    const int fd = open(dirfd, path, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    const Fd held(fd);
    struct stat facts;
    if (::fstat(fd, &facts) < 0)
        return -errno;
    if (S_ISLNK(facts.st_mode))
        return -EOPNOTSUPP;
    return without_eintr([&] { return ::chmod(ProcPath(fd).text, mode); });
}

int SystemFiles::chown_name(int dirfd, const char* path, uid_t uid, gid_t gid) {
    return without_eintr([&] { return ::fchownat(dirfd, path, uid, gid, AT_SYMLINK_NOFOLLOW); });
}

int SystemFiles::set_times_name(int dirfd, const char* path, const timespec times[2]) {
    return without_eintr([&] { return ::utimensat(dirfd, path, times, AT_SYMLINK_NOFOLLOW); });
}

int64_t SystemFiles::list_xattrs_name(int dirfd, const char* path, char* names, size_t size) {
    return without_eintr([&] { return ::llistxattr(ProcPath(dirfd, path).text, names, size); });
}

int64_t SystemFiles::get_xattr_name(int dirfd, const char* path, const char* name, void* value,
                                    size_t size) {
    return without_eintr(
        [&] { return ::lgetxattr(ProcPath(dirfd, path).text, name, value, size); });
}

int SystemFiles::set_xattr_name(int dirfd, const char* path, const char* name, const void* value,
                                size_t size) {
    return without_eintr(
        [&] { return ::lsetxattr(ProcPath(dirfd, path).text, name, value, size, 0); });
}
int SystemFiles::remove_xattr_name(int dirfd, const char* path, const char* name) {
    return without_eintr([&] { return ::lremovexattr(ProcPath(dirfd, path).text, name); });
}

int SystemFiles::link(int fd, int dirfd, const char* name) {
    // By descriptor needs privilege before Linux 6.10; by /proc needs /proc.
    const int result = without_eintr([&] { return ::linkat(fd, "", dirfd, name, AT_EMPTY_PATH); });
    if (result != -ENOENT && result != -EPERM)
        return result;
    return without_eintr(
        [&] { return ::linkat(AT_FDCWD, ProcPath(fd).text, dirfd, name, AT_SYMLINK_FOLLOW); });
}

bool SystemFiles::can_link(int fd) {
    return ::faccessat(AT_FDCWD, ProcPath(fd).text, F_OK, 0) == 0;
}

int SystemFiles::rename(int dirfd, const char* from, const char* to) {
    return without_eintr([&] { return ::renameat(dirfd, from, dirfd, to); });
}

int SystemFiles::unlink(int dirfd, const char* name) {
    return without_eintr([&] { return ::unlinkat(dirfd, name, 0); });
}

int SystemFiles::remove_directory(int dirfd, const char* name) {
    return without_eintr([&] { return ::unlinkat(dirfd, name, AT_REMOVEDIR); });
}

int SystemFiles::make_directory(int dirfd, const char* name, mode_t mode) {
    return without_eintr([&] { return ::mkdirat(dirfd, name, mode); });
}

int SystemFiles::make_special(int dirfd, const char* name, mode_t mode, dev_t device) {
    return without_eintr([&] { return ::mknodat(dirfd, name, mode, device); });
}

int SystemFiles::make_symlink(const char* text, int dirfd, const char* name) {
    return without_eintr([&] { return ::symlinkat(text, dirfd, name); });
}

int SystemFiles::make_link(int from_dirfd, const char* from, int dirfd, const char* name) {
    return without_eintr([&] { return ::linkat(from_dirfd, from, dirfd, name, 0); });
}

} // namespace arsync
