// What the copies of a file (file.cpp), of a small one (file_at_once.cpp) and of a range
// (range.cpp) have in common.
#pragma once

#include "copy/copy.h"
#include "copy/destination.h"
#include "copy/file_flags.h"
#include "copy/move.h"

namespace arsync {

// Of a block device, too.
uint64_t size_of(Files& files, int fd, const struct statx& facts);

// Moves the data and fills in what the outcome says of it.
Task<Moved> move_and_report(Io io, const Ends& ends, const arsync_copy_options& options,
                            Control& control, Outcome& outcome, Digest* digest);

void carry_attributes(Io io, const Source& source, Destination& destination,
                      const SourceFlags& flags, const arsync_copy_options& options,
                      Control& control, Outcome& outcome);

Task<void> sync_data(Io io, int fd, bool datasync, Control& control);

// Somebody has a lease on a file (a file server, say), and has been asked to give it back: wait a
// while before it is opened again. Throws Error when cancelled.
Task<void> wait_for_file_lease(Io io, Control& control);

} // namespace arsync
