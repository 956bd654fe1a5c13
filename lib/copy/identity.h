// Which file it is, whatever its name.
#pragma once

#include <cstdint>
#include <sys/stat.h>

namespace arsync {

struct Identity {
    uint32_t major = 0, minor = 0; // of the device
    uint64_t inode = 0;
    bool operator==(const Identity&) const = default;
};

inline Identity identity(const struct statx& facts) {
    return {facts.stx_dev_major, facts.stx_dev_minor, facts.stx_ino};
}

} // namespace arsync
