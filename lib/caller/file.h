// An open file that a caller has given to a pool, for operations on buffers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <sys/types.h>
#include <utility>

#include "io/fd.h"
#include "io/remote_mounts.h"

namespace arsync {

struct CallerFile {
    int fd = -1;
    Fd own;               // keeps it, as a duplicate
    mode_t kind = 0;      // S_IFMT
    int access = O_RDWR;  // O_ACCMODE
    bool direct = false;  // open with O_DIRECT
    bool streams = false; // it has no offsets: those that it is given, io_uring takes no notice of
    bool may_be_silent = false;  // a transfer may wait for ever: it is neither a file nor a disk
    bool waits_for_room = false; // a pipe or a FIFO without O_NONBLOCK
    bool synchronous = false;    // open with O_SYNC or O_DSYNC
    Devices devices;             // whom operations on it may wait for

    // What is found out by its first operation: whether io_uring can be trusted to read it as
    // read(2) does. It goes by a size, which may be untrue. waits: by calls, and what the kernel
    // makes up may be silent, though it is a file.
    enum class By : uint8_t { unknown, ring, calls, waits };
    std::atomic<By> by = By::unknown;
    // Of what may be silent: whether it takes RWF_NOWAIT. Where it does not, nor is it asked of the
    // kernel's files, one operation at a time takes from it, and one gives: none then finds that
    // another was quicker, and waits inside.
    std::atomic<bool> takes_nowait = true;
    std::atomic_flag reading;
    std::atomic_flag writing;

    // Until when no worker writes by a call of its own: one has waited in it.
    std::atomic<std::chrono::steady_clock::time_point> slow_until{};

    std::atomic<unsigned> users = 0;  // operations that have not ended
    std::atomic<bool> closed = false; // by the caller
};

// An operation's part in a file; move-only. The last that has one closes what was closed meanwhile.
class FileUse {
public:
    FileUse() = default;
    explicit FileUse(std::shared_ptr<CallerFile> file) : file_(std::move(file)), counts_(true) {
        file_->users.fetch_add(1, std::memory_order_relaxed);
    }
    FileUse(FileUse&& other) noexcept
        : file_(std::move(other.file_)), counts_(std::exchange(other.counts_, false)) {}
    FileUse& operator=(FileUse&& other) noexcept {
        std::swap(file_, other.file_);
        std::swap(counts_, other.counts_);
        return *this;
    }
    ~FileUse() { end(); }
    // The operation is over. Nothing is closed by this, which may wait.
    void end() {
        if (std::exchange(counts_, false))
            file_->users.fetch_sub(1, std::memory_order_release);
    }
    CallerFile* operator->() const { return file_.get(); }
    CallerFile& operator*() const { return *file_; }

private:
    std::shared_ptr<CallerFile> file_;
    bool counts_ = false; // among its users
};

} // namespace arsync
