// A limit on the bytes a second that all copies of a pool together move.
#pragma once

#include <atomic>
#include <cstdint>

namespace arsync {

class Pace {
public:
    explicit Pace(uint64_t bytes_per_second) : rate_(bytes_per_second) {}

    // From any thread: count these bytes. How long to wait, in nanoseconds, before more are moved.
    uint64_t count(uint64_t bytes, uint64_t now_ns);
    uint64_t rate() const { return rate_; }

private:
    const uint64_t rate_;
    std::atomic<uint64_t> free_at_ns_ = 0; // when all that was counted is due
};

} // namespace arsync
