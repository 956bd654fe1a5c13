// Making names durable: an fsync of the directory that they are in.
#pragma once

#include "copy/copy.h"

namespace arsync {

// The directory of the destination's name, to be synced. Throws Error, for a directory that may be
// written to but not read cannot be: to be called before anything is written or replaced.
File open_to_sync_name(Files& files, const FileCopy& copy);

// Where the destination's name leads, if that is a symbolic link, else the name; "" where links do
// not end. Throws Error.
std::string end_of_links(Files& files, const FileCopy& copy);
// The directory of that name, if it is another: it is new, or an earlier run may have made it and
// not synced it. Throws Error.
File open_to_sync_target(Files& files, const FileCopy& copy, const std::string& target);

// Whether what is at the destination's name is no part of its directory, but mounted on the name:
// to sync what the directory is in does not sync that.
bool is_mounted_on_name(const FileCopy& copy, const struct statx& found);

// Of the names in an open directory. Throws Error.
Task<void> sync_names_in(Io io, Control& control, int directory);

} // namespace arsync
