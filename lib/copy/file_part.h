// A part of a file, copied by its name into a file that others may be writing other parts of.
#pragma once

#include "copy/copy.h"

namespace arsync {

// As options.range_offset and range_length say. Fills outcome; throws Error. What was made stays.
Task<void> copy_part(Io io, const FileCopy& copy, const arsync_copy_options& options,
                     Control& control, Outcome& outcome);

} // namespace arsync
