#include "pool_options.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <sched.h>

namespace arsync {

unsigned processors() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    return std::max(static_cast<unsigned>(CPU_COUNT(&set)), 1u);
}

static unsigned default_workers() {
    return std::min<unsigned>(processors(), ARSYNC_WORKERS_DEFAULT_MAX);
}

// Sets *field to its default if it is 0; false if it is out of range.
static bool settle(uint32_t& field, uint32_t by_default, uint32_t least, uint32_t most) {
    if (field == 0)
        field = by_default;
    return field >= least && field <= most;
}

int settle(arsync_pool_options& options) {
    constexpr uint32_t known = ARSYNC_POOL_SQPOLL | ARSYNC_POOL_IOPOLL | ARSYNC_POOL_HUGE_PAGES;
    const bool valid =
        (options.flags & ~known) == 0 && options.backend <= ARSYNC_BACKEND_THREADS &&
        settle(options.workers, default_workers(), 1, ARSYNC_WORKERS_MAX) &&
        settle(options.buffer_count, ARSYNC_BUFFER_COUNT_DEFAULT, 1, ARSYNC_BUFFER_COUNT_MAX) &&
        settle(options.buffer_size, ARSYNC_BUFFER_SIZE_DEFAULT, ARSYNC_BUFFER_SIZE_MIN,
               ARSYNC_BUFFER_SIZE_MAX) &&
        options.buffer_size % ARSYNC_BUFFER_SIZE_MIN == 0 &&
        settle(options.lease_count, ARSYNC_LEASE_COUNT_DEFAULT, 1, ARSYNC_LEASE_COUNT_MAX) &&
        settle(options.queue_depth, ARSYNC_QUEUE_DEPTH_DEFAULT, 1, ARSYNC_QUEUE_DEPTH_MAX) &&
        settle(options.job_limit, ARSYNC_JOB_LIMIT_DEFAULT, 1, ARSYNC_JOB_LIMIT_MAX);
    if (!valid)
        return -EINVAL;
    options.queue_depth = std::bit_ceil(options.queue_depth); // of a larger one there may be none
    return 0;
}

} // namespace arsync
