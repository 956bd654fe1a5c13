// How much may be written to the page cache without anybody being the worse for it.
#pragma once

#include <cstdint>
#include <string_view>

namespace arsync {

// Bytes: there is free memory for them, so no page that others use has to go, and the kernel does
// not begin to write them out while they come. 0 where it is not to be known.
uint64_t room_for_dirty_pages() noexcept;

// The kernel's limits, as /proc/sys/vm has them: in bytes, or 0, and then in percent of the memory
// that may become dirty.
struct DirtyLimits {
    uint64_t background_bytes = 0; // from here on the kernel writes out
    uint64_t background_percent = 0;
    uint64_t bytes = 0; // from here on whoever writes has to wait
    uint64_t percent = 0;
};

// meminfo: as /proc/meminfo has it. memory_limit: of the process, in bytes.
uint64_t room_for_dirty_pages(std::string_view meminfo, const DirtyLimits& limits,
                              uint64_t memory_limit) noexcept;

} // namespace arsync
