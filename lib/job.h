// One submitted copy, from submit to the poll that takes its completion.
//
// The pool owns it. One worker at a time runs it; `outcome` is that worker's until the pool has
// been told that the job is finished. Exactly one completion comes of it. One that has a question
// is begun anew with the answer; so it may have several runs, one after the other.
#pragma once

#include <map>
#include <variant>

#include "caller/operation.h"
#include "copy/list/list.h"
#include "copy/path.h"
#include "in_order.h"
#include "io/fd.h"
#include "speed.h"

namespace arsync {

class Worker;
struct Site;

// A job of the pool's own, which nobody submitted and nobody hears of: another worker's part in
// what several do.
struct Part {
    std::shared_ptr<Shared> work;
};

// Made when it is submitted, for items are added from then on.
struct ListCopy {
    std::shared_ptr<List> list;
};

struct Job {
    // A Grant, of an arsync_submit_acquire, is run by nobody: the pool completes it.
    std::variant<FileCopy, RangeCopy, Part, ListCopy, CallerOperation, Grant> what;
    bool has_entries() const { // with completions of their own
        return (options.flags & ARSYNC_COPY_RECURSIVE) != 0 ||
               std::holds_alternative<ListCopy>(what);
    }
    arsync_copy_options options = {};
    std::string backup_suffix; // that options points to
    std::string user_map;      // the same, without names
    std::string group_map;
    Filter filter;
    std::shared_ptr<Links> links; // shared with other jobs; or null
    Fd source_fd;                 // keeps what the copy refers to by number
    Fd destination_fd;            // the same
    uint64_t user_data = 0;
    arsync_job id = 0;

    Terms terms;
    Control control;
    Outcome outcome;
    arsync_totals totals = {};
    Question question;           // of a copy that is no tree's
    arsync_details details = {}; // of its completion, and so pointing to what is above

    // Under the pool's mutex.
    arsync_job_state state = ARSYNC_JOB_QUEUED;
    Speed speed;              // since it was submitted
    Worker* worker = nullptr; // that runs it
    Site* site = nullptr;     // in whose queue it is
    bool queued = false;      // in that; one that is paused is in none
    bool closing = false;     // it has ended, and is told of when what it was given is closed
    bool site_known = false;  // site is where its paths lead
    // Questions without an answer. Of a single copy there is one, without an asker, and while there
    // is nobody runs the job.
    struct PendingQuestion {
        Asker* asker = nullptr;
        std::unique_ptr<Suspended> suspended;
    };
    std::map<arsync_question, PendingQuestion> asked;
    InOrder in_order; // of a list: what is held back
    bool waits_for_answer() const { return !asked.empty() && !asked.begin()->second.asker; }

    Job* next = nullptr; // in the pool's queue, or the worker's list
    Job* previous = nullptr;
};

// Close what the caller gave. Of a range's destination, what that says is its result.
void close_descriptors(Job& job);

// Run a job to its end: the boundary at which errors become results. Throws only std::bad_alloc,
// and only from the call itself, if there is no memory for its frame.
Task<void> run_job(Io io, Job& job, Host& host);

} // namespace arsync
