// What must hold of a tree's copy that was run. What does not is noted in its world's problems.
#pragma once

#include "sim/tree_simulation.h"

namespace arsync::sim {

// The destination is what is expected.
void check_copied(TreeSimulation& tree);
// And so are its totals and reports, and the job's result.
void check_whole(TreeSimulation& tree);
// What the end of the job calls durable is there after a crash.
void check_durable(TreeSimulation& tree);
// One step failed, or none: it was told of, and all else is copied.
void check_failure(TreeSimulation& tree);
// Whatever was not reported is as it should be.
void check_others(TreeSimulation& tree);
// It was cancelled, or perhaps too late.
void check_after_cancel(TreeSimulation& tree);
// The power went, or perhaps too late.
void check_after_crash(TreeSimulation& tree);

// Somebody changed a source, or took a directory away.
void check_after_change(TreeSimulation& tree);
// The device did not give back what was written.
void check_after_damage(TreeSimulation& tree);

// Names fold where it goes to: of those that are one there one is copied, and the others are told
// of.
void check_folded(TreeSimulation& tree);

// What applies of that.
void check_result(TreeSimulation& tree);

} // namespace arsync::sim
