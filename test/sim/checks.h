// What must be true of a copy that has ended, by the contract in arsync.h. Each notes what is not
// in the world's problems.
#pragma once

#include "sim/simulation.h"

namespace arsync::sim {

// Everything below that applies.
void check_result(Simulation& simulation);

void check_success(Simulation& simulation);
void check_failure(Simulation& simulation);
// The copy failed for what the scenario is, not for what happened to it.
bool refused(const Simulation& simulation);
// A failure is the one that was injected, and is reported as such.
void check_injected(Simulation& simulation);
// After a crash that lost whatever the filesystem may lose.
void check_crash(Simulation& simulation);

// All problems and what they are problems of, or nothing.
std::string report(const Simulation& simulation);

// Whether a copy is right of which a look at its source lies.
bool is_right_by_lie(const World& world, const Content& copy, const Content& source);

} // namespace arsync::sim
