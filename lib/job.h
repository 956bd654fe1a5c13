// One submitted copy, from submit to the poll that takes its completion.
//
// The pool owns it. Exactly one worker runs it, once; `outcome` is that worker's until the pool has
// been told that the job is finished. Exactly one completion comes of it.
#pragma once

#include <variant>

#include "copy/copy.h"
#include "io/fd.h"

namespace arsync {

class Worker;

struct Job {
    std::variant<FileCopy, RangeCopy> what;
    arsync_copy_options options = {};
    Fd source_fd;      // keeps what the copy refers to by number
    Fd destination_fd; // the same
    uint64_t user_data = 0;
    arsync_job id = 0;

    Control control;
    Outcome outcome;

    // Under the pool's mutex.
    arsync_job_state state = ARSYNC_JOB_QUEUED;
    Worker* worker = nullptr; // that runs it

    Job* next = nullptr;     // in the pool's queue, the worker's list, or the finished ones
    Job* previous = nullptr; // in the worker's list
};

// Run a job to its end: the boundary at which errors become results.
Task<void> run_job(Io io, Job& job) noexcept;

} // namespace arsync
