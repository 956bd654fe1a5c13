// A job's copy from one path to another: of a file, or with ARSYNC_COPY_RECURSIVE of anything.
#pragma once

#include "copy/copy.h"
#include "copy/filter.h"
#include "copy/tree/tree.h"

namespace arsync {

// Fills outcome, and for a recursive copy totals; throws Error.
Task<void> copy_path(Io io, const FileCopy& copy, const arsync_copy_options& options,
                     const Filter& filter, Control& control, TreeHost& host, Question& question,
                     Outcome& outcome, arsync_totals& totals);

} // namespace arsync
