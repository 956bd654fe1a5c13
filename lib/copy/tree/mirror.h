// Removing from a destination directory what its source directory does not have.
#pragma once

#include <optional>

#include "copy/filter.h"
#include "copy/listing.h"
#include "copy/tree/directory.h"

namespace arsync {

struct ExtraEntry {
    std::string name;
    std::string path; // below the roots
    bool directory = false;
    int error = 0; // a negative errno: it is not to be known whether it is extra
};

// The extra entries of one directory, but for what the filter excludes.
class Extra {
public:
    // directory: lives as long as this.
    Extra(Io io, const Pin& directory, const Filter& filter, bool dry_run)
        : io_(io), directory_(directory), filter_(filter), dry_run_(dry_run) {}

    // The next. Throws Error.
    std::optional<ExtraEntry> next();
    // Removes it with all in it that is not excluded, adding to `removed` at each entry that is
    // gone, or that would be in a dry run. What will not go stays, with what it is in, and is
    // thrown as an Error when all else is gone.
    Task<void> remove(const ExtraEntry& entry, const Control& control, uint64_t& removed);

private:
    bool examine(const char* name, ExtraEntry& entry);

    const Io io_;
    const Pin& directory_;
    const Filter& filter_;
    const bool dry_run_;
    Listing names_;
    bool begun_ = false;
};

} // namespace arsync
