#include "io/uring.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "io/error.h"

namespace arsync {

namespace {

// Calls of one worker, copy_cached and copy_file_range mostly, that run side by side on threads.
constexpr unsigned helper_limit = 4;
// How long the SQPOLL thread spins without work before it sleeps.
constexpr unsigned sqpoll_idle_ms = 50;

// Room for completions, however short the submission queue is: waits and cancels are not counted
// when requests are held back, see Uring::start.
constexpr unsigned completions_min = 512;

// Ends when it likes, if ever, so it must not keep a place that a transfer waits for.
bool is_wait(const Request& request) {
    return request.op == Op::wait_readable || request.op == Op::wait_writable ||
           request.op == Op::pause;
}

// Completions that are nobody's request. Requests are aligned, so their addresses are larger.
enum : uint64_t { tag_none = 0, tag_wake = 1 };

// Linux 5.19, 5.19, 6.0, 6.1: newer than the headers some distributions still build with.
constexpr unsigned setup_single_issuer = 1u << 12;
constexpr unsigned setup_defer_taskrun = 1u << 13;
constexpr unsigned setup_coop_taskrun = 1u << 8;
constexpr unsigned setup_submit_all = 1u << 7;

// The operation of io_uring that a request is, not counting registered buffers.
int ring_operation(Op op) {
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
        break;
    }
    return -1;
}

} // namespace

Uring::Queue::Queue(unsigned entries, unsigned flags, unsigned idle_ms) {
    io_uring_params params{};
    params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = std::max(entries * 4, completions_min);
    params.sq_thread_idle = idle_ms;
    const int error = io_uring_queue_init_params(entries, &ring, &params);
    if (error < 0)
        throw Error{ARSYNC_STAGE_QUEUE, -error};
    io_uring_ring_dontfork(&ring);
    // A sandbox may allow the set-up and deny the use.
    const int denied = io_uring_get_events(&ring);
    if (denied < 0) {
        io_uring_queue_exit(&ring);
        throw Error{ARSYNC_STAGE_QUEUE, -denied};
    }
}

io_uring_sqe& Uring::Queue::sqe(Counters& counters) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    while (!entry) {
        counters.enters.add(1);
        io_uring_submit(&ring);
        if ((ring.flags & IORING_SETUP_SQPOLL) != 0)
            io_uring_sqring_wait(&ring);
        entry = io_uring_get_sqe(&ring);
    }
    counters.submissions.add(1);
    return *entry;
}

int Uring::probe() {
    try {
        const Queue queue(1, 0, 0);
        return 0;
    } catch (const Error& error) {
        return -error.code;
    }
}

Uring::Uring(Counters& counters, const UringOptions& options)
    : Ring(counters), wake_fd_(eventfd(0, EFD_CLOEXEC)),
      helpers_(helper_limit, [this] { wake(); }) {
    if (!wake_fd_)
        throw Error{ARSYNC_STAGE_QUEUE, errno};
    open_main(options);
    find_operations(options);
    if (options.iopoll)
        open_polled(options);
    limit_ = main_->ring.cq.ring_entries / 2;
}

// The kernel still reads into this object. Closing a ring does not wait for that.
Uring::~Uring() {
    assert(in_flight() == 0);
    while (wake_armed_) {
        wake();
        submit(*main_, true);
        reap(*main_);
    }
}

// The newest set-up flags that this kernel takes, best first.
void Uring::open_main(const UringOptions& options) {
    if (options.sqpoll) {
        constexpr Setup polled[] = {
            {IORING_SETUP_SQPOLL | setup_single_issuer, "sqpoll single_issuer"},
            {IORING_SETUP_SQPOLL, "sqpoll"},
        };
        try {
            open_best(polled, options.queue_depth);
            features_.sqpoll = true;
            return;
        } catch (const Error& error) {
            features_.sqpoll_error = -error.code;
        }
    }
    constexpr Setup plain[] = {
        {setup_single_issuer | setup_defer_taskrun | setup_submit_all,
         "single_issuer defer_taskrun submit_all"},
        {setup_coop_taskrun | setup_submit_all, "coop_taskrun submit_all"},
        {0, ""},
    };
    open_best(plain, options.queue_depth);
}

void Uring::open_best(std::span<const Setup> setups, unsigned queue_depth) {
    for (const Setup& setup : setups) {
        try {
            main_ = std::make_unique<Queue>(queue_depth, setup.flags, sqpoll_idle_ms);
            features_.in_use = setup.words;
            return;
        } catch (const Error& error) {
            if (error.code != EINVAL || &setup == &setups.back())
                throw;
        }
    }
}

