// An open file that a caller has given to a pool, for operations on buffers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
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
    bool direct = false;  // open with O_DIRECT
    bool streams = false; // it has no offsets: those that it is given, io_uring takes no notice of
    bool synchronous = false; // open with O_SYNC or O_DSYNC
    Devices devices;          // whom operations on it may wait for

    // What is found out by its first operation: whether io_uring can be trusted to read it as
    // read(2) does. It goes by a size, which may be untrue.
    enum class By : uint8_t { unknown, ring, calls };
    std::atomic<By> by = By::unknown;
    // Of what is no file with offsets: whether it takes RWF_NOWAIT.
    std::atomic<bool> takes_nowait = true;

    // Until when no worker writes by a call of its own: one has waited in it.
    std::atomic<std::chrono::steady_clock::time_point> slow_until{};

    std::atomic<unsigned> users = 0; // operations
};

// An operation's part in a file; move-only. The last that has one closes what was closed meanwhile.
class FileUse {
public:
    FileUse() = default;
    explicit FileUse(std::shared_ptr<CallerFile> file) : file_(std::move(file)) {
        file_->users.fetch_add(1, std::memory_order_relaxed);
    }
    FileUse(FileUse&& other) noexcept : file_(std::move(other.file_)) {}
    FileUse& operator=(FileUse&& other) noexcept {
        std::swap(file_, other.file_);
        return *this;
    }
    ~FileUse() {
        if (file_)
            file_->users.fetch_sub(1, std::memory_order_release);
    }
    CallerFile* operator->() const { return file_.get(); }
    CallerFile& operator*() const { return *file_; }

private:
    std::shared_ptr<CallerFile> file_;
};

} // namespace arsync
