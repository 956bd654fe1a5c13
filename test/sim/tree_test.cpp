// Trees in the simulated world: what is copied, and what becomes of it when calls fail, when it is
// cancelled, and when descriptors are few.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <string>

#include "sim/seeds.h"
#include "sim/tree_checks.h"

namespace arsync::sim {

namespace {

void expect_no_problems(TreeSimulation& s) {
    CHECK_MESSAGE(s.world.problems.empty(), report(s));
}

void expect_failure_handled(const TreeScenario& scenario, uint64_t step, int error) {
    TreeSimulation simulation(scenario);
    simulation.fail_at = step;
    simulation.fail_with = error;
    simulation.run();
    check_failure(simulation);
    expect_no_problems(simulation);
}

void expect_cancelled_well(const TreeScenario& scenario, uint64_t step) {
    TreeSimulation simulation(scenario);
    simulation.cancel_at = step;
    simulation.run();
    check_after_cancel(simulation);
    expect_no_problems(simulation);
}

uint64_t steps_of(const TreeScenario& scenario) {
    TreeSimulation whole(scenario);
    whole.run();
    expect_no_problems(whole);
    return whole.world.steps();
}

} // namespace

TEST_CASE("any tree is copied as asked, all of it, and accounted for") {
    unsigned helped = 0;
    for_each_seed(2000, [&](uint64_t seed) {
        TreeSimulation simulation(choose_tree(seed));
        simulation.run();
        check_whole(simulation);
        check_durable(simulation);
        expect_no_problems(simulation);
        helped += simulation.helped();
    });
    CHECK((helped > 0 || std::getenv("ARSYNC_SIM_SEED")));
}

TEST_CASE("the names of one directory are shared, if there are bytes enough for two") {
    unsigned helped = 0;
    unsigned small_helped = 0;
    for_each_seed(100, [&](uint64_t seed) {
        for (const bool large : {true, false}) {
            TreeScenario scenario;
            scenario.world.seed = seed;
            scenario.options.flags = ARSYNC_COPY_RECURSIVE;
            scenario.options.report = ARSYNC_REPORT_ALL;
            scenario.directories = 0;
            scenario.entries = large ? 40 : 10;
            scenario.buffer_size = large ? 64 * 1024 : 4096;
            scenario.workers = 2;
            TreeSimulation simulation(scenario);
            simulation.run();
            check_whole(simulation);
            expect_no_problems(simulation);
            (large ? helped : small_helped) += simulation.helped();
        }
    });
    CHECK((helped > 0 || std::getenv("ARSYNC_SIM_SEED")));
    CHECK(helped > 3 * small_helped);
}

// Of names that are in the source and the destination, what the destination has of them in the end:
// where a file's backup has the name of another, the order of the two says what that becomes.
static std::map<std::string, std::string> backed_up(uint64_t seed, int pairs, unsigned workers) {
    constexpr size_t size = 32 * 1024;
    const auto text = [](const std::string& name) {
        return content_of(name + std::string(size - name.size(), ' '));
    };
    TreeScenario scenario;
    scenario.world.seed = seed;
    scenario.world.uncached_percent = scenario.world.untyped_percent =
        0; // the order is the listing's
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.backup = ARSYNC_BACKUP_NUMBERED;
    scenario.existing = true;
    scenario.directories = scenario.entries = 0;
    scenario.workers = workers;
    scenario.buffer_size = 64 * 1024;
    TreeSimulation simulation(scenario);
    World& world = simulation.world;
    const InodeNumber in = world.disk.root().names.at("in");
    const InodeNumber out = world.disk.at(world.disk.root().names.at("out")).names.at("target");
    for (int i = 0; i < pairs; ++i) {
        const std::string name = std::to_string(i);
        for (const std::string& each : {name, name + ".~1~"})
            world.sources.insert(add_file(world, in, each.c_str(), text(each), 0644));
        add_file(world, out, name.c_str(), text(name + " old"), 0644);
    }
    simulation.run();
    CHECK(simulation.outcome().result == 0);
    std::map<std::string, std::string> contents;
    for (const auto& [name, number] : world.disk.at(out).names) {
        const std::string all = text_of(world.disk.at(number).content);
        contents[name] = all.substr(0, all.find_last_not_of(' ') + 1);
    }
    return contents;
}

TEST_CASE("where backups are kept the order of names is the same with any number of workers") {
    unsigned first = 0;
    for_each_seed(40, [&](uint64_t seed) {
        const int pairs = seed % 4 == 0 ? 250 : 50; // more than one call lists, or fewer
        const std::map<std::string, std::string> alone = backed_up(seed, pairs, 1);
        CHECK(alone.size() >= static_cast<size_t>(3 * pairs));
        for (const auto& [name, content] : alone)
            first += name.ends_with(".~1~.~1~");
        for (const unsigned workers : {2u, 3u})
            CHECK_MESSAGE(backed_up(seed, pairs, workers) == alone, "seed ", seed);
    });
    CHECK((first > 0 || std::getenv("ARSYNC_SIM_SEED")));
}

// A small tree that is to be durable.
static TreeScenario durable_tree(uint64_t seed) {
    TreeScenario scenario;
    scenario.world.seed = seed;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.durability = ARSYNC_DURABILITY_FULL;
    scenario.directories = 3;
    scenario.entries = 9;
    return scenario;
}

static void expect_whole_and_durable(const TreeScenario& scenario) {
    TreeSimulation simulation(scenario);
    simulation.run();
    check_whole(simulation);
    check_durable(simulation);
    expect_no_problems(simulation);
}

TEST_CASE("a durable tree survives a crash, also where syncfs does not reach the server") {
    for_each_seed(100, [](uint64_t seed) {
        TreeScenario scenario = durable_tree(seed);
        scenario.world.filesystem_type = fuse_magic;
        scenario.existing = seed % 2 == 1;
        expect_whole_and_durable(scenario);
    });
}

// Of links and special files they do not, where there is no syncfs.
TEST_CASE("so do the attributes of directories, where each is synced by itself") {
    for_each_seed(100, [](uint64_t seed) {
        TreeScenario scenario = durable_tree(seed);
        scenario.world.filesystem_type = fuse_magic;
        scenario.existing = seed % 2 == 1;
        scenario.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES |
                                    (seed % 4 < 2 ? ARSYNC_PRESERVE_XATTR : 0);
        scenario.directories = 6;
        scenario.entries = 0;
        expect_whole_and_durable(scenario);
    });
}

TEST_CASE("where syncfs(2) is denied, a durable tree is synced by its files and directories") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        TreeScenario scenario = durable_tree(seed);
        (seed % 2 == 0 ? scenario.world.denies_syncfs : scenario.world.loses_syncfs) = true;
        scenario.existing = seed % 3 == 0;
        expect_whole_and_durable(scenario);
    }
}

