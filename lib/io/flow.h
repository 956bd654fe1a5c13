// How many chunks a worker has in flight, and how large they are, by what comes of it.
//
// A device that takes long to answer wants many and large requests. One that answers soon is kept
// busy by few, and more of them only take memory, and time of whoever else waits for it. What a
// device is like nothing tells, and it depends on who uses it, too; so it is tried. A level more
// for a while, which stays if more was moved than before; now and then one less, which stays if no
// less was moved. All workers of a pool share a flow: one with a flow of its own would take for a
// gain what it took from the others.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "io/clock.h"
#include "io/mutex.h"

namespace arsync {

class Flow {
public:
    struct Level {
        unsigned depth; // chunks in flight
        size_t chunk;   // bytes
        bool operator==(const Level&) const = default;
    };
    using Clock = std::function<uint64_t()>; // nanoseconds

    // From one small chunk to `most`. start: at most that. Both chunks of whole blocks.
    Flow(Level start, Level most, Clock clock = monotonic_ns);
    Flow(const Flow&) = delete;
    Flow& operator=(const Flow&) = delete;

    Level level() const { return levels_[index_.load(std::memory_order_relaxed)]; }
    unsigned depth_max() const { return levels_.back().depth; }

    // A worker has chunks in flight again, or has none any more. What was measured until then is of
    // another number of workers.
    void join() EXCLUDES(mutex_);
    void leave() EXCLUDES(mutex_);
    // A worker's chunk has ended. was_limit: with no more in flight than may be.
    void moved(uint64_t bytes, bool was_limit) EXCLUDES(mutex_);

private:
    enum class Trial { none, more, less };

    void judge(double rate) REQUIRES(mutex_);
    void try_next() REQUIRES(mutex_);
    void go(int change) REQUIRES(mutex_);
    void give_up_trial() REQUIRES(mutex_);
    void measure_anew() REQUIRES(mutex_);
    size_t index() const { return index_.load(std::memory_order_relaxed); }
    bool is_better(double rate) const REQUIRES(mutex_);

    const Clock clock_;
    std::vector<Level> levels_; // each is more in flight than the one before
    std::atomic<size_t> index_{0};

    Mutex mutex_;
    unsigned workers_ GUARDED_BY(mutex_) = 0; // that have something in flight
    // Of a span of time at one level.
    uint64_t unsettled_ GUARDED_BY(mutex_) = 0; // chunks that still began at another
    uint64_t began_ns_ GUARDED_BY(mutex_) = 0;
    uint64_t bytes_ GUARDED_BY(mutex_) = 0;
    uint64_t chunks_ GUARDED_BY(mutex_) = 0;
    uint64_t limited_ GUARDED_BY(mutex_) = 0; // of these

    Trial trial_ GUARDED_BY(mutex_) = Trial::none; // that is under way
    Trial next_ GUARDED_BY(mutex_) = Trial::more;
    unsigned held_ GUARDED_BY(mutex_) = 0; // spans at this level
    unsigned hold_ GUARDED_BY(mutex_) = 1; // before the next trial
    double rate_ GUARDED_BY(mutex_) = 0;   // bytes a nanosecond, at the level that is held
    double best_ GUARDED_BY(mutex_) = 0;   // lately, at any
};

} // namespace arsync
