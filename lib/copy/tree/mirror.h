// Removing from a destination directory what its source directory does not have.
//
// What is extra is decided by the listing of the source directory that the copy itself went by, and
// only while that directory is the one at its name. What the run has seen in the source, by
// whatever spelling and whatever became of it, or has written, is not extra, nor is what is there
// by now. Where that is in doubt nothing is removed, and the doubt is the directory's error.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "copy/filter.h"
#include "copy/listing.h"
#include "copy/tree/directory.h"

namespace arsync {

class Tree;

struct ExtraEntry {
    std::string name;
    std::string path; // below the roots
    bool directory = false;
    bool huge = false;
    int error = 0; // a negative errno: it is not to be known whether it is extra
};

// The extra entries of one directory, but for what the filter excludes. The directory need be
// pinned during each call only.
class Extra {
public:
    // What is referred to lives as long as this.
    Extra(Io io, const Filter& filter, const Control& control, Tree& tree, bool dry_run)
        : io_(io), filter_(filter), control_(control), tree_(tree), dry_run_(dry_run) {}

    // The next, or none. Throws Error.
    Task<void> next(const Directory& directory, std::optional<ExtraEntry>& next);
    // Removes it with all in it that is not excluded, adding to `removed` at each entry that is
    // gone, or that would be in a dry run. What will not go stays, with what it is in, and is
    // thrown as an Error when all else is gone. False: it stays, for what is excluded in it.
    Task<bool> remove(const Directory& directory, const ExtraEntry& entry, uint64_t& removed);
    // Of the destination's listing: it changes with each buffer of names.
    int64_t position() const { return names_.position(); }
    unsigned round() const { return rounds_; } // of the whole listing

private:
    Task<bool> remove_once(const Directory& directory, const ExtraEntry& entry, uint64_t& removed);
    bool examine(const Directory& directory, const char* name, ExtraEntry& entry);

    const Io io_;
    const Filter& filter_;
    const Control& control_;
    Tree& tree_;
    const bool dry_run_;
    Listing names_;
    bool changed_ = false; // something has gone since the listing began
    unsigned rounds_ = 0;
    std::unordered_set<std::string> stay_; // what could not be removed, or not be looked at
};

} // namespace arsync
