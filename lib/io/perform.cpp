// The operations of request.h as plain system calls.
#include "io/request.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <new>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/cached_write.h"
#include "io/missing.h"
#include "io/open_beneath.h"

namespace arsync {

namespace {

// How long a cancel may go unnoticed by a wait that no signal can end.
constexpr int cancel_poll_ms = 20;

bool cancelled(Request& request) {
    return std::atomic_ref(request.cancelled).load(std::memory_order_relaxed);
}

// The oldest calls there are, which no filter knows nothing of. What must have flags and cannot is
// told as by a filesystem that has none.
ssize_t transfer(Request& request) {
    const auto offset = static_cast<off_t>(request.offset);
    const bool reads = request.op == Op::read;
    if (request.rw_flags == 0 && request.offset == UINT64_MAX)
        return reads ? ::read(request.fd, request.data, request.length)
                     : ::write(request.fd, request.data, request.length);
    if (request.rw_flags == 0)
        return reads ? ::pread(request.fd, request.data, request.length, offset)
                     : ::pwrite(request.fd, request.data, request.length, offset);
    const iovec part{request.data, request.length};
    const int flags = static_cast<int>(request.rw_flags);
    const ssize_t result = reads ? ::preadv2(request.fd, &part, 1, offset, flags)
                                 : ::pwritev2(request.fd, &part, 1, offset, flags);
    if (result < 0 && is_missing(errno))
        errno = EOPNOTSUPP;
    return result;
}

int reflink(const Request& request) {
    if (request.length == 0)
        return ::ioctl(request.fd, FICLONE, request.source_fd);
    file_clone_range range{request.source_fd, request.source_offset, request.length,
                           request.offset};
    return ::ioctl(request.fd, FICLONERANGE, &range);
}

ssize_t copy_range(const Request& request) {
    auto from = static_cast<off_t>(request.source_offset);
    auto to = static_cast<off_t>(request.offset);
    return ::copy_file_range(request.source_fd, &from, request.fd, &to, request.length, 0);
}

// Asking for a map of the file is the one call that writes its data to the disk and neither waits
// for the journal nor for the device's cache. Where there is no map, all that fdatasync does is
// done.
int settle_holes(const Request& request) {
    struct fiemap map; // ends in an array of none, for which clang++ takes no initializer
    memset(&map, 0, sizeof map);
    map.fm_length = 1;
    map.fm_flags = FIEMAP_FLAG_SYNC;
    return ::ioctl(request.fd, FS_IOC_FIEMAP, &map) == 0 ? 0 : ::fdatasync(request.fd);
}

// What a processor's own cache holds beside all else: the data is written while it is there.
constexpr size_t cached_step = 256 << 10;

// When it ends, done or not: a large chunk may take a slow disk long, and a cancel must not wait.
constexpr std::chrono::milliseconds cached_time{100};

constexpr std::align_val_t page_aligned{4096};

// Without a destructor: to register one takes memory, and the process ends where there is none.
thread_local StepMemory* current = nullptr;

// Whatever ends it early, whoever goes on from there will meet it, too; unless it was the time.
ssize_t copy_cached(Request& request) {
    using Clock = std::chrono::steady_clock;
    StepMemory own; // of a thread that keeps none
    std::byte* memory = (current ? *current : own).get();
    const Clock::time_point until = Clock::now() + cached_time;
    int flags = RWF_NOWAIT;
    uint64_t done = 0;
    while (memory && done < request.length && (done == 0 || Clock::now() < until)) {
        const iovec part{memory, std::min<uint64_t>(cached_step, request.length - done)};
        const auto offset = static_cast<off_t>(request.source_offset + done);
        const ssize_t got = flags != 0
                                ? ::preadv2(request.source_fd, &part, 1, offset, flags)
                                : ::pread(request.source_fd, part.iov_base, part.iov_len, offset);
        // Whoever asks has found out that most is cached, and this thread may wait for the rest.
        if (got < 0 && flags != 0 && (errno == EOPNOTSUPP || is_missing(errno))) {
            flags = 0;
            continue;
        }
        if (got <= 0)
            break;
        ++request.calls;
        const auto have = static_cast<size_t>(got);
        const ssize_t put =
            write_cached(request.fd, memory, have, static_cast<off_t>(request.offset + done));
        done += static_cast<uint64_t>(std::max<ssize_t>(put, 0));
        if (put < got)
            break;
    }
    return static_cast<ssize_t>(done);
}

short events_of(const Request& request) {
    return request.op == Op::wait_readable ? POLLIN : POLLOUT;
}

int64_t wait_for(Request& request) {
    pollfd entry{request.fd, events_of(request), 0};
    while (!cancelled(request)) {
        const int result = ::poll(&entry, 1, cancel_poll_ms);
        if (result > 0)
            return entry.revents;
        if (result < 0 && errno != EINTR)
            return -errno;
    }
    return -ECANCELED;
}

int64_t pause(Request& request) {
    for (uint64_t left = request.length; left > 0 && !cancelled(request);) {
        const uint64_t step = left < cancel_poll_ms ? left : cancel_poll_ms;
        ::poll(nullptr, 0, static_cast<int>(step));
        left -= step;
    }
    return cancelled(request) ? -ECANCELED : 0;
}

int64_t call(Request& request) {
    const auto offset = static_cast<off_t>(request.offset);
    const auto length = static_cast<off_t>(request.length);
    switch (request.op) {
    case Op::read:
    case Op::write:
        return transfer(request);
    case Op::sync:
        return request.datasync ? ::fdatasync(request.fd) : ::fsync(request.fd);
    case Op::allocate:
        return ::fallocate(request.fd, request.mode, offset, length);
    case Op::write_back:
        return ::sync_file_range(request.fd, offset, length,
                                 SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                     SYNC_FILE_RANGE_WAIT_AFTER);
    case Op::reflink:
        return reflink(request);
    case Op::copy_file_range:
        return copy_range(request);
    case Op::copy_cached:
        return copy_cached(request);
    case Op::sync_filesystem:
        return ::syncfs(request.fd);
    case Op::settle_holes:
        return settle_holes(request);
    case Op::open:
        return open_beneath(request.fd, static_cast<const char*>(request.data), request.mode,
                            request.offset);
    case Op::wait_readable:
    case Op::wait_writable:
    case Op::pause:
    case Op::call:
        break; // not one system call: see perform
    }
    errno = EINVAL;
    return -1;
}

} // namespace

StepMemory::~StepMemory() {
    if (current == this)
        current = nullptr;
    if (memory_)
        ::operator delete(memory_, page_aligned);
}

void StepMemory::keep() {
    current = this;
}

std::byte* StepMemory::get() {
    if (!memory_)
        memory_ = static_cast<std::byte*>(::operator new(cached_step, page_aligned, std::nothrow));
    return memory_;
}

int64_t perform(Request& request) {
    if (request.op == Op::wait_readable || request.op == Op::wait_writable)
        return wait_for(request);
    if (request.op == Op::pause)
        return pause(request);
    if (request.op == Op::call)
        return request.run(request.data);
    int64_t result = call(request);
    while (result < 0 && errno == EINTR)
        result = call(request);
    return result < 0 ? -errno : result;
}

bool is_silent(const Request& request) {
    pollfd entry{request.fd, events_of(request), 0};
    return ::poll(&entry, 1, 0) == 0;
}

} // namespace arsync
