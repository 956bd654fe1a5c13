#include "system/stream.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace live {

Stream::Stream(const std::string& path, unsigned mode) : path_(path) {
    mkfifo(path.c_str(), 0600);
    chmod(path.c_str(), mode);
}

bool Stream::give(const std::string& bytes) {
    // Opening it without waiting fails until somebody reads.
    if (fd_ < 0 && !eventually([&] {
            fd_ = open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
            return fd_ >= 0;
        }))
        return false;
    size_t done = 0;
    return eventually([&] {
        const ssize_t put = write(fd_, bytes.data() + done, bytes.size() - done);
        if (put > 0) {
            done += static_cast<size_t>(put);
            given_ += static_cast<size_t>(put);
        }
        return done == bytes.size();
    });
}

bool Stream::give_and_wait(const std::string& bytes, const Pool& pool, arsync_job job) {
    return give(bytes) && eventually([&] { return pool.progress(job).bytes_done == given_; });
}

void Stream::end() {
    if (fd_ >= 0)
        close(fd_);
    fd_ = -1;
    given_ = 0;
}

} // namespace live
