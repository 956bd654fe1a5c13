// arsync_copy, and what its completion leaves to be taken or given back.
#include <cerrno>
#include <memory>
#include <utility>

#include "alone.h"
#include "arsync.h"
#include "c_submit.h"
#include "c_wall.h"
#include "completion.h"
#include "pool.h"
#include "pool_options.h"

namespace {

using namespace arsync;

// What the program gets of a copy that is over, and is to give back. own: null if it wants nothing.
void tell(arsync_completion done, std::unique_ptr<Job> job, std::unique_ptr<OwnDetails> own,
          arsync_completion* completion) {
    const auto copy = std::exchange(job->outcome.kept, {}); // which is closed, if nobody wants it
    Fd kept(copy ? copy->release() : -1);
    if (!completion)
        return;
    const bool has_details = done.details;
    if (has_details)
        own->take(std::move(job), std::move(kept));
    *completion = done;
    completion->details = has_details ? own.release() : nullptr;
}

// There was no copy.
int refused(int error, arsync_completion* completion) {
    if (completion) {
        *completion = {};
        completion->kind = ARSYNC_COMPLETION_JOB;
        completion->result = error;
    }
    return error;
}

// By a pool of its own. Its only completion is the job's.
int copy_by_pool(std::unique_ptr<Job> job, std::unique_ptr<OwnDetails> own,
                 arsync_completion* completion) {
    arsync_pool_options by_default{};
    by_default.struct_size = sizeof by_default;
    if (const int error = settle(by_default); error < 0)
        return error;
    Pool pool(by_default);
    arsync_job id = 0;
    if (const int error = pool.submit(std::move(job), &id); error < 0)
        return error;
    arsync_completion done{};
    const int count = pool.poll(&done, 1, -1);
    if (count != 1) // there is no memory for what runs
        return count < 0 ? count : -EIO;
    done.job = 0;
    tell(done, pool.take_polled(id), std::move(own), completion);
    return done.result;
}

} // namespace

extern "C" {

int arsync_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst,
                const arsync_copy_options* options, arsync_completion* completion) {
    const int result = uncancelled([&] {
        if (completion)
            *completion = {};
        auto job = std::make_unique<Job>();
        int error = take_job_options(nullptr, options, *job);
        if (error == 0 && asks_first(job->options))
            error = -EINVAL; // nobody could answer
        job->options.flags |= ARSYNC_COPY_BORROW_DIRFDS;
        job->options.report = ARSYNC_REPORT_NONE;
        if (error == 0)
            error = take_copy(src_dirfd, src, dst_dirfd, dst, *job);
        if (error < 0)
            return error;
        auto own = completion ? std::make_unique<OwnDetails>() : nullptr;
        if (!run_alone(*job))
            return copy_by_pool(std::move(job), std::move(own), completion);
        const int ended = job->outcome.result;
        arsync_completion done = completion_of(*job, job->outcome);
        done.details = details_of(*job);
        tell(done, std::move(job), std::move(own), completion);
        return ended;
    });
    return completion && completion->kind == 0 ? refused(result, completion) : result;
}

int arsync_take_fd(arsync_pool* handle, const arsync_completion* completion) {
    if (!completion)
        return -EFAULT;
    if (handle)
        return with_pool(handle, [&](Pool& pool) { return pool.take_fd(completion->job); });
    auto* own = static_cast<const OwnDetails*>(completion->details);
    const int fd = own ? const_cast<OwnDetails*>(own)->kept.release() : -1;
    return fd < 0 ? -ENOENT : fd;
}

void arsync_details_free(const arsync_details* details) {
    uncancelled([&] {
        delete static_cast<const OwnDetails*>(details);
        return 0;
    });
}

} // extern "C"
