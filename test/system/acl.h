// A POSIX ACL, as the kernel has it in an extended attribute.
#pragma once

#include <cstdint>
#include <endian.h>
#include <initializer_list>
#include <string>

namespace live {

constexpr const char* acl_name = "system.posix_acl_access";

inline void append(std::string& text, uint64_t value, size_t bytes) {
    const uint64_t little = htole64(value);
    text.append(reinterpret_cast<const char*>(&little), bytes);
}

struct AclEntry {
    uint16_t tag, permissions;
    uint32_t id = UINT32_MAX;
};

inline std::string acl(std::initializer_list<AclEntry> entries) {
    std::string value;
    append(value, 2, 4);
    for (const AclEntry& entry : entries) {
        append(value, entry.tag, 2);
        append(value, entry.permissions, 2);
        append(value, entry.id, 4);
    }
    return value;
}

// rw for the owner, rw for one more user, r for the group, rw as the mask, nothing for others.
inline std::string acl_for(uint32_t user) {
    return acl({{0x01, 6}, {0x02, 6, user}, {0x04, 4}, {0x10, 6}, {0x20, 0}});
}

// The same for one more group.
inline std::string acl_for_group(uint32_t group) {
    return acl({{0x01, 6}, {0x04, 4}, {0x08, 6, group}, {0x10, 6}, {0x20, 0}});
}

} // namespace live
