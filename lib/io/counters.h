// What a worker has done so far. Written by the worker's thread alone, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace arsync {

class Counter {
public:
    // One writer, so load and store do, without a locked instruction.
    void add(uint64_t n) { value_.store(value() + n, std::memory_order_relaxed); }
    void raise_to(uint64_t n) {
        if (n > value())
            value_.store(n, std::memory_order_relaxed);
    }
    uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<uint64_t> value_ = 0;
};

// The fields of arsync_stats that a worker counts; units and meanings are given there.
struct Counters {
    Counter bytes_read, bytes_written, bytes_reflinked, bytes_offloaded;
    Counter bytes_copied_in_user_space;
    Counter reads, reads_fixed, reads_inline, writes, writes_fixed, writes_inline;
    Counter short_transfers;
    Counter submissions, enters, helper_calls, buffer_waits;
    Counter busy_ns, queue_depth_ns, queue_depth_max;
    Counter buffers_registered, buffers_refused; // for arsync_info
};

} // namespace arsync
