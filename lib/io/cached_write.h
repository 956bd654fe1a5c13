// Plain writes through the page cache.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <unistd.h>

namespace arsync {

// A filesystem takes memory for a call in blocks as large as the call, and large blocks are what a
// virtual machine gives back to its host when they are free: to be given them again costs several
// times what the copy does. ARCHITECTURE.md has the figures.
constexpr size_t cached_write_max = 128 << 10;

// All of it, unless something is the matter: then what was written until then, or -1 and errno.
// Some of what the kernel makes up (in /proc) takes write(2) alone, and that from its beginning.
inline ssize_t write_cached(int fd, const std::byte* data, size_t length, off_t offset) {
    size_t done = 0;
    while (done < length) {
        const size_t part = std::min(length - done, cached_write_max);
        const off_t at = offset + static_cast<off_t>(done);
        ssize_t put = ::pwrite(fd, data + done, part, at);
        if (put < 0 && errno == ESPIPE && at == 0)
            put = ::write(fd, data, part);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return done > 0 ? static_cast<ssize_t>(done) : put;
        done += static_cast<size_t>(put);
    }
    return static_cast<ssize_t>(done);
}

} // namespace arsync
