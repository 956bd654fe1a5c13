// The last line of --json: all files together, and what was used.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "arsync.h"
#include "item.h"

namespace cp {

struct Totals {
    std::array<uint64_t, outcome_count> outcomes{}; // how many files, by Outcome
    arsync_totals trees{};                          // of all trees together
    uint64_t ended = 0;                             // entries
    uint64_t bytes = 0;
    uint64_t hole_bytes = 0;
    double seconds = 0;
    int exit_status = 0;
};

void add_tree(Totals& totals, const arsync_totals& tree);
void add_file(Totals& totals, const Item& item);

std::string json_of(const Totals& totals, const arsync_info& info, const arsync_stats& stats);

} // namespace cp
