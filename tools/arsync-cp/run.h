// The main loop: plan, submit, wait, report.
//
// Always true: entries are in the window in the order of the command line, and what is said about
// one of them is printed when all before it are settled; an entry with a job is running and its
// address does not change until its completion has been taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "entry.h"
#include "ledger.h"
#include "operands.h"
#include "options.h"
#include "plan.h"
#include "progress.h"
#include "summary.h"

namespace cp {

class Run {
public:
    Run(const Options& chosen, const Operands& named);

    // Copies everything; the exit status. If a signal ended it, everything is cleaned up.
    int go();

private:
    bool open_pool();
    void plan_and_start(Entry& entry);
    void start(Entry& entry);
    int submit(Entry& entry);
    void make_link(Entry& entry);

    // Cancels everything when a signal has come; whether one has.
    bool stop_requested();
    void wait_for_completions();
    void settle(Entry& entry, const arsync_completion& completion);
    bool try_again(Entry& entry, const arsync_completion& completion);
    void succeed(Entry& entry, const arsync_completion& completion);
    void undo_backup(Entry& entry);
    void end(Entry& entry);
    void print_settled();

    void measure_total();
    uint64_t bytes_under_way();
    void show_progress();
    void report();

    const Options& options;
    const Operands& operands;
    Ledger ledger;
    Planner planner;
    Progress progress;
    std::deque<Entry> window;
    size_t running = 0;
    size_t running_most = 1;

    arsync_pool* pool = nullptr;
    int event_fd = -1;
    int signal_fd = -1;
    bool stopping = false;

    bool failed = false;
    Totals totals;
    double began = 0;
};

} // namespace cp
