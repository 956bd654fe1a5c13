// A file's or directory's attributes, carried over in the order in which none undoes another, and
// in which it is never wider open than its source: owner, extended attributes, label, ACL and mode,
// times.
#pragma once

#include "copy/copy.h"

namespace arsync {

// What becomes of an attribute that cannot be kept.
enum class Losses {
    fatal,   // the first ends the copy
    reported // the first becomes the outcome's result; the others are carried over all the same
};

// What the options name, from the open source, whose facts were taken when the copy began, to the
// open destination. unpreserved_mode: the permission bits it gets if the mode is not preserved, or
// keep_mode. Owner lost for lack of privilege goes into outcome.flags.
inline constexpr mode_t keep_mode = static_cast<mode_t>(-1);
void copy_metadata(Files& files, int source, const struct statx& facts, int destination,
                   mode_t unpreserved_mode, Losses losses, const arsync_copy_options& options,
                   Control& control, Outcome& outcome);

// The same by names in open directories, not followed: of symbolic links and special files.
void copy_metadata_of_name(Files& files, const FileCopy& names, const struct statx& facts,
                           Losses losses, const arsync_copy_options& options, Control& control,
                           Outcome& outcome);

// What an overwrite in place would have kept of the file that is replaced, as far as this process
// may.
void take_over(Files& files, int destination, const struct statx& replaced,
               const arsync_copy_options& options);

} // namespace arsync
