// A descriptor in O_DIRECT mode for a while.
//
// One that is shared with the caller of the library must not change for him: it gets a second
// description of the same file.
#pragma once

#include <algorithm>
#include <fcntl.h>

#include "io/facts.h"
#include "io/files.h"

namespace arsync {

// Thrown and caught in one file: O_DIRECT was refused, so it is to be done otherwise.
struct DirectRefused {};

class DirectMode {
public:
    // owned: nobody else uses the description.
    DirectMode(Files& files, bool owned) : files_(files), owned_(owned) {}
    DirectMode(const DirectMode&) = delete;
    DirectMode& operator=(const DirectMode&) = delete;
    ~DirectMode() {
        if (switched_ >= 0)
            files_.set_direct(switched_, false);
    }

    // Replaces fd by one in O_DIRECT mode; false, and fd as it was, if that cannot be had.
    bool open(int& fd, int access) {
        if (owned_) {
            if (files_.set_direct(fd, true) < 0)
                return false;
            switched_ = fd;
            return true;
        }
        reopened_ = File(files_, files_.reopen(fd, access | O_DIRECT));
        if (!reopened_)
            return false;
        fd = reopened_.get();
        return true;
    }

    // What closing a second description says: an error in writing, perhaps.
    int close() { return reopened_.close(); }

private:
    Files& files_;
    const bool owned_;
    int switched_ = -1;
    File reopened_;
};

// The alignment in bytes that O_DIRECT asks of offsets, lengths and memory; 0: not supported, or
// not known (before Linux 6.1).
inline uint32_t direct_align(const struct statx& facts) {
    const bool known = (facts.stx_mask & STATX_DIOALIGN) != 0;
    const LaterFacts later = later_facts(facts);
    return known ? std::max(later.direct_offset_align, later.direct_memory_align) : 0;
}

} // namespace arsync
