// Making a destination durable file by file, where syncfs(2) does not or does not say.
#pragma once

#include "copy/copy.h"

namespace arsync {

// fsync every file and directory in an open directory, and it. Throws Error where one fails, or
// cannot be opened.
Task<void> sync_all_in(Io io, Control& control, int directory);

// fsync of one. Throws Error.
Task<void> sync_one(Io io, int fd);

// What is at a path: a directory with all in it, or a file. What has no data of its own, or is not
// there any more, is none to be synced. A link is followed if that leads to a directory it may be.
Task<void> sync_named(Io io, Control& control, int dirfd, const char* path, bool follows);

} // namespace arsync
