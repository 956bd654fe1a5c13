// A name that gives way to nothing, and takes nothing's place.
#pragma once

#include "io/files.h"

namespace arsync {

// Rename within a directory: 0, or -EEXIST if `to` is there already, or another negative errno.
// Where the filesystem has no such rename (FUSE, NFS), a second name is given and the first taken
// away; and where it has no links either, `to` is looked for first, which somebody may undo.
int move_name(Files& files, int dirfd, const char* from, const char* to);

// Whether it is in a directory where only its owner, and the directory's, may take a name away, and
// this is neither. Another name, which it can be given, would stay.
bool is_stuck(Files& files, int dirfd, const char* name);

} // namespace arsync
