// What to do with what is at a destination's name already.
#pragma once

#include "copy/backup.h"
#include "copy/copy.h"

namespace arsync {

enum class Obstacle {
    none,      // nothing is there, or not any more
    overwrite, // a file is there, and is to be overwritten or replaced as the options say
    remove,    // what is there is to be removed first
    back_up,   // or renamed
    directory, // a directory is there, which a mirror removes for what is known to be possible
    skip       // what is there stays
};

// source: of what is to be put there; not a directory. Changes nothing. Throws Error where it may
// not be put there. there: what is at the destination, if anything.
Obstacle look_for_obstacle(Files& files, const FileCopy& copy, const struct statx& source,
                           const arsync_copy_options& options, struct statx& there);
// In a dry run: throws Error if the directory is missing in which the destination would be made, as
// making it would have shown.
void refuse_missing_parent(Files& files, const FileCopy& copy, const arsync_copy_options& options,
                           Stage stage);

// Whether something is at the destination that is to be asked about; what it is then in `there`.
// Throws Error where nobody need be asked, as the copy would destroy its source.
bool is_in_question(Files& files, const FileCopy& copy, const struct statx& source,
                    const arsync_copy_options& options, struct statx& there);
// Throws Error with ARSYNC_STAGE_ASK and ESTALE if something is at the destination that is not what
// was asked about.
void refuse_unasked(Files& files, const FileCopy& copy);

// Whether clear_obstacle() may take long. there: what is in the way.
bool is_slow_to_clear(Files& files, const FileCopy& copy, Obstacle obstacle,
                      const struct statx& there, const arsync_copy_options& options);

// Remove or back up what is in the way, unless this is a dry run, and say so in outcome.flags: none
// or overwrite then; but what is to be overwritten, or stays, stays so. To be called when nothing
// else is likely to fail. backup: of what was there, if it was backed up.
Obstacle clear_obstacle(Files& files, const FileCopy& copy, Obstacle obstacle,
                        const arsync_copy_options& options, Outcome& outcome, BackedUp& backup);

} // namespace arsync
