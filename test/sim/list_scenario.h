// One list to be simulated: what is there, the items, and what is asked for.
//
// What there is to copy is "in", as for a tree; most of it goes to "out" or, where there is
// something in the way, to "out/target".
#pragma once

#include <string>
#include <vector>

#include "sim/tree_scenario.h"

namespace arsync::sim {

struct ListItemNames {
    std::string source;
    std::string destination;
};

struct ListScenario {
    TreeScenario tree;                // the options are the list's
    std::vector<ListItemNames> items; // whose user_data is their number from 100 on
    bool in_pieces = false;           // opened, added to while it runs, and ended

    const arsync_copy_options& options() const { return tree.options; }
    bool asks(uint32_t flags) const { return tree.asks(flags); }
};
std::string describe(const ListScenario& scenario);

constexpr uint64_t first_item = 100; // its user_data

// Any list, in any world in which nothing fails. folds: names do where it goes to, and items spell
// them in one way or another.
ListScenario choose_list(uint64_t seed, bool folds = false);

// What is answered if an item is asked about, or an entry of it. STOP is none of the answers.
uint32_t answer_in(const ListScenario& scenario, uint64_t user_data, const std::string& path);

} // namespace arsync::sim
