// Entries' completions that nobody polls: from ARSYNC_ENTRIES_WAITING_MAX on, copying waits.
#include "pool.h"

namespace arsync {

bool Pool::wait_for_room(const Job& job, Ring& ring, Waiter& waiter) {
    const Lock lock(mutex_);
    if (entries_waiting_ < ARSYNC_ENTRIES_WAITING_MAX || closing_ || job.control.cancelled())
        return false;
    blocked_.push_back({&ring, &waiter});
    return true;
}

void Pool::make_room() {
    for (const Blocked& blocked : blocked_)
        blocked.ring->post_from_outside(*blocked.waiter);
    here_goes_on_ = here_goes_on_ || (here_ && !blocked_.empty());
    blocked_.clear();
}

} // namespace arsync
