// What takes as long as a file is large is done aside, by Ring::call: the worker's other jobs, and
// their cancels, do not wait for it.
//
// A file's blocks are freed extent by extent when it is truncated, or when its last name or
// descriptor goes. And what was written to a file that was emptied before, XFS and ext4 send to
// the disk when it is closed; ext4 does so when a file is renamed over another one.
#pragma once

#include <exception>
#include <sys/stat.h>

#include "io/ring.h"
#include "task.h"

namespace arsync {

// An estimate: to ask another thread is little beside copying so much, and to free less than this
// takes long only where each block lies apart.
constexpr uint64_t huge_min = 16 << 20;

inline bool is_huge(uint64_t bytes) {
    return bytes >= huge_min;
}

// By the blocks that it has.
inline bool is_huge(const struct statx& facts) {
    return S_ISREG(facts.stx_mode) && is_huge(facts.stx_blocks * 512);
}

// What throws, aside: it is thrown here. The body lives in the frame of whoever awaits this.
template <class Body>
Task<void> run_aside(Ring& ring, Body& body) {
    std::exception_ptr failure;
    co_await ring.call(true, [&]() noexcept {
        try {
            body();
        } catch (...) {
            failure = std::current_exception();
        }
        return 0;
    });
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace arsync
