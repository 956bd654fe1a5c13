// Copying a file onto itself would destroy it, but two names of one file are not always that.
#pragma once

#include <sys/stat.h>

#include "options.h"
#include "place.h"

namespace cp {

// A source or destination, and what is known of it.
struct Known {
    const Place& place;
    const struct stat& link;   // of the name itself, which may be a symbolic link
    const struct stat& status; // of what a copy would read, or write to
};

enum class Sameness {
    Harmless,  // they are different files, or it does not matter
    Destroyed, // a copy would destroy it
    Done,      // the destination is already what it is to become
};

// follows_source: a source that is a symbolic link is copied as what it leads to.
Sameness compare_files(const Known& source, const Known& destination, const Options& options,
                       bool follows_source);

} // namespace cp
