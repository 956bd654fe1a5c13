// How much memory this process may have: of the machine, of its control groups, of its address
// space.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace arsync {

inline constexpr uint64_t no_memory_limit = UINT64_MAX;

// The least of them. Looks at some files of /proc and of the control groups' file systems.
uint64_t memory_limit() noexcept;

// Of a control group and of those above it, the least of what each may have and of what is left of
// that; no_memory_limit where none is limited.
struct GroupMemory {
    uint64_t limit = no_memory_limit;
    uint64_t left = no_memory_limit;
};

// Of version 2 (memory.max and memory.high) and 1 (memory.limit_in_bytes). group: as
// /proc/self/cgroup has it; mountinfo: as /proc/self/mountinfo. below: a directory that stands for
// "/", for tests.
GroupMemory group_memory(std::string_view group, std::string_view mountinfo,
                         const std::string& below = "");

// Of this process as things are, unless its groups were seen to have no limit before.
GroupMemory own_group_memory();

} // namespace arsync
