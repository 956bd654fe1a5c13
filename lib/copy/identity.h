// Which file it is, whatever its name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <sys/stat.h>

namespace arsync {

struct Identity {
    uint32_t major = 0, minor = 0; // of the device
    uint64_t inode = 0;
    bool operator==(const Identity&) const = default;
};

struct IdentityHash {
    size_t operator()(const Identity& id) const {
        return std::hash<uint64_t>()(id.inode ^ (static_cast<uint64_t>(id.minor) << 48));
    }
};

inline std::string text_of(const Identity& id) {
    return std::to_string(id.major) + ":" + std::to_string(id.minor) + ":" +
           std::to_string(id.inode);
}

inline Identity identity(const struct statx& facts) {
    return {facts.stx_dev_major, facts.stx_dev_minor, facts.stx_ino};
}

} // namespace arsync
