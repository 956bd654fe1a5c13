// Backups: an existing file gives way by being renamed, or to an atomic copy, has a second name.
#pragma once

#include <optional>

#include "copy/copy.h"

namespace arsync {

struct BackedUp {
    std::string name;      // of the backup, in the same directory; "": there is none
    bool had_name = false; // before: what was backed up was at both names
    // What had the destination's name, if that keeps it until it is replaced: by that name, for
    // some servers give each name an inode of its own.
    std::optional<Identity> replaced = std::nullopt;
};

// Back up what is at the copy's destination as the options say. Throws Error. In a dry run the name
// is the one that the backup would get.
BackedUp back_up(Files& files, const FileCopy& copy, const arsync_copy_options& options);
// When an atomic copy is about to replace what is there: if that is not what was backed up, as it
// has come to the name since, back it up too. Throws Error.
void back_up_newcomer(Files& files, const FileCopy& copy, const arsync_copy_options& options,
                      BackedUp& backup);
// Whether that may take long: a huge backup from an earlier time gives way to it.
bool is_slow_to_back_up(Files& files, const FileCopy& copy, const arsync_copy_options& options);
// That name, whatever is to be done with it.
std::string next_backup_name(Files& files, const FileCopy& copy,
                             const arsync_copy_options& options);
// After a copy that failed: give the old file its name alone again. False: something else has that
// name by now, and the backup stays.
bool undo_backup(Files& files, const FileCopy& copy, const BackedUp& backup);

} // namespace arsync
