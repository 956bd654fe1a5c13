// The data path of what has no size or no offsets: one chunk after the other.
#pragma once

#include "copy/stretch.h"

namespace arsync {

// Move a source that has no size, or more than that, or no offsets, from source_begin or its
// position to its end, or to source_end if that comes first. Either may be slow for ever: a cancel
// ends each wait. source_seekable, destination_seekable: whether that end has offsets. What is read
// by position is spent; see Control.
Task<void> run_stream(Io io, Control& control, Stretch& stretch, bool source_seekable,
                      bool destination_seekable);

} // namespace arsync
