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

// The least limit of a process's control group and of those above it, of version 2 (memory.max and
// memory.high) and 1 (memory.limit_in_bytes). group: as /proc/self/cgroup has it; mountinfo: as
// /proc/self/mountinfo. below: a directory that stands for "/", for tests.
uint64_t group_memory_limit(std::string_view group, std::string_view mountinfo,
                            const std::string& below = "");

} // namespace arsync
