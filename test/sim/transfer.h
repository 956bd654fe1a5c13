// Moving bytes between memory and a simulated file, with the page cache and O_DIRECT in the way.
//
// Each function gives a count or a negative errno, as the system call of its name.
#pragma once

#include <cstdint>

#include "sim/world.h"

namespace arsync::sim {

struct Transfer {
    Inode& inode;
    int flags; // of the open description
    std::byte* data;
    uint64_t length;
    uint64_t offset;
    uint32_t rw_flags = 0;
};

int64_t read(World& world, const Transfer& transfer);
int64_t write(World& world, const Transfer& transfer);

int truncate(World& world, Inode& inode, uint64_t size);
int allocate(World& world, Inode& inode, int mode, uint64_t offset, uint64_t length);
int write_back(Inode& inode, uint64_t offset, uint64_t length); // length 0: to the end
int sync(World& world, Inode& inode, bool datasync);
void drop_cache(Inode& inode, uint64_t offset, uint64_t length); // clean pages only
uint64_t cached_bytes(const Inode& inode, uint64_t offset, uint64_t length);
uint64_t dirty_bytes(const Inode& inode, uint64_t offset, uint64_t length);

// length 0: the whole of the source.
int64_t reflink(World& world, Inode& from, uint64_t from_offset, Inode& to, uint64_t to_offset,
                uint64_t length);
// The end of what is in the page cache from offset on, at most end.
uint64_t cached_end(const Inode& inode, uint64_t offset, uint64_t end);
int64_t copy_cached(World& world, Inode& from, uint64_t from_offset, Inode& to, uint64_t to_offset,
                    uint64_t length);
int64_t copy_file_range(World& world, Inode& from, uint64_t from_offset, Inode& to,
                        uint64_t to_offset, uint64_t length);

} // namespace arsync::sim
