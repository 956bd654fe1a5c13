// A file's or directory's attributes, carried over in the order in which none undoes another, and
// in which it is never wider open than its source: owner, extended attributes, label, ACL and mode,
// times.
#pragma once

#include <vector>

#include "copy/copy.h"

namespace arsync {

// What becomes of an attribute that cannot be kept.
enum class Losses {
    fatal,   // the first ends the copy
    reported // the gravest becomes the outcome's result; the others are carried over all the same
};

inline constexpr mode_t keep_mode = static_cast<mode_t>(-1);

// Something open, and what is made of it. Descriptors may be ones with O_PATH.
struct Described {
    int source;
    const struct statx& facts;                 // of the source when the copy began
    const std::vector<char>* xattrs = nullptr; // of the source, names; null: not listed yet
    int destination;
    const struct statx* destination_facts = nullptr; // as it is now; null: not known
    bool destination_has_no_acl = false;
    mode_t unpreserved_mode = keep_mode; // permission bits it gets if the mode is not preserved
};

// What the options name, as far as the destination does not have it already. Owner lost for lack of
// privilege goes into outcome.flags.
void copy_metadata(Files& files, const Described& ends, Losses losses,
                   const arsync_copy_options& options, Control& control, Outcome& outcome);

// The names of a file's extended attributes, or a negative errno.
int64_t list_xattrs(Files& files, int fd, std::vector<char>& names);
bool has_acl(const std::vector<char>& xattrs);
bool has_default_acl(Files& files, int directory);

// What an overwrite in place would have kept of the file that is replaced, as far as this process
// may.
void take_over(Files& files, int destination, const FileCopy& names, const struct statx& replaced,
               const arsync_copy_options& options);

} // namespace arsync
