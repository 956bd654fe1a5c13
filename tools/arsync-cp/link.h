// Links among the sources become links among their copies.
#pragma once

#include "entry.h"

namespace cp {

// Gives the destination's name to the file at entry.link_to, in place of what is there. false after
// a complaint.
// follow: where that is a symbolic link, to what it leads to.
bool link_destination(Entry& entry, bool follow, bool verbose);

} // namespace cp
