// openat2(2), which has no wrapper in older C libraries, and may be denied by a seccomp filter that
// does not know it.
#pragma once

#include <cstdint>

namespace arsync {

// A descriptor, or -1 with errno. Where there is no openat2(2), an openat(2) with O_NOFOLLOW added
// if links were not to be followed, which is the same for a path of one component; with
// RESOLVE_CACHED it gives EAGAIN at once then.
int open_beneath(int dirfd, const char* path, int flags, uint64_t resolve);

} // namespace arsync
