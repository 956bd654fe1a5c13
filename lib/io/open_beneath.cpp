#include "io/open_beneath.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/missing.h"

namespace arsync {

int open_beneath(int dirfd, const char* path, int flags, uint64_t resolve) {
    static std::atomic<bool> missing = false;
    if (!missing.load(std::memory_order_relaxed)) {
        open_how how{};
        how.flags = static_cast<uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
        how.resolve = resolve;
        const long fd = ::syscall(SYS_openat2, dirfd, path, &how, sizeof how);
        // A file says EPERM too, so it is asked again each time.
        if (fd >= 0 || !is_missing(errno))
            return static_cast<int>(fd);
        missing.store(errno == ENOSYS, std::memory_order_relaxed);
    }
    if ((resolve & RESOLVE_CACHED) != 0) {
        errno = EAGAIN;
        return -1;
    }
    const int nofollow = (resolve & RESOLVE_NO_SYMLINKS) != 0 ? O_NOFOLLOW : 0;
    return ::openat(dirfd, path, flags | nofollow | O_CLOEXEC);
}

} // namespace arsync
