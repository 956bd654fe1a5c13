// Copies of a range between two open files.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

Scenario range_by_method(Method method, uint64_t from, uint64_t to, uint64_t length) {
    Scenario scenario = by_method(method, 150'000);
    scenario.range = true;
    scenario.existing = Existing::larger;
    scenario.source_offset = from;
    scenario.destination_offset = to;
    scenario.length = length;
    return scenario;
}

} // namespace

TEST_CASE("a range is copied to where it should be, and nothing else is touched") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::empty, Layout::zeros})
            for (const uint64_t from : {0ul, 4096ul, 4097ul, 100'000ul})
                for (const uint64_t to : {0ul, 8192ul, 777ul, 300'000ul, 400'000ul})
                    for (const uint64_t length : {0ul, 1ul, 4096ul, 60'001ul, UINT64_MAX})
                        for (const bool verify : {false, true}) {
                            Scenario scenario = range_by_method(method, from, to, length);
                            scenario.layout = layout;
                            scenario.options.flags = verify ? ARSYNC_COPY_VERIFY : 0;
                            scenario.options.durability = ARSYNC_DURABILITY_FILE;
                            Simulation simulation(scenario);
                            expect_copied(simulation);
                        }
    }
}

TEST_CASE("aligned ranges share blocks") {
    for (const uint64_t length : {4096ul, 65'536ul}) {
        Scenario scenario = range_by_method(ARSYNC_METHOD_REFLINK, 4096, 8192, length);
        scenario.layout = Layout::holes;
        Simulation simulation(scenario);
        expect_copied(simulation);
        CHECK(simulation.outcome().method == ARSYNC_METHOD_REFLINK);
    }
}

TEST_CASE("whichever step of a range fails, the error is reported and nothing leaks") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        Scenario scenario = range_by_method(method, 4096, 8192, 70'000);
        scenario.layout = Layout::holes;
        scenario.options.flags = ARSYNC_COPY_VERIFY;
        scenario.options.durability = ARSYNC_DURABILITY_FULL;
        Simulation whole(scenario);
        expect_copied(whole);
        for (uint64_t step = 0; step < whole.world.steps(); step += sweep_stride) {
            Simulation failing(scenario);
            failing.fail_at = step;
            failing.fail_with = EIO;
            expect_right(failing);
            Simulation cancelled(scenario);
            cancelled.cancel_at = step;
            expect_right(cancelled);
        }
    }
}

} // namespace arsync::sim
