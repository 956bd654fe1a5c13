// Which method moves the data: a pure function of facts and options. The table is in method.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arsync.h"
#include "io/error.h"

namespace arsync {

// When a hole that SEEK_HOLE shows can be believed.
enum class HoleTruth : uint8_t {
    doubtful,   // a server's answer, or nobody knows: once the file has been written back
    by_extents, // at once of a file that ext4 keeps in extents, of others once they are written
                // back
    always,
};

// What the kind of a filesystem tells about copying on it; from statfs(2)'s f_type.
struct Filesystem {
    bool reflinks = false;    // may share blocks between files: worth asking
    bool offloads = false;    // copy_file_range(2) is done by a server or the filesystem itself
    bool direct_pays = false; // O_DIRECT is faster than the page cache
    bool compresses = false;  // may: st_blocks then says nothing about holes
    // With its blocks reserved first, a file is written through the page cache with less work.
    bool reserving_pays = false;
    bool caches_below = false; // in files of another filesystem, which cachestat(2) does not see
    bool in_memory = false;    // and nowhere else
    bool remote = false;       // writing waits for a server, or another process
    HoleTruth holes = HoleTruth::doubtful;
    // A regular file ends where its size says, and io_uring reads of it what read(2) does. Not so
    // with FUSE (io_uring ends at the size and repeats an offset after a short read), servers
    // (their sizes are of a moment ago) and what the kernel makes up.
    bool exact = false;
    // The kernel makes writes to one file wait for each other, and some servers (object stores)
    // take them only in order: more than one lane gains nothing.
    bool in_order = false;
};
Filesystem filesystem(uint64_t magic);
inline constexpr uint64_t fuse_magic = 0x65735546;

// Whether syncfs(2) brings all to where it is stored, and tells of what is lost on the way: FUSE
// does not hand it on, of servers it is not to be known, and that of overlayfs does not tell what
// the filesystem below it has lost.
inline bool syncs_whole(const Filesystem& kind) {
    return kind.exact && !kind.remote;
}

// How much of a source is in the page cache.
enum class Residency : uint8_t {
    unknown, // the kernel does not tell, or was not asked
    little,
    most,
};

// Everything the choice rests on. `reflink`, `offload` and the alignments are cleared when an
// attempt shows that the kernel disagrees; then the choice is made again.
struct Grounds {
    bool sized = true;           // false: a stream, or a file that does not tell its size
    uint64_t size = 0;           // bytes to move
    bool reflink = false;        // both ends on one filesystem that may share blocks
    bool offload = false;        // both ends on one filesystem that copies by itself
    bool copy_file_range = true; // not refused yet
    uint32_t source_align = 0;   // O_DIRECT alignment in bytes, 0: not supported
    uint32_t destination_align = 0;
    bool direct_pays = false;   // at both ends
    bool source_direct = false; // opened with O_DIRECT by whoever wants the copy
    bool destination_direct = false;
    Residency cached = Residency::unknown;
    bool paced = false;    // no more than so many bytes a second
    bool remote = false;   // the destination
    bool in_order = false; // the destination is to be written from its beginning to its end
};

Method choose_method(const Grounds& grounds, const arsync_copy_options& options);

// Whether what ran is less than what was asked for.
bool fell_back(Method ran, const arsync_copy_options& options);

// How a method wants its pipeline by default.
struct Pipeline {
    size_t chunk;   // bytes; of a read and a write, unless cached_first
    unsigned lanes; // chunks in flight
    // A chunk goes to a thread first, which moves by plain calls what of it is cached.
    bool cached_first = false;
};
Pipeline pipeline(Method method, const Grounds& grounds, const arsync_copy_options& options,
                  size_t buffer_size, unsigned buffer_count);

// The alignment that both ends of a direct method need, at least 512.
uint32_t direct_alignment(Method method, const Grounds& grounds);

// Files up to this size are copied by plain calls: for a single chunk there is nothing to overlap.
inline constexpr uint64_t inline_size_max = 256 << 10;
// Above it what is cached is worth threads, which do not have to wait for a server.
inline constexpr uint64_t threads_size_min = 4 << 20;
// From this size on, opening for and aligning to O_DIRECT is paid back.
inline constexpr uint64_t direct_size_min = 4 << 20;

} // namespace arsync
