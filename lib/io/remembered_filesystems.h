// What kind of filesystem a mount is, remembered: it does not change, and fstatfs(2) for each small
// file is one call of ten.
#pragma once

#include <cstdint>

#include "io/facts.h"

namespace arsync {

// The mount that something is on, by a number that is never given to another; 0: before Linux 6.8.
inline uint64_t lasting_mount(const struct statx& facts) {
    return (facts.stx_mask & STATX_MNT_ID_UNIQUE) != 0 ? mount_of(facts) : 0;
}

// Each thread has a few of its own. False: this is not among them.
bool known_filesystem(uint64_t mount, uint64_t& magic);
void remember_filesystem(uint64_t mount, uint64_t magic);

} // namespace arsync
