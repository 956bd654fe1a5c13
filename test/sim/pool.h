// A pool in the simulated world: a few workers, each with a ring and buffers of its own, all on one
// thread that gives them their turns in a seeded order. And the program that has opened it, which
// polls now and then, and answers questions in any order and after any time.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "copy/company.h"
#include "copy/disks.h"
#include "copy/flows.h"
#include "io/buffers.h"
#include "job.h"
#include "sim/files.h"
#include "sim/ring.h"

namespace arsync::sim {

class SimulatedPool {
public:
    SimulatedPool(World& world, unsigned workers, unsigned buffer_count, size_t buffer_size);
    SimulatedPool(const SimulatedPool&) = delete;
    SimulatedPool& operator=(const SimulatedPool&) = delete;
    ~SimulatedPool();

    // What the program answers: about an item's entry, or what has no path ("").
    std::function<uint32_t(uint64_t user_data, const std::string& path)> answer;
    // It answers nothing, and cancels the job when nobody does anything else any more.
    bool never_answers = false;
    // The number of the question that it answers with STOP.
    uint64_t stop_at_question = UINT64_MAX;
    // What it does before each turn. Whether there is more that it is yet to do.
    std::function<bool()> meanwhile;

    // Run a job to its end.
    void run(Job& job);
    // Pause what runs, now. It is resumed after some turns, or when nothing else can be done.
    void pause();
    // Cancel what runs, now.
    void cancel();

    // A completion that is not the job's.
    struct Event {
        arsync_completion_kind kind;
        bool in_item;
        uint64_t user_data;
        std::string path;
        Outcome outcome;
        arsync_totals totals; // of an item that was a tree
    };
    const std::vector<Event>& events() const { return events_; }
    uint64_t questions() const { return questions_; }
    // What it was asked about, as often as it was: by user_data and path.
    using AskedAbout = std::multiset<std::pair<uint64_t, std::string>>;
    const AskedAbout& asked_about() const { return asked_about_; }
    bool helped() const { return helped_; }
    bool is_over() const { return completions_ > 0; }
    Ring& first_ring() { return workers_.front()->ring; }
    const Buffers& first_buffers() const { return *workers_.front()->buffers; }
    // Note what nobody has given back.
    void check_leaks();

private:
    struct Worker;
    struct Running { // another worker's part
        Job job;
        Worker* worker = nullptr;
        unsigned completions = 0;
        bool begun = false;
    };
    struct Asked {
        Asker* asker;
        std::unique_ptr<Suspended> suspended;
        std::string path;
    };
    // Of one of the pool's jobs, on one worker.
    struct JobHost final : Host {
        JobHost(SimulatedPool& owner, Worker& own) : pool(owner), worker(own) {}
        void call_others(const std::shared_ptr<Shared>& work) override;
        void report(Report report) override;
        bool wait_for_room(Ring& ring, Waiter& waiter) override;
        bool is_alone() override { return true; }
        unsigned workers() const override { return static_cast<unsigned>(pool.workers_.size()); }
        bool ask(Asker& asker, std::unique_ptr<Suspended>& suspended,
                 const std::string* path) override;
        void withdraw_questions() override { pool.withdraw_questions(); }
        void rest(bool) override {}
        SimulatedPool& pool;
        Worker& worker;
    };
    struct Worker {
        Worker(SimulatedPool& pool, unsigned buffer_count, size_t buffer_size);
        Counters counters;
        SimulatedRing ring;
        std::unique_ptr<Buffers> buffers;
        MethodTurns turns;
        JobHost host;
    };

    void begin(Job& job, Worker& worker, unsigned& completions);
    bool turn();
    bool parts_run() const;
    bool begin_part();
    void answer_one();
    void answer_own();
    void give_room();
    bool resume();
    void tell(uint64_t item, arsync_completion_kind kind, uint64_t number);
    void tell_now(const Finished& finished);
    void tell_held(bool at_end);
    void withdraw_questions();

    World& world_;
    SimulatedFiles files_;
    Company company_;
    Disks disks_;
    uint64_t now_ns_ = 0; // which passes with the chunks that are moved
    Flows flows_;
    Random random_;
    std::vector<std::unique_ptr<Worker>> workers_;
    Job* job_ = nullptr;
    unsigned completions_ = 0;
    std::list<Running> parts_;
    std::vector<std::pair<Ring*, Waiter*>> without_room_;
    std::vector<Asked> asked_;
    std::vector<Event> events_;
    // By their numbers: what is held back until it is its item's turn.
    std::map<uint64_t, Event> held_events_;
    std::map<uint64_t, Asked> held_questions_;
    uint64_t held_ = 0;     // the last number
    uint64_t failures_ = 0; // of entries that it was told of
    uint64_t questions_ = 0;
    AskedAbout asked_about_;
    uint64_t answers_ = 0;
    bool helped_ = false;
};

} // namespace arsync::sim
