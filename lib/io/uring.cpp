// One request's way: begun, put into the submission queue, taken from the completion queue, ended.
#include "io/uring.h"

#include <cassert>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <unistd.h>

#include "io/signal_event.h"
#include "io/uring_denied.h"

namespace arsync {

static void sleep_for(std::chrono::nanoseconds time) {
    const timespec span{0, time.count()};
    nanosleep(&span, nullptr);
}

void Uring::start(Request& request) {
    if (uses_ring(request) && !request.is_wait() && (main_->pending >= limit_ || backlog_first_)) {
        request.next = nullptr;
        *backlog_end_ = &request;
        backlog_end_ = &request.next;
        return;
    }
    enqueue(request);
}

// What follows a request goes with it, so that it begins on the kernel's side and nobody has to be
// woken in between. To make room for an entry is to enter, and that may be denied. guarded(): once
// it is, it can be told when the kernel has done with the transfers that it has.
void Uring::enqueue(Request& request) {
    if (std::atomic_ref(request.cancelled).load(std::memory_order_relaxed) && !request.is_wait()) {
        complete(request, -ECANCELED); // in the backlog
        return;
    }
    const bool pair = request.then && uses_ring(*request.then) && !features_.sqpoll;
    const bool may = uses_ring(request) && (request.is_wait() || guarded());
    if (!may || !make_room(queue_for(request), pair ? 2 : 1)) {
        help(request);
        return;
    }
    Queue& queue = queue_for(request);
    request.linked = pair && io_uring_sq_space_left(&queue.ring) >= 2;
    io_uring_sqe& sqe = enqueue_alone(queue, request);
    if (!request.linked)
        return;
    sqe.flags |= IOSQE_IO_LINK;
    request.ended = request.then->ended = false;
    enqueue_alone(queue, *request.then);
}

io_uring_sqe& Uring::enqueue_alone(Queue& queue, Request& request) {
    io_uring_sqe& sqe = entry(queue, tag_none);
    prepare(sqe, request);
    io_uring_sqe_set_data(&sqe, &request);
    queue.pending += !request.is_wait();
    hold(request);
    return sqe;
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
        // Whether these two numbers have a sign changed between versions of liburing.
        io_uring_prep_fallocate(&sqe, request.fd, request.mode, 0, 0);
        sqe.off = request.offset;
        sqe.addr = request.length;
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

void Uring::take_completed(bool block) {
    if (block && in_flight() == 0) { // so the ring has nothing to tell
        sleeper_.sleep();
        return;
    }
    if (!main_) {
        take_without_ring(block);
        return;
    }
    arm_wake();
    // A polled ring delivers only to who asks it; what else completes meanwhile waits for no longer
    // than the device takes.
    const bool polling = polled_ && polled_->pending > 0;
    const unsigned polled_before = polling ? polled_->pending : 0;
    const bool waits = block && sleeper_.wait_elsewhere(); // unless it was told something since
    enter(*main_, waits && !polling);
    if (polling)
        enter(*polled_, waits);
    if (waits)
        sleeper_.back();
    if (denied()) { // by these or by one before
        give_up_rings();
        return;
    }
    if (polling)
        reap(*polled_);
    reap(*main_);
    // What the kernel gave to a thread of its own is not to be polled for: it returned at once.
    if (polling && block && polled_->pending == polled_before)
        sleep_for(std::chrono::microseconds(20));
    take_helped();
    while (backlog_first_ && !denied() && main_->pending < limit_)
        enqueue(take_from_backlog());
}

// Submit what there is; wait for a completion, or only have those delivered that there are.
void Uring::enter(Queue& queue, bool wait_for_one) {
    if (denied())
        return;
    int result;
    do {
        counters().enters.add(1);
        result = wait_for_one ? io_uring_submit_and_wait(&queue.ring, 1)
                              : io_uring_submit_and_get_events(&queue.ring);
    } while (result == -EINTR);
    if (result < 0 && is_denial(result))
        denied_.store(result);
    part_pair(queue);
}

void Uring::reap(Queue& queue) {
    unsigned head;
    unsigned count = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&queue.ring, head, cqe) {
        ++count;
        // Nobody can be woken, or nothing be cancelled, by a ring that is restricted so.
        if (cqe->user_data <= tag_wake && cqe->res == -EACCES)
            denied_.store(-EACCES);
        if (cqe->user_data == tag_wake) {
            wake_armed_ = false;
            take_wake();
        } else if (cqe->user_data != tag_none) {
            Request& request = request_of(cqe->user_data);
            queue.pending -= !request.is_wait();
            let_go(request);
            if (&queue == polled_.get() && cqe->res == -EOPNOTSUPP)
                do_without_polling(request);
            else
                end(request, cqe->res);
        }
    }
    io_uring_cq_advance(&queue.ring, count);
}

// The ring may be restricted, and the operation not be allowed in it, or the file may have said
// so, and will again. But what it says to a sync it says once. Or the file is open with O_NONBLOCK,
// and neither it nor its device can be asked without waiting: up to Linux 6.4 that holds for
// regular files, too, for which pread(2) and pwrite(2) do wait.
bool Uring::may_be_refused(const Request& request, int64_t result) {
    if (result == -EACCES)
        return request.op != Op::sync && request.op != Op::write_back;
    const bool moves = request.op == Op::read || request.op == Op::write;
    return result == -EAGAIN && moves && request.offset != UINT64_MAX &&
           (request.rw_flags & RWF_NOWAIT) == 0;
}

// The kernel could start no thread of its own for it; or, as Linux 6.18 now and then with a
// terminal that two wait for, it could not poll, which poll(2) can.
static bool must_be_helped(const Request& request, int result) {
    return !request.cancelled && (result == -ECANCELED || (result == -EINVAL && request.is_wait()));
}

// The kernel passes on what woke it and does not look again. The reader that waits may itself have
// taken what its writer is late to wake it for; taken for news, that would let it read from
// nothing, and be where no pause reaches it when something comes.
static bool is_old_news(const Request& request, int result) {
    const bool waits = request.op == Op::wait_readable || request.op == Op::wait_writable;
    return waits && result > 0 && !request.cancelled && is_silent(request);
}

void Uring::end(Request& request, int result) {
    Request* const first = request.before ? request.before : &request;
    if (first->linked) {
        end_in_pair(*first, request, result); // the later of the two resumes the coroutine
    } else if (must_be_helped(request, result) || may_be_refused(request, result)) {
        help(request);
    } else if (is_old_news(request, result)) {
        start(request);
    } else {
        complete(request, request.op == Op::pause && result == -ETIME ? 0 : result);
    }
}

// A blocking call on a helper thread; on this one if there is none to be had.
void Uring::help(Request& request) {
    if (request.route == Route::at_once) {
        complete(request, perform(request));
        return;
    }
    counters().helper_calls.add(1);
    const int error = helpers_.submit(request);
    if (error < 0)
        complete_here(request, Helpers::without_thread(request, error));
}

bool Uring::uses_ring(const Request& request) const {
    const int op = ring_operation(request.op);
    const bool by_call = request.route == Route::plain || request.route == Route::at_once;
    return !by_call && op >= 0 && has(static_cast<io_uring_op>(op)) && !denied();
}

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

Uring::Queue& Uring::queue_for(const Request& request) const {
    const bool polled = request.route == Route::polled && iopoll_.load(std::memory_order_relaxed);
    return polled ? *polled_ : *main_;
}

// Room for so many entries if there is any way, and for one in any case; false: the ring is denied.
bool Uring::make_room(Queue& queue, unsigned wanted) {
    io_uring& ring = queue.ring;
    if (io_uring_sq_space_left(&ring) < wanted)
        enter(queue, false); // links end with a submission
    while (!denied() && io_uring_sq_space_left(&ring) == 0) {
        if ((ring.flags & IORING_SETUP_SQPOLL) != 0)
            io_uring_sqring_wait(&ring);
        enter(queue, false);
        if (io_uring_sq_space_left(&ring) == 0)
            sleep_for(std::chrono::microseconds(20));
    }
    return !denied();
}

io_uring_sqe& Uring::entry(Queue& queue, uint64_t tag) {
    io_uring_sqe& sqe = *io_uring_get_sqe(&queue.ring);
    counters().submissions.add(1);
    io_uring_prep_nop(&sqe);
    sqe.user_data = tag;
    return sqe;
}

Request& Uring::take_from_backlog() {
    auto& request = static_cast<Request&>(*backlog_first_);
    backlog_first_ = request.next;
    if (!backlog_first_)
        backlog_end_ = &backlog_first_;
    return request;
}

void Uring::hold(Request& request) {
    request.previous_held = nullptr;
    request.next_held = held_;
    if (held_)
        held_->previous_held = &request;
    held_ = &request;
}

void Uring::let_go(Request& request) {
    (request.previous_held ? request.previous_held->next_held : held_) = request.next_held;
    if (request.next_held)
        request.next_held->previous_held = request.previous_held;
}

bool Uring::take_helped() {
    return helpers_.take_finished(
        [this](Request& request, int64_t result) { complete(request, result); });
}

// The device cannot be polled: this request, and all later ones, go by the main ring.
void Uring::do_without_polling(Request& request) {
    iopoll_error_.store(-EOPNOTSUPP);
    iopoll_.store(false);
    start(request);
}

void Uring::cancel(Request& request) {
    std::atomic_ref(request.cancelled).store(true, std::memory_order_relaxed);
    // The helper that waits sees the flag.
    if (!uses_ring(request) || !make_room(*main_, 1))
        return;
    io_uring_prep_cancel(&entry(*main_, tag_none), &request, 0);
}

void Uring::wake() {
    if (!sleeper_.tell())
        signal_event(wake_fd_.get());
}

void Uring::arm_wake() {
    if (wake_armed_ || !make_room(*main_, 1))
        return;
    io_uring_prep_poll_add(&entry(*main_, tag_wake), wake_fd_.get(), POLLIN);
    wake_armed_ = true;
}

void Uring::take_wake() {
    uint64_t value;
    [[maybe_unused]] const ssize_t got = ::read(wake_fd_.get(), &value, sizeof value);
}

void Uring::close_inherited() {
    for (const Queue* queue : {main_.get(), polled_.get()})
        if (queue)
            close(queue->ring.ring_fd);
    close(wake_fd_.get());
    if (guard_)
        close(guard_.get());
}

} // namespace arsync
