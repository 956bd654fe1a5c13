#include "io/threads.h"

#include <cerrno>

namespace arsync {

// Enough to overlap reads and writes of one file and to keep a device's queue from running dry.
static constexpr unsigned helper_limit = 16;

Threads::Threads(Counters& counters) : Ring(counters), helpers_(helper_limit, [this] { wake(); }) {}

void Threads::start(Request& request) {
    counters().helper_calls.add(1);
    const int error = helpers_.submit(request);
    if (error < 0)
        complete(request, error);
}

void Threads::wait() {
    Request* finished = helpers_.take_finished();
    if (!finished) {
        std::unique_lock lock(mutex_);
        woken_condition_.wait(lock, [&] { return woken_; });
        woken_ = false;
        lock.unlock();
        finished = helpers_.take_finished();
    }
    while (finished) {
        Request& request = *finished;
        finished = static_cast<Request*>(request.next);
        complete(request, request.result);
    }
}

void Threads::wake() {
    {
        std::lock_guard lock(mutex_);
        woken_ = true;
    }
    woken_condition_.notify_one();
}

void Threads::cancel(Request& request) {
    std::atomic_ref(request.cancelled).store(true, std::memory_order_relaxed);
}

int Threads::register_buffer(unsigned, void*, size_t) {
    return -EOPNOTSUPP;
}

} // namespace arsync
