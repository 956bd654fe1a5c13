#include "copy/pause_and_priority.h"

#include <utility>

#include "copy/copy.h"

namespace arsync {

void Terms::pause() {
    const Lock lock(mutex_);
    paused_.store(true, std::memory_order_relaxed);
}

void Terms::resume() {
    {
        const Lock lock(mutex_);
        paused_.store(false, std::memory_order_relaxed);
    }
    let_go();
}

void Terms::let_go() {
    const Lock lock(mutex_);
    for (const Waiting& waiting : waiting_)
        waiting.ring->post_from_outside(*waiting.waiter);
    waiting_.clear();
}

// Whoever cancels says so before it lets go: under the mutex one of both is seen.
bool Terms::wait(Ring& ring, Waiter& waiter, const std::atomic<bool>& cancelled) {
    const Lock lock(mutex_);
    if (!paused() || cancelled.load(std::memory_order_relaxed))
        return false;
    waiting_.push_back({&ring, &waiter});
    return true;
}

Task<void> wait_while_held(Io io, const Control& control) {
    struct Wait : Waiter {
        Ring& ring;
        const Control& control;
        Wait(Ring& own, const Control& outside) : ring(own), control(outside) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting) {
            handle = waiting;
            return control.wait_while_held(ring, *this);
        }
        void await_resume() const noexcept {}
    };
    while (control.held())
        co_await Wait(io.ring, control);
}

} // namespace arsync
