// On what terms a job runs, which may change while it does: whether it is paused, how many bytes a
// second it may move, and before whom its chunks go.
//
// From any thread. What is paused waits at its next step: before a chunk, an entry or a directory.
// What it has begun goes on, and it keeps its files open and its place on its worker.
#pragma once

#include <atomic>
#include <vector>

#include "copy/pace.h"
#include "io/mutex.h"
#include "io/ring.h"

namespace arsync {

class Terms {
public:
    bool paused() const { return paused_.load(std::memory_order_relaxed); }
    void pause();
    void resume();
    // Whoever waits while it is paused looks again, as for a cancel.
    void let_go();

    int priority() const { return priority_.load(std::memory_order_relaxed); }
    void set_priority(int priority) { priority_.store(priority, std::memory_order_relaxed); }

    Pace& pace() { return pace_; } // with rate 0: as fast as it goes

    // To post the waiter when it is not paused any more, or let go. False: nothing to wait for.
    bool wait(Ring& ring, Waiter& waiter, const std::atomic<bool>& cancelled);

private:
    std::atomic<bool> paused_ = false;
    std::atomic<int> priority_ = 0;
    Pace pace_{0};

    struct Waiting {
        Ring* ring;
        Waiter* waiter;
    };
    Mutex mutex_;
    std::vector<Waiting> waiting_ GUARDED_BY(mutex_);
};

} // namespace arsync
