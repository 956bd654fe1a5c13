// Opening files of the simulated world by name, as open(2) and openat2(2) do: a descriptor, or a
// negative errno.
#pragma once

#include <fcntl.h>

#include "sim/world.h"

namespace arsync::sim {

// O_TMPFILE has O_DIRECTORY's bit, so a test of one bit is not enough.
constexpr bool is_temporary(int flags) {
    return (flags & O_TMPFILE) == O_TMPFILE;
}

// What an open with these flags does with a symbolic link at the path's end.
constexpr Last last_of(int flags) {
    if (flags & O_CREAT)
        return flags & (O_EXCL | O_NOFOLLOW) ? Last::name : Last::created;
    return flags & O_NOFOLLOW ? Last::kept : Last::followed;
}

// Note an open by name that would wait if a pipe were there, or take a terminal for the process's
// own: whatever was there when somebody looked, it may be one by now.
void check_open(World& world, const Step& step);

int open_path(World& world, int dirfd, const std::string& path, int flags, mode_t mode,
              uint64_t resolve = 0);
// openat2(2), which refuses what open(2) ignores. By the seed RESOLVE_CACHED is -EAGAIN.
int open_beneath(World& world, int dirfd, const std::string& path, int flags, uint64_t resolve);
int open_inode(World& world, Inode& inode, int flags);

} // namespace arsync::sim
