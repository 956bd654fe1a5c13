// A job's copy from one path to another: of a file, or with ARSYNC_COPY_RECURSIVE of anything.
#pragma once

#include "copy/copy.h"
#include "copy/filter.h"
#include "copy/list/ways.h"
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
// The names below the innermost directory on the way, which is pinned while they are used.
void take_way(FileCopy& names, const Ways& ways, const DirectoryRef& directory,
              const arsync_copy_options& options);

} // namespace arsync
