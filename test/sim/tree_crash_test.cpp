// The power goes at each step of a tree's copy, and nothing survives but what was made durable.
#include <doctest/doctest.h>

#include "sim/seeds.h"
#include "sim/tree_simulation.h"

namespace arsync::sim {

namespace {

using Unsynced = Disk::Unsynced;

constexpr Unsynced policies[] = {Unsynced::lost, Unsynced::kept, Unsynced::mixed};

bool is_temporary(const std::string& name) {
    return name.starts_with(".") && name.find(".arsync-") != std::string::npos;
}

// As a disk comes back after a crash: each name that was there leads to what it led to, or to all
// of what is to be there; and no other names are there than those, and temporary ones.
class Recovered {
public:
    Recovered(TreeSimulation& simulation, const Disk& disk) : s_(simulation), disk_(disk) {}

    void check() {
        const Inode* top = s_.target_on(disk_, "");
        if (!top && s_.existed(""))
            s_.world.problem("after a crash the destination is gone");
        if (top)
            check_directory("", *top);
    }

private:
    void check_directory(const std::string& path, const Inode& directory) {
        const auto at = [&](const std::string& name) {
            return path.empty() ? name : path + "/" + name;
        };
        if (const Inode* before = s_.old(path))
            for (const auto& [name, _] : before->names)
                if (!directory.names.count(name) && !gives_way(at(name)) &&
                    !s_.expected().removed.count(top_of(at(name))))
                    s_.world.problem("a crash loses " + at(name));
        for (const auto& [name, number] : directory.names)
            check_name(at(name), name, disk_.at(number));
    }

    void check_name(const std::string& path, const std::string& name, const Inode& inode) {
        const Inode* before = s_.old(path);
        const Inode* right = s_.wanted(path);
        const bool is_old = before && before->number == inode.number;
        if (inode.is_directory() && (is_old || (right && right->is_directory())))
            check_directory(path, inode);
        else if (is_old && (!(inode.content == before->content) || inode.target != before->target))
            s_.world.problem("a crash damages " + path);
        else if (!is_old && right)
            check_new(path, *right, inode);
        else if (!is_old && !is_temporary(name))
            s_.world.problem("after a crash there is " + path);
    }

    // A file has got its attributes too before it gets its name.
    void check_new(const std::string& path, const Inode& right, const Inode& inode) {
        const Compared also = inode.is_file() ? s_.preserved() : Compared{};
        for (const std::string& difference :
             differences(s_.world.disk, right.number, disk_, inode.number, also))
            s_.world.problem("after a crash " + path + ": " + difference);
    }

    // To what is of another kind: between them is a moment in which nothing is there.
    bool gives_way(const std::string& path) const {
        const Inode* right = s_.wanted(path);
        return right && right->is_directory() != s_.old(path)->is_directory() &&
               replaces_kinds(s_.scenario);
    }

    // Of what is in an extra directory it is that which was to be removed.
    std::string top_of(const std::string& path) const {
        for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
            if (s_.expected().removed.count(path.substr(0, end)))
                return path.substr(0, end);
        return path;
    }

    TreeSimulation& s_;
    const Disk& disk_;
};

// What is to be backed up is there, and whole.
void check_kept(TreeSimulation& s, const Disk& disk) {
    for (const std::string& path : s.old_paths())
        if (!s.is_kept(disk, path))
            s.world.problem("a crash loses " + path);
        else if (!(disk.at(s.old(path)->number).content == s.old(path)->content))
            s.world.problem("a crash damages " + path);
}

void crash(const TreeScenario& scenario, uint64_t step) {
    TreeSimulation simulation(scenario);
    simulation.crash_at = step;
    simulation.run();
    const std::optional<Disk>& crashed = simulation.world.crashed();
    const bool atomic = scenario.options.replace == ARSYNC_REPLACE_ATOMIC &&
                        scenario.options.durability != ARSYNC_DURABILITY_NONE;
    const bool backs_up = scenario.options.backup != ARSYNC_BACKUP_NONE;
    Random random(scenario.world.seed + step);
    for (const Unsynced data : policies)
        for (const Unsynced names : policies) {
            if (!crashed || !(atomic || backs_up))
                continue;
            const Disk disk = crashed->recover(data, names, random);
            if (backs_up)
                check_kept(simulation, disk);
            if (!atomic)
                continue;
            Recovered(simulation, disk).check();
            if (simulation.outcome().result != 0)
                continue;
            for (const std::string& difference : simulation.differences_on(disk))
                simulation.world.problem("a crash after the completion: " + difference);
        }
    CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
}

uint64_t steps_of(const TreeScenario& scenario) {
    TreeSimulation whole(scenario);
    whole.run();
    CHECK_MESSAGE(whole.world.problems.empty(), report(whole));
    return whole.world.steps();
}

TreeScenario atomic_tree(uint64_t seed) {
    TreeScenario scenario;
    scenario.world.seed = seed;
    scenario.options.flags = ARSYNC_COPY_RECURSIVE;
    scenario.options.replace = ARSYNC_REPLACE_ATOMIC;
    scenario.options.durability = ARSYNC_DURABILITY_FULL;
    scenario.options.report = ARSYNC_REPORT_ALL;
    scenario.directories = 3;
    scenario.entries = 9;
    scenario.existing = true;
    return scenario;
}

// Whatever an entry may be, made in each of the ways in which that can be done.
std::vector<TreeScenario> atomic_trees() {
    std::vector<TreeScenario> all{atomic_tree(1), atomic_tree(2), atomic_tree(3), atomic_tree(4)};
    all[1].options.preserve = 31;
    all[1].linked = 3;
    all[2].world.temporary_files = false;
    all[2].options.flags |= ARSYNC_COPY_MIRROR;
    all[2].options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER;
    all[3].existing = false;
    all[3].options.preserve = 31;
    all.push_back(all[1]);
    all.back().options.backup = ARSYNC_BACKUP_NUMBERED;
    return all;
}

} // namespace

TEST_CASE("wherever it crashes, an atomic tree's copy leaves of each file the old or the new one") {
    for (TreeScenario& scenario : atomic_trees())
        for (const auto durability : {ARSYNC_DURABILITY_FILE, ARSYNC_DURABILITY_FULL}) {
            scenario.options.durability = durability;
            const uint64_t steps = steps_of(scenario);
            for (uint64_t step = 0; step < steps; step += 2 * sweep_stride)
                crash(scenario, step);
        }
    for_each_seed(300, [](uint64_t seed) {
        TreeScenario scenario = choose_tree(seed);
        Random random(seed);
        scenario.options.replace = ARSYNC_REPLACE_ATOMIC;
        scenario.options.durability = random.of({1u, 2u});
        crash(scenario, random.below(steps_of(scenario)));
    });
}

TEST_CASE("a crash at any step of any tree's copy leaks nothing, and it ends") {
    for (const TreeScenario& scenario : tree_catalogue()) {
        const uint64_t steps = steps_of(scenario);
        for (uint64_t step = 0; step < steps; step += 3 * sweep_stride)
            crash(scenario, step);
    }
}

} // namespace arsync::sim
