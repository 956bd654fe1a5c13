// Copies over a file that gives way to them, each step failing, cancelled or the last before a
// crash: a file that is backed up is never lost, and what is removed is not removed for nothing.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "sim/catalogue.h"
#include "sim/seeds.h"
#include "sim/stages.h"

namespace arsync::sim {

TEST_CASE("a file gives way as it was asked, to whatever takes its place") {
    for (const Scenario& scenario : replacements()) {
        Simulation simulation(scenario);
        expect_copied(simulation);
    }
}

TEST_CASE("whichever step of a replacement fails, the old file is there, or where it should be") {
    for (const Scenario& scenario : replacements()) {
        Simulation whole(scenario);
        std::vector<Step> steps;
        whole.meanwhile = [&](const Step& step) { steps.push_back(step); };
        expect_copied(whole);
        for (size_t i = 0; i < steps.size(); i += sweep_stride)
            for (const int error : {EIO, ENOSPC, EACCES, EMFILE, EEXIST}) {
                const bool names = steps[i].call == Call::link || steps[i].call == Call::make_link;
                if (!can_fail_with(steps[i], error) || (error == EEXIST && !names))
                    continue;
                Simulation simulation(scenario);
                simulation.fail_at = i;
                simulation.fail_with = error;
                expect_right(simulation);
            }
    }
}

TEST_CASE("a directory that cannot be synced is found before anything gives way") {
    unsigned found = 0;
    for (const Scenario& scenario : replacements()) {
        if (scenario.options.durability != ARSYNC_DURABILITY_FULL)
            continue;
        const bool numbers = scenario.options.backup == ARSYNC_BACKUP_NUMBERED ||
                             scenario.options.backup == ARSYNC_BACKUP_EXISTING;
        Simulation simulation(scenario);
        simulation.meanwhile = [&](const Step& step) {
            const bool first = simulation.fail_at == never && step.call == Call::open;
            if (!first || step.subject != Subject::directory || (step.flags & O_PATH) != 0)
                return;
            simulation.fail_at = step.index;
            simulation.fail_with = EACCES;
        };
        expect_right(simulation);
        CHECK(simulation.outcome().result == -EACCES);
        CHECK((numbers || simulation.outcome().stage == ARSYNC_STAGE_SYNC));
        CHECK_MESSAGE(simulation.world.disk.at(simulation.directory()).names ==
                          simulation.names_before(),
                      describe(scenario));
        ++found;
    }
    CHECK(found > 20);
}

TEST_CASE("whenever a replacement is cancelled, the old file is there, or where it should be") {
    expect_cancellable(replacements());
}

TEST_CASE("wherever a replacement crashes, a file that is backed up is there, whole") {
    expect_crashable(replacements(), sweep_stride);
}

} // namespace arsync::sim
