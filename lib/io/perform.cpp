// The operations of request.h as plain system calls.
#include "io/request.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/open_beneath.h"

namespace arsync {

namespace {

// How long a cancel may go unnoticed by a wait that no signal can end.
constexpr int cancel_poll_ms = 20;

bool cancelled(Request& request) {
    return std::atomic_ref(request.cancelled).load(std::memory_order_relaxed);
}

ssize_t transfer(Request& request) {
    const iovec part{request.data, request.length};
    const auto offset = static_cast<off_t>(request.offset);
    const int flags = static_cast<int>(request.rw_flags);
    return request.op == Op::read ? ::preadv2(request.fd, &part, 1, offset, flags)
                                  : ::pwritev2(request.fd, &part, 1, offset, flags);
}

int reflink(const Request& request) {
    if (request.length == 0)
        return ::ioctl(request.fd, FICLONE, request.source_fd);
    file_clone_range range{request.source_fd, request.source_offset, request.length,
                           request.offset};
    return ::ioctl(request.fd, FICLONERANGE, &range);
}

ssize_t copy_range(const Request& request) {
    auto from = static_cast<off64_t>(request.source_offset);
    auto to = static_cast<off64_t>(request.offset);
    return ::copy_file_range(request.source_fd, &from, request.fd, &to, request.length, 0);
}

int64_t wait_for(Request& request, short events) {
    pollfd entry{request.fd, events, 0};
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
    case Op::sync_filesystem:
        return ::syncfs(request.fd);
    case Op::open:
        return open_beneath(request.fd, static_cast<const char*>(request.data), request.mode,
                            request.offset);
    case Op::wait_readable:
    case Op::wait_writable:
    case Op::pause:
        break; // not one call: see perform
    }
    errno = EINVAL;
    return -1;
}

} // namespace

int64_t perform(Request& request) {
    if (request.op == Op::wait_readable)
        return wait_for(request, POLLIN);
    if (request.op == Op::wait_writable)
        return wait_for(request, POLLOUT);
    if (request.op == Op::pause)
        return pause(request);
    int64_t result = call(request);
    while (result < 0 && errno == EINTR)
        result = call(request);
    return result < 0 ? -errno : result;
}

} // namespace arsync
