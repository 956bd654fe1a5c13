// --parents: the directories on the way to a source, made on the way to its destination.
#pragma once

#include "entry.h"

namespace cp {

// Looks at them as cp does; making them is up to the library. false after a complaint.
bool plan_parents(Entry& entry, bool verbose);

} // namespace cp
