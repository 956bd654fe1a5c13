// Waiting for completions, as arsync_poll does.
#pragma once

#include "arsync.h"

namespace arsync {

class Pool;

// Between begin_poll and end_poll. While it sleeps, and only then, a thread may be cancelled in
// here: as if it had not polled.
int poll(Pool& pool, arsync_completion* completions, uint32_t max, int timeout_ms);

} // namespace arsync
