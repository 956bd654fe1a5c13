// Of what is lost of a tree's entries, what costs more is told, and what costs nothing is not lost.
#include <doctest/doctest.h>

#include <cerrno>
#include <map>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

TreeScenario with_everything(uint64_t seed) {
    TreeScenario scenario;
    scenario.world.seed = seed;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER |
                                ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR |
                                ARSYNC_PRESERVE_LINKS;
    scenario.options.report = ARSYNC_REPORT_ALL;
    return scenario;
}

} // namespace

TEST_CASE("of an entry that loses extended attributes and its times, the times are told") {
    unsigned lost = 0;
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        TreeSimulation simulation(with_everything(seed));
        simulation.meanwhile = [&](const Step& step) {
            lost += step.call == Call::set_xattr;
            return step.call == Call::set_xattr   ? -ENOSPC
                   : step.call == Call::set_times ? -EPERM
                                                  : 0;
        };
        simulation.run();
        for (const auto& entry : simulation.reports())
            CHECK_MESSAGE((entry.outcome.stage == ARSYNC_STAGE_NONE ||
                           entry.outcome.stage == ARSYNC_STAGE_TIMES),
                          seed, ": ", entry.path);
    }
    CHECK(lost > 20);
}

// Of the directory that the first name was copied from nothing is needed any more.
TEST_CASE("a file gets its further names, or copies, though the first one's directory is gone") {
    for (const int error : {ENOENT, ESTALE, ELOOP, EACCES}) {
        unsigned gone = 0;
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            TreeScenario scenario = with_everything(seed);
            scenario.world.uncached_percent = 0; // each directory is opened once
            scenario.linked = 8;
            TreeSimulation simulation(scenario);
            std::map<std::string, unsigned> opened;
            simulation.meanwhile = [&](const Step& step) {
                if (step.call != Call::open_beneath || step.subject != Subject::source)
                    return 0;
                const bool again = ++opened[step.path] > 1;
                gone += again;
                return again ? -error : 0;
            };
            simulation.run();
            for (const auto& entry : simulation.reports())
                CHECK_MESSAGE(entry.outcome.result == 0, seed, ": ", entry.path);
        }
        CHECK(gone > 10);
    }
}

TEST_CASE("a link that cannot be made costs nothing of what it was to replace") {
    for (const bool hard : {true, false}) {
        unsigned failed = 0;
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            TreeScenario scenario = with_everything(seed);
            scenario.options.flags |=
                ARSYNC_COPY_FORCE | (hard ? ARSYNC_COPY_HARD_LINK : ARSYNC_COPY_SYMBOLIC_LINK);
            scenario.options.preserve = 0;
            scenario.options.replace = ARSYNC_REPLACE_REMOVE;
            scenario.existing = true;
            TreeSimulation simulation(scenario);
            simulation.meanwhile = [&](const Step& step) {
                const bool makes = step.call == (hard ? Call::make_link : Call::make_symlink);
                failed += makes;
                return makes ? -ENOSPC : 0;
            };
            simulation.run();
            for (const auto& entry : simulation.reports())
                if (entry.outcome.result == -ENOSPC && simulation.existed(entry.path))
                    CHECK_MESSAGE(simulation.target(entry.path), seed, ": ", entry.path);
        }
        CHECK(failed > 20);
    }
}

} // namespace arsync::sim
