// The copy of a tree, run as a pool runs it, by one worker or two, each with a ring of its own on
// one thread.
//
// After each step that changes names it is checked that what was there has a name, if it is to be
// backed up, and that an atomic replacement, as one by a hard link is, shows the old file or the
// new one.
//
// After the run it is checked that there was one completion, that nothing leaked, that nobody
// sleeps for ever, that the source is as it was, that what was to stay is as it was, that the job
// accounts for all that its entries say of themselves, and, unless it crashed, that no name is new
// that should not be there or leads to a part of a file.
#pragma once

#include <memory>
#include <optional>

#include "job.h"
#include "sim/faults.h"
#include "sim/pool.h"
#include "sim/simulation.h"
#include "sim/tree_scenario.h"

namespace arsync::sim {

class TreeSimulation {
public:
    explicit TreeSimulation(const TreeScenario& what);

    // What is to happen, by the number of the step before which it does.
    uint64_t fail_at = never;
    int fail_with = 0; // a positive errno
    Faults faults; // more of them, with errors that are drawn; fail_with is then the first one's
    uint64_t cancel_at = never;
    uint64_t crash_at = never;
    uint64_t change_at = never; // somebody changes a source, or takes a directory away
    uint64_t pause_at = never;
    Lie lie = Lie::none;                       // of a look at a source
    std::function<int(const Step&)> meanwhile; // anything else: 0, or a negative errno

    void cancel() { pool_.cancel(); }
    void run();

    using Report = SimulatedPool::Event;
    const Outcome& outcome() const { return job_.outcome; }
    const arsync_totals& totals() const { return job_.totals; }
    const std::vector<Report>& reports() const { return pool_.events(); }
    const std::optional<Step>& failed_step() const { return failed_step_; }
    const Expectation& expected() const { return expected_; }
    bool existed(const std::string& path) const { return old(path) != nullptr; }
    // What is at a path below the destination, or was to begin with, or null.
    const Inode* target(const std::string& path) const { return target_on(world.disk, path); }
    const Inode* target_on(const Disk& disk, const std::string& path) const;
    const Inode* old(const std::string& path) const;
    // Whether what a path led to has that name on a disk, or its backup's.
    bool is_kept(const Disk& disk, const std::string& path) const;
    // Of what was there to begin with, but for directories.
    const std::vector<std::string>& old_paths() const { return old_paths_; }
    const Inode* wanted(const std::string& path) const {
        return at_path(world.disk, expected_.tree, path);
    }
    // Of a file that is as it should be, what is like that of its source.
    Compared preserved() const;
    // How the destination on a disk differs from what is expected: where it should not.
    std::vector<std::string> differences_on(const Disk& disk) const;
    // The same of what is to be durable there.
    std::vector<std::string> lost_on(const Disk& disk) const;
    uint64_t questions() const { return pool_.questions(); }
    bool helped() const { return pool_.helped(); }
    bool was_cancelled() const { return job_.control.cancelled(); }
    // What somebody has changed, as it is written from the root; "": nothing.
    const std::string& changed() const { return changed_; }
    // Whether a path below the destination has to do with that.
    bool is_changed(const std::string& path) const;
    InodeNumber source() const { return trees_.source; }
    // Whether progress says of all that was found that it is done.
    bool is_counted() const;
    const Control::Counts& counts() const { return job_.control.counts(); }
    SimulatedPool& pool() { return pool_; }

    const TreeScenario scenario;
    World world;

private:
    int before(const Step& step);
    void add_old_paths(const std::string& path);
    void check_old();
    void check_shown(const std::string& path);
    void check_names(const std::string& path, const Inode& directory);
    void check_stayed(const std::string& path, const Inode& before);
    std::vector<std::string> differ(const Disk& disk, const Compared& also) const;
    bool is_to_stay(const std::string& path) const;
    void check_sums();
    void check_told();

    SimulatedPool pool_;
    Trees trees_;
    Expectation expected_;
    Job job_;
    std::optional<Step> failed_step_;
    std::optional<Disk> original_;
    std::optional<Disk> changed_then_; // as it was when somebody had changed something
    std::string changed_;
    std::vector<std::string> old_paths_;
    std::map<std::string, std::pair<InodeNumber, uint64_t>> shown_; // new files known to be whole
};

bool is_open(const Step& step);

// All problems and what they are problems of, or nothing.
std::string report(const TreeSimulation& simulation);

} // namespace arsync::sim
