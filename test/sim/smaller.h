// Scenarios with something less in them than another, the greatest cuts first.
#pragma once

#include "sim/lease_simulation.h"
#include "sim/list_scenario.h"
#include "sim/scenario.h"

namespace arsync::sim {

std::vector<Scenario> smaller_than(const Scenario& scenario);
std::vector<TreeScenario> smaller_than(const TreeScenario& scenario);
std::vector<ListScenario> smaller_than(const ListScenario& scenario);
std::vector<LeaseScenario> smaller_than(const LeaseScenario& scenario);

} // namespace arsync::sim
