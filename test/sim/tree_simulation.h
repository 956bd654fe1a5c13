// The copy of a tree, run as a pool runs it, by one worker or two, each with a ring of its own on
// one thread.
//
// After each step that changes names it is checked that what was there has a name, if it is to be
// backed up, and that an atomic replacement, as one by a hard link is, shows the old file or the
// new one.
//
// After the run it is checked that there was one completion, that nothing leaked, that nobody
// sleeps for ever, that the source is as it was, and, unless it crashed, that no name is new that
// should not be there or leads to a part of a file.
#pragma once

#include <memory>
#include <optional>

#include "io/buffers.h"
#include "job.h"
#include "sim/files.h"
#include "sim/ring.h"
#include "sim/simulation.h"
#include "sim/tree_scenario.h"

namespace arsync::sim {

class TreeSimulation final : Host {
public:
    explicit TreeSimulation(const TreeScenario& what);
    ~TreeSimulation();

    // What is to happen, by the number of the step before which it does.
    uint64_t fail_at = never;
    int fail_with = 0; // a positive errno
    uint64_t cancel_at = never;
    uint64_t crash_at = never;
    std::function<int(const Step&)> meanwhile; // anything else: 0, or a negative errno

    void cancel();
    void run();

    struct Report {
        std::string path;
        Outcome outcome;
    };
    const Outcome& outcome() const { return job_.outcome; }
    const arsync_totals& totals() const { return job_.totals; }
    const std::vector<Report>& reports() const { return reports_; }
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
    uint64_t questions() const { return questions_; }
    bool helped() const { return helper_ != nullptr; }

    const TreeScenario scenario;
    World world;

private:
    struct Worker {
        explicit Worker(World& world, const TreeScenario& scenario);
        Counters counters;
        SimulatedRing ring;
        std::unique_ptr<Buffers> buffers;
    };

    void call_others(const std::shared_ptr<Shared>& work) override { called_ = work; }
    void report(arsync::Report report) override;
    bool wait_for_room(Ring& ring, Waiter& waiter) override;
    bool is_alone() override { return true; }
    unsigned workers() const override { return scenario.workers; }
    bool ask(Asker& asker, std::unique_ptr<Suspended>& suspended, const std::string* path) override;
    void withdraw_questions() override;
    void rest(bool) override {}

    Io io(Worker& worker) { return {files_, worker.ring, *worker.buffers}; }
    int before(const Step& step);
    void add_old_paths(const std::string& path);
    void check_old();
    void check_shown(const std::string& path);
    void start_helper();
    void give_room();
    void answer_one();
    bool turn();
    void check_leaks();
    void check_names(const std::string& path, const Inode& directory);

    SimulatedFiles files_;
    std::vector<std::unique_ptr<Worker>> workers_;
    Random random_;
    Trees trees_;
    Expectation expected_;
    Job job_;
    std::unique_ptr<Job> helper_;
    std::shared_ptr<Shared> called_;
    unsigned completions_ = 0;
    unsigned helper_completions_ = 0;
    std::vector<std::pair<Ring*, Waiter*>> without_room_;
    struct Asked {
        Asker* asker;
        std::unique_ptr<Suspended> suspended;
        std::string path;
    };
    std::vector<Asked> asked_;
    uint64_t questions_ = 0;
    std::vector<Report> reports_;
    std::optional<Step> failed_step_;
    std::optional<Disk> original_;
    std::vector<std::string> old_paths_;
    std::map<std::string, std::pair<InodeNumber, uint64_t>> shown_; // new files known to be whole
};

bool is_open(const Step& step);

// All problems and what they are problems of, or nothing.
std::string report(const TreeSimulation& simulation);

} // namespace arsync::sim
