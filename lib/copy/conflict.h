// What to do with what is at a destination's name already.
#pragma once

#include "copy/copy.h"

namespace arsync {

enum class Way {
    free,      // nothing is there, or not any more
    overwrite, // a file is there, and is to be overwritten or replaced as the options say
    skip       // what is there stays
};

// source: of what is to be put there; not a directory. Removes or renames what is in the way as the
// options say, and says so in outcome.flags. Throws Error where it may not, or cannot.
Way clear_the_way(Files& files, const FileCopy& copy, const struct statx& source,
                  const arsync_copy_options& options, Outcome& outcome);

} // namespace arsync
