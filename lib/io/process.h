// Whether this is still the process in which something was made, or a forked child of it.
//
// A process id does not tell: both may be the first in a PID namespace of their own. A page of
// memory that the kernel clears for a child does; where that cannot be had, the id has to do.
#pragma once

#include <cstdint>
#include <sys/types.h>

namespace arsync {

class ProcessMark {
public:
    ProcessMark() noexcept; // of the process that makes it
    // Costs no system call where there is such a page, and then takes a child of vfork(2), which
    // shares all memory until it calls exec(2), for its parent.
    bool is_here() const noexcept;
    // Knows that one too.
    bool is_own() const noexcept;

private:
    uint32_t generation_;
    pid_t id_;
};

} // namespace arsync
