// What is asked of a pool's jobs while they wait or run: cancel, adjust, progress, more items of a
// list; and of its link sets.
#include <cerrno>
#include <utility>

#include "pool.h"

namespace arsync {

int Pool::cancel(arsync_job id) {
    const Lock lock(mutex_);
    Job* job = find(id);
    if (!job)
        return -ENOENT;
    cancel(*job);
    return 0;
}

void Pool::cancel(Job& job) {
    job.control.cancel();
    job.terms.let_go();
    const bool waits = job.waits_for_answer();
    withdraw_under_lock(job);
    if (job.state == ARSYNC_JOB_QUEUED) {
        if (job.queued) {
            unqueue(job);
            leave(*job.site);
        }
        const bool acquires = std::erase(acquires_, &job) > 0;
        cancel_queued(job, waits ? ARSYNC_STAGE_ASK : ARSYNC_STAGE_QUEUE);
        if (acquires)
            serve_acquires(); // there may be enough for the one behind it
    }
    if (job.state != ARSYNC_JOB_RUNNING)
        return;
    if (job.links)
        job.links->wake_sleepers();
    if (const auto* list = std::get_if<ListCopy>(&job.what))
        list->list->wake_all();
    if (job.has_entries()) {
        for (auto& worker : workers_) // any may have a part in it
            worker->wake_to_cancel();
        make_room();
    } else {
        job.worker->wake_to_cancel();
    }
    wake_poller();
}

int Pool::adjust(arsync_job id, const arsync_adjustment& adjustment) {
    const Lock lock(mutex_);
    Job* job = find(id);
    if (!job)
        return -ENOENT;
    if (std::holds_alternative<Grant>(job->what))
        return -EINVAL; // there is nothing to adjust
    Terms& terms = job->terms;
    if ((adjustment.what & ARSYNC_ADJUST_BYTE_RATE) != 0) {
        using namespace std::chrono;
        const auto now = duration_cast<nanoseconds>(steady_clock::now().time_since_epoch());
        terms.pace().set_rate(adjustment.byte_rate, static_cast<uint64_t>(now.count()));
    }
    if ((adjustment.what & ARSYNC_ADJUST_PRIORITY) != 0) {
        terms.set_priority(adjustment.priority);
        if (job->queued) {
            unqueue(*job);
            queue(*job, *job->site);
        }
    }
    if ((adjustment.what & ARSYNC_ADJUST_PAUSE) != 0) {
        terms.pause();
        if (job->queued) {
            unqueue(*job);
            job->site_known = false;
            leave(*job->site);
        }
    }
    if ((adjustment.what & ARSYNC_ADJUST_RESUME) != 0 && terms.paused()) {
        terms.resume();
        if (job->state == ARSYNC_JOB_QUEUED && !job->waits_for_answer())
            queue_again(*job);
        wake_poller();
    }
    return 0;
}

int Pool::progress(arsync_job id, arsync_progress& out) {
    const Lock lock(mutex_);
    Job* job = find(id);
    if (!job)
        return -ENOENT;
    out.state = job->closing ? ARSYNC_JOB_RUNNING : job->state;
    out.stage = job->control.stage();
    out.method = job->control.method();
    out.bytes_total = job->control.bytes_total();
    out.bytes_done = job->control.bytes_done();
    out.errors = job->control.counts().errors.load(std::memory_order_relaxed);
    out.entries_total = job->control.counts().entries_total.load(std::memory_order_relaxed);
    out.entries_done = job->control.counts().entries_done.load(std::memory_order_relaxed);
    const bool is_over = out.state == ARSYNC_JOB_COMPLETED;
    if (out.entries_total == 0 && !std::holds_alternative<ListCopy>(job->what)) { // nor a tree
        out.entries_total = 1;
        out.entries_done = is_over;
        out.errors = is_over && job->outcome.result < 0 && job->outcome.result != -ECANCELED;
    }
    if (!is_over && job->control.counts().walking.load(std::memory_order_relaxed))
        out.flags |= ARSYNC_PROGRESS_WALKING;
    if (job->terms.paused())
        out.flags |= ARSYNC_PROGRESS_PAUSED;
    out.bytes_per_second = job->speed.per_second(out.bytes_done, Speed::Clock::now());
    return 0;
}

int Pool::add_to_list(arsync_job id, std::vector<ListItem>&& items) {
    const Lock lock(mutex_);
    Job* job = find(id);
    if (!job || job->state == ARSYNC_JOB_COMPLETED || job->control.cancelled())
        return -ENOENT;
    const auto* list = std::get_if<ListCopy>(&job->what);
    const int added = list ? list->list->add(std::move(items)) : -EINVAL;
    wake_poller();
    return added;
}

int Pool::end_list(arsync_job id) {
    const Lock lock(mutex_);
    Job* job = find(id);
    if (!job || job->state == ARSYNC_JOB_COMPLETED || job->control.cancelled())
        return -ENOENT;
    const auto* list = std::get_if<ListCopy>(&job->what);
    const int result = list ? list->list->end() : -EINVAL;
    wake_poller();
    return result;
}

int Pool::open_link_set(arsync_link_set& set) {
    const Lock lock(mutex_);
    if (closing_ || shut_)
        return -ESHUTDOWN;
    link_sets_.emplace(last_link_set_ + 1, std::make_shared<Links>(true));
    set = ++last_link_set_;
    return 0;
}

int Pool::close_link_set(arsync_link_set set) {
    std::shared_ptr<Links> closed; // may hold much: to be freed without the mutex
    const Lock lock(mutex_);
    const auto found = link_sets_.find(set);
    if (found == link_sets_.end())
        return -ENOENT;
    closed = std::move(found->second);
    link_sets_.erase(found);
    return 0;
}

std::shared_ptr<Links> Pool::find_link_set(arsync_link_set set) {
    const Lock lock(mutex_);
    const auto found = link_sets_.find(set);
    return found == link_sets_.end() ? nullptr : found->second;
}

void Pool::shut_down(bool cancels) {
    const Lock lock(mutex_);
    shut_ = true;
    for (Slot& slot : slots_)
        if (cancels && slot.job)
            cancel(*slot.job);
    if (drained() && event_fd_used_)
        mark_readable();
    wake_poller();
    tell_poller();
}

} // namespace arsync
