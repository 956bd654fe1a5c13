// Trees in the simulated world: what is copied, and what becomes of it when calls fail, when it is
// cancelled, and when descriptors are few.
#include <doctest/doctest.h>

#include <cerrno>

#include "sim/seeds.h"
#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

void check_totals(TreeSimulation& s) {
    const arsync_totals& want = s.expected().totals;
    const arsync_totals& got = s.totals();
    const auto same = [&](const char* what, uint64_t wanted, uint64_t found) {
        if (wanted != found)
            s.world.problem(std::string("totals: ") + what + " " + std::to_string(found) +
                            ", not " + std::to_string(wanted));
    };
    same("entries", want.entries, got.entries);
    same("files", want.files, got.files);
    same("directories", want.directories, got.directories);
    same("symlinks", want.symlinks, got.symlinks);
    same("hard links", want.hard_links, got.hard_links);
    same("specials", want.specials, got.specials);
    same("skipped", want.skipped, got.skipped);
    same("errors", want.errors, got.errors);
    same("bytes", want.bytes, got.bytes);
    if (!s.scenario.asks(ARSYNC_COPY_DRY_RUN)) // which does not look into what it would remove
        same("removed", want.removed, got.removed);
}

// Every entry once with REPORT_ALL, those that fail with REPORT_ERRORS.
void check_reports(TreeSimulation& s) {
    std::map<std::string, int> entries;
    std::set<std::string> removed;
    for (const TreeSimulation::Report& entry : s.reports()) {
        const bool removal = entry.outcome.action == ARSYNC_ACTION_REMOVE;
        if (removal ? !removed.insert(entry.path).second
                    : !entries.emplace(entry.path, entry.outcome.result).second)
            s.world.problem("reported twice: " + entry.path);
    }
    const uint32_t mode = s.scenario.options.report;
    std::map<std::string, int> wanted;
    for (const auto& [path, result] : s.expected().results)
        if (mode == ARSYNC_REPORT_ALL || (mode == ARSYNC_REPORT_ERRORS && result < 0))
            wanted.emplace(path, result);
    for (const auto& [path, result] : wanted)
        if (!entries.count(path))
            s.world.problem("not reported: " + path);
        else if (entries[path] != result)
            s.world.problem("reported with " + std::to_string(entries[path]) + ", not " +
                            std::to_string(result) + ": " + path);
    for (const auto& [path, _] : entries)
        if (!wanted.count(path))
            s.world.problem("reported, and should not be: " + path);
    if (mode == ARSYNC_REPORT_ALL && removed != s.expected().removed)
        s.world.problem("other removals were reported");
}

void check_copied(TreeSimulation& s) {
    for (const std::string& difference : s.differences_on(s.world.disk))
        s.world.problem("differs: " + difference);
}

void check_whole(TreeSimulation& s) {
    check_copied(s);
    check_totals(s);
    check_reports(s);
    const bool fails = s.expected().totals.errors > 0;
    if ((s.outcome().result < 0) != fails)
        s.world.problem("the job's result is not that of its entries");
}

void expect_no_problems(TreeSimulation& s) {
    CHECK_MESSAGE(s.world.problems.empty(), report(s));
}

} // namespace

TEST_CASE("any tree is copied as asked, all of it, and accounted for") {
    for_each_seed(3000, [](uint64_t seed) {
        TreeSimulation simulation(choose_tree(seed));
        simulation.run();
        check_whole(simulation);
        expect_no_problems(simulation);
    });
}

} // namespace arsync::sim
