// The directories on the way to a destination, made as those on the way to its source are.
#pragma once

#include <vector>

#include "copy/copy.h"

namespace arsync {

class Parents {
public:
    // Make those that are missing; in a dry run look for them only. The source's path must be the
    // end of the destination's. With ARSYNC_COPY_BENEATH the names of copy become those in the
    // innermost.
    void make(Files& files, FileCopy& copy, const arsync_copy_options& options);
    // What is below them is done: give them their attributes, the innermost first.
    void finish(Files& files, const arsync_copy_options& options, Control& control,
                Outcome& outcome);
    // Throws Error where a directory was made in one that cannot be synced.
    void refuse_unsyncable() const;
    // Make the names and attributes of those that were made durable. Throws Error.
    Task<void> sync(Ring& ring, Control& control);

private:
    struct Parent {
        File source;
        File destination;
        struct statx facts;
        mode_t final_mode;
        bool made = false;
        bool readable = true; // the destination
    };
    void enter(FileCopy& copy, std::string name) const;

    File base_; // that has the first one
    bool base_readable_ = true;
    std::vector<Parent> parents_;
};

} // namespace arsync
