// Whether the destination is the source, and what that comes to.
#pragma once

#include "copy/copy.h"

namespace arsync {

// Throws Error if they are one file, which writing would destroy.
void refuse_same(const struct statx& source, const struct statx& found);

// Whether both names are one entry of one directory, however they are spelled. Throws Error where
// that is not to be known.
bool is_one_entry(Files& files, const FileCopy& copy);

// What it comes to that the source may be at the destination already, by another name or through a
// symbolic link.
enum class Meeting {
    harmless, // it is not, or is read through another name all the same
    done,     // nothing would change
    fatal     // it would be lost, or become a link to itself
};
Meeting meet(Files& files, const FileCopy& copy, const struct statx& source,
             const struct statx& found, const arsync_copy_options& options);

// As cp has it: to copy a file to its own name, by force and with a backup, is to make one of it.
bool is_to_back_up_itself(Files& files, const FileCopy& copy, const struct statx& source,
                          const arsync_copy_options& options);
// Of a directory onto itself: with these options all that is in it stays as it is.
bool is_there_already(Files& files, const FileCopy& copy, const struct statx& source,
                      const arsync_copy_options& options);

} // namespace arsync
