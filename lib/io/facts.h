// What a file is: statx(2), and where a filter denies that, what older calls tell.
#pragma once

#include <cstdint>
#include <cstring>
#include <sys/stat.h>

// What musl 1.2.5 and older headers do not name.
#ifndef STATX_ATTR_COMPRESSED
#define STATX_ATTR_COMPRESSED 0x00000004U
#define STATX_ATTR_IMMUTABLE 0x00000010U
#define STATX_ATTR_APPEND 0x00000020U
#define STATX_ATTR_NODUMP 0x00000040U
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000U // Linux 5.8
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x00002000U // Linux 6.1
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U // Linux 6.8
#endif

namespace arsync {

// As statx(2), -1 and errno. Without it: the basic fields, as stx_mask says, whatever mask asks
// for.
int facts_of(int dirfd, const char* path, int at_flags, unsigned mask, struct statx& out);

// What came to the struct after its first version, by the kernel's layout, as the C library's may
// not name it (musl 1.2.5 does not).
struct LaterFacts {
    uint64_t mount = 0;
    uint32_t direct_memory_align = 0;
    uint32_t direct_offset_align = 0;
};
static_assert(sizeof(struct statx) == 256);
constexpr size_t later_facts_at = 144;

inline LaterFacts later_facts(const struct statx& facts) {
    LaterFacts later;
    memcpy(&later, reinterpret_cast<const char*>(&facts) + later_facts_at, sizeof later);
    return later;
}

inline void set_later_facts(struct statx& facts, const LaterFacts& later) {
    memcpy(reinterpret_cast<char*>(&facts) + later_facts_at, &later, sizeof later);
}

// Whether something may be mounted there, and what it shows be a part of anything; yes where the
// kernel does not tell.
inline bool may_be_mount(const struct statx& facts) {
    return (facts.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0 ||
           (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

inline uint64_t mount_of(const struct statx& facts) {
    return later_facts(facts).mount;
}

} // namespace arsync
