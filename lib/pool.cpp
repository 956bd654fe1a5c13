#include "pool.h"

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "io/descriptors.h"
#include "io/memory_limit.h"
#include "pool_options.h"

namespace arsync {

Pool::Pool(const arsync_pool_options& options)
    : options_(options),
      callers_buffers_(std::make_shared<CallerBuffers>(
          options.lease_count, options.buffer_size, (options.flags & ARSYNC_POOL_HUGE_PAGES) != 0)),
      company_(processors()), flows_(options_.buffer_count, options_.buffer_size),
      event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_fd_)
        throw Error{ARSYNC_STAGE_QUEUE, errno};
    sem_init(&sleeper_, 0, 0);
    workers_.reserve(options.workers);
    if (options.byte_rate > 0)
        pace_.emplace(options.byte_rate);
    if (options.backend == ARSYNC_BACKEND_URING) {
        decide_backend();
        if (backend_error_ == 0)
            backend_error_ = starter_.error(); // a ring belongs to one thread
        if (backend_error_ < 0)
            throw Error{ARSYNC_STAGE_QUEUE, -backend_error_};
    }
}

Pool::~Pool() {
    {
        const Lock lock(mutex_);
        closing_ = true;
        for (Slot& slot : slots_) {
            if (!slot.job)
                continue;
            slot.job->control.cancel();
            slot.job->terms.let_go();
            if (const auto* list = std::get_if<ListCopy>(&slot.job->what))
                list->list->wake_all();
            withdraw_under_lock(*slot.job);
            if (slot.job->queued) {
                unqueue(*slot.job);
                cancel_queued(*slot.job);
            }
        }
        make_room();
    }
    for (auto& worker : workers_)
        worker->wake_to_cancel();
    for (auto& worker : workers_)
        worker->join();
    workers_.clear();
    closers_.end();
    while (Finished* entry = finished_first_) {
        finished_first_ = entry->next;
        if (entry->completion.kind != ARSYNC_COMPLETION_JOB)
            delete entry;
    }
    free_polled(polled_entries_, polled_jobs_);
    sem_destroy(&sleeper_);
}

const Footprint& Pool::footprint() {
    // What is thrown out of call_once leaves it locked with musl, and with ThreadSanitizer.
    std::call_once(footprint_known_,
                   [&]() noexcept { footprint_ = arsync::footprint(options_, memory_limit()); });
    return footprint_;
}

bool Pool::in_forked_child() const {
    return !owner_.is_here();
}

bool Pool::in_any_child() const {
    return !owner_.is_own();
}

void Pool::abandon() {
    for (auto& worker : workers_)
        worker->abandon();
    mounts_.abandon();
    close(event_fd_.get());
}

int Pool::submit(std::unique_ptr<Job> job, arsync_job* id) {
    Lock lock(mutex_);
    if (const int error = refuse_submit(); error < 0)
        return error;
    const uint32_t slot = find_slot();
    Worker* chosen = nullptr;
    if (const int error = choose_worker(local_, chosen); error < 0)
        return error;
    queue(enter(slot, std::move(job), id), local_);
    wake_poller();
    lock.unlock();
    if (chosen)
        chosen->rouse();
    return 0;
}

int Pool::refuse_submit() const {
    if (closing_ || shut_)
        return -ESHUTDOWN;
    return outstanding_ == options_.job_limit ? -EAGAIN : 0;
}

// It is free until something is entered.
uint32_t Pool::find_slot() {
    if (free_slots_.empty()) {
        slots_.emplace_back();
        try {
            free_slots_.reserve(slots_.size()); // so that giving a slot back cannot fail
        } catch (...) {
            slots_.pop_back();
            throw;
        }
        free_slots_.push_back(static_cast<uint32_t>(slots_.size() - 1));
    }
    return free_slots_.back();
}

