// A limit on the bytes a second that all copies of a pool together move, or those of one job.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <utility>

#include "io/mutex.h"

namespace arsync {

class Pace {
public:
    // 0: none.
    explicit Pace(uint64_t bytes_per_second) : rate_(bytes_per_second) {}

    // From any thread: count these bytes. How long to wait, in nanoseconds, before more are moved.
    uint64_t count(uint64_t bytes, uint64_t now_ns);
    // How long it takes until all that was counted is due.
    uint64_t ahead(uint64_t now_ns) const {
        const uint64_t free_at = free_at_ns_.load(std::memory_order_relaxed);
        return rate() > 0 && free_at > now_ns ? free_at - now_ns : 0;
    }
    uint64_t rate() const { return rate_.load(std::memory_order_relaxed); }
    // What was counted and is not due yet becomes due by the new rate.
    void set_rate(uint64_t bytes_per_second, uint64_t now_ns);

    // A copy that waits until it may count, or until that is due, for as long as this exists.
    class Waiting {
    public:
        Waiting(Pace& pace, int priority);
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        ~Waiting();
        void set_priority(int priority); // keeps its place among those that have it
        void has_counted();              // it has none any more, and outranks others all the same
        // Whether somebody waits who is more urgent; and whether it is the first that may count.
        bool is_outranked() const;
        bool is_first() const;

    private:
        void move_to(std::pair<int, uint64_t> place);

        Pace& pace_;
        std::pair<int, uint64_t> place_; // the complement of the priority, and a number
    };

private:
    std::atomic<uint64_t> rate_;
    std::atomic<uint64_t> free_at_ns_ = 0; // when all that was counted is due
    Mutex mutex_;
    std::set<std::pair<int, uint64_t>> waiting_ GUARDED_BY(mutex_);
    uint64_t last_number_ GUARDED_BY(mutex_) = 0;
};

// A span of time at one rate, when there is another.
uint64_t at_rate(uint64_t span_ns, uint64_t old_rate, uint64_t rate);

} // namespace arsync
