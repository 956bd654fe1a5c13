// A descriptor that is closed when its owner goes. For descriptors that the simulated world may
// also hand out see Files::close; this one is for real ones only.
#pragma once

#include <cerrno>
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

} // namespace arsync
