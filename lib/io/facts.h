// What a file is: statx(2), and where a filter denies that, what older calls tell.
#pragma once

#include <sys/stat.h>

namespace arsync {

// As statx(2), -1 and errno. Without it: the basic fields, as stx_mask says, whatever mask asks
// for.
int facts_of(int dirfd, const char* path, int at_flags, unsigned mask, struct statx& out);

} // namespace arsync
