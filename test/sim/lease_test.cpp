// Reads and writes of callers' buffers on the simulated ring, and copies beside them.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "sim/lease_simulation.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

LeaseScenario shaky(uint64_t seed) {
    LeaseScenario scenario;
    scenario.world.seed = seed;
    scenario.world.short_percent = 30;
    scenario.world.registrations = static_cast<unsigned>(seed % 5);
    return scenario;
}

void expect_right(LeaseSimulation& simulation) {
    simulation.run();
    check_result(simulation);
    CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
}

uint64_t steps_of(const LeaseScenario& scenario) {
    LeaseSimulation whole(scenario);
    expect_right(whole);
    return whole.world.steps();
}

} // namespace

TEST_CASE("what goes through callers' buffers is whole, however short each transfer is") {
    for_each_seed(200, [](uint64_t seed) {
        CAPTURE(seed);
        LeaseSimulation simulation(shaky(seed));
        expect_right(simulation);
        CHECK(simulation.failed == 0);
        CHECK(simulation.counters.short_transfers.value() > 0);
        if (seed % 5 == 4) // the first buffers' indices are the worker's own
            CHECK(simulation.counters.reads_fixed.value() +
                      simulation.counters.reads_inline.value() ==
                  simulation.counters.reads.value());
    });
}

TEST_CASE("whichever step fails, its operation ends with that, and tells what it had done") {
    for_each_seed(3, [](uint64_t seed) {
        const uint64_t steps = steps_of(shaky(seed));
        for (uint64_t at = 0; at < steps; at += sweep_stride) {
            LeaseSimulation simulation(shaky(seed));
            simulation.fail_at = at;
            simulation.fail_with = EIO;
            expect_right(simulation);
            const std::optional<Step>& step = simulation.failed_step();
            const bool transfers = step && is_transfer(*step);
            CHECK(simulation.failed == (transfers ? 1 : 0));
        }
    });
}

TEST_CASE("a worker that has waited in a write of its own has the ring make the file's others") {
    LeaseSimulation simulation({});
    unsigned of_workers = 0;
    unsigned of_ring = 0;
    simulation.meanwhile = [&](const Step& step) {
        of_ring += step.call == Call::write;
        if (step.call == Call::write_now) {
            ++of_workers;
            std::this_thread::sleep_for(std::chrono::milliseconds(15));
        }
        return 0;
    };
    expect_right(simulation);
    CHECK(simulation.failed == 0);
    CHECK(of_workers >= 2); // the first of each file
    CHECK(of_ring > 0);
}

TEST_CASE("whenever callers' operations are cancelled, each ends once, and lets its buffer go") {
    for_each_seed(3, [](uint64_t seed) {
        const uint64_t steps = steps_of(shaky(seed));
        for (uint64_t at = 0; at < steps; at += sweep_stride) {
            LeaseSimulation simulation(shaky(seed));
            simulation.cancel_at = at;
            expect_right(simulation);
        }
    });
}

TEST_CASE("copies beside callers' operations on one ring, and any step of either fails") {
    for_each_seed(200, [](uint64_t seed) {
        LeaseScenario scenario = choose_leases(seed);
        scenario.copies = 1 + static_cast<unsigned>(seed % 3);
        const uint64_t steps = steps_of(scenario);
        Random random(seed);
        for (const int error : {EIO, ENOSPC, EINTR}) {
            LeaseSimulation simulation(scenario);
            simulation.fail_at = random.below(steps);
            simulation.fail_with = error;
            simulation.run();
            if (error != EINTR) // which is no error
                check_result(simulation);
            CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
        }
    });
}

TEST_CASE("what moves as much as was asked is no short transfer") {
    LeaseSimulation simulation({});
    expect_right(simulation);
    CHECK(simulation.counters.writes_inline.value() > 0);
    CHECK(simulation.counters.short_transfers.value() == 1); // the read at the file's end
}

TEST_CASE(
    "of operations that are paused what was begun is finished, and no more until they resume") {
    unsigned resumed = 0;
    for_each_seed(3, [&](uint64_t seed) {
        const uint64_t steps = steps_of(shaky(seed));
        for (uint64_t at = 0; at < steps; at += sweep_stride) {
            LeaseSimulation simulation(shaky(seed));
            simulation.pause_at = at;
            expect_right(simulation);
            CHECK(simulation.failed == 0);
            CHECK(simulation.moved_while_paused <= simulation.running_when_paused);
            resumed += simulation.resumed;
        }
    });
    CHECK(resumed * sweep_stride > 10);
}

} // namespace arsync::sim
