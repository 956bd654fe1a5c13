// A file's attributes, carried over in the order in which none undoes another, and in which the
// file is never wider open than its source: owner, extended attributes, ACL and mode, times.
#pragma once

#include "copy/copy.h"
#include "copy/destination.h"

namespace arsync {

// What the options name, from the open source, whose facts were taken when the copy began, to the
// open destination. Owner lost for lack of privilege goes into outcome.flags.
void copy_metadata(Files& files, int source, const struct statx& facts, Destination& destination,
                   const arsync_copy_options& options, Control& control, Outcome& outcome);

} // namespace arsync