void Uring::open_polled(const UringOptions& options) {
    try {
        polled_ = std::make_unique<Queue>(options.queue_depth, IORING_SETUP_IOPOLL, 0);
        const int error = io_uring_register_buffers_sparse(&polled_->ring, options.buffer_count);
        if (error < 0 && registration_error_ == 0)
            registration_error_ = error;
        iopoll_.store(true);
    } catch (const Error& error) {
        iopoll_error_.store(-error.code);
    }
}

void Uring::find_operations(const UringOptions& options) {
    if (io_uring_probe* probe = io_uring_get_probe_ring(&main_->ring)) {
        for (int op = 0; op < IORING_OP_LAST; ++op)
            operations_[static_cast<size_t>(op)] = io_uring_opcode_supported(probe, op) != 0;
        io_uring_free_probe(probe);
    }
    operations_ &= ~options.without;
    if (has(IORING_OP_READ_FIXED) && has(IORING_OP_WRITE_FIXED)) {
        registration_error_ = io_uring_register_buffers_sparse(&main_->ring, options.buffer_count);
        if (registration_error_ == 0)
            features_.in_use += " fixed_buffers";
    } else {
        registration_error_ = -EOPNOTSUPP;
    }
}

int Uring::register_buffer(unsigned index, void* data, size_t size) {
    if (registration_error_ < 0)
        return registration_error_;
    const iovec part{data, size};
    const __u64 tag = 0;
    for (Queue* queue : {main_.get(), polled_.get()}) {
        if (!queue)
            continue;
        const int result =
            io_uring_register_buffers_update_tag(&queue->ring, index, &part, &tag, 1);
        if (result < 0)
            return result;
    }
    return 0;
}

bool Uring::uses_ring(const Request& request) const {
    const int op = ring_operation(request.op);
    return op >= 0 && has(static_cast<io_uring_op>(op));
}

void Uring::start(Request& request) {
    if (!uses_ring(request)) {
        help(request);
        return;
    }
    if (is_wait(request) || (main_->pending < limit_ && !backlog_first_)) {
        enqueue(request);
        return;
    }
    request.next = nullptr;
    *backlog_end_ = &request;
    backlog_end_ = &request.next;
}

// A blocking call on a helper thread; on this one if there is none to be had.
void Uring::help(Request& request) {
    if (request.at_once) {
        complete(request, perform(request));
        return;
    }
    counters().helper_calls.add(1);
    const int error = helpers_.submit(request);
    if (error < 0)
        complete(request, Helpers::without_thread(request, error));
}

// What follows a request goes with it, so that it begins on the kernel's side and nobody has to be
// woken in between.
void Uring::enqueue(Request& request) {
    const bool wants_two = request.then && uses_ring(*request.then);
    if (wants_two && io_uring_sq_space_left(&main_->ring) < 2) { // links end with a submission
        counters().enters.add(1);
        io_uring_submit(&main_->ring);
    }
    request.linked = wants_two && io_uring_sq_space_left(&main_->ring) >= 2;
    io_uring_sqe& sqe = enqueue_alone(request);
    if (!request.linked)
        return;
    sqe.flags |= IOSQE_IO_LINK;
    enqueue_alone(*request.then);
}

io_uring_sqe& Uring::enqueue_alone(Request& request) {
    const bool polled = request.direct && iopoll_.load(std::memory_order_relaxed);
    Queue& queue = polled ? *polled_ : *main_;
    io_uring_sqe& sqe = queue.sqe(counters());
    prepare(sqe, request);
    io_uring_sqe_set_data(&sqe, &request);
    if (!is_wait(request))
        ++queue.pending;
    return sqe;
}

void Uring::prepare(io_uring_sqe& sqe, Request& request) const {
    const auto length = static_cast<unsigned>(request.length);
    const bool fixed = request.buffer_index >= 0;
    switch (request.op) {
    case Op::read:
        if (fixed)
            io_uring_prep_read_fixed(&sqe, request.fd, request.data, length, request.offset,
                                     request.buffer_index);
        else
            io_uring_prep_read(&sqe, request.fd, request.data, length, request.offset);
        sqe.rw_flags = static_cast<int>(request.rw_flags);
        break;
    case Op::write:
        if (fixed)
            io_uring_prep_write_fixed(&sqe, request.fd, request.data, length, request.offset,
                                      request.buffer_index);
        else
            io_uring_prep_write(&sqe, request.fd, request.data, length, request.offset);
        sqe.rw_flags = static_cast<int>(request.rw_flags);
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
        assert(false && "performed by helpers");
        break;
    }
}

