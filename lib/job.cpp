#include "job.h"

#include <new>

namespace arsync {

static Task<void> run_copy(Io io, Job& job) {
    job.control.throw_if_cancelled();
    if (auto* file = std::get_if<FileCopy>(&job.what))
        co_await copy_file(io, *file, job.options, job.control, job.outcome);
    else
        co_await copy_range(io, std::get<RangeCopy>(job.what), job.options, job.control,
                            job.outcome);
}

Task<void> run_job(Io io, Job& job) noexcept {
    Outcome& outcome = job.outcome;
    try {
        co_await run_copy(io, job);
    } catch (const Error& error) {
        outcome.result = -error.code;
        outcome.stage = error.stage;
    } catch (const std::bad_alloc&) {
        outcome.result = -ENOMEM;
        outcome.stage = ARSYNC_STAGE_MEMORY;
    }
}

} // namespace arsync
