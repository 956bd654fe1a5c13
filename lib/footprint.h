// How much memory a pool's workers take, all together: a part of what the process may have.
#pragma once

#include <cstdint>

#include "arsync.h"

namespace arsync {

struct Footprint {
    unsigned workers;
    unsigned buffer_count; // of a worker
    uint32_t buffer_size;
    unsigned helpers; // the most threads of a worker that have memory of their own
};

// What was asked for, or as much of it as fits into a quarter of the limit; at least one worker
// with one buffer. The rest is for the program, and for the page cache that it writes to, which
// counts against the limit of a control group too.
Footprint footprint(const arsync_pool_options& options, uint64_t memory_limit) noexcept;

} // namespace arsync
