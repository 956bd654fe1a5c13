// Removing from a destination directory what its source directory does not have.
#pragma once

#include <functional>

#include "copy/filter.h"
#include "copy/tree/directory.h"

namespace arsync {

struct Removal {
    std::string path;     // below the roots
    uint64_t entries = 0; // removed, or that would have been in a dry run
    bool directory = false;
    int error = 0; // a negative errno
};

// report is told of each extra entry. What the filter excludes stays.
void remove_extra(Files& files, const Pin& directory, const Filter& filter, bool dry_run,
                  const std::function<void(const Removal&)>& report);

} // namespace arsync
