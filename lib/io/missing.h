// Calls that a kernel does not have, or a filter does not let through.
#pragma once

#include <cerrno>

namespace arsync {

// Of a call that gives EPERM for no reason of its own. Filters say that, too, of what they do not
// know: Docker's of old, of each call that was newer than they.
inline bool is_missing(int error) {
    return error == ENOSYS || error == EPERM;
}

} // namespace arsync
