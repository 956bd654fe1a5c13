// Lists in the simulated world: many items side by side come out as if they had been copied one
// after the other; and what becomes of them when calls fail, when they are cancelled, and when the
// power goes.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>

#include "sim/list_checks.h"
#include "sim/seeds.h"

namespace arsync::sim {

namespace {

void expect_right(ListSimulation& list) {
    list.run();
    check_result(list);
    CHECK_MESSAGE(list.world.problems.empty(), report(list));
}

uint64_t steps_of(const ListScenario& scenario) {
    ListSimulation whole(scenario);
    expect_right(whole);
    return whole.world.steps();
}

} // namespace

TEST_CASE("any list comes out as if its items had been copied one after the other") {
    for_each_seed(1000, [](uint64_t seed) {
        ListSimulation list(choose_list(seed));
        expect_right(list);
    });
}

TEST_CASE("where names fold, any list comes out as if its items had been copied one by one") {
    for_each_seed(1000, [](uint64_t seed) {
        ListSimulation list(choose_list(seed, true));
        expect_right(list);
    });
}

TEST_CASE("any step of any list may fail") {
    for_each_seed(300, [](uint64_t seed) {
        const ListScenario scenario = choose_list(seed);
        const uint64_t steps = steps_of(scenario);
        Random random(seed);
        for (const int error : {EIO, ENOSPC, EMFILE, EACCES}) {
            ListSimulation list(scenario);
            list.fail_at = random.below(steps);
            list.fail_with = error;
            expect_right(list);
        }
    });
}

TEST_CASE("whichever step of a list fails with whatever its call may give, no other item suffers") {
    for_each_swept(sweeps_all() ? 200 : 12, [](uint64_t seed) {
        const ListScenario scenario = choose_list(seed);
        std::vector<Step> steps;
        ListSimulation whole(scenario);
        whole.meanwhile = [&](const Step& step) {
            steps.push_back(step);
            return 0;
        };
        expect_right(whole);
        for (size_t i = 0; i < steps.size(); i += sweep_stride)
            for (const int error : errors_in_sweep(steps[i], i + seed, 1)) {
                ListSimulation list(scenario);
                list.faults.fail(i, error);
                expect_right(list);
            }
    });
}

TEST_CASE(
    "wherever it crashes, a list of atomic copies leaves of each file the old or the new one") {
    for_each_swept(sweeps_all() ? 40 : 4, [](uint64_t seed) {
        ListScenario scenario = choose_list(seed);
        scenario.tree.options.replace = ARSYNC_REPLACE_ATOMIC;
        scenario.tree.options.durability =
            seed % 2 == 0 ? ARSYNC_DURABILITY_FULL : ARSYNC_DURABILITY_FILE;
        const uint64_t steps = steps_of(scenario);
        const uint64_t stride = sweep_stride * (sweeps_all() ? 1 : 7);
        for (uint64_t step = seed % stride; step < steps; step += stride) {
            ListSimulation list(scenario);
            list.crash_at = step;
            expect_right(list);
        }
    });
}

TEST_CASE("what is up to date waits for a descriptor to be synced by") {
    unsigned failed = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
        ListScenario scenario = choose_list(seed);
        scenario.tree.options.update = ARSYNC_UPDATE_CHANGED;
        scenario.tree.options.durability = ARSYNC_DURABILITY_FULL;
        std::vector<Step> steps;
        ListSimulation whole(scenario);
        whole.meanwhile = [&](const Step& step) {
            steps.push_back(step);
            return 0;
        };
        expect_right(whole);
        for (size_t i = 0; i < steps.size(); ++i) {
            if (steps[i].call != Call::open || (steps[i].flags & O_DIRECTORY) == 0)
                continue;
            ListSimulation list(scenario);
            list.faults.fail(i, EMFILE);
            expect_right(list);
            ++failed;
        }
    }
    CHECK(failed > 100);
}

TEST_CASE("whenever any list is cancelled, it ends, with no part of a file left") {
    for_each_seed(300, [](uint64_t seed) {
        const ListScenario scenario = choose_list(seed);
        ListSimulation list(scenario);
        list.cancel_at = Random(seed).below(steps_of(scenario));
        expect_right(list);
    });
}

} // namespace arsync::sim
