// A scenario, run: the copy as a worker would run it, and what must hold whatever happens to it.
//
// After each step it is checked that the source is as the test left it, that an atomic replacement
// shows the old file or the new one, that what is to be backed up has a name, and that nobody may
// do with the new file what they might not with the source. After the run: one completion, and
// nothing leaked.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/buffers.h"
#include "job.h"
#include "sim/faults.h"
#include "sim/files.h"
#include "sim/ring.h"
#include "sim/scenario.h"
#include "sim/tree.h"

namespace arsync::sim {

constexpr uint64_t never = UINT64_MAX;

// Start a copy as a worker does; completions is raised when it has ended.
Detached start(Io io, Job& job, unsigned& completions);

class Simulation {
public:
    explicit Simulation(const Scenario& what);
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;
    ~Simulation();

    // What is to happen, by the number of the step before which it does.
    uint64_t fail_at = never;
    int fail_with = 0;          // a positive errno
    std::optional<Call> denied; // each step of it fails, with the same
    Faults faults; // more of them, with errors that are drawn; fail_with is then the first one's
    uint64_t cancel_at = never;
    uint64_t crash_at = never;
    uint64_t change_at = never; // somebody changes the source, or moves the directory away
    uint64_t pause_at = never;
    Lie lie = Lie::none; // of a look at the source
    uint64_t rate = 0;   // bytes a second that it may move; 0: as fast as it goes
    std::function<void(const Step&)> meanwhile; // anything else
    // Steps that a filesystem refuses, each time: with a negative errno; 0 for others.
    std::function<int(const Step&)> refuse;

    // Cancel it now.
    void cancel();
    // Run the copy to its end.
    void run();

    // What came of it.
    const Outcome& outcome() const { return job_.outcome; }
    const std::optional<Step>& failed_step() const { return failed_step_; }
    bool cancelled() const { return job_.control.cancelled(); }
    Stage stage() const { return job_.control.stage(); } // in which it is
    uint64_t bytes_done() const { return job_.control.bytes_done(); }
    uint64_t bytes_total() const { return job_.control.bytes_total(); }
    unsigned reads_after_cancel() const { return reads_after_cancel_; }

    const Scenario scenario;
    World world;
    Counters counters;
    SimulatedRing ring;

    Inode& source() { return world.disk.at(world.source); }
    Inode* destination(); // what the name leads to now, or null
    // Change the source, as another process might: then it is not the copy that did.
    void truncate_source(uint64_t size);
    void extend_source(uint64_t size);
    // The destination was opened once more to be emptied, later than that.
    bool was_emptied_after(const Step& step) const { return emptied_at_ > step.index; }
    bool source_was_changed() const { return source_was_changed_; }
    // So that a copy may have some of what it was in between.
    bool source_was_changed_twice() const { return source_sizes_ > 2; }
    bool directory_was_moved() const { return directory_was_moved_; }
    // The source's name is gone, or another file has it.
    bool source_was_taken() const { return source_was_taken_; }

    // As they were to begin with, and the right result for that source.
    const Content& original() const { return original_; }
    const Content& old_content() const { return old_content_; }
    Content expected() const { return expected_content(scenario, original_); }
    const std::set<uint64_t>& source_cached_before() const { return source_cached_; }
    InodeNumber old_inode() const { return old_inode_; }
    const Names& names_before() const { return names_before_; }
    InodeNumber directory() const { return directory_; }
    // What the name itself led to, a symbolic link perhaps; 0: nothing.
    InodeNumber named_before() const;
    // The name of its backup: in a directory that may not be listed the first one that is free.
    std::string backup() const;

private:
    void build();
    void describe_job();
    void change();
    bool resume();
    int before(const Step& step);
    void after(const Step& step);
    uint64_t old_version() const;
    void check_old();
    void check_visible();
    void check_access(const Inode& inode);
    void check_source_attributes();
    void check_what_gave_way();
    void check_leaks();

    SimulatedFiles files_;
    std::unique_ptr<Buffers> buffers_;
    Job job_;
    bool begun_ = false;
    unsigned completions_ = 0;
    std::vector<int> own_descriptors_;
    std::optional<Step> failed_step_;
    unsigned reads_after_cancel_ = 0;
    uint64_t emptied_at_ = 0; // step

    InodeNumber directory_ = 0; // "out"
    InodeNumber old_inode_ = 0; // 0: there was none
    InodeNumber last_file_ = 0; // of the inodes that were there before the copy
    Content original_;
    Content old_content_;
    Content expected_;
    Names names_before_;
    std::set<uint64_t> source_cached_;
    Attributes source_attributes_;
    std::map<InodeNumber, Attributes> attributes_before_; // of what is not to be touched
    uint64_t source_version_ = 0;
    bool source_was_changed_ = false;
    unsigned source_sizes_ = 1; // that it has had
    bool source_was_taken_ = false;
    bool directory_was_moved_ = false;
    std::pair<InodeNumber, uint64_t> visible_complete_{}; // inode and version, known to be right
};

} // namespace arsync::sim
