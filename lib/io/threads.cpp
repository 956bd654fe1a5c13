#include "io/threads.h"

#include <cerrno>

namespace arsync {

// Enough to overlap reads and writes of one file and to keep a device's queue from running dry.
static constexpr unsigned transfers_of_threads = 16;

Threads::Threads(Counters& counters, int no_thread, const std::function<unsigned()>& most)
    : Ring(counters), no_thread_(no_thread), helpers_(
                                                 transfers_of_threads, [this] { wake(); }, most) {}

void Threads::start(Request& request) {
    if (request.route == Route::at_once || no_thread_ == by_caller) {
        complete(request, perform(request));
        return;
    }
    counters().helper_calls.add(1);
    const int error = no_thread_ < 0 ? no_thread_ : helpers_.submit(request);
    if (error < 0)
        complete_here(request, Helpers::without_thread(request, error));
}

void Threads::take_completed(bool block) {
    if (take_finished() || !block)
        return;
    sleeper_.sleep();
    take_finished();
}

bool Threads::take_finished() {
    return helpers_.take_finished(
        [this](Request& request, int64_t result) { complete(request, result); });
}

void Threads::wake() {
    sleeper_.tell();
}

void Threads::cancel(Request& request) {
    std::atomic_ref(request.cancelled).store(true, std::memory_order_relaxed);
}

int Threads::register_buffer(unsigned, void*, size_t) {
    return -EOPNOTSUPP;
}

} // namespace arsync
