// Moving the data of one copy, whole file or range: gathers the facts, chooses a method, runs it,
// and falls back to the next where the kernel refuses. Afterwards the destination has the source's
// content and size, and no more than was asked for is in the page cache.
#pragma once

#include <optional>

#include "copy/copy.h"
#include "copy/digest.h"

namespace arsync {

struct Ends {
    int source = -1;
    const struct statx* source_facts = nullptr;
    uint64_t source_begin = 0;
    uint64_t source_end = 0;
    bool whole_file = false;           // source_begin is 0 and source_end the file's end
    bool sized = true;                 // false: source_end means nothing, read to the end
    uint64_t unsized_end = UINT64_MAX; // or to here
    bool may_seek = true; // the source's file position is nobody else's, so holes can be looked for
    int destination = -1;
    const struct statx* destination_facts = nullptr;
    bool destination_is_known = true; // false: only its kind is, see Survey
    uint64_t destination_begin = 0;
    bool fresh = false;     // nothing is in the destination: holes are left by not writing
    bool may_reopen = true; // for a description with other flags
    bool owned = false;     // the open file descriptions are ours to switch to O_DIRECT
    bool in_order = false;  // the destination takes nothing else: see Moved::wants_order
    // Whoever opened these ends did so with O_DIRECT.
    bool source_direct = false;
    bool destination_direct = false;
    bool destination_synced = false; // open with O_DSYNC or O_SYNC
    bool reads_back = true;          // the destination may be read
    // It is a pipe or a FIFO, and a write waits until there is room for all of it.
    bool destination_waits = false;
};

struct Moved {
    uint64_t bytes = 0;
    uint64_t hole_bytes = 0;
    bool changed = false; // the source's size or modification time is another than at the start
    bool shrank = false;  // besides, it ended before source_end
    // Nothing came of it: the destination is to be emptied, and written from its beginning to its
    // end without holes.
    std::optional<Error> wants_order; // what it was refused with
    bool exact_destination = true;    // see Filesystem
    bool has_digest = false;          // the digest is of all that was moved
};

// Whether the source was written to since, by its modification time.
bool was_written(const struct statx& before, const struct statx& now);

// digest, or null: filled from what passes through this process; when verifying, also for data that
// did not, by reading the source. Moved says whether it is of all. Sets control's method.
Task<Moved> move_data(Io io, const Ends& ends, const arsync_copy_options& options, Control& control,
                      Digest* digest);

} // namespace arsync