TEST_CASE("what other programs have lost is not told as a tree's loss") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        TreeScenario scenario = durable_tree(seed);
        scenario.world.others_lose = true;
        expect_whole_and_durable(scenario);
    }
}

// The result of a tree's copy that may go on through a link, in a destination that is there and has
// nothing else.
static int result_beyond_link(const TreeScenario& scenario, bool links, bool& followed) {
    TreeSimulation simulation(scenario);
    World& world = simulation.world;
    const InodeNumber out = world.disk.root().names.at("out");
    const InodeNumber target = add_directory(world, out, "target");
    const Names source = world.disk.at(simulation.source()).names;
    const auto found = std::find_if(source.begin(), source.end(), [&](const auto& name) {
        return world.disk.at(name.second).is_directory();
    });
    followed = links && found != source.end();
    if (followed) {
        add_directory(world, out, "elsewhere");
        add_symlink(world, target, found->first.c_str(), "../elsewhere");
    }
    simulation.run();
    return simulation.outcome().result;
}

// There nobody asks each file, for a link may lead anywhere.
TEST_CASE("but it may be, of a tree that goes on through a link at its destination") {
    unsigned count = 0;
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        TreeScenario scenario = durable_tree(seed);
        scenario.options.flags |= ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK;
        for (const bool links : {true, false})
            for (const bool loss : {false, true}) {
                scenario.world.others_lose = loss;
                bool followed = false;
                const int result = result_beyond_link(scenario, links, followed);
                CHECK_MESSAGE(result == (followed && loss ? -EIO : 0), seed);
                count += followed && loss;
            }
    }
    CHECK(count > 5);
}

