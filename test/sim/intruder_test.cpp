// Somebody else puts a file at the destination's name while the copy is under way.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "sim/catalogue.h"

namespace arsync::sim {

namespace {

// A copy to a new name; before its first read a file of another appears there.
class Intruded {
public:
    explicit Intruded(const Scenario& scenario) : simulation(scenario) {
        simulation.meanwhile = [this](const Step& step) {
            if (intruder != 0 || !(step.call == Call::read || step.call == Call::read_cached))
                return;
            intruder = add_file(simulation.world, simulation.directory(), "target", {}, 0600);
        };
    }
    bool is_there() {
        const Inode* inode = simulation.destination();
        return inode && inode->number == intruder;
    }

    Simulation simulation;
    InodeNumber intruder = 0;
};

Scenario new_file(uint64_t size, uint32_t replace) {
    Scenario scenario = by_method(ARSYNC_METHOD_FIXED, size);
    scenario.options.replace = replace;
    scenario.buffer_size = 256 * 1024;
    return scenario;
}

constexpr uint64_t small = 10'000, large = 3 << 20;

} // namespace

TEST_CASE("a copy that fails removes its own file only, not another's in its place") {
    for (const int fault : {EIO, ENOSPC}) {
        Intruded copy(new_file(small, ARSYNC_REPLACE_IN_PLACE));
        Simulation& simulation = copy.simulation;
        const auto intrude = simulation.meanwhile;
        simulation.meanwhile = [&](const Step& step) {
            intrude(step);
            if (step.call == Call::write) {
                simulation.fail_at = step.index;
                simulation.fail_with = fault;
            }
        };
        simulation.run();
        CHECK(simulation.outcome().result == -fault);
        CHECK(copy.is_there());
        CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
    }
}

TEST_CASE("an exclusive copy does not replace what appeared at its name") {
    Intruded copy(new_file(large, ARSYNC_REPLACE_EXCLUSIVE));
    copy.simulation.run();
    CHECK(copy.simulation.outcome().result == -EEXIST);
    CHECK(copy.simulation.outcome().stage == ARSYNC_STAGE_PUBLISH);
    CHECK(copy.is_there());
    CHECK(copy.simulation.world.disk.at(copy.simulation.directory()).names.size() == 1);
    CHECK_MESSAGE(copy.simulation.world.problems.empty(), report(copy.simulation));
}

TEST_CASE("any other copy takes the place of what appeared at its name") {
    for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
        Intruded copy(new_file(large, replace));
        copy.simulation.run();
        CHECK(copy.simulation.outcome().result == 0);
        CHECK_FALSE(copy.is_there());
        REQUIRE(copy.simulation.destination());
        CHECK(copy.simulation.destination()->content == copy.simulation.original());
        CHECK(copy.simulation.world.disk.at(copy.simulation.directory()).names.size() == 1);
    }
}

TEST_CASE("but an atomic one does not where that is to be asked about, backed up, or to stay") {
    for (const uint64_t size : {small, large}) {
        for (const uint32_t update :
             {ARSYNC_UPDATE_ALL, ARSYNC_UPDATE_NONE, ARSYNC_UPDATE_OLDER, ARSYNC_UPDATE_CHANGED}) {
            Scenario scenario = new_file(size, ARSYNC_REPLACE_ATOMIC);
            scenario.options.update = update;
            if (update == ARSYNC_UPDATE_ALL)
                scenario.options.backup = ARSYNC_BACKUP_SIMPLE;
            Intruded copy(scenario);
            copy.simulation.run();
            CHECK(copy.simulation.outcome().result == -EEXIST);
            CHECK(copy.simulation.outcome().stage == ARSYNC_STAGE_PUBLISH);
            CHECK(copy.is_there());
            CHECK(copy.simulation.world.disk.at(copy.simulation.directory()).names.size() == 1);
        }
    }
}

} // namespace arsync::sim
