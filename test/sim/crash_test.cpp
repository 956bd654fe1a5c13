// The power goes at each step of a copy, and nothing survives but what was made durable.
#include <doctest/doctest.h>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

TEST_CASE("wherever it crashes, an atomic and durable copy leaves the old file or the new one") {
    std::vector<Scenario> scenarios;
    for (Scenario scenario : atomic_and_durable())
        for (const auto durability : {ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL}) {
            scenario.options.durability = durability;
            scenarios.push_back(scenario);
        }
    expect_crashable(scenarios, sweep_stride);
}

TEST_CASE("a crash at any step of any copy leaks nothing") {
    expect_crashable(catalogue(), 5 * sweep_stride);
}

TEST_CASE("what a completion calls durable is there after a crash") {
    for (const Method method : all_methods)
        for (const auto durability : {ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL})
            for (const auto existing : {Existing::nothing, Existing::larger, Existing::link})
                for (const uint64_t size : {0ul, 5'000ul, 100'000ul, (1ul << 20) + 5'000})
                    for (const auto cache : {ARSYNC_CACHE_AUTO, ARSYNC_CACHE_DROP}) {
                        Scenario scenario = by_method(method, size);
                        scenario.options.durability = durability;
                        scenario.options.cache = cache;
                        scenario.existing = existing;
                        scenario.buffer_size = 64 * 1024;
                        Simulation simulation(scenario);
                        expect_copied(simulation); // which loses what was not synced, and looks
                    }
}

} // namespace arsync::sim
