// Making a destination durable file by file, where syncfs(2) does not or does not say.
#pragma once

#include "copy/copy.h"

namespace arsync {

// fsync of one. Throws Error.
Task<void> sync_one(Io io, int fd);

// The file at a path. What has no data of its own, or is not there any more, is none to be synced.
// A link is followed if that leads to a file it may be.
Task<void> sync_named(Io io, int dirfd, const char* path, bool follows);

// fsync of every file and directory in an open directory, and of it. Throws Error where one fails,
// or cannot be opened. lost: something is, perhaps of these; then also where nothing of a file is
// in memory, for the kernel may have forgotten the file, and with it the loss.
Task<void> ask_all_in(Io io, Control& control, int directory, bool lost);
// The same of what is at a path: a directory with all in it, or a file, as sync_named has it.
Task<void> ask_named(Io io, Control& control, int dirfd, const char* path, bool follows, bool lost);

} // namespace arsync
