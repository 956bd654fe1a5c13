// Everything at once, by seed: any scenario, in any world, with any faults.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

// At most one thing happens besides short transfers and interrupts.
void choose_fate(Random& random, Simulation& simulation) {
    const uint64_t step = random.below(random.of({30ul, 120ul}));
    switch (random.below(4)) {
    case 0:
        simulation.fail_at = step;
        simulation.fail_with = random.of({EIO, ENOSPC});
        break;
    case 1:
        simulation.cancel_at = step;
        break;
    case 2:
        simulation.crash_at = step;
        break;
    default:
        break;
    }
}

} // namespace

TEST_CASE("any copy, in any world, with any fate") {
    for_each_seed(12'000, [](uint64_t seed) {
        Simulation simulation(choose_copy(seed));
        Random random(seed * 104'729 + 1);
        choose_fate(random, simulation);
        expect_right(simulation);
        const bool explained = simulation.failed_step() || simulation.cancelled() ||
                               simulation.world.crashed() || refused(simulation);
        CHECK_MESSAGE((simulation.outcome().result == 0 || explained),
                      describe(simulation.scenario), ": result ", simulation.outcome().result,
                      " stage ", simulation.outcome().stage);
    });
}

} // namespace arsync::sim