// Into the slot that was found last.
Job& Pool::enter(uint32_t index, std::unique_ptr<Job> job, arsync_job* id) {
    free_slots_.pop_back();
    Slot& slot = slots_[index];
    job->control.set_terms(job->terms);
    job->speed.begin(Speed::Clock::now());
    job->id = ++slot.generation << slot_bits | (index + 1);
    if (id)
        *id = job->id;
    ++outstanding_;
    ++submitted_;
    slot.job = std::move(job);
    return *slot.job;
}

// It has been told, and is to be roused; null: it comes by itself.
int Pool::choose_worker(Site& site, Worker*& chosen) {
    if (site_unknown_.workers > 0)
        settle_unknown_site();
    if (site.workers < options_.workers) {
        for (auto& worker : workers_) {
            if (worker->idle() && !worker->lacks_ring() &&
                (!worker->site || worker->site == &site)) {
                chosen = worker.get();
                chosen->tell();
                return 0;
            }
        }
    }
    size_t others = 0; // that have jobs which may never end
    for (auto& worker : workers_)
        others += worker->site && worker->site != &site;
    // The limits are looked at only if there might be one more, for that takes a system call.
    const bool may_add = workers_.size() < options_.workers + others && !closing_ && !here_;
    if (workers_.empty() || (may_add && workers_.size() < workers_max() + others)) {
        try {
            add_worker();
            return 0;
        } catch (const std::system_error& error) {
            if (workers_.empty()) {
                workers_.push_back(std::make_unique<Worker>(*this, -error.code().value()));
                here_ = workers_.back().get();
            }
        } catch (const std::bad_alloc&) {
            if (workers_.empty())
                return -ENOMEM;
        }
    }
    Worker* least = nullptr;
    for (auto& worker : workers_) {
        const bool may = worker->site ? worker->site == &site : site.workers < options_.workers;
        if (may && !worker->lacks_ring() && (!least || worker->running() < least->running()))
            least = worker.get();
    }
    if (!least)
        least = workers_.front().get();
    if (least->has_room()) { // else it looks by itself as soon as it has
        chosen = least;
        chosen->tell();
    }
    return 0;
}

// A program with one small copy to make does not have to know how much memory there is. A worker's
// ring is a descriptor, too.
unsigned Pool::workers_max() {
    return std::min({options_.workers, footprint().workers, descriptors::members()});
}

// With room for it before it is there, or there would be a thread that nobody joins.
void Pool::add_worker() {
    workers_.reserve(workers_.size() + 1);
    workers_.push_back(std::make_unique<Worker>(*this, static_cast<unsigned>(workers_.size())));
}

// Somebody to take a job of that site that is about to be queued: a worker that has nothing to do,
// else a new one, else whoever comes by. Called under the mutex: nobody looks at the queue before
// we are done.
int Pool::call_a_worker(Site& site) {
    Worker* chosen = nullptr;
    const int error = choose_worker(site, chosen);
    if (chosen)
        chosen->rouse();
    return error;
}

// Behind those that are no less urgent. One that is paused waits in no queue, for adjust().
void Pool::queue(Job& job, Site& site) {
    if (job.terms.paused()) {
        job.site_known = false;
        leave(site);
        return;
    }
    Job* previous = site.queued_last;
    while (previous && previous->terms.priority() < job.terms.priority())
        previous = previous->previous;
    job.site = &site;
    job.queued = true;
    job.previous = previous;
    job.next = previous ? previous->next : site.queued_first;
    (job.previous ? job.previous->next : site.queued_first) = &job;
    (job.next ? job.next->previous : site.queued_last) = &job;
    ++site.queued;
    ++queued_;
}

