#include "io/dirty_pages.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <string>

#include "io/mounts.h"

namespace arsync {

namespace {

// What a line "KEY   NUMBER kB" says, in bytes.
std::optional<uint64_t> bytes_of(std::string_view meminfo, std::string_view key) {
    for (std::string_view rest = meminfo; !rest.empty();) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (!line.starts_with(key))
            continue;
        line.remove_prefix(std::min(line.find_first_of("0123456789"), line.size()));
        uint64_t kib = 0;
        if (std::from_chars(line.data(), line.data() + line.size(), kib).ec != std::errc())
            return std::nullopt;
        return kib << 10;
    }
    return std::nullopt;
}

std::optional<uint64_t> sum_of(std::string_view meminfo,
                               std::initializer_list<std::string_view> keys) {
    uint64_t sum = 0;
    for (const std::string_view key : keys) {
        const std::optional<uint64_t> bytes = bytes_of(meminfo, key);
        if (!bytes)
            return std::nullopt;
        sum += *bytes;
    }
    return sum;
}

uint64_t number_in(const char* path) {
    std::string text;
    uint64_t number = 0;
    read_whole(path, text);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::atomic<uint64_t> promised = 0;

} // namespace

// As the kernel reckons it (mm/page-writeback.c): a group has its share of limits in bytes.
uint64_t room_for_dirty_pages(std::string_view meminfo, const DirtyLimits& limits,
                              const GroupMemory& group) noexcept {
    const std::optional<uint64_t> free = bytes_of(meminfo, "MemFree:");
    const std::optional<uint64_t> all =
        sum_of(meminfo, {"MemFree:", "Active(file):", "Inactive(file):"});
    const std::optional<uint64_t> dirty = sum_of(meminfo, {"Dirty:", "Writeback:"});
    if (!free || !all || !dirty)
        return 0;
    const uint64_t own = std::min(*all, group.limit);
    const auto limit = [&](uint64_t bytes, uint64_t percent) {
        const double share = *all > 0 ? static_cast<double>(own) / static_cast<double>(*all) : 0;
        return bytes > 0 ? static_cast<uint64_t>(static_cast<double>(bytes) * share)
                         : own / 100 * percent;
    };
    const uint64_t wait = limit(limits.bytes, limits.percent);
    uint64_t background = limit(limits.background_bytes, limits.background_percent);
    if (background >= wait)
        background = wait / 2;
    return std::min({background - std::min(background, *dirty), *free, group.left});
}

uint64_t room_for_dirty_pages() noexcept {
    try {
        std::string meminfo;
        read_whole("/proc/meminfo", meminfo);
        return room_for_dirty_pages(meminfo,
                                    {number_in("/proc/sys/vm/dirty_background_bytes"),
                                     number_in("/proc/sys/vm/dirty_background_ratio"),
                                     number_in("/proc/sys/vm/dirty_bytes"),
                                     number_in("/proc/sys/vm/dirty_ratio")},
                                    own_group_memory());
    } catch (...) { // no memory to find out
        return 0;
    }
}

bool PromisedPages::promise(uint64_t bytes, uint64_t room) {
    const uint64_t before = promised.fetch_add(bytes, std::memory_order_relaxed);
    const bool fits = before <= room && bytes <= room - before;
    if (fits)
        bytes_ = bytes;
    else
        promised.fetch_sub(bytes, std::memory_order_relaxed);
    return fits;
}

PromisedPages::~PromisedPages() {
    promised.fetch_sub(bytes_, std::memory_order_relaxed);
}

} // namespace arsync
