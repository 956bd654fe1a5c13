// The power goes at each step of a tree's copy, and nothing survives but what was made durable.
#include <doctest/doctest.h>

#include "sim/seeds.h"
#include "sim/tree_checks.h"

namespace arsync::sim {

namespace {

void crash(const TreeScenario& scenario, uint64_t step) {
    TreeSimulation simulation(scenario);
    simulation.crash_at = step;
    simulation.run();
    check_after_crash(simulation);
    CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
}

uint64_t steps_of(const TreeScenario& scenario) {
    TreeSimulation whole(scenario);
    whole.run();
    CHECK_MESSAGE(whole.world.problems.empty(), report(whole));
    return whole.world.steps();
}

// Each step where all are swept, or one in so many.
uint64_t stride(uint64_t otherwise) {
    return sweep_stride * (sweeps_all() ? 1 : otherwise);
}

TreeScenario atomic_tree(uint64_t seed) {
    TreeScenario scenario;
    scenario.world.seed = seed;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.replace = ARSYNC_REPLACE_ATOMIC;
    scenario.options.durability = ARSYNC_DURABILITY_FULL;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.directories = 3;
    scenario.entries = 9;
    scenario.existing = true;
    return scenario;
}

// Whatever an entry may be, made in each of the ways in which that can be done.
std::vector<TreeScenario> atomic_trees() {
    std::vector<TreeScenario> all{atomic_tree(1), atomic_tree(2), atomic_tree(3), atomic_tree(4)};
    all[1].options.preserve = 31;
    all[1].linked = 3;
    all[2].world.temporary_files = false;
    all[2].options.flags |= ARSYNC_COPY_MIRROR;
    all[2].options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER;
    all[3].existing = false;
    all[3].options.preserve = 31;
    all.push_back(all[1]);
    all.back().options.backup = ARSYNC_BACKUP_NUMBERED;
    return all;
}

} // namespace

TEST_CASE("wherever it crashes, an atomic tree's copy leaves of each file the old or the new one") {
    for (TreeScenario& scenario : atomic_trees())
        for (const auto durability : {ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL}) {
            scenario.options.durability = durability;
            const uint64_t steps = steps_of(scenario);
            for (uint64_t step = 0; step < steps; step += stride(2))
                crash(scenario, step);
        }
    for_each_seed(300, [](uint64_t seed) {
        TreeScenario scenario = choose_tree(seed);
        Random random(seed);
        scenario.options.replace = ARSYNC_REPLACE_ATOMIC;
        scenario.options.durability = random.of({1u, 2u});
        crash(scenario, random.below(steps_of(scenario)));
    });
}

TEST_CASE("a crash at any step of any tree's copy leaks nothing, and it ends") {
    for (const TreeScenario& scenario : tree_catalogue()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t step = 0; step < steps; step += stride(3))
            crash(scenario, step);
    }
}

} // namespace arsync::sim
