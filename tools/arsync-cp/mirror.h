// --mirror of several sources.
#pragma once

#include "operands.h"
#include "options.h"

namespace cp {

// Whether none of them would be copied to where the mirror of another removes what is not its own.
// Otherwise there was a complaint.
bool mirrors_are_apart(const Operands& operands);

// Whether none of them is to be read where the mirror of another would have removed it, nor is to
// be written there, by whatever way it is come to. Otherwise there was a complaint.
bool mirrors_spare_others(const Operands& operands, const Options& options);

} // namespace cp
