// File flags and project ids: what is immutable can be neither renamed nor removed, so it becomes
// so when nothing can fail any more.
#include <doctest/doctest.h>

#include <cerrno>
#include <linux/fs.h>

#include "sim/catalogue.h"
#include "sim/stages.h"

namespace arsync::sim {

static Scenario with_flags(unsigned flags, uint64_t size) {
    Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
    scenario.buffer_size = 256 * 1024;
    scenario.source_flags = flags;
    scenario.source_project = 42;
    scenario.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES |
                                ARSYNC_PRESERVE_FLAGS | ARSYNC_PRESERVE_PROJECT;
    return scenario;
}

constexpr unsigned some_flags[] = {0, FS_IMMUTABLE_FL | FS_NODUMP_FL, FS_APPEND_FL,
                                   FS_NOCOW_FL | FS_NOATIME_FL,
                                   FS_NOCOW_FL | FS_IMMUTABLE_FL | FS_SYNC_FL};

static std::vector<Scenario> with_all_flags() {
    std::vector<Scenario> scenarios;
    for (const unsigned flags : some_flags)
        for (const uint64_t size : {0ul, 5000ul, 2ul << 20})
            for (const auto existing : {Existing::nothing, Existing::larger})
                for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
                    for (const auto durability : {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FULL}) {
                        Scenario scenario = with_flags(flags, size);
                        scenario.existing = existing;
                        scenario.options.replace = replace;
                        scenario.options.durability = durability;
                        scenarios.push_back(scenario);
                    }
    return scenarios;
}

TEST_CASE("a copy has its source's flags and project, however it is written") {
    for (Scenario scenario : with_all_flags())
        for (const bool temporary_files : {true, false}) {
            scenario.world.temporary_files = temporary_files;
            Simulation simulation(scenario);
            expect_copied(simulation);
        }
}

TEST_CASE("whichever step of a copy with flags fails, nothing is left that cannot be removed") {
    for (const Scenario& scenario : with_all_flags()) {
        std::vector<Step> steps;
        Simulation whole(scenario);
        whole.meanwhile = [&](const Step& step) { steps.push_back(step); };
        expect_copied(whole);
        for (size_t i = 0; i < steps.size(); ++i) {
            if (!can_fail_with(steps[i], EIO) || steps[i].call == Call::reopen)
                continue;
            Simulation simulation(scenario);
            simulation.fail_at = i;
            simulation.fail_with = EIO;
            expect_right(simulation);
        }
    }
}

TEST_CASE("a copy with flags can be cancelled, and the power can go") {
    std::vector<Scenario> scenarios;
    for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        Scenario scenario = with_flags(FS_IMMUTABLE_FL | FS_NOCOW_FL, 5000);
        scenario.existing = Existing::larger;
        scenario.options.replace = replace;
        scenario.options.durability = ARSYNC_DURABILITY_FULL;
        scenarios.push_back(scenario);
    }
    expect_cancellable(scenarios);
    expect_crashable(scenarios, 1);
}

TEST_CASE("flags that are not to be had cost nothing else, and are told") {
    for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        Scenario scenario = with_flags(FS_IMMUTABLE_FL | FS_NODUMP_FL, 5000);
        scenario.options.replace = replace;
        scenario.world.privileged = false;
        Simulation simulation(scenario);
        simulation.run();
        CHECK(simulation.outcome().result == -EPERM);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_FLAGS);
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_COPIED) != 0);
        REQUIRE(simulation.destination());
        CHECK(simulation.destination()->attributes.flags == FS_NODUMP_FL);
    }
}

TEST_CASE("a durable copy's flags are there after a crash") {
    Scenario scenario = with_flags(FS_IMMUTABLE_FL, 5000);
    scenario.options.durability = ARSYNC_DURABILITY_FULL;
    Simulation simulation(scenario);
    expect_copied(simulation);
    Random random(1);
    const Disk after =
        simulation.world.disk.recover(Disk::Unsynced::lost, Disk::Unsynced::lost, random);
    CHECK(after.at(simulation.destination()->number).attributes.flags == FS_IMMUTABLE_FL);
}

} // namespace arsync::sim
