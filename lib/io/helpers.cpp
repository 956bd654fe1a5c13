#include "io/helpers.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace arsync {

SignalsBlocked::SignalsBlocked() {
    static_assert(sizeof saved_ >= sizeof(sigset_t));
    sigset_t all;
    sigset_t saved;
    sigfillset(&all);
    // Blocked, these would kill the process where its handler, say a sandbox's, has an answer.
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
        sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    memcpy(saved_, &saved, sizeof saved);
}

SignalsBlocked::~SignalsBlocked() {
    sigset_t saved;
    memcpy(&saved, saved_, sizeof saved);
    pthread_sigmask(SIG_SETMASK, &saved, nullptr);
}

Helpers::Helpers(unsigned limit, std::function<void()> notify, std::function<unsigned()> most,
                 bool endless)
    : limit_(limit), endless_(endless), notify_(std::move(notify)), most_(std::move(most)) {}

Helpers::~Helpers() {
    end();
}

void Helpers::end() {
    std::vector<std::thread> threads;
    {
        const Lock lock(mutex_);
        stopping_ = true;
        threads.swap(threads_);
    }
    work_.notify_all();
    for (std::thread& thread : threads)
        thread.join();
}

int Helpers::submit(Request& request) noexcept {
    const Lock lock(mutex_);
    if (idle_ <= queued_) {
        const int error = may_start_thread() ? start_thread() : -EAGAIN;
        if (error < 0 && (endless_ || threads_.empty()))
            return error;
    }
    request.next = nullptr;
    *queued_end_ = &request;
    queued_end_ = &request.next;
    ++queued_;
    work_.notify_one();
    return 0;
}

int Helpers::start_thread() noexcept {
    try {
        SignalsBlocked blocked;
        threads_.emplace_back([this] { run(); });
        return 0;
    } catch (const std::system_error& error) {
        return -error.code().value();
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
}

bool Helpers::may_start_thread() {
    if (!threads_.empty() && most_)
        limit_ = std::min(limit_, std::exchange(most_, {})());
    return threads_.size() < limit_;
}

// A transfer or a pause ends by itself; a wait may last for ever, and nobody could cancel it. What
// a thread would move at once the ring moves as well, and gives others their turn.
int64_t Helpers::without_thread(Request& request, int error) {
    if (request.op == Op::copy_cached)
        return 0;
    if (request.op == Op::wait_readable || request.op == Op::wait_writable) {
        pollfd entry{request.fd,
                     static_cast<short>(request.op == Op::wait_readable ? POLLIN : POLLOUT), 0};
        return ::poll(&entry, 1, 0) > 0 ? entry.revents : error;
    }
    return request.endless ? error : perform(request);
}

Request* Helpers::take_finished() {
    const Lock lock(mutex_);
    return static_cast<Request*>(std::exchange(finished_, nullptr));
}

void Helpers::run() {
    StepMemory memory;
    memory.keep();
    Lock lock(mutex_);
    for (;;) {
        ++idle_;
        while (!queued_first_ && !stopping_)
            work_.wait(mutex_);
        --idle_;
        if (!queued_first_)
            return;
        auto* request = static_cast<Request*>(queued_first_);
        queued_first_ = request->next;
        if (!queued_first_)
            queued_end_ = &queued_first_;
        --queued_;

        lock.unlock();
        request->result = perform(*request);
        lock.lock();

        const bool first = finished_ == nullptr;
        request->next = finished_;
        finished_ = request;
        if (first) {
            lock.unlock();
            notify_();
            lock.lock();
        }
    }
}

} // namespace arsync
