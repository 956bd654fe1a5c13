// An eventfd(2) is made readable.
#pragma once

#include <cstdint>
#include <sys/uio.h>
#include <unistd.h>

namespace arsync {

// It may be for all that a thread waits for, so it does not depend on one call that a filter may
// deny. Where the counter is full it is readable anyway.
inline void signal_event(int fd) {
    uint64_t one = 1;
    if (::write(fd, &one, sizeof one) == sizeof one)
        return;
    const iovec part{&one, sizeof one};
    [[maybe_unused]] const ssize_t written = ::writev(fd, &part, 1);
}

} // namespace arsync
