#include "footprint.h"

#include <algorithm>

namespace arsync {

namespace {

constexpr uint64_t mib = 1 << 20;
// A worker that has less is slow for its size: two are then better than four.
constexpr uint64_t worker_wants = 4 * mib;
// What a helper has: the memory that it copies through, and its stack.
constexpr uint64_t helper_size = mib / 2;
// Direct I/O of less is not worth the calls.
constexpr uint64_t buffer_wants = mib / 4;
constexpr uint64_t page = 4096;

} // namespace

Footprint footprint(const arsync_pool_options& options, uint64_t memory_limit) noexcept {
    const bool threads = options.backend == ARSYNC_BACKEND_THREADS;
    Footprint result{options.workers, options.buffer_count, options.buffer_size, 16};
    const uint64_t budget = memory_limit / 4;
    result.workers =
        static_cast<unsigned>(std::clamp<uint64_t>(budget / worker_wants, 1, options.workers));
    const uint64_t each = budget / result.workers;
    result.helpers =
        static_cast<unsigned>(std::clamp<uint64_t>(each / 2 / helper_size, 1, result.helpers));
    const uint64_t with_ring = std::min(result.helpers, 4u); // and more only where there is none
    const uint64_t for_buffers =
        each - std::min(each / 2, (threads ? result.helpers : with_ring) * helper_size);
    if (uint64_t{options.buffer_count} * options.buffer_size <= for_buffers)
        return result;
    // Four in flight are worth more than large ones; but not ever smaller ones.
    const uint64_t size = std::max(for_buffers / 4, buffer_wants) / page * page;
    result.buffer_size = static_cast<uint32_t>(std::min<uint64_t>(size, options.buffer_size));
    result.buffer_count = static_cast<unsigned>(
        std::clamp<uint64_t>(for_buffers / result.buffer_size, 1, options.buffer_count));
    return result;
}

} // namespace arsync
