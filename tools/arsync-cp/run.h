// All operands, or all names of a list, are one job: it is submitted, waited for, and told of.
//
// Always true: items are in the window in the order of the command line, and what is said about one
// of them is printed when all before it are settled.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

#include "operands.h"
#include "options.h"
#include "progress.h"
#include "report.h"

namespace cp {

class Run {
public:
    Run(const Options& options, Operands& operands)
        : options_(options), operands_(operands), progress_(options.progress) {}

    // Copies everything; the exit status. If a signal ended it, everything is cleaned up.
    int go();

private:
    bool open_pool();
    bool open_job();
    void add(const Pair& pair);
    void hand_over();
    void finish_job();
    bool stop_requested();
    void take_completions();
    bool take_ready();
    void take(const arsync_completion& completion);
    void take_question(const arsync_completion& completion);
    void take_job(const arsync_completion& completion);
    void answer();
    void end(Item& item);
    void print_settled();
    void print_lines(Item& item);
    void fail(const std::string& complaint);

    void measure();
    Amounts amounts();
    void report();

    struct Question {
        uint64_t item;
        arsync_question id;
        Place destination;
        mode_t mode;
    };

    const Options& options_;
    Operands& operands_;
    Progress progress_;
    arsync_pool* pool_ = nullptr;
    arsync_job job_ = 0; // 0: it has ended
    int event_fd_ = -1;
    int signal_fd_ = -1;

    std::deque<Item> window_;
    uint64_t first_ = 1; // number of the window's first item, by which completions name it
    std::vector<arsync_item> waiting_; // for the job to take them
    std::vector<Question> questions_;
    bool stopping_ = false;
    bool failed_ = false;
    bool has_trees_ = false;
    Amounts measured_;
    Totals totals_;
    std::chrono::steady_clock::time_point began_;
};

} // namespace cp
