// Deciding what to do about one source and its destination, and clearing the destination's way.
#pragma once

#include "entry.h"
#include "ledger.h"
#include "options.h"

namespace cp {

enum class Verdict {
    Wait, // nothing was done: ask again when no copy is in flight
    Done, // there is nothing to copy; the entry's outcome says why
    Link, // make the destination a link to entry.link_to
    Copy,
    Tree, // the source is a directory, to be copied with all that is in it
};

// Unlinks the destination, so that the copy makes it anew. false after a complaint.
bool remove_destination(Entry& entry, const Options& options, bool say_so = true);

// Whether a symbolic link at the destination that says what the source is called leads there: a
// relative one must be in the current directory.
bool links_from_here(const Entry& entry, const Options& options);
bool is_working_directory(const struct stat& status);

// The complaint where it does not.
std::string no_relative_link(const Place& destination);

class Planner {
public:
    Planner(const Options& chosen, Ledger& kept) : options(chosen), ledger(kept) {}

    // idle: no copy is in flight, so what the filesystem shows is final.
    Verdict plan(Entry& entry, bool idle);

private:
    struct Found;
    Verdict look_at_source(Entry& entry, Found& found, bool idle);
    Verdict look_at_destination(Entry& entry, Found& found, bool idle);
    Verdict plan_tree(Entry& entry, const Found& found, bool idle);
    Verdict ask_user(Entry& entry, const Found& found, bool idle);
    Verdict judge_pretended(Entry& entry) const;
    Verdict judge_existing(Entry& entry, const Found& found, bool idle);
    Verdict leave_newer(Entry& entry);
    bool end_dangling(Entry& entry, const Found& found) const;
    void note_destination(Entry& entry, const Found& found) const;
    Verdict clear_destination(Entry& entry, const Found& found, bool idle);
    Verdict put_destination_aside(Entry& entry, const Found& found, bool idle);

    // Whether the destination's name itself is dealt with, and not what it may point to.
    bool replaces_name(mode_t source_mode) const;
    bool goes_through_link(const Entry& entry, const Found& found) const;

    const Options& options;
    Ledger& ledger;
};

} // namespace cp
