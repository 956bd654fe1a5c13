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

// Its mask, which the group bits are, would be the group's.
TEST_CASE(
    "where the ACL of what is replaced is refused, or another's, nobody gets more by the mode") {
    for (const uint64_t size : {uint64_t{5000}, uint64_t{2} << 20})
        for (const bool swapped : {false, true}) {
            Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
            scenario.buffer_size = 256 * 1024;
            scenario.existing = Existing::larger;
            scenario.options.replace = ARSYNC_REPLACE_ATOMIC;
            Simulation simulation(scenario);
            World& world = simulation.world;
            Attributes& old = world.disk.at(simulation.old_inode()).attributes;
            old.mode = S_IFREG | 0664;
            old.xattrs["system.posix_acl_access"] = "old";
            unsigned looks = 0;
            simulation.meanwhile = [&](const Step& step) {
                const bool looks_at_it = step.call == Call::open && step.path == "out/target";
                looks += looks_at_it;
                if (!looks_at_it || !swapped)
                    return;
                const InodeNumber out = world.disk.find(world.disk.root().number, "out")->number;
                const InodeNumber other =
                    add_file(world, out, "other", content_of("another"), 0666);
                world.change_names(out, {{"other", std::nullopt}, {"target", other}});
            };
            unsigned refused = 0;
            simulation.refuse = [&](const Step& step) {
                refused += step.call == Call::set_xattr;
                return step.call == Call::set_xattr ? -EOPNOTSUPP : 0;
            };
            simulation.run();
            CHECK(looks == 1);
            CHECK(refused == !swapped);
            CHECK(simulation.outcome().result == 0);
            CHECK((simulation.destination()->attributes.mode & 07777) == (swapped ? 0666 : 0604));
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
