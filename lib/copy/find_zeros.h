// Blocks that are all zeros: what could as well be a hole.
#pragma once

#include <cstddef>

namespace arsync {

// Whether all bytes are zero.
bool is_zero(const std::byte* data, size_t length);

// The 4 KiB blocks from `at`, which is a multiple of that, to `end`: all of zeros, or none.
struct Run {
    size_t end;
    bool zero;
};
Run zeros_or_data(const std::byte* data, size_t length, size_t at);

} // namespace arsync
