#include "io/uring.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

#include "io/error.h"

namespace arsync {

namespace {

// Calls of one worker, copy_cached and copy_file_range mostly, that run side by side on threads.
constexpr unsigned helper_limit = 4;
// The same of Ring::call, each of which frees a huge file, say.
constexpr unsigned call_limit = 8;
// The same of waits, where io_uring does not do them. Each copy waits for one thing at a time.
constexpr unsigned wait_limit = 128;
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

Request& request_of(uint64_t tag) {
    return *reinterpret_cast<Request*>(tag);
}

// What may be done again when nobody knows how it has ended: not what takes from a stream, or where
// an error is told only once.
bool may_be_repeated(const Request& request) {
    const bool streams = request.offset == UINT64_MAX;
    const bool transfers = request.op == Op::read || request.op == Op::write;
    return request.op != Op::sync && request.op != Op::write_back && !(transfers && streams);
}

// What io_uring_enter(2) says when the next time may go better: interrupted (by a debugger, say),
// or the kernel has no room until completions are taken, or no memory for the moment. All else
// means that it is denied, by a filter that this process has put on itself, say.
bool may_go_better(int error) {
    return error == -EINTR || error == -ETIME || error == -EBUSY || error == -EAGAIN ||
           error == -EBADR || error == -ENOMEM;
}

// Valgrind lets one thread run at a time, and its versions up to 3.19 at least do not know that
// io_uring_enter(2) may wait: whoever is to end the wait would never run. Nor does memcheck see
// what a ring writes into memory. This symbol is in what it loads into each process.
bool under_valgrind() {
    return dlsym(RTLD_DEFAULT, "_vgnU_freeres") != nullptr;
}

void sleep_for(std::chrono::nanoseconds time) {
    const timespec span{0, time.count()};
    nanosleep(&span, nullptr);
}

// Linux 6.0, 6.1, 5.19, 5.18: newer than the headers some distributions still build with.
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
    case Op::settle_holes:
    case Op::call:
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

// Closing the ring alone gives its buffers' locked pages back some time later, and until then they
// count against the user's RLIMIT_MEMLOCK, and so against the next ring's.
Uring::Queue::~Queue() {
    io_uring_unregister_buffers(&ring);
    io_uring_queue_exit(&ring);
}

int Uring::probe() {
    if (under_valgrind())
        return -EOPNOTSUPP;
    try {
        const Queue queue(1, 0, 0);
        return 0;
    } catch (const Error& error) {
        return -error.code;
    }
}

Uring::Uring(Counters& counters, const UringOptions& options)
    : Ring(counters), buffer_count_(options.buffer_count),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      waits_(
          wait_limit, [this] { wake(); }, {}, true),
      calls_(
          call_limit, [this] { wake(); }, options.helpers),
      helpers_(
          helper_limit, [this] { wake(); }, options.helpers) {
    if (!wake_fd_)
        throw Error{ARSYNC_STAGE_QUEUE, errno};
    if (under_valgrind())
        throw Error{ARSYNC_STAGE_QUEUE, EOPNOTSUPP};
    open_main(options);
    find_operations(options);
    if (options.iopoll)
        open_polled(options);
    limit_ = main_->ring.cq.ring_entries / 2;
}

// What the kernel still has is a poll of the event descriptor, which touches no memory.
Uring::~Uring() {
    assert(in_flight() == 0);
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
        if (registration_error_ == 0)
            register_table();
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
        register_table();
        if (registration_error_ == 0)
            features_.in_use += " fixed_buffers";
    } else {
        registration_error_ = -EOPNOTSUPP;
    }
}

// Room for the buffers to be registered in, in each ring that has none yet.
void Uring::register_table() {
    registration_error_ = 0;
    for (Queue* queue : {main_.get(), polled_.get()}) {
        if (!queue || queue->has_table)
            continue;
        const int error = io_uring_register_buffers_sparse(&queue->ring, buffer_count_);
        queue->has_table = error == 0;
        if (error < 0)
            registration_error_ = error;
    }
}

int Uring::register_buffer(unsigned index, void* data, size_t size) {
    if (denied())
        return denied();
    if (registration_error_ == -ENOMEM) // by now there may be enough
        register_table();
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
    const bool by_call = request.route == Route::plain || request.route == Route::at_once;
    return !by_call && op >= 0 && has(static_cast<io_uring_op>(op)) && !denied();
}

void Uring::start(Request& request) {
    if (uses_ring(request) && !is_wait(request) && (main_->pending >= limit_ || backlog_first_)) {
        request.next = nullptr;
        *backlog_end_ = &request;
        backlog_end_ = &request.next;
        return;
    }
    enqueue(request);
}

// A blocking call on a helper thread; on this one if there is none to be had.
void Uring::help(Request& request) {
    if (request.route == Route::at_once) {
        complete(request, perform(request));
        return;
    }
    counters().helper_calls.add(1);
    const int error = helpers_for(request).submit(request);
    if (error < 0)
        complete(request, Helpers::without_thread(request, error));
}

Helpers& Uring::helpers_for(const Request& request) {
    if (is_wait(request))
        return waits_;
    return request.op == Op::call ? calls_ : helpers_;
}

// What follows a request goes with it, so that it begins on the kernel's side and nobody has to be
// woken in between. To make room for an entry is to enter, and that may be denied.
void Uring::enqueue(Request& request) {
    const bool pair = request.then && uses_ring(*request.then) && !features_.sqpoll;
    const bool may = uses_ring(request) && (is_wait(request) || guarded());
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

Uring::Queue& Uring::queue_for(const Request& request) const {
    const bool polled = request.route == Route::polled && iopoll_.load(std::memory_order_relaxed);
    return polled ? *polled_ : *main_;
}

// A pipe whose writing end only the rings have, so that its reading end tells when they are gone,
// and all that they did with them. The first transfer makes it; without it none is given to a ring.
bool Uring::guarded() {
    if (guard_)
        return true;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    Fd reading(ends[0]);
    const Fd writing(ends[1]);
    if (io_uring_register_files(&main_->ring, ends + 1, 1) < 0)
        return false;
    if (polled_ && io_uring_register_files(&polled_->ring, ends + 1, 1) < 0) {
        io_uring_unregister_files(&main_->ring);
        return false;
    }
    guard_ = std::move(reading);
    return true;
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

io_uring_sqe& Uring::enqueue_alone(Queue& queue, Request& request) {
    io_uring_sqe& sqe = entry(queue, tag_none);
    prepare(sqe, request);
    io_uring_sqe_set_data(&sqe, &request);
    queue.pending += !is_wait(request);
    hold(request);
    return sqe;
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
    case Op::settle_holes:
    case Op::call:
        assert(false && "performed by helpers");
        break;
    }
}

void Uring::take_wake() {
    uint64_t value;
    [[maybe_unused]] const ssize_t got = ::read(wake_fd_.get(), &value, sizeof value);
}

void Uring::cancel(Request& request) {
    std::atomic_ref(request.cancelled).store(true, std::memory_order_relaxed);
    // The helper that waits sees the flag.
    if (!uses_ring(request) || !make_room(*main_, 1))
        return;
    io_uring_sqe& sqe = entry(*main_, tag_none);
    io_uring_prep_cancel(&sqe, &request, 0);
    sqe.user_data = tag_none;
}

void Uring::arm_wake() {
    if (wake_armed_ || !make_room(*main_, 1))
        return;
    io_uring_sqe& sqe = entry(*main_, tag_wake);
    io_uring_prep_poll_add(&sqe, wake_fd_.get(), POLLIN);
    sqe.user_data = tag_wake;
    wake_armed_ = true;
}

void Uring::wake() {
    if (sleeper_.tell())
        return;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
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
    const bool waits = block && sleeper_.wait_elsewhere();
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

Request& Uring::take_from_backlog() {
    auto& request = static_cast<Request&>(*backlog_first_);
    backlog_first_ = request.next;
    if (!backlog_first_)
        backlog_end_ = &backlog_first_;
    return request;
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
    if (result < 0 && !may_go_better(result))
        denied_.store(result);
    part_pair(queue);
}

// The kernel has taken the first entry of a pair and not the second: it was short of memory. So the
// link is no more, and the second would go by itself, maybe before the first is done.
void Uring::part_pair(Queue& queue) {
    const io_uring_sq& sq = queue.ring.sq;
    const unsigned head = io_uring_smp_load_acquire(sq.khead);
    if (head == sq.sqe_tail || (queue.ring.flags & IORING_SETUP_SQPOLL) != 0)
        return;
    io_uring_sqe& sqe = sq.sqes[head & *sq.kring_mask];
    if (sqe.user_data <= tag_wake)
        return;
    Request& request = request_of(sqe.user_data);
    if (!request.before || !request.before->linked)
        return;
    request.before->linked = false; // whose end starts it then
    --queue.pending;
    let_go(request);
    io_uring_prep_nop(&sqe);
    sqe.user_data = tag_none;
}

void Uring::reap(Queue& queue) {
    unsigned head;
    unsigned count = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&queue.ring, head, cqe) {
        ++count;
        if (cqe->user_data == tag_wake) {
            wake_armed_ = false;
            take_wake();
        } else if (cqe->user_data != tag_none) {
            Request& request = request_of(cqe->user_data);
            queue.pending -= !is_wait(request);
            let_go(request);
            if (&queue == polled_.get() && cqe->res == -EOPNOTSUPP)
                do_without_polling(request);
            else
                end(request, cqe->res);
        }
    }
    io_uring_cq_advance(&queue.ring, count);
}

// The device cannot be polled: this request, and all later ones, go by the main ring.
void Uring::do_without_polling(Request& request) {
    iopoll_error_.store(-EOPNOTSUPP);
    iopoll_.store(false);
    start(request);
}

void Uring::end(Request& request, int result) {
    Request* const first = request.before ? request.before : &request;
    if (first->linked) {
        end_in_pair(*first, request, result);
    } else if (result == -ECANCELED && !request.cancelled) {
        help(
            request); // nobody has asked for it: the kernel could start no thread of its own for it
    } else {
        complete(request, request.op == Op::pause && result == -ETIME ? 0 : result);
    }
}

void Uring::end_in_pair(Request& first, Request& request, int result) {
    Request& second = *first.then;
    // Before the first one's end it cannot have gone as the second of a pair, whatever it wrote.
    request.result = &request == &second && !first.ended ? -ECANCELED : result;
    request.ended = true;
    if (!first.ended || !second.ended)
        return;
    const auto is_undone = [](const Request& each) {
        return each.result == -ECANCELED || each.result == -EINTR;
    };
    if (is_undone(first)) {
        first.linked = false;
        help(first);
        return;
    }
    const bool whole = first.result == static_cast<int64_t>(first.length);
    complete(first, first.result);
    if (whole && is_undone(second))
        help(second);
    else
        complete(second, whole ? second.result : -ECANCELED);
}

// From now on all is done by helpers. What the kernel has not begun they begin, waits they take
// over; transfers that it has begun may use their memory until the rings are gone.
void Uring::give_up_rings() {
    for (Queue* queue : {main_.get(), polled_.get()})
        if (queue) {
            take_back(*queue);
            reap(*queue);
        }
    Request* next = nullptr;
    for (Request* request = held_; request; request = next) {
        next = request->next_held;
        if (is_wait(*request)) {
            let_go(*request);
            help(*request);
        }
    }
    while (backlog_first_)
        help(take_from_backlog());
    polled_.reset();
    main_.reset();
}

// What the kernel has not taken. An SQPOLL thread may take it yet.
void Uring::take_back(Queue& queue) {
    if ((queue.ring.flags & IORING_SETUP_SQPOLL) != 0)
        return;
    const io_uring_sq& sq = queue.ring.sq;
    const Request* parted = nullptr; // its second is the next entry
    for (unsigned at = io_uring_smp_load_acquire(sq.khead); at != sq.sqe_tail; ++at) {
        const uint64_t tag = sq.sqes[at & *sq.kring_mask].user_data;
        if (tag <= tag_wake)
            continue;
        Request& request = request_of(tag);
        let_go(request);
        if (parted && request.before == parted)
            continue; // begins when that one has ended
        parted = std::exchange(request.linked, false) ? &request : nullptr;
        help(request);
    }
}

void Uring::take_without_ring(bool block) {
    if (take_helped() || !block)
        return;
    if (sleeper_.wait_elsewhere())
        wait_without_ring();
    take_helped();
}

void Uring::wait_without_ring() {
    pollfd events[] = {{wake_fd_.get(), POLLIN, 0}, {guard_.get(), POLLIN, 0}};
    ::poll(events, guard_ ? 2 : 1, -1);
    sleeper_.back();
    take_wake();
    if (guard_ && events[1].revents != 0) {
        guard_ = Fd();
        while (held_)
            end_unseen(*held_);
    }
}

// It is over, and nobody knows how.
void Uring::end_unseen(Request& request) {
    Request& first = request.before && request.before->linked ? *request.before : request;
    if (std::exchange(first.linked, false)) {
        for (Request* each : {&first, first.then})
            if (!each->ended)
                let_go(*each);
        help(first);
        return;
    }
    let_go(request);
    if (may_be_repeated(request))
        help(request);
    else
        complete(request, denied());
}

void Uring::close_inherited() {
    for (const Queue* queue : {main_.get(), polled_.get()})
        if (queue)
            close(queue->ring.ring_fd);
    close(wake_fd_.get());
    if (guard_)
        close(guard_.get());
}

bool Uring::take_helped() {
    bool any = false;
    for (Helpers* helpers : {&helpers_, &calls_, &waits_}) {
        for (Request* request = helpers->take_finished(); request; any = true) {
            auto* next = static_cast<Request*>(request->next);
            complete(*request, request->result);
            request = next;
        }
    }
    return any;
}

} // namespace arsync
