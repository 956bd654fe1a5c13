// The umask of the thread that copies, asked for when it is first needed: the kernel takes it off
// by itself where it makes a file, but not where permissions come later, nor under a default ACL.
#pragma once

#include <atomic>

#include "io/files.h"

namespace arsync {

class Umask {
public:
    // From any thread.
    mode_t get(Files& files) {
        mode_t mask = known_.load(std::memory_order_relaxed);
        if (mask == unknown)
            known_.store(mask = files.file_mode_mask(), std::memory_order_relaxed);
        return mask;
    }

private:
    static constexpr mode_t unknown = static_cast<mode_t>(-1);
    std::atomic<mode_t> known_ = unknown;
};

} // namespace arsync
