// A filesystem that lies about what is there: a call says that a thing is not there which is, or
// that it is there and it is not. What it lies about may be lost on it; but each copy ends, once,
// with nothing leaked, no source is touched, and what is called done has the right bytes.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <utility>

#include "sim/catalogue.h"
#include "sim/list_checks.h"
#include "sim/stages.h"
#include "sim/tree_checks.h"

namespace arsync::sim {

namespace {

constexpr Lie all_lies[] = {Lie::smaller, Lie::larger, Lie::kind, Lie::inode, Lie::time};

// What each call that goes by a name, or makes one, may say of it.
std::vector<int> lies_of(const Step& step) {
    switch (step.call) {
    case Call::open:
    case Call::open_on_ring:
        return step.flags & O_CREAT ? std::vector{ENOENT, EEXIST} : std::vector{ENOENT};
    case Call::open_beneath:
    case Call::statx:
    case Call::list:
    case Call::read_link:
    case Call::unlink:
    case Call::remove_directory:
        return {ENOENT};
    case Call::link:
    case Call::make_link:
    case Call::rename:
    case Call::make_directory:
    case Call::make_special:
    case Call::make_symlink:
        return {ENOENT, EEXIST};
    default:
        return {};
    }
}

// check(simulation, what): after a run in which one call has lied.
template <class Simulation, class Scenario, class Check>
unsigned for_each_lie(const Scenario& scenario, Check check) {
    std::vector<Step> steps;
    {
        Simulation whole(scenario);
        whole.meanwhile = [&](const Step& step) {
            steps.push_back(step);
            if constexpr (!std::is_same_v<Scenario, sim::Scenario>)
                return 0;
        };
        whole.run();
    }
    unsigned lies = 0;
    for (size_t i = 0; i < steps.size(); i += sweep_stride)
        for (const int error : lies_of(steps[i])) {
            Simulation simulation(scenario);
            simulation.faults.fail(i, error);
            simulation.run();
            check(simulation);
            CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation),
                          "\n  a lie: ", name_of_result(-error), " of ", describe(steps[i]));
            ++lies;
        }
    return lies;
}

void check_done(Simulation& s) {
    if (s.outcome().result != 0 || refused(s))
        return;
    const Inode* const copy = s.destination();
    if (!copy || !(copy->content == s.expected()))
        s.world.problem("done, and not the source's content");
}

void check_done(TreeSimulation& s) {
    for (const TreeSimulation::Report& entry : s.reports()) {
        const Inode* const found = s.target(entry.path);
        const Inode* const right = s.wanted(entry.path);
        const bool done = entry.outcome.result == 0 &&
                          (entry.outcome.flags & ARSYNC_COMPLETION_COPIED) != 0 && right &&
                          right->is_file() && !s.scenario.asks(ARSYNC_COPY_DRY_RUN);
        if (done && (!found || !(found->content == right->content)))
            s.world.problem("done, and not the source's content: " + entry.path);
    }
}

// A temporary name of which it is said that it is not there stays.
bool follows_from_lie(const std::string& problem) {
    return problem.find("a name that should not be there") != std::string::npos &&
           is_temporary_name(problem.substr(problem.rfind(": ") + 2));
}

void drop_consequences(TreeSimulation& s) {
    std::erase_if(s.world.problems, follows_from_lie);
}

} // namespace