Job* Pool::take(Worker& worker) {
    const Lock lock(mutex_);
    while (Site* site = site_to_serve(worker)) {
        Job* job = site->queued_first;
        unqueue(*job);
        job->state = ARSYNC_JOB_RUNNING;
        job->worker = &worker;
        const bool was_known = job->site_known;
        if (!job->site_known && outstanding_ == 1 && !worker.site) {
            site = &site_unknown_;
        } else if (!job->site_known) {
            site = find_site(*job);
            if (!site) {
                job->outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
                end_unrun(*job);
                continue;
            }
            job->site_known = true;
            if (worker.site ? worker.site != site : site->workers >= options_.workers) {
                job->state = ARSYNC_JOB_QUEUED;
                job->worker = nullptr;
                if (job->control.cancelled()) {
                    cancel_queued(*job);
                    leave(*site);
                } else {
                    call_a_worker(*site);
                    queue(*job, *site);
                }
                continue;
            }
        }
        occupy(worker, *site, job);
        ++running_;
        if (site->queued > 0 && worker.taken >= Worker::running_max)
            call_a_worker(*site); // this one leaves the rest to others
        // Who was called for those behind it has another site from now on.
        if (!was_known && site != &local_ && local_.queued > 0)
            call_a_worker(local_);
        return job;
    }
    if (!worker.site || worker.site->queued == 0)
        worker.found_nothing();
    return nullptr;
}

// From whose queue a worker may take: while it has jobs, from their site's. A busy worker leaves
// the queue to idle ones: two large files should have two threads.
Site* Pool::site_to_serve(const Worker& worker) {
    if (Site* site = worker.site) {
        unsigned free = 0;
        for (auto& other : workers_)
            free += !other->site && !other->lacks_ring();
        free = std::min(free, options_.workers - std::min(options_.workers, site->workers));
        return site->queued > free ? site : nullptr;
    }
    Site* best = nullptr;
    const auto look_at = [&](Site& site) {
        if (site.queued > 0 && site.workers < options_.workers &&
            (!best || site.queued_first->terms.priority() > best->queued_first->terms.priority()))
            best = &site;
    };
    look_at(local_);
    for (auto& [devices, site] : sites_)
        look_at(site);
    return best;
}

void Pool::occupy(Worker& worker, Site& site, const Job* job) {
    if (worker.taken++ > 0)
        return;
    worker.site = &site;
    worker.may_hang.store(&site != &local_, std::memory_order_relaxed);
    worker.job_of_unknown_site = job;
    ++site.workers;
}

void Pool::release(Worker& worker) {
    if (--worker.taken > 0)
        return;
    Site& site = *std::exchange(worker.site, nullptr);
    --site.workers;
    leave(site);
}

void Pool::leave(Site& site) {
    if (site.workers == 0 && site.queued == 0 && !site.devices.empty())
        sites_.erase(sites_.find(site.devices));
}

void Pool::finish_part(Worker& worker) {
    const Lock lock(mutex_);
    release(worker);
}

// Of a job that was taken out, and belongs to whatever site its paths lead to by now.
void Pool::queue_again(Job& job) {
    call_a_worker(local_); // there is one at least
    job.site_known = false;
    queue(job, local_);
    wake_poller();
}

void Pool::unqueue(Job& job) {
    Site& site = *job.site;
    (job.previous ? job.previous->next : site.queued_first) = job.next;
    (job.next ? job.next->previous : site.queued_last) = job.previous;
    --site.queued;
    --queued_;
    job.queued = false;
}

// Whatever it waited for.
void Pool::cancel_queued(Job& job, Stage stage) {
    job.outcome.result = -ECANCELED;
    job.outcome.stage = stage;
    end_unrun(job);
}

Job* Pool::find(arsync_job id) {
    if (slot_of(id) >= slots_.size())
        return nullptr;
    Slot& slot = slots_[slot_of(id)];
    return slot.job && slot.job->id == id ? slot.job.get() : nullptr;
}

bool Pool::closing() {
    const Lock lock(mutex_);
    return closing_ && queued_ == 0;
}

bool Pool::all_lack_rings() {
    const Lock lock(mutex_);
    return std::all_of(workers_.begin(), workers_.end(),
                       [](const auto& worker) { return worker->lacks_ring(); });
}

} // namespace arsync
