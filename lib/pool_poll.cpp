// How completions are waited for and taken.
//
// One thread polls at a time. It looks; if there is nothing it sleeps on a semaphore, and looks
// again when whoever has something for it has posted. Who has just got entries of a tree or a list
// dozes first, for a millisecond at most, and is woken when there are many of them, or anything
// else: to be woken for each costs a thread switch. While it sleeps it holds no lock and no frame
// of ours has anything to undo, so the program may cancel it there (pthread_cancel): what remains
// is its turn, which Turn gives to the next one, and perhaps a post, for which that one looks once
// more than it had to.
#include <cerrno>
#include <unistd.h>
#include <utility>

#include "pool.h"

namespace arsync {

bool Pool::begin_poll() {
    return turn_.try_take();
}

void Pool::end_poll() {
    turn_.give_back();
}

int Pool::look(arsync_completion* completions, uint32_t max, bool may_sleep) {
    Lock lock(mutex_);
    run_here();
    if (drained()) // the program is to stop polling, as soon as it asks
        return -ESHUTDOWN;
    if (!finished_first_ && !woken_ && may_sleep) {
        const bool dozes = std::exchange(gave_entries_, false) && !here_;
        poller_ = dozes ? Poller::dozes : Poller::sleeps;
        if (here_ && here_->told())
            tell_poller();
        return dozes ? nothing_for_a_moment : nothing_yet;
    }
    poller_ = Poller::awake; // nor sleeps whoever was cancelled
    const bool woken = std::exchange(woken_, false);
    Finished* const old_entries = std::exchange(polled_entries_, nullptr);
    Job* const old_jobs = std::exchange(polled_jobs_, nullptr);
    int count = 0;
    while (finished_first_ && static_cast<uint32_t>(count) < max)
        take_finished(completions[count++]);
    gave_entries_ = polled_entries_ != nullptr;
    if (!finished_first_) {
        finished_end_ = &finished_first_;
        if ((count > 0 || woken) && event_fd_used_ && !(here_ && outstanding_ > 0) && !drained())
            mark_empty();
    }
    if (entries_waiting_ <= ARSYNC_ENTRIES_WAITING_MAX / 2)
        make_room();
    lock.unlock();
    free_polled(old_entries, old_jobs);
    return count;
}

// The jobs of the worker without a thread, until one has ended.
void Pool::run_here() {
    for (bool any = here_; any && !finished_first_ && !woken_;) {
        Worker* const here = here_;
        const Unlock unlock(mutex_);
        any = here->turn_here();
    }
}

// Of a job that the last poll has given out.
int Pool::take_fd(arsync_job id) {
    const Lock lock(mutex_);
    for (Job* job = polled_jobs_; job; job = job->next)
        if (job->id == id && job->outcome.kept)
            return std::exchange(job->outcome.kept, {})->release();
    return -ENOENT;
}

void Pool::wake() {
    const Lock lock(mutex_);
    woken_ = true;
    if (event_fd_used_)
        mark_readable();
    tell_poller();
}

void Pool::tell_poller() {
    if (std::exchange(poller_, Poller::awake) != Poller::awake)
        sem_post(&sleeper_);
}

// If it is who polls that has work.
void Pool::wake_poller() {
    if (!here_)
        return;
    here_->wake();
    tell_poller();
    if (event_fd_used_)
        mark_readable();
}

int Pool::event_fd() {
    const Lock lock(mutex_);
    if (!event_fd_used_ && (finished_first_ || woken_ || drained() || (here_ && outstanding_ > 0)))
        mark_readable();
    event_fd_used_ = true;
    return event_fd_.get();
}

void Pool::mark_readable() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_fd_.get(), &one, sizeof one);
}

void Pool::mark_empty() {
    uint64_t value;
    [[maybe_unused]] const ssize_t got = read(event_fd_.get(), &value, sizeof value);
}

} // namespace arsync
