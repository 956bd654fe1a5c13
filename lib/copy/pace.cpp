#include "copy/pace.h"

#include <algorithm>

namespace arsync {

uint64_t Pace::count(uint64_t bytes, uint64_t now_ns) {
    const auto cost =
        static_cast<uint64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate_));
    uint64_t old = free_at_ns_.load(std::memory_order_relaxed);
    uint64_t due = 0;
    do
        due = std::max(old, now_ns) + cost; // time in which nothing was moved is not saved up
    while (!free_at_ns_.compare_exchange_weak(old, due, std::memory_order_relaxed));
    return due - now_ns;
}

} // namespace arsync
