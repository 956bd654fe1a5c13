// One operation of the ring denied, whenever it is asked for: the copy does without it, or ends
// with that error and nothing wrong left behind.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "sim/catalogue.h"
#include "sim/stages.h"
#include "sim/tree_checks.h"

namespace arsync::sim {

namespace {

constexpr Call operations[] = {Call::read,         Call::write,          Call::sync,
                               Call::allocate,     Call::write_back,     Call::wait,
                               Call::pause,        Call::reflink,        Call::copy_file_range,
                               Call::copy_cached,  Call::open_on_ring,   Call::sync_filesystem,
                               Call::settle_holes, Call::register_buffer};

// As an older kernel says it, a filesystem, and filters.
constexpr int errors[] = {EINVAL, EOPNOTSUPP, ENOSYS, EACCES, EPERM};

std::vector<Scenario> plain_and_durable() {
    std::vector<Scenario> all = catalogue();
    for (const Method method : all_methods)
        for (const auto durability : {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FULL})
            for (const bool cached : {true, false}) {
                Scenario scenario = by_method(method, 150'001);
                scenario.layout = Layout::holes;
                scenario.source_cached = cached;
                scenario.options.durability = durability;
                all.push_back(scenario);
            }
    return all;
}

bool was_denied(const TreeSimulation::Report& entry, const std::vector<Step>& denied, int error) {
    return entry.outcome.result == -error &&
           std::any_of(denied.begin(), denied.end(),
                       [&](const Step& step) { return fits(step, entry.outcome.stage); });
}

void expect_right_without(const TreeScenario& scenario, Call operation, int error) {
    TreeSimulation simulation(scenario);
    std::vector<Step> denied;
    simulation.meanwhile = [&](const Step& step) {
        if (step.call != operation || !can_fail_with(step, error))
            return 0;
        denied.push_back(step);
        return -error;
    };
    simulation.run();
    const auto& reports = simulation.reports();
    const auto failed = std::count_if(reports.begin(), reports.end(), [&](const auto& entry) {
        return was_denied(entry, denied, error);
    });
    const auto told = static_cast<uint64_t>(failed) + simulation.expected().totals.errors;
    const bool unsynced =
        operation == Call::sync_filesystem && simulation.totals().errors == told + 1;
    // Without syncfs(2) nobody can make the attributes of a link or pipe last.
    const bool lasts = operation != Call::sync_filesystem || scenario.options.preserve == 0;
    if (failed == 0 && !unsynced) {
        check_whole(simulation);
        if (lasts)
            check_durable(simulation);
    } else if (scenario.asks(ARSYNC_COPY_DRY_RUN)) {
        check_copied(simulation);
    } else {
        check_others(simulation);
    }
    CHECK_MESSAGE(simulation.world.problems.empty(), "without ", std::string(name_of(operation)),
                  ", which is ", error, ": ", report(simulation));
}

} // namespace

TEST_CASE("without any one operation a copy is right, or fails with what the kernel said") {
    for (const Scenario& scenario : plain_and_durable())
        for (const Call operation : operations)
            for (const int error : errors) {
                Simulation simulation(scenario);
                simulation.denied = operation;
                simulation.fail_with = error;
                expect_right(simulation);
            }
}

TEST_CASE("without any one operation a tree is right, or what is not is told") {
    std::vector<TreeScenario> all = tree_catalogue();
    for (const uint64_t filesystem : {ext4_magic, xfs_magic, fuse_magic})
        for (const auto durability :
             {ARSYNC_DURABILITY_NONE, ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL}) {
            TreeScenario scenario = all.front();
            scenario.world.filesystem_type = filesystem;
            scenario.world.uncached_percent = 100;
            scenario.options.durability = durability;
            all.push_back(scenario);
        }
    for (const TreeScenario& scenario : all)
        for (const Call operation : operations)
            for (const int error : errors)
                expect_right_without(scenario, operation, error);
}

} // namespace arsync::sim
