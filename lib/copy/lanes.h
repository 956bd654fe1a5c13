// The data path: chunks on their way from one descriptor to another, several at a time.
//
// A lane takes the next piece of the source, a buffer, reads, writes, gives the buffer back, and
// goes on until there is nothing left. Lanes share one walk over the source and otherwise know
// nothing of each other; pieces end in any order.
#pragma once

#include <cstdint>

#include "copy/copy.h"
#include "copy/digest.h"
#include "copy/method.h"

namespace arsync {

// What becomes of a range that is a hole in the source.
enum class Holes {
    leave, // nothing: the destination has nothing there
    punch, // made a hole, for the destination has content there
    fill   // zeros are written
};

struct Transfer {
    int source = -1;
    int destination = -1; // -1: only read, for the digest
    uint64_t source_begin = 0;
    uint64_t source_end = 0;
    uint64_t destination_begin = 0;
    Method method = ARSYNC_METHOD_FIXED;
    Pipeline pipeline = {};
    Stage read_stage = ARSYNC_STAGE_READ; // what reading is for, when it fails
    bool find_holes = false;              // ask the filesystem for the source's holes
    Holes holes = Holes::leave;
    bool make_holes = false;    // blocks of zeros are treated as holes
    bool direct_read = false;   // the source is open with O_DIRECT
    bool direct_write = false;  // the destination is
    uint32_t direct_align = 1;  // bytes, of a direct transfer
    bool drop_cache = false;    // RWF_DONTCACHE; cleared where it is refused
    Digest* digest = nullptr;   // of what was read, or null
    uint64_t digest_origin = 0; // the source offset that the digest counts from

    // What came of it.
    uint64_t end = 0;         // where the source turned out to end, at most source_end
    uint64_t written_end = 0; // end of the last byte written, in source offsets
    uint64_t hole_bytes = 0;  // of holes left, punched or made
    bool refused = false;     // the method does not work here after all: choose another, start anew
};

// Move source_begin to source_end. Throws Error; or sets refused, where only O_DIRECT was at fault.
Task<void> run_lanes(Io io, Control& control, Transfer& transfer);

// Move a source that has no size, or no offsets, from its position to its end, or to source_end if
// that comes first, one chunk at a time. source_seekable, destination_seekable: whether that end
// has offsets.
Task<void> run_stream(Io io, Control& control, Transfer& transfer, bool source_seekable,
                      bool destination_seekable);

} // namespace arsync
