// A stretch of a file that is to be moved from one descriptor to another, and what came of it.
#pragma once

#include <cstdint>

#include "copy/copy.h"
#include "copy/digest.h"
#include "copy/method.h"

namespace arsync {

class Turns;

// What becomes of a range that is a hole in the source.
enum class Holes {
    leave, // nothing: the destination has nothing there
    punch, // made a hole, for the destination has content there
    fill   // zeros are written
};

struct Stretch {
    int source = -1;
    int destination = -1; // -1: only read, for the digest
    uint64_t source_begin = 0;
    uint64_t source_end = 0;
    uint64_t destination_begin = 0;
    Method method = ARSYNC_METHOD_FIXED;
    Pipeline pipeline = {};
    // Each chunk takes one, and is as large as its flow says, unless there is a limit on bytes a
    // second. So there are further lanes, for as many as there may ever be turns.
    Turns* turns = nullptr;
    unsigned spare_lanes = 0;
    Stage read_stage = ARSYNC_STAGE_READ; // what reading is for, when it fails
    bool find_holes = false;              // ask the filesystem for the source's holes
    bool check_holes = false;             // and read them all the same, for data that they hide
    Holes holes = Holes::leave;
    bool make_holes = false;   // blocks of zeros are treated as holes
    bool direct_read = false;  // the source is open with O_DIRECT
    bool direct_write = false; // the destination is
    uint32_t direct_align = 1; // bytes, of a direct transfer
    bool plain_read = false;   // by system calls, whatever the ring could do: see Route
    bool plain_write = false;
    bool in_memory = false;         // the source: reading it waits for nothing
    bool waits_for_source = true;   // a stream's source may have nothing to read yet
    bool destination_waits = false; // see Ends
    bool drop_cache = false;        // RWF_DONTCACHE; cleared where it is refused
    Digest* digest = nullptr;       // of what was read, or null
    uint64_t digest_origin = 0;     // the source offset that the digest counts from

    // What came of it.
    uint64_t end = 0;         // where the source turned out to end, at most source_end
    uint64_t written_end = 0; // end of the last byte written, in source offsets
    uint64_t hole_bytes = 0;  // of holes left, punched or made
    bool refused = false;     // the method does not work here after all: choose another, start anew
};

} // namespace arsync
