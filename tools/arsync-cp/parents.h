// --parents: the directories on the way to a source, made on the way to its destination.
#pragma once

#include "entry.h"

namespace cp {

// Looks at them as cp does; making them is up to the library. false after a complaint.
bool plan_parents(Entry& entry, bool verbose);

// Whether a directory on the way is one that keeps its owner from making anything in it, or from
// passing; its copy will be the same as soon as the first thing in it is.
bool passes_closed_directory(const Place& source);

} // namespace cp
