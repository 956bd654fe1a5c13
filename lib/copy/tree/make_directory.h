// A destination directory, made or found, as a place to put things in.
#pragma once

#include "copy/copy.h"
#include "copy/metadata.h"

namespace arsync {

struct MadeDirectory {
    File directory;
    struct statx facts;
    bool made = false;
    FinalMode final_mode;
};

// source: what it is to be like. Until its end it is the owner's alone where it might be wider than
// its source, and the owner may always write to it. follow: a symbolic link to a directory will do.
// fresh: what is there is another's, EEXIST. Throws Error: ENOTDIR where something else is.
MadeDirectory make_directory(Files& files, int dirfd, const char* name, const struct statx& source,
                             bool beneath, bool follow, bool fresh,
                             const arsync_copy_options& options, Umask& umask);

// What is known of files that are made in it by this user and group.
NewFile new_file_in(Files& files, const MadeDirectory& directory,
                    const arsync_copy_options& options, uid_t uid, gid_t gid);

} // namespace arsync
