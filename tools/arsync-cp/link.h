// Links among the sources become links among their copies.
#pragma once

#include "entry.h"
#include "options.h"

namespace cp {

// Gives the destination's name to the file at entry.link_to, in place of what is there. false after
// a complaint. Where what is linked to is a symbolic link that the options follow, the name goes to
// what it leads to.
bool link_destination(Entry& entry, const Options& options);

} // namespace cp