// Whose inode the kernel may have forgotten, and its loss with it.
TEST_CASE("a loss that nobody owns is a tree's if one of its files has left memory") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        TreeScenario scenario = durable_tree(seed);
        scenario.world.others_lose = true;
        scenario.world.reports_residency = seed % 2 == 0;
        TreeSimulation simulation(scenario);
        bool forgotten = false;
        bool told = false;
        simulation.meanwhile = [&](const Step& step) {
            for (const InodeNumber number : simulation.world.disk.numbers()) {
                Inode& inode = simulation.world.disk.at(number);
                const bool is_copy =
                    simulation.world.subject_of(number) == Subject::destination && inode.is_file();
                if (told && is_copy && inode.content.size() > 0) {
                    inode.cached.clear();
                    forgotten = true;
                }
            }
            told = told || step.call == Call::sync_filesystem;
            return 0;
        };
        simulation.run();
        CHECK_MESSAGE(simulation.outcome().result == -EIO, seed);
        CHECK_MESSAGE(simulation.outcome().stage == ARSYNC_STAGE_SYNC, seed);
    }
}

TEST_CASE("whichever step of a tree's copy fails, it is told of, and all else is copied") {
    for (const TreeScenario& scenario : tree_catalogue()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t step = 0; step < steps; step += sweep_stride)
            for (const int error : {EIO, EMFILE, step % 2 ? ENOSPC : EACCES})
                expect_failure_handled(scenario, step, error);
    }
}

TEST_CASE("whichever step of a tree's copy fails with whatever its call may give, it is told of") {
    for (const TreeScenario& scenario : tree_catalogue()) {
        std::vector<Step> steps;
        TreeSimulation whole(scenario);
        whole.meanwhile = [&](const Step& step) {
            steps.push_back(step);
            return 0;
        };
        whole.run();
        for (size_t i = 0; i < steps.size(); i += sweep_stride)
            for (const int error : errors_in_sweep(steps[i], i + scenario.world.seed, 1)) {
                TreeSimulation simulation(scenario);
                simulation.faults.fail(i, error);
                simulation.run();
                check_failure(simulation);
                expect_no_problems(simulation);
            }
    }
}

TEST_CASE("any step of any tree's copy may fail") {
    for_each_seed(700, [](uint64_t seed) {
        TreeScenario scenario = choose_tree(seed);
        scenario.options.report = ARSYNC_REPORT_ALL;
        const uint64_t steps = steps_of(scenario);
        Random random(seed);
        for (const int error : {EIO, ENOSPC, EMFILE, EACCES})
            expect_failure_handled(scenario, random.below(steps), error);
    });
}

TEST_CASE("whenever it is cancelled, a tree's copy ends, with no part of a file left") {
    for (const TreeScenario& scenario : tree_catalogue()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t step = 0; step < steps; step += sweep_stride)
            expect_cancelled_well(scenario, step);
    }
    for_each_seed(500, [](uint64_t seed) {
        const TreeScenario scenario = choose_tree(seed);
        expect_cancelled_well(scenario, Random(seed).below(steps_of(scenario)));
    });
}

TEST_CASE("with few descriptors a tree takes longer, and is copied all the same") {
    for_each_seed(200, [](uint64_t seed) {
        TreeScenario scenario = choose_tree(seed);
        scenario.world.descriptors_max = Random(seed).of({16u, 20u, 32u}) * scenario.workers;
        TreeSimulation simulation(scenario);
        simulation.run();
        check_whole(simulation);
        expect_no_problems(simulation);
    });
}

TEST_CASE("names of a file whose first copies fail are copied by the next, and nobody waits on") {
    constexpr unsigned names = 6;
    for_each_seed(300, [](uint64_t seed) {
        TreeScenario scenario;
        scenario.world.seed = seed;
        scenario.options.flags = ARSYNC_COPY_RECURSIVE;
        scenario.options.preserve = ARSYNC_PRESERVE_LINKS;
        scenario.options.report = ARSYNC_REPORT_ALL;
        scenario.linked = names;
        scenario.workers = 1 + seed % 2;
        scenario.entries = scenario.workers > 1 ? 70 : 5;
        TreeSimulation simulation(scenario);
        const uint64_t failures = seed % (names + 1);
        uint64_t failed = 0;
        simulation.meanwhile = [&](const Step& step) {
            const bool makes = step.call == Call::open && (step.flags & O_CREAT);
            return makes && step.path.starts_with("l") && failed++ < failures ? -EACCES : 0;
        };
        simulation.run();
        check_others(simulation);
        uint64_t missing = 0;
        for (const auto& entry : simulation.reports())
            missing += entry.outcome.result == -EACCES;
        CHECK_MESSAGE(missing == failures, "seed ", seed);
        CHECK_MESSAGE(simulation.totals().errors == failures, "seed ", seed);
        if (failures < names)
            CHECK_MESSAGE(failed == failures + 1, "seed ", seed, ": more than one was copied");
        expect_no_problems(simulation);
    });
}

} // namespace arsync::sim