TEST_CASE("what is shared has all of its source, whatever a server says of its size") {
    for (const uint64_t filesystem : {nfs_magic, overlay_magic})
        for (const Lie lie : {Lie::smaller, Lie::larger}) {
            Scenario scenario = by_method(ARSYNC_METHOD_REFLINK, 200'000);
            scenario.world.filesystem_type = filesystem;
            Simulation simulation(scenario);
            simulation.lie = lie;
            simulation.run();
            CAPTURE(filesystem);
            CHECK(simulation.outcome().result == 0);
            CHECK(simulation.outcome().bytes == 200'000);
            REQUIRE(simulation.destination());
            const bool whole = simulation.destination()->content == simulation.original();
            CHECK(whole);
        }
}

TEST_CASE("whichever call of a copy lies about what is there, it ends, and what is done is right") {
    unsigned lies = 0;
    for (const Scenario& scenario : catalogue())
        lies += for_each_lie<Simulation>(scenario, [](Simulation& s) { check_done(s); });
    CHECK(lies * sweep_stride > 100);
}

TEST_CASE(
    "whichever call of a tree's copy lies about what is there, it ends, and no byte is wrong") {
    unsigned lies = 0;
    for (const TreeScenario& scenario : tree_catalogue())
        lies += for_each_lie<TreeSimulation>(scenario, [](TreeSimulation& s) {
            check_done(s);
            drop_consequences(s);
        });
    CHECK(lies * sweep_stride > 1000);
}

TEST_CASE("whichever call of a list lies about what is there, it ends, and what is done is right") {
    unsigned lies = 0;
    const uint64_t lists = sweeps_all() ? 200 : 12;
    for (uint64_t seed = 0; seed < lists; ++seed)
        lies += for_each_lie<ListSimulation>(choose_list(seed),
                                             [](ListSimulation& s) { check_always(s); });
    CHECK(lies * sweep_stride > 1000);
}

TEST_CASE("whatever a look at a copy's source gets wrong, it ends, and what is done is right") {
    uint64_t told = 0;
    for (const Scenario& scenario : catalogue())
        for (const Lie lie : all_lies) {
            Simulation simulation(scenario);
            simulation.lie = lie;
            simulation.run();
            check_result(simulation);
            CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation),
                          "\n  a lie: ", describe(lie));
            told += simulation.world.lies_told;
        }
    CHECK(told > 100);
}

TEST_CASE("a server's file whose size is too large has no hole at its end, and no byte more") {
    unsigned sought = 0;
    for (const Method method : {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED})
        for (uint64_t seed = 0; seed < 8; ++seed) {
            Scenario scenario = by_method(method, 200'000);
            scenario.world.filesystem_type = fuse_magic;
            scenario.world.seed = seed;
            Simulation simulation(scenario);
            simulation.lie = Lie::larger;
            simulation.meanwhile = [&](const Step& step) { sought += step.call == Call::seek; };
            expect_right(simulation);
            CHECK(simulation.outcome().result == 0);
            CHECK(simulation.outcome().bytes == 200'000);
            CHECK(simulation.outcome().hole_bytes == 0);
        }
    CHECK(sought > 0);
}

TEST_CASE("where sizes are true, a source that ends before its own is no source of a copy") {
    for (const Method method : all_methods) {
        if (method == ARSYNC_METHOD_REFLINK) // which reads nothing
            continue;
        Simulation simulation(by_method(method, 200'000));
        simulation.lie = Lie::larger;
        simulation.run();
        CAPTURE(describe(simulation.scenario));
        CHECK(simulation.outcome().result == -EIO);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_READ);
        CHECK(simulation.world.problems.empty());
        CHECK(!simulation.destination());
    }
}

TEST_CASE("whatever a look at one source of a tree gets wrong, it ends, and no byte is wrong") {
    uint64_t told = 0;
    for (TreeScenario scenario : tree_catalogue())
        for (const Lie lie : all_lies)
            for (uint64_t which = 0; which < 5; ++which) {
                scenario.world.seed += 100; // another tree, and another file of it
                TreeSimulation simulation(scenario);
                simulation.lie = lie;
                simulation.run();
                check_result(simulation);
                CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation),
                              "\n  a lie: ", describe(lie), " of ", simulation.changed());
                told += simulation.world.lies_told;
            }
    CHECK(told > 500);
}

TEST_CASE("whatever a look at one source of a list gets wrong, no other item suffers") {
    uint64_t told = 0;
    for_each_swept(sweeps_all() ? 2000 : 100, [&](uint64_t seed) {
        for (const Lie lie : all_lies) {
            ListSimulation list(choose_list(seed));
            list.lie = lie;
            list.run();
            check_result(list);
            CHECK_MESSAGE(list.world.problems.empty(), report(list), "\n  a lie: ", describe(lie),
                          " of ", list.changed());
            told += list.world.lies_told;
        }
    });
    CHECK((told > 1000 || std::getenv("ARSYNC_SIM_SEED")));
}

} // namespace arsync::sim
