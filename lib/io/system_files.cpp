// The calls of files.h, made for real.
#include "io/files.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "io/cached_write.h"
#include "io/dirty_pages.h"
#include "io/error.h"
#include "io/facts.h"
#include "io/fd.h"
#include "io/folds_names.h"
#include "io/helpers.h"
#include "io/missing.h"
#include "io/open_beneath.h"
#include "io/plain_call.h"
#include "io/remembered_filesystems.h"
#include "io/resident.h"
#include "io/rotational.h"

namespace arsync {

namespace {

// fchmodat2(2), Linux 6.6.
constexpr long fchmodat2_number = 452;
// Where it has another number, fchown(2) takes ids of 16 bits.
#ifdef SYS_fchown32
constexpr long fchown_number = SYS_fchown32;
#else
constexpr long fchown_number = SYS_fchown;
#endif
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
    constexpr int promises = O_SYNC | O_NOATIME; // O_DSYNC is a part of O_SYNC
    const int first = without_eintr([&] { return ::fcntl(fd, F_GETFL); });
    return first < 0 ? first : open(AT_FDCWD, ProcPath(fd).text, flags | (first & promises), 0);
}

int SystemFiles::duplicate(int fd) {
    return without_eintr([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); });
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
    constexpr unsigned mount = STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
    constexpr unsigned mask = STATX_BASIC_STATS | STATX_DIOALIGN | mount;
    const int result = without_eintr([&] { return facts_of(dirfd, path, flags, mask, out); });
    if (result == 0 && (out.stx_mask & mount) == 0)
        set_later_facts(out, {});
    return result;
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

bool SystemFiles::may_fold_names(int directory) {
    return arsync::may_fold_names(directory);
}

// Of no descriptor: a filter speaks before the kernel finds that out.
bool SystemFiles::may_sync_filesystems() {
    return ::syncfs(-1) == 0 || !is_missing(errno);
}

int SystemFiles::device_size(int fd, uint64_t& bytes) {
    return without_eintr([&] { return ::ioctl(fd, BLKGETSIZE64, &bytes); });
}

int SystemFiles::page_cache(int fd, uint64_t offset, uint64_t length, PageCache& out) {
    CacheRange range{offset, length};
    CacheStat stat{};
    const long result =
        without_eintr([&] { return ::syscall(cachestat_number, fd, &range, &stat, 0); });
    const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    if (result == 0)
        out = {stat.cached * page, (stat.dirty + stat.write_back) * page};
    return static_cast<int>(result);
}

int SystemFiles::is_resident(int fd, uint64_t offset, uint64_t length) {
    return arsync::is_resident(fd, offset, length);
}

uint64_t SystemFiles::room_for_dirty_pages() {
    return arsync::room_for_dirty_pages();
}

bool SystemFiles::is_on_rotational(int fd, const struct statx& facts) {
    return arsync::is_on_rotational(fd, facts.stx_dev_major, facts.stx_dev_minor);
}

uint64_t SystemFiles::place_on_disk(int fd) {
    alignas(struct fiemap) std::byte memory[sizeof(struct fiemap) + sizeof(fiemap_extent)] = {};
    auto* const map = reinterpret_cast<struct fiemap*>(memory);
    map->fm_length = FIEMAP_MAX_OFFSET;
    map->fm_extent_count = 1;
    const int result = without_eintr([&] { return ::ioctl(fd, FS_IOC_FIEMAP, map); });
    return result == 0 && map->fm_mapped_extents == 1 ? map->fm_extents[0].fe_physical : 0;
}

time_t SystemFiles::now() {
    timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now); // it lags behind the precise one
    return now.tv_sec;
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
    const auto at = static_cast<off_t>(offset);
    const int64_t got = without_eintr([&] { return ::preadv2(fd, &part, 1, at, RWF_NOWAIT); });
    if (got != -EOPNOTSUPP && !is_missing(static_cast<int>(-got)))
        return got;
    const int resident = is_on_tmpfs(fd) ? 1 : arsync::is_resident(fd, offset, length);
    if (resident <= 0)
        return resident < 0 ? got : -EAGAIN;
    return without_eintr([&] { return ::pread(fd, data, length, at); });
}

int64_t SystemFiles::read(int fd, void* data, size_t length, uint64_t offset) {
    const auto at = static_cast<off_t>(offset);
    return without_eintr([&] { return ::pread(fd, data, length, at); });
}

int64_t SystemFiles::write(int fd, const void* data, size_t length, uint64_t offset) {
    const ssize_t put =
        write_cached(fd, static_cast<const std::byte*>(data), length, static_cast<off_t>(offset));
    return put < 0 ? -errno : put;
}

int SystemFiles::reflink(int source, int fd, uint64_t length) {
    const file_clone_range range{source, 0, length, 0};
    return without_eintr([&] { return ::ioctl(fd, FICLONERANGE, &range); });
}

