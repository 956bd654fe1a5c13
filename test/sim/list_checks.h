// What must hold of a list that was run. What does not is noted in its world's problems.
#pragma once

#include "sim/list_simulation.h"

namespace arsync::sim {

// Whatever happened to it.
void check_always(ListSimulation& list);
// Nothing did: all is as if the items had been copied one after the other.
void check_as_serial(ListSimulation& list);
// One step was made to fail.
void check_after_fault(ListSimulation& list);
void check_after_cancel(ListSimulation& list);
// Somebody changed something: what has nothing to do with that is as if nobody had.
void check_after_change(ListSimulation& list);
// The device damaged a write, or forgot it.
void check_after_damage(ListSimulation& list);
void check_after_crash(ListSimulation& list);

// All of these that apply.
void check_result(ListSimulation& list);

// All problems and what they are problems of, or nothing.
std::string report(const ListSimulation& list);

} // namespace arsync::sim
