// One fault in one copy: each step fails in turn, with each error that it might.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/catalogue.h"
#include "sim/seeds.h"
#include "sim/stages.h"

namespace arsync::sim {

// The steps of a copy to which nothing happens.
static std::vector<Step> steps_of(const Scenario& scenario) {
    Simulation simulation(scenario);
    std::vector<Step> steps;
    simulation.meanwhile = [&](const Step& step) { steps.push_back(step); };
    expect_copied(simulation);
    return steps;
}

TEST_CASE("whichever step fails, the copy fails with that error and leaves nothing behind") {
    for (const Scenario& scenario : catalogue()) {
        const std::vector<Step> steps = steps_of(scenario);
        for (size_t i = 0; i < steps.size(); i += sweep_stride)
            for (const int error : {EIO, ENOSPC, EOPNOTSUPP, EINVAL, EINTR, EAGAIN, EPERM}) {
                if (!can_fail_with(steps[i], error))
                    continue;
                Simulation simulation(scenario);
                simulation.fail_at = i;
                simulation.fail_with = error;
                expect_right(simulation);
            }
    }
}

TEST_CASE(
    "whichever step fails with whatever its call may give, the copy tells of it and is clean") {
    for (const Scenario& scenario : catalogue()) {
        const std::vector<Step> steps = steps_of(scenario);
        for (size_t i = 0; i < steps.size(); i += sweep_stride)
            for (const int error : errors_in_sweep(steps[i], i + scenario.world.seed, 1)) {
                Simulation simulation(scenario);
                simulation.faults.fail(i, error);
                expect_right(simulation);
            }
    }
}

TEST_CASE("where there is no room to reserve, a copy ends before anything is written") {
    unsigned reserved = 0;
    for (const uint64_t size : {(4ul << 20) + 1, 5ul << 20}) {
        Scenario scenario = by_method(ARSYNC_METHOD_FIXED, size);
        scenario.source_cached = false;
        Simulation simulation(scenario);
        unsigned written = 0;
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::allocate && simulation.fail_at == never) {
                simulation.fail_at = step.index;
                simulation.fail_with = ENOSPC;
                ++reserved;
            }
            written += step.call == Call::write || step.call == Call::write_now;
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -ENOSPC);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_ALLOCATE);
        CHECK(written == 0);
    }
    CHECK(reserved == 2);
}

TEST_CASE("an error in one chunk is taken notice of by the others") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK || method == ARSYNC_METHOD_COPY_FILE_RANGE)
            continue;                                   // one operation
        Scenario scenario = by_method(method, 1 << 20); // 64 chunks
        scenario.options.chunks = 4;
        scenario.source_cached = false;
        Simulation simulation(scenario);
        unsigned reads_after = 0;
        simulation.meanwhile = [&](const Step& step) {
            const bool writes = step.call == Call::write || step.call == Call::write_now;
            if (writes && step.offset >= 256 * 1024 && simulation.fail_at == never) {
                simulation.fail_at = step.index;
                simulation.fail_with = EIO;
            }
            reads_after += simulation.failed_step() && step.call == Call::read;
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -EIO);
        CHECK(reads_after <= 8);
    }
}

TEST_CASE("a full disk is an error at every size it may have, and nothing is left on it") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue; // needs no space
        for (uint64_t blocks = 0; blocks < 25; ++blocks)
            for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
                Scenario scenario = by_method(method, 100'000); // 25 blocks
                scenario.options.replace = replace;
                scenario.world.capacity = (25 + blocks) * block_size;
                Simulation simulation(scenario);
                expect_right(simulation);
                CHECK_MESSAGE(simulation.outcome().result == -ENOSPC, describe(scenario));
            }
        Scenario scenario = by_method(method, 100'000);
        scenario.world.capacity = 50 * block_size;
        Simulation simulation(scenario);
        expect_copied(simulation);
    }
}

TEST_CASE("short transfers and interrupts change nothing but the number of calls") {
    for_each_seed(300, [](uint64_t seed) {
        for (const Method method : all_methods) {
            Scenario scenario = by_method(method, 150'001);
            scenario.world.seed = seed;
            scenario.world.short_percent = 60;
            scenario.world.interrupt_percent = 20;
            scenario.layout = seed % 2 ? Layout::holes : Layout::dense;
            scenario.source_cached = seed % 3 != 0;
            Simulation simulation(scenario);
            expect_copied(simulation);
        }
    });
}

} // namespace arsync::sim
