// Time stamps at the granularity of the filesystem that keeps them: NTFS has steps of 100 ns, exFAT
// of 10 ms, ext4 with inodes of 128 bytes of a second, FAT of two.
#pragma once

#include <sys/stat.h>

#include "io/files.h"

namespace arsync {

// Whether what was found at a name has the modification time that a copy of the source would have
// there. may_try: the file's own time may be changed for a moment to find out.
bool has_time_of(Files& files, int dirfd, const char* name, const struct statx& source,
                 const struct statx& found, bool may_try);

} // namespace arsync
