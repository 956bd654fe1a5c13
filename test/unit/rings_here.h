// How the rings that are made in this program are set up: liburing's functions are its own, see
// uring_test.cpp.
#pragma once

#include <atomic>

namespace arsync {

struct RingsHere {
    bool eager = false; // completions come when they will, as on an older kernel
    unsigned queue = 0; // room for so few completions, if it is not 0
    int refused = -1;   // an operation that the kernel refuses, by IORING_REGISTER_RESTRICTIONS
    // A completion queue was seen full, with more kept by the kernel.
    std::atomic<bool> overflowed = false;
};
extern RingsHere rings_here;

} // namespace arsync
