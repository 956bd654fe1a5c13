// A file's or directory's attributes, carried over in the order in which none undoes another, and
// in which it is never wider open than its source: owner, extended attributes, label, ACL and mode,
// times.
#pragma once

#include <optional>
#include <vector>

#include "copy/copy.h"
#include "copy/file_flags.h"

namespace arsync {

inline constexpr mode_t keep_mode = static_cast<mode_t>(-1);

// What something new gets in the end if the mode is not preserved.
struct FinalMode {
    mode_t bits = keep_mode; // as it has them
    bool drops_acl = false;  // that it has from its directory's default
    bool is_due() const { return bits != keep_mode || drops_acl; }
};

// Something open, and what is made of it. Descriptors may be ones with O_PATH.
struct Described {
    int source;
    const struct statx& facts;                 // of the source when the copy began
    const std::vector<char>* xattrs = nullptr; // of the source, names; null: not listed yet
    // By what name it was opened, if without /proc that may be the only way to what it has.
    const FileCopy* named = nullptr;
    int destination;
    const struct statx* destination_facts = nullptr; // as it is now; null: not known
    bool destination_has_no_acl = false;
    bool was_there = false; // before the copy, and may be wider open than its source
    // Of a destination that is brought up to date: what it has is compared, and what the source
    // does not have is removed. null: it is written without looking.
    const std::vector<char>* destination_xattrs = nullptr;
    FinalMode final_mode = {};
    SourceFlags flags = {};
    int flags_destination = -1; // a descriptor that takes all flags, if the other has O_PATH
    bool seals = false;         // those that nothing can be changed after too
};

// What the options name, as far as the destination does not have it already. Throws nothing: an
// attribute that cannot be kept costs neither the content nor the others. Of several, one becomes
// the outcome's result: one that is required, and of these as cp would tell it, times, owner, mode,
// and then what is extra. Owner lost for lack of privilege goes into outcome.flags, and is an error
// only for the superuser, or if a map said whose it is to be.
void copy_metadata(Files& files, const Described& ends, const arsync_copy_options& options,
                   Control& control, Outcome& outcome);

// An attribute could not be kept: the gravest loss is the outcome's result.
void note_loss(Outcome& outcome, const arsync_copy_options& options, Stage stage, int64_t result,
               Side side = Side::by_stage);

// The names of a file's extended attributes, or a negative errno.
int64_t list_xattrs(Files& files, int fd, std::vector<char>& names);
// Of a destination that the options ask to bring up to date and that was there before, for
// Described::destination_xattrs. What is not to be known is noted as a loss.
std::optional<std::vector<char>> xattrs_to_update(Files& files, int destination,
                                                  const arsync_copy_options& options,
                                                  Outcome& outcome);
bool has_acl(const std::vector<char>& xattrs);
bool has_default_acl(Files& files, int directory);

// A file that is to be replaced, as it was when the copy began: when it ends another one may have
// its name.
struct Replaced {
    struct statx facts;
    std::optional<std::vector<char>> acl =
        {};             // empty: it has none; nullopt: not known, or not asked
    int64_t result = 0; // why it is not known, if that is an error
};
// None if it has gone meanwhile, or no file has its name any more. Throws Error for want of
// descriptors alone.
std::optional<Replaced> look_at_replaced(Files& files, const FileCopy& names,
                                         const struct statx& found,
                                         const arsync_copy_options& options);
// What an overwrite in place would have kept of that file, as far as this process may, but what its
// group might do if it is to be another's. To be called before copy_metadata(). now: of the
// destination.
void take_over(Files& files, int destination, const struct statx& now, const struct statx& source,
               const Replaced& old, const arsync_copy_options& options, Outcome& outcome);

} // namespace arsync
