#include "job.h"

#include <new>

namespace arsync {

static Task<void> run_copy(Io io, Job& job, Host& host) {
    if (job.control.held()) // since it was taken
        co_await wait_while_held(io, job.control);
    job.control.throw_if_cancelled();
    if (auto* help = std::get_if<Help>(&job.what))
        co_await help->work->help(io, job.control, host);
    else if (auto* file = std::get_if<FileCopy>(&job.what))
        co_await copy_path(io, *file, job.options, job.filter, job.control, host, job.question,
                           job.outcome, job.totals);
    else
        co_await copy_range(io, std::get<RangeCopy>(job.what), job.options, job.control,
                            job.outcome);
}

Task<void> run_job(Io io, Job& job, Host& host) {
    Outcome& outcome = job.outcome;
    try {
        co_await run_copy(io, job, host);
    } catch (const Error& error) {
        outcome.fail(-error.code, error.stage);
    } catch (const std::bad_alloc&) {
        outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
}

} // namespace arsync
