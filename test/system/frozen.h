// A filesystem that is frozen for a while.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

namespace live {

// While it lives, whoever writes to the filesystem waits.
class Frozen {
public:
    explicit Frozen(const std::string& path)
        : root_(open(path.c_str(), O_RDONLY | O_CLOEXEC)), is_(ioctl(root_, FIFREEZE, 0) == 0) {}
    Frozen(const Frozen&) = delete;
    Frozen& operator=(const Frozen&) = delete;
    ~Frozen() {
        if (is_)
            ioctl(root_, FITHAW, 0);
        close(root_);
    }
    bool is() const { return is_; }

private:
    const int root_;
    const bool is_;
};

} // namespace live
