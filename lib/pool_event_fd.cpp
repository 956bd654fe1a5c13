// The descriptor that is readable while arsync_poll has something to give.
#include <unistd.h>

#include "io/signal_event.h"
#include "pool.h"

namespace arsync {

int Pool::event_fd() {
    const Lock lock(mutex_);
    if (!event_fd_used_ && has_something())
        mark_readable();
    event_fd_used_ = true;
    return event_fd_.get();
}

void Pool::mark_readable() {
    signal_event(event_fd_.get());
}

void Pool::mark_empty() {
    uint64_t value;
    [[maybe_unused]] const ssize_t got = read(event_fd_.get(), &value, sizeof value);
}

} // namespace arsync
