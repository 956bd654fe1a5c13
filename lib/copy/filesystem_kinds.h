// What is known of each kind of filesystem: whether it shares blocks, where holes can be believed,
// and so on.
#pragma once

#include <cstdint>

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
    bool reflinks = false; // may share blocks between files: worth asking
    // To share one block, which takes a transaction, makes a copy wait longer than to write it.
    bool shares_slowly = false;
    bool offloads = false;    // copy_file_range(2) is done by a server or the filesystem itself
    bool direct_pays = false; // O_DIRECT is faster than the page cache
    bool compresses = false;  // may: st_blocks then says nothing about holes
    // With its blocks reserved first, a file is written through the page cache with less work.
    bool reserving_pays = false;
    bool caches_below = false; // in files of another filesystem, which cachestat(2) does not see
    bool in_memory = false;    // and nowhere else
    bool remote = false;       // writing waits for a server, or another process
    bool polls_late = false;   // poll(2) waits for more than a read does
    // syncfs(2) leaves it in the device's cache; to be flushed that takes an fsync(2) of anything.
    bool flushes_by_fsync = false;
    HoleTruth holes = HoleTruth::doubtful;
    // A regular file ends where its size says, and io_uring reads of it what read(2) does. Not so
    // with FUSE (io_uring ends at the size and repeats an offset after a short read), servers
    // (their sizes are of a moment ago) and what the kernel makes up.
    bool exact = false;
    // The kernel makes writes to one file wait for each other, and some servers (object stores)
    // take them only in order: more than one lane gains nothing.
    bool in_order = false;

    // Whether what is written to it stays in the page cache for now, and what is read comes from
    // there. What an overlay stands on is mostly of that kind.
    bool goes_through_page_cache() const { return exact || caches_below; }

    // Whether poll(2) knows when there is something to read. Servers' files have no silence that
    // it would know of.
    bool polls_truly() const { return !remote && !polls_late; }
};
Filesystem filesystem(uint64_t magic);
inline constexpr uint64_t fuse_magic = 0x65735546;

// Whether syncfs(2) brings all to where it is stored, and tells of what is lost on the way: FUSE
// does not hand it on, of servers it is not to be known, and that of overlayfs does not tell what
// the filesystem below it has lost.
inline bool syncs_whole(const Filesystem& kind) {
    return kind.exact && !kind.remote;
}

} // namespace arsync
