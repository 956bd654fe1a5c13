// How completions are queued, waited for and taken.
//
// One thread polls at a time. It looks; if there is nothing it sleeps on a semaphore, and looks
// again when whoever has something for it has posted. Who has just got entries of a tree or a list
// dozes first, for a millisecond at most, and is woken when there are many of them, or anything
// else: to be woken for each costs a thread switch. While it sleeps it holds no lock and no frame
// of ours has anything to undo, so the program may cancel it there (pthread_cancel): what remains
// is its turn, which Turn gives to the next one, and perhaps a post, for which that one looks once
// more than it had to.
#include <cerrno>
#include <ctime>
#include <semaphore.h>
#include <utility>

#include "c_wall.h"
#include "completion.h"
#include "pool.h"

namespace arsync {

void Pool::finish(Job& job) {
    bool sleeps = false;
    {
        const Lock lock(mutex_);
        Worker& worker = *job.worker;
        release(worker);
        complete(job);
        // It looks once more before it sleeps, so whoever submits next needs no other.
        if (worker.running() == 0 && !site_to_serve(worker))
            worker.found_nothing();
        sleeps = std::exchange(poller_, Poller::awake) != Poller::awake;
    }
    if (sleeps) // now that it does not meet this thread at the mutex
        sem_post(&sleeper_);
}

void Pool::complete(Job& job) {
    running_ -= job.state == ARSYNC_JOB_RUNNING;
    job.state = ARSYNC_JOB_COMPLETED;
    job.closing = false;
    job.worker = nullptr;
    ++completed_;
    if (job.outcome.result == -ECANCELED)
        ++cancelled_;
    else if (job.outcome.result < 0)
        ++failed_;
    auto* const operation = std::get_if<CallerOperation>(&job.what);
    if (operation) { // before anybody can know that it has ended
        operation->use = {};
        operation->file.end();
    }
    Finished& finished = slots_[slot_of(job.id)].finished;
    finished.completion = completion_of(job, job.outcome);
    while (std::unique_ptr<Finished> held = job.in_order.take(true))
        queue_held(std::move(held));
    queue_finished(finished);
    if (operation)
        serve_acquires();
}

void Pool::report(Job& job, Report report) {
    const Outcome& outcome = report.outcome;
    auto finished = std::make_unique<Finished>();
    finished->completion = completion_of(job, outcome);
    finished->completion.kind = static_cast<uint16_t>(report.kind);
    if (report.item != 0)
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
        if (!queue_of_item(job, report.item, std::move(finished)))
            return;
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

// Whether there is something new to be polled.
bool Pool::queue_of_item(Job& job, uint64_t item, std::unique_ptr<Finished> finished) {
    if (!is_in_order(job, item)) {
        queue_held(std::move(finished));
        return true;
    }
    job.in_order.prepare(item);
    job.in_order.hold(item, std::move(finished));
    bool any = false;
    while (std::unique_ptr<Finished> next = job.in_order.take()) {
        queue_held(std::move(next));
        any = true;
    }
    return any;
}

// Of what is no job, whose own it is.
void Pool::queue_held(std::unique_ptr<Finished> finished) {
    entries_waiting_ += finished->completion.kind != ARSYNC_COMPLETION_QUESTION;
    queue_finished(*finished.release());
}

} // namespace arsync

extern "C" int arsync_poll(arsync_pool* handle, arsync_completion* completions, uint32_t max,
                           int timeout_ms) {
    if (!completions)
        return -EFAULT;
    if (max == 0 || timeout_ms < -1)
        return -EINVAL;
    arsync::Pool* pool = nullptr;
    const int error = arsync::find(handle, pool);
    return error < 0 ? error : pool->poll(completions, max, timeout_ms);
}

namespace arsync {

static bool sleep(sem_t& sleeper, const timespec* until);
static bool is_before(const timespec& one, const timespec& other);
static timespec after(int timeout_ms);

int Pool::poll(arsync_completion* completions, uint32_t max, int timeout_ms) {
    if (!turn_.try_take()) // another thread polls
        return -EBUSY;
    const timespec until = timeout_ms > 0 ? after(timeout_ms) : timespec{};
    bool may_sleep = timeout_ms != 0;
    int count = 0;
    for (;;) {
        count = uncancelled([&] { return look(completions, max, may_sleep); });
        if (count == nothing_for_a_moment) {
            const timespec moment = after(1);
            const bool is_last = timeout_ms > 0 && is_before(until, moment);
            may_sleep = sleep(sleeper_, is_last ? &until : &moment) || !is_last;
        } else if (count == nothing_yet) {
            may_sleep = sleep(sleeper_, timeout_ms < 0 ? nullptr : &until);
        } else {
            break;
        }
    }
    turn_.give_back();
    return count;
}

int Pool::look(arsync_completion* completions, uint32_t max, bool may_sleep) {
    Lock lock(mutex_);
    do { // what somebody waits for may hang on what is to be closed
        if (!finished_first_) {
            drop_polled();
            close_here();
        }
        run_here();
    } while (unclosed_ && !finished_first_);
    if (drained()) // the program is to stop polling, as soon as it asks
        return -ESHUTDOWN;
    if (!finished_first_ && !woken_ && may_sleep) {
        const bool dozes = std::exchange(gave_entries_, false) && !here_;
        poller_ = dozes ? Poller::dozes : Poller::sleeps;
        if (here_ && here_->told() && here_->has_room())
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
    if (entries_waiting_ <= ARSYNC_ENTRIES_WAITING_MAX / 2)
        make_room();
    if (!finished_first_) {
        finished_end_ = &finished_first_;
        if ((count > 0 || woken || here_) && event_fd_used_ && !has_something())
            mark_empty();
    }
    lock.unlock();
    free_polled(old_entries, old_jobs);
    return count;
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

void Pool::drop_polled() {
    if (!polled_entries_ && !polled_jobs_)
        return;
    Finished* const entries = std::exchange(polled_entries_, nullptr);
    Job* const jobs = std::exchange(polled_jobs_, nullptr);
    const Unlock unlock(mutex_);
    free_polled(entries, jobs);
}

void Pool::free_polled(Finished* entries, Job* jobs) {
    while (entries)
        delete std::exchange(entries, entries->next);
    while (jobs)
        delete std::exchange(jobs, jobs->next);
}

static int sleep_until(sem_t& sleeper, const timespec& until) {
#ifdef __GLIBC__
    return sem_clockwait(&sleeper, CLOCK_MONOTONIC, &until);
#else // musl sleeps for the difference, so that a change of the other clock matters for this moment
      // only
    timespec now{};
    timespec wall{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    clock_gettime(CLOCK_REALTIME, &wall);
    wall.tv_sec += until.tv_sec - now.tv_sec;
    wall.tv_nsec += until.tv_nsec - now.tv_nsec;
    while (wall.tv_nsec < 0 || wall.tv_nsec >= 1'000'000'000) {
        const int carry = wall.tv_nsec < 0 ? -1 : 1;
        wall.tv_sec += carry;
        wall.tv_nsec -= carry * 1'000'000'000L;
    }
    return sem_timedwait(&sleeper, &wall);
#endif
}

// Until somebody posts, or for ever. False: the time is over.
static bool sleep(sem_t& sleeper, const timespec* until) {
    const int result = until ? sleep_until(sleeper, *until) : sem_wait(&sleeper);
    return result == 0 || errno != ETIMEDOUT;
}

static bool is_before(const timespec& one, const timespec& other) {
    return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}

static timespec after(int timeout_ms) {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1'000'000L;
    if (until.tv_nsec >= 1'000'000'000) {
        ++until.tv_sec;
        until.tv_nsec -= 1'000'000'000;
    }
    return until;
}

// The jobs of the worker without a thread, until one has ended.
void Pool::run_here() {
    while (here_goes_on_ && !finished_first_ && !woken_) {
        Worker* const here = here_;
        here_goes_on_ = false; // unless somebody says so meanwhile
        bool any = false;
        {
            const Unlock unlock(mutex_);
            any = here->turn_here();
        }
        here_goes_on_ = here_goes_on_ || any;
    }
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
    here_goes_on_ = true;
    tell_poller();
    if (event_fd_used_)
        mark_readable();
}

// Of a job that the last poll has given out.
int Pool::take_fd(arsync_job id) {
    const Lock lock(mutex_);
    for (Job* job = polled_jobs_; job; job = job->next)
        if (job->id == id && job->outcome.kept)
            return std::exchange(job->outcome.kept, {})->release();
    return -ENOENT;
}

std::unique_ptr<Job> Pool::take_polled(arsync_job id) {
    const Lock lock(mutex_);
    for (Job** at = &polled_jobs_; *at; at = &(*at)->next)
        if ((*at)->id == id)
            return std::unique_ptr<Job>(std::exchange(*at, (*at)->next));
    return nullptr;
}

bool Pool::runs_one_job() {
    const Lock lock(mutex_);
    return running_ == 1 && queued_ == 0;
}

} // namespace arsync
