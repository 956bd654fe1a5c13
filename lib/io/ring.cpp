// The way of a request, which a coroutine makes and waits for: co_await suspends it and begins the
// request; start, the backend's, gives it to the kernel (uring.cpp, threads.cpp), and control goes
// back to the worker's loop (worker.cpp). That runs what is ready, and then waits: the backend's
// take_completed completes what the kernel has done, which is put among what is ready, and the
// worker's loop resumes the coroutine.
#include "io/ring.h"

#include <cerrno>
#include <fcntl.h>

#include "io/clock.h"

namespace arsync {

Ring::Operation Ring::read(int fd, Slice to, uint64_t offset, uint32_t rw_flags, Route route,
                           Request** cancellable) {
    Operation operation(*this, Op::read, fd);
    operation.request_.data = to.data;
    operation.request_.length = to.length;
    operation.request_.buffer_index = to.buffer_index;
    operation.request_.offset = offset;
    operation.request_.rw_flags = rw_flags;
    operation.request_.route = route;
    operation.exposed_ = cancellable;
    return operation;
}

Ring::Operation Ring::write(int fd, Slice from, uint64_t offset, uint32_t rw_flags, Route route,
                            Request** cancellable) {
    Operation operation = read(fd, from, offset, rw_flags, route, cancellable);
    operation.request_.op = Op::write;
    return operation;
}

void Ring::Operation::await_suspend(std::coroutine_handle<> handle) {
    request_.handle = handle;
    if (exposed_)
        *exposed_ = &request_;
    ring_.begin(request_);
}

void Ring::begin(Request& request) {
    account_depth(+1);
    start(request);
}

void Ring::wait() {
    take_completed(!later_first_);
    resume_later();
}

void Ring::look() {
    if (in_flight_ > 0)
        take_completed(false);
    resume_later();
}

void Ring::resume_later() {
    if (!later_first_)
        return;
    *ready_end_ = later_first_;
    ready_end_ = later_end_;
    later_first_ = nullptr;
    later_end_ = &later_first_;
}

void Ring::complete(Request& request, int64_t result) {
    const bool cancelled = std::atomic_ref(request.cancelled).load(std::memory_order_relaxed);
    // Interrupted, and not because somebody asked: nobody above has to know of it.
    if (result == -EINTR && !cancelled && request.op != Op::call) {
        start(request);
        return;
    }
    request.result = result;
    account_depth(-1);
    const uint64_t bytes = result > 0 ? static_cast<uint64_t>(result) : 0;
    const bool fixed = request.buffer_index >= 0 && request.route <= Route::polled;
    switch (request.op) {
    case Op::read:
        counters_.reads.add(1);
        counters_.reads_fixed.add(fixed);
        counters_.reads_inline.add(request.route == Route::at_once);
        counters_.bytes_read.add(bytes);
        break;
    case Op::write:
        counters_.writes.add(1);
        counters_.writes_fixed.add(fixed);
        counters_.bytes_written.add(bytes);
        break;
    case Op::copy_file_range:
        counters_.bytes_offloaded.add(bytes);
        break;
    case Op::copy_cached:
        counters_.reads.add(request.calls);
        counters_.reads_inline.add(request.calls);
        counters_.bytes_read.add(bytes);
        counters_.writes.add(request.calls);
        counters_.writes_inline.add(request.calls);
        counters_.bytes_written.add(bytes);
        break;
    default:
        break;
    }
    if (request.then)
        go_on(request);
    else if (request.made_here)
        post_later(request);
    else
        post(request);
}

void Ring::complete_here(Request& request, int64_t result) {
    request.made_here = true;
    complete(request, result);
}

void Ring::go_on(Request& request) {
    Request& next = *request.then;
    account_depth(+1);
    if (request.linked)
        return; // its own result comes
    if (request.result == static_cast<int64_t>(request.length))
        start(next);
    else
        complete(next, -ECANCELED);
}

void Ring::post(Waiter& waiter) {
    waiter.next = nullptr;
    *ready_end_ = &waiter;
    ready_end_ = &waiter.next;
}

bool Ring::run_ready() {
    take_from_outside();
    if (!ready_first_)
        return false;
    while (Waiter* waiter = ready_first_) {
        ready_first_ = waiter->next;
        if (!ready_first_)
            ready_end_ = &ready_first_;
        waiter->handle.resume();
    }
    return true;
}

void Ring::post_later(Waiter& waiter) {
    waiter.next = nullptr;
    *later_end_ = &waiter;
    later_end_ = &waiter.next;
}

void Ring::post_from_outside(Waiter& waiter) {
    waiter.next = outside_.load(std::memory_order_relaxed);
    while (!outside_.compare_exchange_weak(waiter.next, &waiter, std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
    wake();
}

void Ring::take_from_outside() {
    if (!outside_.load(std::memory_order_relaxed))
        return;
    Waiter* newest = outside_.exchange(nullptr, std::memory_order_acquire);
    while (newest) {
        Waiter* next = newest->next;
        post(*newest);
        newest = next;
    }
}

void Ring::account_depth(int change) {
    const uint64_t now = monotonic_ns();
    if (in_flight_ > 0) {
        counters_.busy_ns.add(now - depth_since_ns_);
        counters_.queue_depth_ns.add((now - depth_since_ns_) * in_flight_);
    }
    depth_since_ns_ = now;
    in_flight_ += static_cast<unsigned>(change);
    counters_.queue_depth_max.raise_to(in_flight_);
}

// ---- the other operations ----

Ring::Move Ring::move(int source, uint64_t source_offset, Slice through, int destination,
                      uint64_t offset) {
    return Move(*this, source, source_offset, through, destination, offset);
}

Ring::Operation Ring::sync(int fd, bool datasync) {
    Operation operation(*this, Op::sync, fd);
    operation.request_.datasync = datasync;
    return operation;
}

Ring::Operation Ring::allocate(int fd, int mode, uint64_t offset, uint64_t length) {
    Operation operation(*this, Op::allocate, fd);
    operation.request_.mode = mode;
    operation.request_.offset = offset;
    operation.request_.length = length;
    return operation;
}

Ring::Operation Ring::punch_hole(int fd, uint64_t offset, uint64_t length) {
    return allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

Ring::Operation Ring::write_back(int fd, uint64_t offset, uint64_t length) {
    Operation operation(*this, Op::write_back, fd);
    operation.request_.offset = offset;
    operation.request_.length = length;
    return operation;
}

Ring::Operation Ring::wait_readable(int fd, Request** cancellable) {
    Operation operation(*this, Op::wait_readable, fd);
    operation.exposed_ = cancellable;
    return operation;
}

Ring::Operation Ring::wait_writable(int fd, Request** cancellable) {
    Operation operation(*this, Op::wait_writable, fd);
    operation.exposed_ = cancellable;
    return operation;
}

Ring::Operation Ring::pause(uint64_t milliseconds, bool endless) {
    Operation operation(*this, Op::pause, -1);
    operation.request_.length = milliseconds;
    operation.request_.endless = endless;
    return operation;
}

Ring::Operation Ring::reflink(int source, uint64_t source_offset, int fd, uint64_t offset,
                              uint64_t length, bool at_once) {
    Operation operation(*this, Op::reflink, fd);
    operation.request_.route = at_once ? Route::at_once : Route::ring;
    operation.request_.source_fd = source;
    operation.request_.source_offset = source_offset;
    operation.request_.offset = offset;
    operation.request_.length = length;
    return operation;
}

Ring::Operation Ring::copy_file_range(int source, uint64_t source_offset, int fd, uint64_t offset,
                                      uint64_t length) {
    Operation operation = reflink(source, source_offset, fd, offset, length);
    operation.request_.op = Op::copy_file_range;
    return operation;
}

Ring::Operation Ring::copy_cached(int source, uint64_t source_offset, int fd, uint64_t offset,
                                  uint64_t length) {
    Operation operation = reflink(source, source_offset, fd, offset, length);
    operation.request_.op = Op::copy_cached;
    return operation;
}

Ring::Operation Ring::open_beneath(int dirfd, const char* path, int flags, uint64_t resolve) {
    Operation operation(*this, Op::open, dirfd);
    operation.request_.data = const_cast<char*>(path);
    operation.request_.mode = flags;
    operation.request_.offset = resolve;
    return operation;
}

Ring::Operation Ring::sync_filesystem(int fd) {
    return Operation(*this, Op::sync_filesystem, fd);
}

Ring::Operation Ring::settle_holes(int fd) {
    return Operation(*this, Op::settle_holes, fd);
}

} // namespace arsync
