// --mirror of several sources.
#pragma once

#include "operands.h"

namespace cp {

// Whether none of them would be copied to where the mirror of another removes what is not its own.
// Otherwise there was a complaint.
bool mirrors_are_apart(const Operands& operands);

} // namespace cp
