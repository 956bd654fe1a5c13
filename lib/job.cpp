#include "job.h"

#include <new>

#include "copy/huge.h"

namespace arsync {

static Task<void> run_copy(Io io, Job& job, Host& host) {
    if (job.control.held()) // since it was taken
        co_await wait_while_held(io, job.control);
    job.control.throw_if_cancelled();
    if (auto* part = std::get_if<Part>(&job.what))
        co_await part->work->take_part(io, job.control, host);
    else if (auto* operation = std::get_if<CallerOperation>(&job.what))
        co_await run_operation(io, *operation, job.control, job.outcome);
    else if (auto* list = std::get_if<ListCopy>(&job.what))
        co_await list->list->run(io, host, job.outcome, job.totals);
    else if (auto* file = std::get_if<FileCopy>(&job.what))
        co_await copy_path(io, *file, job.options, job.filter, job.control, host, job.question,
                           job.outcome, job.totals);
    else
        co_await copy_range(io, std::get<RangeCopy>(job.what), job.options, job.control,
                            job.outcome);
}

void close_descriptors(Job& job) {
    if (auto* operation = std::get_if<CallerOperation>(&job.what))
        operation->file = FileUse(); // which the caller may have closed
    job.source_fd = Fd();
    const int closed = job.destination_fd.close();
    if (closed < 0 && job.outcome.result == 0 && std::holds_alternative<RangeCopy>(job.what))
        job.outcome.fail(closed, ARSYNC_STAGE_CLOSE);
}

// A huge file of which the caller has closed its own descriptor, and removed the name, goes with
// ours.
static bool is_slow_to_close(Files& files, const Job& job) {
    const auto goes = [&](int fd) {
        struct statx now;
        return files.statx(fd, "", 0, now) == 0 && now.stx_nlink == 0 && is_huge(now);
    };
    if (const auto* operation = std::get_if<CallerOperation>(&job.what))
        return operation->file->closed && goes(operation->file->fd);
    const auto* range = std::get_if<RangeCopy>(&job.what);
    return range && range->huge && !range->keeps_locks &&
           (goes(range->source) || goes(range->destination));
}

Task<void> run_job(Io io, Job& job, Host& host) {
    Outcome& outcome = job.outcome;
    outcome.wanted.begin(job.options);
    try {
        co_await run_copy(io, job, host);
    } catch (const Error& error) {
        outcome.fail(error);
    } catch (const std::bad_alloc&) {
        outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    if (is_slow_to_close(io.files, job))
        co_await io.ring.call(true, [&] {
            close_descriptors(job);
            return 0;
        });
    // What has failed after all is not handed out; nor is it for whoever polls to close.
    if (outcome.kept && (outcome.flags & ARSYNC_COMPLETION_COPIED) == 0)
        co_await io.ring.call(true, [&] {
            outcome.kept.reset();
            return 0;
        });
    outcome.wanted.end(job.options);
}

} // namespace arsync
