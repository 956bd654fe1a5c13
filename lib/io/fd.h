// A descriptor that is closed when its owner goes. For descriptors that the simulated world may
// also hand out see Files::close; this one is for real ones only.
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace arsync {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    // 0, or the negative errno of close(2): a write error may come as late as that.
    int close() {
        const int fd = std::exchange(fd_, -1);
        return fd >= 0 && ::close(fd) < 0 ? -errno : 0;
    }

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// What kind of file a descriptor is of (S_IFMT), without asking a server, which may not answer. 0
// or a negative errno.
inline int kind_of(int fd, mode_t& kind) {
    struct statx facts;
    struct stat older;
    if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &facts) == 0)
        kind = facts.stx_mode & S_IFMT;
    else if (fstat(fd, &older) == 0) // some filters do not know statx(2)
        kind = older.st_mode & S_IFMT;
    else
        return -errno;
    return 0;
}

} // namespace arsync
