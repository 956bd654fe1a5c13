// The directories on the way to a destination, made as those on the way to its source are.
#pragma once

#include <string>
#include <vector>

#include "copy/copy.h"
#include "copy/identity.h"
#include "copy/metadata.h"

namespace arsync {

// However deep they are, few of them stay open: the innermost ones. Others are opened again when
// they are needed, as below a tree's roots, and must be what they were.
class Parents {
public:
    // Make those that are missing; in a dry run look for them only. The source's path must be the
    // end of the destination's. With ARSYNC_COPY_BENEATH the names of copy become those in the
    // innermost.
    void make(Files& files, FileCopy& copy, const arsync_copy_options& options);
    // What is below them is done: give them their attributes, the innermost first. durable: make
    // names and attributes of those that were made so. Throws Error when all had their turn.
    Task<void> finish(Io io, const arsync_copy_options& options, Control& control, Outcome& outcome,
                      bool durable);
    // Throws Error where a directory was made in one that cannot be synced.
    void refuse_unsyncable() const;

private:
    struct Parent {
        std::string source_name; // in the one above
        std::string name;        // the same of the destination
        Identity source_id;
        Identity destination_id;
        File source;
        File destination;
        struct statx facts;
        FinalMode final_mode;
        bool made = false;
        bool readable = true; // the destination
    };
    void add(Files& files, const std::string& source_name, const std::string& name,
             const arsync_copy_options& options);
    void keep_innermost();
    void open_again(Files& files, size_t level);
    void open_one(Files& files, size_t level);
    Task<void> finish_one(Io io, size_t level, const arsync_copy_options& options, Control& control,
                          Outcome& outcome, bool syncs);
    void enter(FileCopy& copy, std::string name) const;

    int top_source_ = -1; // that has the first one
    File base_;           // the same of the destination
    bool base_readable_ = true;
    bool source_beneath_ = false; // no symbolic link is followed
    bool destination_beneath_ = false;
    Umask umask_;
    std::vector<Parent> parents_;
};

} // namespace arsync
