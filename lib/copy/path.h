// A job's copy from one path to another: of a file, or with ARSYNC_COPY_RECURSIVE of anything.
#pragma once

#include "copy/copy.h"
#include "copy/filter.h"
#include "copy/parent_directories.h"
#include "copy/tree/tree.h"

namespace arsync {

// Each fills outcome, and for a recursive copy totals; throws Error.
Task<void> copy_path(Io io, const FileCopy& copy, const arsync_copy_options& options,
                     const Filter& filter, Control& control, Host& host, Question& question,
                     Outcome& outcome, arsync_totals& totals);

// The same where the directories on the way are there.
Task<void> copy_names(Io io, const FileCopy& names, const arsync_copy_options& options,
                      const Filter& filter, Control& control, Host& host, Question& question,
                      Outcome& outcome, arsync_totals& totals);
// Whether a source that is a symbolic link is what it leads to.
bool follows_top(const arsync_copy_options& options);
// The names in the innermost directory on the way, which is pinned while they are used: no symbolic
// link is followed. In a dry run the destination's directory may be missing.
void enter_way(FileCopy& names, const Directory& directory);

} // namespace arsync
