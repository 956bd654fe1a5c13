// How many steps a tree's copy takes, and how many at once, where that is not to be seen by what
// comes of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

TreeScenario mirror() {
    TreeScenario scenario;
    scenario.world.seed = 1;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_MIRROR;
    scenario.existing = true;
    scenario.directories = scenario.entries = 2;
    scenario.filter = "*.kept\n";
    return scenario;
}

InodeNumber target_of(World& world) {
    return world.disk.at(world.disk.root().names.at("out")).names.at("target");
}

void add_kept(World& world, InodeNumber directory, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        add_file(world, directory, (std::to_string(i) + ".kept").c_str(), {}, 0600);
}

} // namespace

TEST_CASE("an extra directory is listed once, however many directories go from it") {
    TreeSimulation simulation(mirror());
    World& world = simulation.world;
    const InodeNumber extra = add_directory(world, target_of(world), "zz-extra");
    add_kept(world, extra, 3000);
    constexpr unsigned directories = 200;
    for (unsigned i = 0; i < directories; ++i)
        add_directory(world, extra, ("d" + std::to_string(i)).c_str());
    unsigned lists = 0;
    simulation.meanwhile = [&](const Step& step) {
        lists += step.call == Call::list;
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(world.disk.at(extra).names.size() == 3000);
    CHECK(lists < 4 * directories); // but for a few of each that goes
}

TEST_CASE("a mirror that is cancelled does not first look at all of a large directory") {
    TreeSimulation simulation(mirror());
    World& world = simulation.world;
    add_directory(world, world.disk.root().names.at("in"), "zz");
    add_kept(world, add_directory(world, target_of(world), "zz"), 5000);
    uint64_t cancelled_at = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (cancelled_at == 0 && step.call == Call::statx && step.path.ends_with(".kept")) {
            cancelled_at = step.index;
            simulation.cancel();
        }
        return 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == -ECANCELED);
    CHECK(cancelled_at > 0);
    CHECK(world.steps() - cancelled_at < 1500);
}

TEST_CASE("when descriptors are to be had again, as many files are copied side by side as before") {
    TreeScenario scenario;
    scenario.world.seed = 1;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.directories = 0;
    scenario.entries = 2000;
    scenario.world.uncached_percent = 100; // so that each is waited for
    TreeSimulation simulation(scenario);
    uint64_t opens = 0;
    size_t open_at_end = 0;
    simulation.meanwhile = [&](const Step& step) {
        if (!is_open(step) || step.subject != Subject::source)
            return 0;
        ++opens;
        if (opens > 2000)
            open_at_end = std::max(open_at_end, simulation.world.open_descriptors().size());
        return opens > 20 && opens < 200 ? -EMFILE : 0;
    };
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    CHECK(open_at_end > 40);
}

TEST_CASE("a directory that was made is known as made, wherever descriptors ran out then") {
    TreeScenario scenario;
    scenario.world.seed = 3;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.durability = ARSYNC_DURABILITY_FILE;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.directories = 2;
    scenario.entries = 3;
    TreeSimulation plain(scenario);
    plain.run();
    unsigned directories = 0;
    for (uint64_t step = 0; step < plain.world.steps(); ++step) {
        TreeSimulation simulation(scenario);
        simulation.fail_at = step;
        simulation.fail_with = EMFILE;
        simulation.run();
        if (simulation.outcome().result != 0)
            continue;
        for (const auto& entry : simulation.reports()) {
            CHECK_MESSAGE(entry.outcome.action != ARSYNC_ACTION_ENTER_DIRECTORY, step, ": ",
                          entry.path);
            directories += entry.outcome.action == ARSYNC_ACTION_MAKE_DIRECTORY;
        }
    }
    CHECK(directories > 0);
}

} // namespace arsync::sim
