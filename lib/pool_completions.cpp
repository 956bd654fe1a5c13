// What waits to be polled: queued here, given out by pool_poll.cpp.
#include <semaphore.h>
#include <utility>

#include "completion.h"
#include "pool.h"

namespace arsync {

void Pool::report(const Job& job, Report report) {
    const Outcome& outcome = report.outcome;
    auto finished = std::make_unique<Finished>();
    finished->completion = completion_of(job, outcome);
    finished->completion.kind = static_cast<uint16_t>(report.kind);
    if (report.in_item)
        finished->completion.user_data = report.user_data;
    finished->has_path = report.kind != ARSYNC_COMPLETION_ITEM;
    finished->path = std::move(report.path);
    const bool has_totals = report.totals && wants(job.options, ARSYNC_WANT_TOTALS);
    if (outcome.wanted.has != 0 || outcome.other || !outcome.backup.empty() ||
        !outcome.name.empty() || (outcome.has_error_path && outcome.result < 0) || has_totals) {
        auto details = std::make_unique<Finished::Details>();
        details->outcome = outcome;
        fill_details(details->shown, details->outcome);
        if (has_totals) {
            details->totals = *report.totals;
            details->shown.totals = &details->totals;
            details->shown.has |= ARSYNC_WANT_TOTALS;
        }
        finished->details = std::move(details);
    }
    bool wakes = false;
    {
        const Lock lock(mutex_);
        ++entries_waiting_;
        queue_finished(*finished.release());
        wakes = poller_ == Poller::sleeps ||
                (poller_ == Poller::dozes && entries_waiting_ >= entries_enough);
        if (wakes)
            poller_ = Poller::awake;
    }
    if (wakes)
        sem_post(&sleeper_);
}

void Pool::queue_finished(Finished& finished) {
    const bool first = !finished_first_;
    finished.next = nullptr;
    *finished_end_ = &finished;
    finished_end_ = &finished.next;
    if (first && event_fd_used_)
        mark_readable();
}

void Pool::take_finished(arsync_completion& completion) {
    Finished& finished = *finished_first_;
    finished_first_ = finished.next;
    completion = finished.completion;
    if (completion.kind != ARSYNC_COMPLETION_JOB) {
        completion.path = finished.has_path ? finished.path.c_str() : nullptr;
        if (finished.details) {
            finished.details->shown.struct_size = sizeof finished.details->shown;
            completion.details = &finished.details->shown;
        }
        finished.next = std::exchange(polled_entries_, &finished);
        entries_waiting_ -= completion.kind != ARSYNC_COMPLETION_QUESTION;
        return;
    }
    const uint64_t index = slot_of(completion.job);
    Job* job = slots_[index].job.release();
    completion.details = details_of(*job);
    if (auto* grant = std::get_if<Grant>(&job->what))
        grant->hand_over();
    job->next = std::exchange(polled_jobs_, job);
    free_slots_.push_back(static_cast<uint32_t>(index)); // has room, see submit
    --outstanding_;
}

void Pool::free_polled(Finished* entries, Job* jobs) {
    while (entries)
        delete std::exchange(entries, entries->next);
    while (jobs)
        delete std::exchange(jobs, jobs->next);
}

bool Pool::wait_for_room(const Job& job, Ring& ring, Waiter& waiter) {
    const Lock lock(mutex_);
    if (entries_waiting_ < ARSYNC_ENTRIES_WAITING_MAX || closing_ || job.control.cancelled())
        return false;
    blocked_.push_back({&ring, &waiter});
    return true;
}

void Pool::make_room() {
    for (const Blocked& blocked : blocked_)
        blocked.ring->post_from_outside(*blocked.waiter);
    blocked_.clear();
}

bool Pool::runs_one_job() {
    const Lock lock(mutex_);
    return running_ == 1 && queued_ == 0;
}

} // namespace arsync
