// Sources whose holes are not what SEEK_HOLE says.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/catalogue.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

constexpr uint64_t size = 200'001;
constexpr uint64_t unknown_magic = 0x1234;

std::vector<Scenario> just_written() {
    std::vector<Scenario> all;
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK)
            continue;
        for (const bool range : {false, true})
            for (const uint32_t flags : {0u, ARSYNC_COPY_VERIFY}) {
                Scenario scenario = by_method(method, size);
                scenario.layout = Layout::holes;
                scenario.source_dirty = true;
                scenario.range = range;
                scenario.existing = range ? Existing::larger : Existing::nothing;
                scenario.options.flags = flags;
                scenario.world.extents = false;
                scenario.world.filesystem_type =
                    method == ARSYNC_METHOD_COPY_FILE_RANGE ? fuse_magic : ext4_magic;
                all.push_back(scenario);
            }
    }
    return all;
}

void expect_same_content(Simulation& simulation) {
    simulation.run();
    const std::string what = describe(simulation.scenario);
    CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
    REQUIRE_MESSAGE(simulation.outcome().result == 0, what);
    CHECK_MESSAGE(simulation.destination()->content == simulation.expected(), what);
}

} // namespace

TEST_CASE("data that was just written is no hole, whatever the filesystem says") {
    for (const Scenario& scenario : just_written()) {
        Simulation simulation(scenario);
        expect_copied(simulation);
        CHECK_MESSAGE(simulation.outcome().hole_bytes > 0, describe(scenario));
    }
}

TEST_CASE("where it cannot be written back, holes are read") {
    for (const Scenario& scenario : just_written())
        for (const int error : {EIO, ENOSYS}) {
            Simulation simulation(scenario);
            unsigned refused = 0;
            simulation.refuse = [&](const Step& step) {
                refused += step.call == Call::settle_holes;
                return step.call == Call::settle_holes ? -error : 0;
            };
            if (scenario.options.method == ARSYNC_METHOD_COPY_FILE_RANGE)
                expect_same_content(simulation); // it knows of no holes
            else
                expect_copied(simulation);
            CHECK_MESSAGE(refused > 0, describe(scenario));
        }
}

TEST_CASE("a large hole that is not believed is read in pieces that fit a buffer") {
    Scenario scenario = by_method(ARSYNC_METHOD_INLINE, 9 << 20);
    scenario.layout = Layout::holes;
    scenario.source_dirty = true;
    scenario.world.extents = false;
    scenario.world.filesystem_type = ext4_magic;
    scenario.buffer_size = 64 << 10;
    Simulation simulation(scenario);
    simulation.refuse = [&](const Step& step) {
        return step.call == Call::settle_holes ? -EIO : 0;
    };
    expect_copied(simulation);
}

TEST_CASE("nothing is written back where holes are what they seem, or there are none") {
    for (const Method method : all_methods)
        for (const Layout layout : {Layout::dense, Layout::holes}) {
            Scenario scenario = by_method(method, size);
            scenario.layout = layout;
            scenario.source_dirty = true;
            if (layout == Layout::dense)
                scenario.world.filesystem_type = fuse_magic;
            Simulation simulation(scenario);
            simulation.meanwhile = [&](const Step& step) {
                CHECK_MESSAGE(step.call != Call::settle_holes, describe(scenario));
            };
            expect_copied(simulation);
        }
}

TEST_CASE("what is to be verified is read, also where the source denies that it has data") {
    for (const Method method : all_methods)
        for (const Layout layout : {Layout::dense, Layout::holes, Layout::zeros}) {
            Scenario scenario = by_method(method, size);
            scenario.layout = layout;
            scenario.options.flags = ARSYNC_COPY_VERIFY;
            scenario.world.filesystem_type = unknown_magic;
            scenario.world.denies_data = true;
            Simulation simulation(scenario);
            if (method == ARSYNC_METHOD_COPY_FILE_RANGE) { // moves the data without showing it
                simulation.run();
                CHECK_MESSAGE(simulation.outcome().result == -EILSEQ, describe(scenario));
            } else {
                expect_same_content(simulation);
            }
        }
}

} // namespace arsync::sim