void Uring::cancel(Request& request) {
    std::atomic_ref(request.cancelled).store(true, std::memory_order_relaxed);
    if (!uses_ring(request))
        return; // the helper that waits sees the flag
    io_uring_sqe& sqe = main_->sqe(counters());
    io_uring_prep_cancel(&sqe, &request, 0);
    sqe.user_data = tag_none;
}

void Uring::arm_wake() {
    if (wake_armed_)
        return;
    io_uring_sqe& sqe = main_->sqe(counters());
    io_uring_prep_read(&sqe, wake_fd_.get(), &wake_value_, sizeof wake_value_, 0);
    sqe.user_data = tag_wake;
    wake_armed_ = true;
}

void Uring::wake() {
    if (wake_pending_.exchange(true))
        return;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
}

void Uring::take_completed(bool block) {
    arm_wake();
    // A polled ring delivers only to who asks it; what else completes meanwhile waits for no longer
    // than the device takes.
    const bool polling = polled_ && polled_->pending > 0;
    submit(*main_, block && !polling);
    const unsigned polled_before = polling ? polled_->pending : 0;
    if (polling) {
        submit(*polled_, block);
        reap(*polled_);
    }
    reap(*main_);
    // What the kernel gave to a thread of its own is not to be polled for: it returned at once.
    if (polling && block && polled_->pending == polled_before) {
        constexpr timespec moment{0, 20'000};
        nanosleep(&moment, nullptr);
    }
    take_helped();
    while (backlog_first_ && main_->pending < limit_) {
        auto& request = static_cast<Request&>(*backlog_first_);
        backlog_first_ = request.next;
        if (!backlog_first_)
            backlog_end_ = &backlog_first_;
        enqueue(request);
    }
}

void Uring::submit(Queue& queue, bool wait_for_one) {
    for (;;) {
        counters().enters.add(1);
        const int result = wait_for_one ? io_uring_submit_and_wait(&queue.ring, 1)
                                        : io_uring_submit_and_get_events(&queue.ring);
        if (result >= 0 || result == -ETIME)
            return;
        if (result == -EINTR) // a debugger, say
            continue;
        // EBUSY, EAGAIN: the kernel has no room until completions are taken. Anything else is a
        // ring that was denied after it had been had: nothing will come of trying fast.
        if (result != -EBUSY && result != -EAGAIN) {
            constexpr timespec pause{0, 10'000'000};
            nanosleep(&pause, nullptr);
        }
        return;
    }
}

void Uring::reap(Queue& queue) {
    unsigned head;
    unsigned count = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&queue.ring, head, cqe) {
        ++count;
        if (cqe->user_data == tag_wake) {
            wake_armed_ = false;
            wake_pending_.exchange(false); // before what was posted is looked for
        } else if (cqe->user_data != tag_none) {
            auto& request = *reinterpret_cast<Request*>(cqe->user_data);
            if (!is_wait(request))
                --queue.pending;
            if (&queue == polled_.get() && cqe->res == -EOPNOTSUPP) {
                iopoll_error_.store(cqe->res); // the device cannot; from now on by the main ring
                iopoll_.store(false);
                start(request);
            } else if (cqe->res == -ECANCELED && !request.cancelled) {
                take_cancelled(request);
            } else {
                const bool paused = request.op == Op::pause && cqe->res == -ETIME;
                complete(request, paused ? 0 : cqe->res);
            }
        }
    }
    io_uring_cq_advance(&queue.ring, count);
}

// Nobody has asked for it: the kernel could not start a thread of its own for the request, or the
// one that it follows did not go well. That one's end always comes first.
void Uring::take_cancelled(Request& request) {
    if (request.stale) { // its turn will come in another way
        request.stale = false;
        return;
    }
    if (request.before && request.before->linked &&
        request.before->result != static_cast<int64_t>(request.before->length)) {
        complete(request, -ECANCELED);
        return;
    }
    if (request.linked) {
        request.linked = false;
        request.then->stale = true;
    }
    help(request);
}

void Uring::close_inherited() {
    close(main_->ring.ring_fd);
    if (polled_)
        close(polled_->ring.ring_fd);
    close(wake_fd_.get());
}

void Uring::take_helped() {
    for (Request* request = helpers_.take_finished(); request;) {
        auto* next = static_cast<Request*>(request->next);
        complete(*request, request->result);
        request = next;
    }
}

} // namespace arsync
