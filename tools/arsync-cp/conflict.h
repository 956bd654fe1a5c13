// Options that exclude each other.
#pragma once

#include "options.h"

namespace cp {

// The complaint about the first pair that does; nullptr: there is none.
// backs_up: asked for by any option, even by one that then says that there are to be none.
const char* conflict_among(const Options& options, bool backs_up);

} // namespace cp
