#include "io/memory_limit.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "io/mounts.h"

namespace arsync {

namespace {

// The part of text up to the separator, which is removed from it together with that.
std::string_view take(std::string_view& text, char separator) {
    const size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

bool lists(std::string_view words, std::string_view word) {
    while (!words.empty())
        if (take(words, ',') == word)
            return true;
    return false;
}

// As much of it as can be read.
std::string content_of(const std::string& path) {
    std::string text;
    read_whole(path.c_str(), text);
    return text;
}

// "max" and whatever else is no number is `otherwise`.
uint64_t number_in(const std::string& path, uint64_t otherwise) {
    const std::string text = content_of(path);
    uint64_t number = otherwise;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? number : otherwise;
}

GroupMemory least_of(const GroupMemory& one, const GroupMemory& other) {
    return {std::min(one.limit, other.limit), std::min(one.left, other.left)};
}

GroupMemory memory_in(const std::string& directory) {
    GroupMemory memory;
    for (const char* name : {"memory.max", "memory.high", "memory.limit_in_bytes"})
        memory.limit = std::min(memory.limit, number_in(directory + name, no_memory_limit));
    if (memory.limit == no_memory_limit)
        return memory;
    const uint64_t used = std::min(number_in(directory + "memory.current", no_memory_limit),
                                   number_in(directory + "memory.usage_in_bytes", no_memory_limit));
    memory.left = memory.limit - std::min(memory.limit, used);
    return memory;
}

// Of the group that is at this path and of those above it, as far as they are to be seen.
GroupMemory memory_along(const Mount& mount, std::string_view path, const std::string& below) {
    // In a container the group may be the root of what is mounted, or lie outside it.
    const std::string& root = mount.root.path;
    if (!path.starts_with('/') || path.starts_with("/..") || !is_in(path, root))
        path = {};
    else if (root != "/")
        path.remove_prefix(root.size());
    GroupMemory least;
    for (;;) {
        least = least_of(least, memory_in(below + mount.point + std::string(path) + "/"));
        if (path.empty() || path == "/")
            return least;
        path = path.substr(0, path.rfind('/'));
    }
}

} // namespace

GroupMemory group_memory(std::string_view group, std::string_view mountinfo,
                         const std::string& below) {
    GroupMemory least;
    const std::vector<Mount> mounts = parse_mounts(mountinfo);
    while (!group.empty()) {
        std::string_view line = take(group, '\n');
        const std::string_view number = take(line, ':');
        const std::string_view controllers = take(line, ':');
        const bool unified = number == "0" && controllers.empty();
        if (!unified && !lists(controllers, "memory"))
            continue;
        for (const Mount& mount : mounts) {
            const bool fits = unified ? mount.type == "cgroup2"
                                      : mount.type == "cgroup" && lists(mount.options, "memory");
            if (!fits)
                continue;
            least = least_of(least, memory_along(mount, line, below));
            break;
        }
    }
    return least;
}

GroupMemory own_group_memory() {
    static std::atomic<bool> unlimited = false;
    if (unlimited.load(std::memory_order_relaxed))
        return {};
    const std::string group = content_of("/proc/thread-self/cgroup");
    const std::string mountinfo = content_of("/proc/thread-self/mountinfo");
    const GroupMemory memory = group_memory(group, mountinfo);
    const bool known = !group.empty() && !mountinfo.empty(); // and not for want of a descriptor
    if (known && memory.limit == no_memory_limit)
        unlimited.store(true, std::memory_order_relaxed);
    return memory;
}

uint64_t memory_limit() noexcept {
    uint64_t least = no_memory_limit;
    struct sysinfo machine;
    if (sysinfo(&machine) == 0)
        least = uint64_t{machine.totalram} * machine.mem_unit;
    // A thread takes far more of the address space than of the memory, for its stack and its heap.
    constexpr uint64_t addresses_a_byte = 16;
    for (const auto what : {RLIMIT_AS, RLIMIT_DATA}) {
        rlimit limit{};
        if (getrlimit(what, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
            least = std::min<uint64_t>(least, limit.rlim_cur / addresses_a_byte);
    }
    try {
        return std::min(least, own_group_memory().limit);
    } catch (...) { // no memory to find out how much there is
        return least;
    }
}

} // namespace arsync
