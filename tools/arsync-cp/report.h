// What a completion means, in the words that cp uses for it.
#pragma once

#include <string>

#include "item.h"
#include "options.h"

namespace cp {

// What it is about: an item, or an entry of one that is a tree.
struct Subject {
    Place source;
    Place destination;
    const Item& item;
};
Subject subject_of(const Item& item, const arsync_completion& completion);
// The directory on the way to an item, as it was spelled.
Subject way_of(const Item& item, const std::string& path);

// Adds to the item's lines, and with --json a line for the script, what has happened to it or to an
// entry of it.
void report_entry(Item& item, const arsync_completion& completion, const Options& options);
// A directory on the way to it was made, or not.
void report_way(Item& item, const arsync_completion& completion, const Options& options);
// It has ended: its outcome, and what is to be said of it.
void settle(Item& item, const arsync_completion& completion, const Options& options);

// For a completion with an error. Looks at the files again where that tells more.
std::string describe_failure(const Subject& subject, const arsync_completion& completion,
                             const Options& options);
// What -v --debug tells of the pool.
std::string describe_pool(const arsync_info& info, uint32_t flags_asked_for);

} // namespace cp
