// Attributes of what may not be opened for reading, or need not be.
#pragma once

#include "copy/identity.h"
#include "copy/metadata.h"

namespace arsync {

// What the options name, from the source of the names to their destination. source, there: what is
// known to be at each. Whoever may write to a directory may put another file at the name at any
// moment; so attributes are given to what is open (with O_PATH), and only if that is what is meant.
void copy_attributes_by_name(Files& files, const FileCopy& names, const struct statx& source,
                             const struct statx& there, const FinalMode& final_mode,
                             const arsync_copy_options& options, Control& control,
                             Outcome& outcome);

// Those flags of it that go on when it has its name for good.
void seal_by_name(Files& files, const FileCopy& names, const struct statx& source,
                  const Identity& made, const arsync_copy_options& options, Control& control,
                  Outcome& outcome);

// All of what is up to date but for its attributes, perhaps: only what differs is written, and
// what the source does not have is taken away.
void update_attributes_by_name(Files& files, const FileCopy& names, const struct statx& source,
                               const struct statx& there, const arsync_copy_options& options,
                               Control& control, Outcome& outcome);

} // namespace arsync
