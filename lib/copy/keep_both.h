// Keeping both: the copy takes a free name beside what is there.
#pragma once

#include <string>

#include "copy/entry.h"

namespace arsync {

// Next to what is there, at the first name that is free; or at its own, if nothing is there now.
Task<void> keep_both(Io io, const FileCopy& names, unsigned char type, const EntryContext& context,
                     const arsync_copy_options& options, Control& control, Outcome& outcome);

// The name that is tried as the number-th, from 1: "NAME (1).EXT", no longer than a name may be.
std::string other_name(const std::string& name, unsigned number);

} // namespace arsync
