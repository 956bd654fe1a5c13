// The data path: chunks on their way from one descriptor to another, several at a time.
//
// A lane takes the next piece of the source, a buffer, reads, writes, gives the buffer back, and
// goes on until there is nothing left. Lanes share one walk over the source and otherwise know
// nothing of each other; pieces end in any order.
#pragma once

#include "copy/stretch.h"

namespace arsync {

// Move source_begin to source_end. Throws Error; or sets refused, where only O_DIRECT was at fault.
Task<void> run_lanes(Io io, Control& control, Stretch& stretch);

} // namespace arsync
