// Which method moves the data: a pure function of facts and options. The table is in method.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arsync.h"
#include "copy/filesystem_kinds.h"
#include "io/error.h"

namespace arsync {

// How much of a source is in the page cache.
enum class Residency : uint8_t {
    unknown, // the kernel does not tell, or was not asked
    little,
    most,
    all,
};

// Everything the choice rests on. `reflink`, `offload` and the alignments are cleared when an
// attempt shows that the kernel disagrees; then the choice is made again.
struct Grounds {
    bool sized = true;             // false: a stream, or a file that does not tell its size
    uint64_t size = 0;             // bytes to move
    bool reflink = false;          // both ends on one filesystem that may share blocks
    bool has_no_blocks = false;    // one end has none to share: a device, what the kernel makes up
    bool offload = false;          // both ends on one filesystem that copies by itself
    bool copies_in_memory = false; // both ends on one filesystem, from page to page
    bool copy_file_range = true;   // not refused yet
    uint32_t source_align = 0;     // O_DIRECT alignment in bytes, 0: not supported
    uint32_t destination_align = 0;
    bool direct_pays = false; // at both ends
    bool direct_reads_pay = false;
    bool source_direct = false; // opened with O_DIRECT by whoever wants the copy
    bool destination_direct = false;
    Residency cached = Residency::unknown;
    // For what is written: there is free memory, and the kernel will not begin to write it out yet.
    bool cache_has_room = false;
    bool caches_below = false; // the source's filesystem leaves its files' pages to another
    bool in_company = false;   // there is a file to be moved for each processor
    bool paced = false;        // no more than so many bytes a second
    bool remote = false;       // the destination
    bool in_order = false;     // the destination is to be written from its beginning to its end
};

Method choose_method(const Grounds& grounds, const arsync_copy_options& options);

// Whether blocks may be shared, with their holes as they are.
bool may_share(const arsync_copy_options& options);

// Whether a failed FICLONE or copy_file_range says something of the method rather than of the disk.
bool means_not_here(int64_t result);

// Whether what is written may be in memory alone when the copy ends.
bool may_linger(const arsync_copy_options& options);

// Whether an end is open with O_DIRECT.
bool is_direct(Method method);

// Whether what ran is less than what was asked for.
bool fell_back(Method ran, const arsync_copy_options& options);

// How a method wants its pipeline by default.
struct Pipeline {
    size_t chunk;   // bytes; of a read and a write, unless cached_first
    unsigned lanes; // chunks in flight
    // A chunk goes to a thread first, which moves by plain calls what of it is cached.
    bool cached_first = false;
};
// Before anything is known of how it goes.
Pipeline usual_pipeline(Method method, size_t buffer_size);
Pipeline pipeline(Method method, const Grounds& grounds, const arsync_copy_options& options,
                  size_t buffer_size, unsigned buffer_count);

// The alignment that the direct ends of a method need, at least 512.
uint32_t direct_alignment(Method method, const Grounds& grounds);

// Files up to this size are copied by plain calls: for a single chunk there is nothing to overlap.
inline constexpr uint64_t inline_size_max = 256 << 10;
// Above it what is cached is worth threads, which do not have to wait for a server.
inline constexpr uint64_t threads_size_min = 4 << 20;
// From this size on, opening for and aligning to O_DIRECT is paid back.
inline constexpr uint64_t direct_size_min = 4 << 20;

} // namespace arsync
