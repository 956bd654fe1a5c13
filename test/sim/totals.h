// The totals of a tree or a list by name, for judges that compare them.
#pragma once

#include <cstdint>
#include <utility>

#include "arsync.h"

namespace arsync::sim {

inline constexpr std::pair<const char*, uint64_t arsync_totals::*> counted[] = {
    {"entries", &arsync_totals::entries},         {"files", &arsync_totals::files},
    {"directories", &arsync_totals::directories}, {"symlinks", &arsync_totals::symlinks},
    {"hard links", &arsync_totals::hard_links},   {"specials", &arsync_totals::specials},
    {"skipped", &arsync_totals::skipped},         {"removed", &arsync_totals::removed},
    {"errors", &arsync_totals::errors},           {"bytes", &arsync_totals::bytes},
};

// Of those that are judged in their own way, not.
inline bool is_plain_count(uint64_t arsync_totals::*field) {
    return field != &arsync_totals::removed && field != &arsync_totals::errors;
}

} // namespace arsync::sim
