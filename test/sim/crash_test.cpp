// The power goes at each step of a copy, and nothing survives but what was made durable.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

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
    expect_crashable(catalogue(), (sweeps_all() ? 1 : 5) * sweep_stride);
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

TEST_CASE("a name that may not be synced is not made") {
    for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
        for (const int error : {EACCES, EIO}) {
            Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 5000);
            scenario.options.replace = replace;
            scenario.options.durability = ARSYNC_DURABILITY_FULL;
            Simulation simulation(scenario);
            simulation.refuse = [&](const Step& step) {
                const bool to_be_read = step.call == Call::open && (step.flags & O_PATH) == 0;
                return to_be_read && step.subject == Subject::directory && step.path == "out/"
                           ? -error
                           : 0;
            };
            simulation.run();
            CHECK(simulation.outcome().result == -error);
            CHECK(simulation.outcome().stage ==
                  (error == EACCES ? ARSYNC_STAGE_SYNC : ARSYNC_STAGE_OPEN_DESTINATION));
            CHECK(simulation.destination() == nullptr);
        }
}

} // namespace arsync::sim
