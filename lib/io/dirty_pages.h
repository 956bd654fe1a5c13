// How much may be written to the page cache without anybody being the worse for it.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/memory_limit.h"

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

// meminfo: as /proc/meminfo has it.
uint64_t room_for_dirty_pages(std::string_view meminfo, const DirtyLimits& limits,
                              const GroupMemory& group) noexcept;

// What a copy is going to write, for as long as it runs: others of this process that begin
// meanwhile do not reckon with the same room.
class PromisedPages {
public:
    PromisedPages() = default;
    PromisedPages(const PromisedPages&) = delete;
    PromisedPages& operator=(const PromisedPages&) = delete;
    ~PromisedPages();

    // Once. False: with all that is promised it is too much. room: as above; what others have
    // written of what they were promised counts twice.
    bool promise(uint64_t bytes, uint64_t room);

private:
    uint64_t bytes_ = 0;
};

} // namespace arsync
