// Numbers with K, M and G, read and written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cp {

// "512K" as 524288: digits and at most one of K, M and G, powers of 1024. Nothing for anything
// else.
std::optional<uint64_t> parse_size(std::string_view text);

// At most five characters: "0", "999", "1.5K", "12M", "1023M", "2.0G".
std::string format_size(uint64_t bytes);

// "0:07", "12:34", "1:02:03"; from 100 hours on "99:59:59".
std::string format_duration(uint64_t seconds);

} // namespace cp
