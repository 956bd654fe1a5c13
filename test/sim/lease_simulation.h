// A program that copies a file to two others through leased buffers, as arsync.h would have it do:
// one read, and then two writes of the same memory at once, piece by piece. Beside that, plain
// copies of the same file run on the same ring.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "caller/operation.h"
#include "copy/pause_and_priority.h"
#include "sim/simulation.h"

namespace arsync::sim {

struct LeaseScenario {
    WorldOptions world;
    unsigned leases = 3;
    unsigned pieces = 7; // whole ones of the file
    unsigned copies = 0; // plain ones, beside it
};
LeaseScenario choose_leases(uint64_t seed);
std::string describe(const LeaseScenario& scenario);

class LeaseSimulation {
public:
    explicit LeaseSimulation(const LeaseScenario& what);

    // What is to happen, by the number of the step before which it does.
    uint64_t fail_at = never;
    int fail_with = 0; // a positive errno
    Faults faults; // more of them, with errors that are drawn; fail_with is then the first one's
    uint64_t cancel_at = never;
    uint64_t crash_at = never;
    uint64_t pause_at = never; // all are paused, until nothing is under way any more
    std::function<int(const Step&)> meanwhile; // anything else: 0, or a negative errno

    // Each operation that fails, or is cancelled, is the last of its buffer.
    void run();

    const LeaseScenario scenario;
    World world;
    Counters counters;
    SimulatedRing ring;
    unsigned failed = 0;              // operations on buffers
    unsigned running_when_paused = 0; // such as may have had a transfer under way
    unsigned moved_while_paused = 0;  // transfers
    bool resumed = false;
    bool is_behind_end(uint64_t offset) const { return offset >= content_.size(); }
    // The first that failed of all.
    const Outcome& outcome() const { return outcome_; }
    const std::optional<Step>& failed_step() const { return failed_step_; }

private:
    struct Running {
        Job job;
        arsync_buffer buffer{};
        uint64_t offset = 0;
        unsigned completions = 0;
    };
    struct Copy {
        Job job;
        unsigned completions = 0;
    };

    std::shared_ptr<CallerFile> file(InodeNumber inode, int flags);
    int before(const Step& step);
    void cancel_all();
    void pause_all();
    bool resume_all(); // false: they were not paused
    void begin_copies();
    void submit(arsync_action what, const std::shared_ptr<CallerFile>& file,
                const arsync_buffer& buffer, uint64_t offset, uint64_t length);
    void go_on(const arsync_buffer& buffer);
    bool is_idle(const arsync_buffer& buffer);
    bool copies_run() const;
    bool take_ended(); // whether there was one
    void note_outcome(const Outcome& outcome);
    void check(const Outcome& outcome, bool reads, uint64_t length, const arsync_buffer& buffer,
               uint64_t offset);
    void check_told(const Outcome& outcome, bool reads);
    void check_written(const Outcome& outcome, const CallerFile& file, uint64_t offset);
    void check_pieces(const Content& content);
    void check_copies();
    void check_end();

    SimulatedFiles files_;
    Buffers buffers_;
    CallerBuffers lent_;
    Content content_;
    std::shared_ptr<CallerFile> from_;
    std::vector<std::shared_ptr<CallerFile>> to_;
    Terms terms_; // of each operation on a buffer
    std::list<Running> running_;
    std::list<Copy> copies_;
    uint64_t next_ = 0;
    Outcome outcome_;
    std::optional<Step> failed_step_;
};

bool is_transfer(const Step& step); // whose error is its operation's
void check_result(LeaseSimulation& simulation);
std::string report(const LeaseSimulation& simulation);

} // namespace arsync::sim
