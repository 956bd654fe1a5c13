#include "io/dirty_pages.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "io/memory_limit.h"
#include "io/mounts.h"

namespace arsync {

namespace {

// What a line "KEY   NUMBER kB" says, in bytes.
uint64_t bytes_of(std::string_view meminfo, std::string_view key) {
    size_t at = 0;
    while (at < meminfo.size() && !meminfo.substr(at).starts_with(key))
        at = std::min(meminfo.find('\n', at), meminfo.size() - 1) + 1;
    const size_t digits =
        meminfo.find_first_of("0123456789", std::min(at + key.size(), meminfo.size()));
    uint64_t kib = 0;
    if (digits != std::string_view::npos)
        std::from_chars(meminfo.data() + digits, meminfo.data() + meminfo.size(), kib);
    return kib << 10;
}

// As the kernel reckons it (mm/page-writeback.c).
uint64_t limit(uint64_t bytes, uint64_t percent, uint64_t memory) {
    return bytes > 0 ? bytes : memory / 100 * percent;
}

uint64_t number_in(const char* path) {
    std::string text;
    uint64_t number = 0;
    read_whole(path, text);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

} // namespace

uint64_t room_for_dirty_pages(std::string_view meminfo, const DirtyLimits& limits,
                              uint64_t memory_limit) noexcept {
    const uint64_t free = bytes_of(meminfo, "MemFree:");
    const uint64_t files =
        bytes_of(meminfo, "Active(file):") + bytes_of(meminfo, "Inactive(file):");
    const uint64_t memory = std::min(free + files, memory_limit);
    const uint64_t wait = limit(limits.bytes, limits.percent, memory);
    uint64_t background = limit(limits.background_bytes, limits.background_percent, memory);
    if (background >= wait)
        background = wait / 2;
    const uint64_t dirty = bytes_of(meminfo, "Dirty:") + bytes_of(meminfo, "Writeback:");
    return std::min(background - std::min(background, dirty), free);
}

uint64_t room_for_dirty_pages() noexcept {
    try {
        static const uint64_t limit =
            memory_limit(); // takes longer than the rest, and seldom changes
        std::string meminfo;
        if (read_whole("/proc/meminfo", meminfo) < 0)
            return 0;
        return room_for_dirty_pages(meminfo,
                                    {number_in("/proc/sys/vm/dirty_background_bytes"),
                                     number_in("/proc/sys/vm/dirty_background_ratio"),
                                     number_in("/proc/sys/vm/dirty_bytes"),
                                     number_in("/proc/sys/vm/dirty_ratio")},
                                    limit);
    } catch (...) { // no memory to find out
        return 0;
    }
}

} // namespace arsync