int64_t SystemFiles::copy_file_range(int source, uint64_t source_offset, int fd, uint64_t offset,
                                     uint64_t length) {
    auto from = static_cast<off_t>(source_offset);
    auto to = static_cast<off_t>(offset);
    return without_eintr([&] { return ::copy_file_range(source, &from, fd, &to, length, 0); });
}

int SystemFiles::truncate(int fd, uint64_t size) {
    return without_eintr([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
}

int SystemFiles::drop_cache(int fd, uint64_t offset, uint64_t length) {
    return -::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(length),
                            POSIX_FADV_DONTNEED);
}

int SystemFiles::read_ahead(int fd, uint64_t offset, uint64_t length) {
    return -::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(length),
                            POSIX_FADV_WILLNEED);
}

// Not by fchmod and fchown: those of musl try /proc where a descriptor is open with O_PATH, and
// their error is that of a /proc that is not there.
int SystemFiles::chmod(int fd, mode_t mode) {
    int result = static_cast<int>(without_eintr([&] { return ::syscall(SYS_fchmod, fd, mode); }));
    if (opened(result))
        return result;
    result = by_proc(fd, [&](const char* path) { return ::chmod(path, mode); });
    if (result != -ENOSYS)
        return result;
    return static_cast<int>(
        without_eintr([&] { return ::syscall(fchmodat2_number, fd, "", mode, AT_EMPTY_PATH); }));
}

int SystemFiles::chown(int fd, uid_t uid, gid_t gid) {
    const auto result =
        static_cast<int>(without_eintr([&] { return ::syscall(fchown_number, fd, uid, gid); }));
    if (opened(result))
        return result;
    return without_eintr([&] { return ::fchownat(fd, "", uid, gid, AT_EMPTY_PATH); });
}

int SystemFiles::set_times(int fd, const timespec times[2]) {
    int result = without_eintr([&] { return ::futimens(fd, times); });
    if (opened(result))
        return result;
    result = without_eintr([&] { return ::utimensat(fd, "", times, AT_EMPTY_PATH); });
    if (result != -EINVAL) // which Linux knows since 5.8
        return result;
    return by_proc(fd, [&](const char* path) { return ::utimensat(AT_FDCWD, path, times, 0); });
}

uid_t SystemFiles::effective_user() {
    return ::geteuid();
}

// Without /proc: umask(2) tells only who changes it, for all threads but one that has its own.
// Where not even that may be asked nobody but the owner has rights.
static mode_t mask_of_own_thread() {
    mode_t mask = 077;
    const SignalsBlocked blocked;
    try {
        std::thread([&] {
            if (::unshare(CLONE_FS) == 0)
                mask = ::umask(mask);
        }).join();
    } catch (const std::system_error&) { // there is no thread to be had
    }
    return mask;
}

// What is short now may be there when it is asked again, and a guess would be kept.
mode_t SystemFiles::file_mode_mask() {
    char text[4096];
    const int fd = open(AT_FDCWD, "/proc/thread-self/status", O_RDONLY, 0);
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        throw Error{ARSYNC_STAGE_OPEN_DESTINATION, -fd};
    const Fd status(fd);
    if (!status)
        return mask_of_own_thread();
    const int64_t size =
        without_eintr([&] { return ::pread(status.get(), text, sizeof text - 1, 0); });
    if (size <= 0)
        return mask_of_own_thread();
    text[size] = 0;
    const char* line = strstr(text, "\nUmask:");
    return line ? static_cast<mode_t>(strtoul(line + 7, nullptr, 8)) & 0777 : mask_of_own_thread();
}

int SystemFiles::link(int fd, int dirfd, const char* name) {
    // By descriptor needs privilege before Linux 6.10; by /proc needs /proc.
    const int result = without_eintr([&] { return ::linkat(fd, "", dirfd, name, AT_EMPTY_PATH); });
    if (result != -ENOENT && result != -EPERM)
        return result;
    return without_eintr(
        [&] { return ::linkat(AT_FDCWD, ProcPath(fd).text, dirfd, name, AT_SYMLINK_FOLLOW); });
}

// To a name that always is there already: if that is what it fails for, nothing else is in the way,
// be it a /proc that is missing or a sandbox.
bool SystemFiles::can_link(int fd) {
    return link(fd, AT_FDCWD, ".") == -EEXIST;
}

int SystemFiles::rename(int dirfd, const char* from, const char* to) {
    return without_eintr([&] { return ::renameat(dirfd, from, dirfd, to); });
}

int SystemFiles::rename_to_free(int dirfd, const char* from, const char* to) {
    return static_cast<int>(without_eintr([&] { // musl 1.2.5 has no function for it
        return ::syscall(SYS_renameat2, dirfd, from, dirfd, to, RENAME_NOREPLACE);
    }));
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
