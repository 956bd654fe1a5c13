// What to do with what is at a destination's name already.
#pragma once

#include "copy/copy.h"

namespace arsync {

enum class Way {
    free,      // nothing is there, or not any more
    overwrite, // a file is there, and is to be overwritten or replaced as the options say
    remove,    // what is there is to be removed first
    back_up,   // or renamed
    skip       // what is there stays
};

// source: of what is to be put there; not a directory. Changes nothing. Throws Error where it may
// not be put there. there: what is at the destination, if anything.
Way look_at_the_way(Files& files, const FileCopy& copy, const struct statx& source,
                    const arsync_copy_options& options, struct statx& there);
// A dry run makes nothing that would tell that the directory is missing in which it would be made.
// Throws Error then.
void refuse_missing_parent(Files& files, const FileCopy& copy, const arsync_copy_options& options,
                           Stage stage);

// Whether something is at the destination that is to be asked about; what it is then in `there`.
// Throws Error where nobody need be asked, as the copy would destroy its source.
bool is_in_question(Files& files, const FileCopy& copy, const struct statx& source,
                    const arsync_copy_options& options, struct statx& there);
// Throws Error with ARSYNC_STAGE_ASK and ESTALE if something is at the destination that is not what
// was asked about.
void refuse_unasked(Files& files, const FileCopy& copy);

// Whether clear_the_way() may take long. there: what is in the way.
bool is_slow_to_clear(Files& files, const FileCopy& copy, Way way, const struct statx& there,
                      const arsync_copy_options& options);

// Remove or rename what is in the way, unless this is a dry run, and say so in outcome.flags: free
// or overwrite then. To be called when nothing else is likely to fail.
// backup: the name that what was there has now, if it was backed up.
Way clear_the_way(Files& files, const FileCopy& copy, Way way, const arsync_copy_options& options,
                  Outcome& outcome, std::string& backup);

} // namespace arsync
