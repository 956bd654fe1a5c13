#include "io/uring_denied.h"

#include <cerrno>
#include <cstdio>
#include <dlfcn.h>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include "io/error.h"

namespace arsync {

// Want of descriptors or of memory, which others may give back.
static bool may_pass(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN;
}

// What may be done again when nobody knows how it has ended: not what takes from a stream, or where
// an error is told only once.
static bool may_be_repeated(const Request& request) {
    const bool streams = request.offset == UINT64_MAX;
    const bool transfers = request.op == Op::read || request.op == Op::write;
    const bool appends =
        request.op == Op::write && (fcntl(request.fd, F_GETFL) & O_APPEND) != 0; // wherever it says
    return request.op != Op::sync && request.op != Op::write_back && !(transfers && streams) &&
           !appends;
}

// It may go better the next time if it was interrupted (by a debugger, say), if the kernel has no
// room until completions are taken, or no memory for the moment. All else is a filter's word, say;
// or EBADR: the kernel has lost completions, which nobody should wait for.
bool is_denial(int error) {
    return error != -EINTR && error != -ETIME && error != -EBUSY && error != -EAGAIN &&
           error != -ENOMEM;
}

// This symbol is in what valgrind loads into each process.
bool under_valgrind() {
    return dlsym(RTLD_DEFAULT, "_vgnU_freeres") != nullptr;
}

AvailableRing::AvailableRing(Counters& counters, uint32_t backend, const UringOptions& wishes)
    : counters_(counters), backend_(backend), wishes_(wishes) {}

Ring* AvailableRing::open() {
    if (uring_ && uring_->denied() < 0) {
        error_.code = -uring_->denied();
        return nullptr;
    }
    uring_ = make();
    if (uring_)
        return uring_.get();
    if (backend_ == ARSYNC_BACKEND_URING)
        return nullptr;
    retry_ = std::chrono::steady_clock::now() + retry_after;
    return &threads();
}

bool AvailableRing::is_over() const {
    if (uring_)
        return backend_ == ARSYNC_BACKEND_URING && uring_->denied() < 0;
    return may_pass(error_.code) && std::chrono::steady_clock::now() >= retry_;
}

std::unique_ptr<Uring> AvailableRing::make() {
    if (backend_ == ARSYNC_BACKEND_THREADS)
        return nullptr;
    try {
        return std::make_unique<Uring>(counters_, wishes_);
    } catch (const Error& error) {
        error_ = error;
    } catch (const std::bad_alloc&) {
        error_.code = ENOMEM;
    }
    return nullptr;
}

Threads& AvailableRing::threads() {
    if (!threads_)
        threads_.emplace(counters_, 0, wishes_.helpers);
    return *threads_;
}

void explain_backend(std::span<char> text, uint32_t asked, int error) {
    if (asked == ARSYNC_BACKEND_THREADS)
        snprintf(text.data(), text.size(), "asked for");
    else if (error == 0)
        snprintf(text.data(), text.size(), "io_uring is available");
    else if (error == -EOPNOTSUPP)
        snprintf(text.data(), text.size(), "valgrind cannot see what io_uring does");
    else
        snprintf(text.data(), text.size(), "io_uring_setup: %s%s", arsync_strerror(error),
                 error == -EPERM ? " (denied by kernel.io_uring_disabled or seccomp)" : "");
}

void explain_denied_later(std::span<char> text, int error) {
    snprintf(text.data(), text.size(), "io_uring_enter: %s (denied when rings were in use already)",
             arsync_strerror(error));
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
        if (request->is_wait()) {
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

} // namespace arsync
