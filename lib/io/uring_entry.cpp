// What a request is to io_uring: its operation, and its entry in the submission queue.
#include <cassert>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>

#include "io/uring.h"

namespace arsync {

int Uring::ring_operation(Op op) {
    switch (op) {
    case Op::read:
        return IORING_OP_READ;
    case Op::write:
        return IORING_OP_WRITE;
    case Op::sync:
        return IORING_OP_FSYNC;
    case Op::allocate:
        return IORING_OP_FALLOCATE;
    case Op::write_back:
        return IORING_OP_SYNC_FILE_RANGE;
    case Op::wait_readable:
    case Op::wait_writable:
        return IORING_OP_POLL_ADD;
    case Op::pause:
        return IORING_OP_TIMEOUT;
    case Op::open:
        return IORING_OP_OPENAT2;
    case Op::reflink:
    case Op::copy_file_range:
    case Op::copy_cached:
    case Op::sync_filesystem:
    case Op::settle_holes:
    case Op::call:
        break;
    }
    return -1;
}

// By the registered buffer that the data is in, if there is one.
static void prepare_transfer(io_uring_sqe& sqe, const Request& request, unsigned length) {
    const bool reads = request.op == Op::read;
    const bool fixed = request.buffer_index >= 0;
    const int operation = fixed ? (reads ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED)
                                : (reads ? IORING_OP_READ : IORING_OP_WRITE);
    io_uring_prep_rw(operation, &sqe, request.fd, request.data, length, request.offset);
    if (fixed)
        sqe.buf_index = static_cast<uint16_t>(request.buffer_index);
    sqe.rw_flags = static_cast<int>(request.rw_flags);
}

void Uring::prepare(io_uring_sqe& sqe, Request& request) {
    const auto length = static_cast<unsigned>(request.length);
    switch (request.op) {
    case Op::read:
    case Op::write:
        prepare_transfer(sqe, request, length);
        break;
    case Op::sync:
        io_uring_prep_fsync(&sqe, request.fd, request.datasync ? IORING_FSYNC_DATASYNC : 0);
        break;
    case Op::allocate:
        io_uring_prep_fallocate(&sqe, request.fd, request.mode, static_cast<off_t>(request.offset),
                                static_cast<off_t>(request.length));
        break;
    case Op::write_back:
        // The operation's length has 32 bits; 0 means to the end of the file.
        io_uring_prep_sync_file_range(
            &sqe, request.fd, request.length > UINT32_MAX ? 0 : length, request.offset,
            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
        break;
    case Op::wait_readable:
        io_uring_prep_poll_add(&sqe, request.fd, POLLIN);
        break;
    case Op::wait_writable:
        io_uring_prep_poll_add(&sqe, request.fd, POLLOUT);
        break;
    case Op::pause:
        static_assert(sizeof request.pause_time == sizeof(__kernel_timespec));
        request.pause_time[0] = static_cast<int64_t>(request.length / 1000);
        request.pause_time[1] = static_cast<int64_t>(request.length % 1000) * 1'000'000;
        io_uring_prep_timeout(&sqe, reinterpret_cast<__kernel_timespec*>(request.pause_time), 0, 0);
        break;
    case Op::open:
        static_assert(sizeof request.how == sizeof(open_how));
        request.how[0] = static_cast<unsigned>(request.mode | O_CLOEXEC);
        request.how[1] = 0;
        request.how[2] = request.offset;
        io_uring_prep_openat2(&sqe, request.fd, static_cast<const char*>(request.data),
                              reinterpret_cast<open_how*>(request.how));
        break;
    case Op::reflink:
    case Op::copy_file_range:
    case Op::copy_cached:
    case Op::sync_filesystem:
    case Op::settle_holes:
    case Op::call:
        assert(false && "performed by helpers");
        break;
    }
}

} // namespace arsync
