// Jobs that end before any worker has them: cancelled while they wait, or for want of memory.
//
// What the caller gave them is closed before their completion is queued, as it is of those that ran
// (Worker::end): who waits for the end of a stream, or for a lock, waits for that. To close may
// wait for a server, and neither whoever cancels nor whoever polls is to; so a thread of its own
// does it, and completes the job. Where none can be had, whoever polls does, if there is nothing to
// give.
#include <new>
#include <pthread.h>
#include <utility>

#include "pool.h"

namespace arsync {

namespace {

struct Closing final : Request {
    explicit Closing(Job& unrun) : Request(Op::call, -1), job(unrun) {
        data = this;
        run = [](void* closing) -> int64_t {
            pthread_setname_np(pthread_self(), "arsync/0"); // not as who cancelled
            close_descriptors(static_cast<Closing*>(closing)->job);
            return 0;
        };
    }

    Job& job;
};

// A file that the pool still has is not closed by its operation's end.
bool has_to_close(const Job& job) {
    const auto* operation = std::get_if<CallerOperation>(&job.what);
    return operation ? operation->file->closed.load() : job.source_fd || job.destination_fd;
}

} // namespace

// Its outcome is set, and it is in no queue.
void Pool::end_unrun(Job& job) {
    job.state = ARSYNC_JOB_COMPLETED; // for whoever would cancel or adjust it
    job.worker = nullptr;
    job.closing = true;
    if (closing_ || !has_to_close(job)) { // a pool's end closes all
        if (std::holds_alternative<CallerOperation>(job.what))
            close_descriptors(job);
        complete(job);
        tell_poller();
        return;
    }
    auto* const closing = new (std::nothrow) Closing(job);
    if (closing && closers_.submit(*closing) == 0)
        return;
    delete closing;
    job.next = std::exchange(unclosed_, &job);
    tell_poller();
    if (event_fd_used_)
        mark_readable();
}

// For the thread that has closed something, and on it.
void Pool::complete_closed() {
    const Lock lock(mutex_);
    Request* closed = closers_.take_finished();
    while (closed) {
        auto* const closing = static_cast<Closing*>(closed);
        closed = static_cast<Request*>(closed->next);
        complete(closing->job);
        delete closing;
    }
    tell_poller();
}

void Pool::close_here() {
    while (unclosed_ && !finished_first_) {
        Job* const job = std::exchange(unclosed_, unclosed_->next);
        {
            const Unlock unlock(mutex_);
            close_descriptors(*job);
        }
        complete(*job);
    }
}

} // namespace arsync
