// The main loop: plan, submit, wait, report.
//
// Files are planned here and copied by one job each. A directory is one job too, and the library
// plans what is in it, and asks what -i is to be asked about.
//
// Always true: entries are in the window in the order of the command line, and what is said about
// one of them is printed when all before it are settled; an entry with a job is running and its
// address does not change until its completion has been taken.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "entry.h"
#include "ledger.h"
#include "listed.h"
#include "operands.h"
#include "options.h"
#include "plan.h"
#include "progress.h"
#include "summary.h"

namespace cp {

class Run {
public:
    Run(const Options& chosen, Operands& named);

    // Copies everything; the exit status. If a signal ended it, everything is cleaned up.
    int go();

private:
    bool open_pool();
    void copy_operands();
    void copy_list();
    void copy_listed(Entry& entry, Listed& listed);
    bool leave_repeated(Entry& entry);
    void leave_out_repeated(Entry& entry, const Listed& listed,
                            const std::vector<std::string>& parts);
    void plan_and_start(Entry& entry);
    Verdict plan(Entry& entry);
    void start_tree(Entry& entry);
    void wait_for_room();
    void wait_for_all();
    void start(Entry& entry);
    int submit(Entry& entry);
    void make_link(Entry& entry);

    // Cancels everything when a signal has come; whether one has.
    bool stop_requested();
    void wait_for_completions();
    void settle(Entry& entry, const arsync_completion& completion);
    void settle_tree(Entry& entry, const arsync_completion& completion);
    void keep_totals(Entry& entry, const arsync_completion& completion);
    void note_end(const Entry& entry, bool made);
    void take_entry(Entry& tree, const arsync_completion& completion);
    void take_question(const Entry& entry, const arsync_completion& completion);
    bool try_again(Entry& entry, const arsync_completion& completion);
    void succeed(Entry& entry, const arsync_completion& completion);
    void undo_backup(Entry& entry);
    void end(Entry& entry);
    void print_lines(Entry& entry);
    void print_settled();

    void measure_total();
    Amounts under_way();
    void show_progress();
    void report();

    const Options& options;
    Operands& operands;
    Ledger ledger;
    Planner planner;
    Progress progress;
    std::deque<Entry> window;
    size_t trees_left = 0; // directories among the operands that have not ended
    bool list_is_open = false;
    size_t running = 0;
    size_t running_most = 1;
    const size_t descriptors_most; // that jobs may hold, by their entries' estimates
    size_t descriptors_held = 0;

    arsync_pool* pool = nullptr;
    int event_fd = -1;
    arsync_link_set link_set = 0; // of all sources, if there are several
    int signal_fd = -1;
    bool stopping = false;

    bool failed = false;
    Totals totals;
    std::chrono::steady_clock::time_point began;
};

} // namespace cp
