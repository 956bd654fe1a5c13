// Scenarios that several tests go through: a world in which each method can run, and one copy for
// each way of writing a destination.
#pragma once

#include <cerrno>
#include <doctest/doctest.h>
#include <vector>

#include "sim/checks.h"
#include "sim/scenario.h"
#include "sim/seeds.h"

namespace arsync::sim {

constexpr Method all_methods[] = {
    ARSYNC_METHOD_AUTO,   ARSYNC_METHOD_INLINE,          ARSYNC_METHOD_REFLINK,
    ARSYNC_METHOD_FIXED,  ARSYNC_METHOD_COPY_FILE_RANGE, ARSYNC_METHOD_DIRECT,
    ARSYNC_METHOD_HEAP,   ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED,
    ARSYNC_METHOD_MANAGED};

// Any copy of one file, in any world in which nothing fails.
Scenario choose_copy(uint64_t seed);

// A copy of size bytes by this method, in a world where it works.
Scenario by_method(Method method, uint64_t size);

// Copies that between them take every path through the library. Small enough to be run once for
// each of their steps.
std::vector<Scenario> catalogue();

// Of those the ones whose replacement must be atomic and durable.
std::vector<Scenario> atomic_and_durable();

// Copies over a file that gives way to them: it is backed up, removed, or a link takes its place.
std::vector<Scenario> replacements();

// Run and check; a failure says all that is needed to see it again.
inline void expect_right(Simulation& simulation) {
    simulation.run();
    check_result(simulation);
    CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
}

// False if it failed, so that there may be no destination to look at.
inline bool expect_copied(Simulation& simulation) {
    expect_right(simulation);
    CHECK_MESSAGE(simulation.outcome().result == 0, describe(simulation.scenario), ": result ",
                  simulation.outcome().result, " stage ", simulation.outcome().stage);
    return simulation.outcome().result == 0;
}

// disturb(simulation, step): each scenario once for every step of it, or so many.
template <class Disturb>
void for_each_step(const std::vector<Scenario>& scenarios, uint64_t stride, Disturb disturb) {
    for (const Scenario& scenario : scenarios) {
        Simulation whole(scenario);
        expect_copied(whole);
        for (uint64_t step = 0; step < whole.world.steps(); step += stride) {
            Simulation simulation(scenario);
            disturb(simulation, step);
        }
    }
}

// Whichever step it is cancelled before, the copy ends, and leaves all or nothing.
inline void expect_cancellable(const std::vector<Scenario>& scenarios) {
    for_each_step(scenarios, sweep_stride, [](Simulation& simulation, uint64_t step) {
        simulation.cancel_at = step;
        expect_right(simulation);
        const int result = simulation.outcome().result;
        CHECK_MESSAGE((result == 0 || result == -ECANCELED), report(simulation));
    });
}

// The power goes before a step, and what is right then is left.
inline void expect_crashable(const std::vector<Scenario>& scenarios, uint64_t stride) {
    for_each_step(scenarios, stride, [](Simulation& simulation, uint64_t step) {
        simulation.crash_at = step;
        expect_right(simulation);
    });
}

} // namespace arsync::sim
