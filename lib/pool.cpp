#include "pool.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "completion.h"
#include "io/descriptors.h"
#include "io/memory_limit.h"
#include "io/uring_denied.h"

namespace arsync {

Pool::Pool(const arsync_pool_options& options)
    : options_(options), event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
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

// ---- jobs in ----

// A job's id: its slot's number, counted from 1, and above that its generation. As many bits as
// job_limit needs.
static constexpr unsigned slot_bits = 21;
static constexpr uint64_t slot_mask = (1u << slot_bits) - 1;

static uint64_t slot_of(arsync_job id) {
    return (id & slot_mask) - 1; // huge, if it is no id at all
}

int Pool::submit(std::unique_ptr<Job> job, arsync_job* id) {
    Lock lock(mutex_);
    if (closing_ || shut_)
        return -ESHUTDOWN;
    if (outstanding_ == options_.job_limit)
        return -EAGAIN;
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
    const uint32_t index = free_slots_.back();
    Worker* chosen = nullptr;
    if (const int error = choose_worker(local_, chosen); error < 0)
        return error;
    free_slots_.pop_back();
    Slot& slot = slots_[index];
    job->control.set_terms(job->terms);
    job->id = ++slot.generation << slot_bits | (index + 1);
    if (id)
        *id = job->id;
    queue(*job, local_);
    ++outstanding_;
    ++submitted_;
    slot.job = std::move(job);
    wake_poller();
    lock.unlock();
    if (chosen)
        chosen->rouse();
    return 0;
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

// It has been told, and is to be roused; null: it comes by itself.
int Pool::choose_worker(Site& site, Worker*& chosen) {
    if (lonely_.workers > 0)
        settle_lonely();
    if (site.workers < options_.workers) {
        for (auto& worker : workers_) {
            if (worker->idle() && (!worker->site || worker->site == &site)) {
                chosen = worker.get();
                chosen->tell();
                return 0;
            }
        }
    }
    size_t others = 0; // that have jobs which may never end
    for (auto& worker : workers_)
        others += worker->site && worker->site != &site;
    if (workers_.empty() || (workers_.size() < workers_max() + others && !closing_)) {
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
        if (may && (!least || worker->running() < least->running()))
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

// With room for it before it is there, or there would be a thread that nobody joins.
void Pool::add_worker() {
    workers_.reserve(workers_.size() + 1);
    workers_.push_back(std::make_unique<Worker>(*this, static_cast<unsigned>(workers_.size())));
}

// A worker has got a thread ready, for which somebody asked who could not start it.
void Pool::call_another_worker() {
    const Lock lock(mutex_);
    if (local_.queued > 0)
        call_a_worker(local_);
    for (auto& [devices, site] : sites_)
        if (site.queued > 0)
            call_a_worker(site);
}

// A program with one small copy to make does not have to know how much memory there is. A worker's
// ring is a descriptor, too.
unsigned Pool::workers_max() {
    return std::min({options_.workers, footprint().workers, descriptors::members()});
}

// From whose queue a worker may take: while it has jobs, from their site's. A busy worker leaves
// the queue to idle ones: two large files should have two threads.
Site* Pool::site_to_serve(const Worker& worker) {
    if (Site* site = worker.site) {
        unsigned free = 0;
        for (auto& other : workers_)
            free += !other->site;
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

Job* Pool::take(Worker& worker) {
    const Lock lock(mutex_);
    while (Site* site = site_to_serve(worker)) {
        Job* job = site->queued_first;
        unqueue(*job);
        job->state = ARSYNC_JOB_RUNNING;
        job->worker = &worker;
        if (!job->sorted && outstanding_ == 1 && !worker.site) {
            site = &lonely_;
        } else if (!job->sorted) {
            site = find_site(*job);
            if (!site) {
                job->state = ARSYNC_JOB_QUEUED; // it was not begun
                job->outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
                complete(*job);
                tell_poller();
                continue;
            }
            job->sorted = true;
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
        return job;
    }
    if (!worker.site || worker.site->queued == 0)
        worker.found_nothing();
    return nullptr;
}

// ---- whom jobs may wait for ----

// What a job may touch that is not local. It asks only local filesystems.
Devices Pool::devices_of(const Job& job) {
    const std::shared_ptr<const MountTable> table = mounts_.table();
    Devices devices;
    if (table->all_local())
        return devices;
    if (const auto* range = std::get_if<RangeCopy>(&job.what)) {
        table->find(range->source, devices);
        table->find(range->destination, devices);
    } else if (const auto* file = std::get_if<FileCopy>(&job.what)) {
        const bool recursive = (job.options.flags & ARSYNC_COPY_RECURSIVE) != 0;
        if (recursive && job.options.symlinks == ARSYNC_SYMLINKS_FOLLOW)
            table->find_all(devices); // who knows where they lead
        if (file->source_is_open)
            table->find(file->source_dirfd, devices);
        else
            table->find(file->source_dirfd, file->source, recursive, devices);
        if (file->destination_is_open)
            table->find(file->destination_dirfd, devices);
        else
            table->find(file->destination_dirfd, file->destination, recursive, devices);
    } else if (const auto* list = std::get_if<ListCopy>(&job.what)) {
        list->list->for_each_path(
            [&](int dirfd, const std::string& path) { table->find(dirfd, path, true, devices); });
    }
    return devices;
}

// For a job that is in no queue; what it may touch is looked at without the lock. Null: there is no
// memory to find out.
Site* Pool::find_site(const Job& job) {
    std::optional<Devices> devices;
    try {
        const Unlock unlock(mutex_);
        devices = devices_of(job);
    } catch (const std::bad_alloc&) {
    }
    try {
        return devices ? &site_of(std::move(*devices)) : nullptr;
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

Site& Pool::site_of(Devices&& devices) {
    if (devices.empty())
        return local_;
    Site& site = sites_[devices];
    site.devices = std::move(devices);
    return site;
}

// There is a second job, so it matters where the first one belongs. To look at its path does not
// wait for a disk: the job uses it just now.
void Pool::settle_lonely() {
    for (auto& worker : workers_) {
        if (worker->site != &lonely_)
            continue;
        try {
            Site& site = site_of(devices_of(*worker->lonely));
            worker->site = &site;
            ++site.workers;
            --lonely_.workers;
        } catch (const std::bad_alloc&) { // it stays where it is until there is some
        }
    }
}

void Pool::occupy(Worker& worker, Site& site, const Job* job) {
    if (worker.taken++ > 0)
        return;
    worker.site = &site;
    worker.lonely = job;
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

// Behind those that are no less urgent. One that is paused waits in no queue, for adjust().
void Pool::queue(Job& job, Site& site) {
    if (job.terms.paused()) {
        job.sorted = false;
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

// Of a job that was taken out, and belongs to whatever site its paths lead to by now.
void Pool::queue_again(Job& job) {
    call_a_worker(local_); // there is one at least
    job.sorted = false;
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
    complete(job);
    tell_poller();
}

Job* Pool::find(arsync_job id) {
    if (slot_of(id) >= slots_.size())
        return nullptr;
    Slot& slot = slots_[slot_of(id)];
    return slot.job && slot.job->id == id ? slot.job.get() : nullptr;
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
    if (!job || job->state == ARSYNC_JOB_COMPLETED)
        return -ENOENT;
    const auto* list = std::get_if<ListCopy>(&job->what);
    const int result = list ? list->list->end() : -EINVAL;
    wake_poller();
    return result;
}

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
        if (job.queued)
            unqueue(job);
        cancel_queued(job, waits ? ARSYNC_STAGE_ASK : ARSYNC_STAGE_QUEUE);
    }
    if (job.state != ARSYNC_JOB_RUNNING)
        return;
    if (job.links)
        job.links->wake_sleepers();
    if (const auto* list = std::get_if<ListCopy>(&job.what))
        list->list->wake_all();
    if (!job.has_entries()) {
        job.worker->wake_to_cancel();
        return;
    }
    for (auto& worker : workers_) // any may have a part in it
        worker->wake_to_cancel();
    make_room();
}

int Pool::adjust(arsync_job id, const arsync_adjustment& adjustment) {
    const Lock lock(mutex_);
    Job* job = find(id);
    if (!job)
        return -ENOENT;
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
            job->sorted = false;
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

int Pool::progress(arsync_job id, arsync_progress& out) {
    const Lock lock(mutex_);
    const Job* job = find(id);
    if (!job)
        return -ENOENT;
    out.state = job->state;
    out.stage = job->control.stage();
    out.method = job->control.method();
    out.bytes_total = job->control.bytes_total();
    out.bytes_done = job->control.bytes_done();
    out.errors = job->control.counts().errors.load(std::memory_order_relaxed);
    out.entries_total = job->control.counts().entries_total.load(std::memory_order_relaxed);
    out.entries_done = job->control.counts().entries_done.load(std::memory_order_relaxed);
    if (out.entries_total == 0) {
        out.entries_total = 1; // no tree
        out.entries_done = job->state == ARSYNC_JOB_COMPLETED;
    }
    if (job->control.counts().walking.load(std::memory_order_relaxed))
        out.flags |= ARSYNC_PROGRESS_WALKING;
    if (job->terms.paused())
        out.flags |= ARSYNC_PROGRESS_PAUSED;
    return 0;
}

// A ring may be woken by any thread that has just posted to it, even when what was posted has run
// already: so none goes before all threads are done.
void Pool::leave_with_others() {
    const Lock lock(mutex_);
    ++left_;
    left_condition_.notify_all();
    while (left_ != workers_.size())
        left_condition_.wait(mutex_);
}

bool Pool::closing() {
    const Lock lock(mutex_);
    return closing_ && queued_ == 0;
}

// ---- completions out ----

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
        sleeps = std::exchange(sleeps_, false);
    }
    if (sleeps) // now that it does not meet this thread at the mutex
        sem_post(&sleeper_);
}

void Pool::finish_part(Worker& worker) {
    const Lock lock(mutex_);
    release(worker);
}

void Pool::complete(Job& job) {
    running_ -= job.state == ARSYNC_JOB_RUNNING;
    job.state = ARSYNC_JOB_COMPLETED;
    job.worker = nullptr;
    ++completed_;
    if (job.outcome.result == -ECANCELED)
        ++cancelled_;
    else if (job.outcome.result < 0)
        ++failed_;
    Finished& finished = slots_[slot_of(job.id)].finished;
    finished.completion = completion_of(job, job.outcome);
    queue_finished(finished);
}

void Pool::queue_finished(Finished& finished) {
    const bool first = !finished_first_;
    finished.next = nullptr;
    *finished_end_ = &finished;
    finished_end_ = &finished.next;
    if (first && event_fd_used_)
        mark_readable();
}

// ---- trees ----

// Those that have nothing to do, and those that have jobs of the same site; as many as there are
// threads and memory for, for the owner goes on by itself.
void Pool::call_helpers(const Worker& owner, const std::shared_ptr<Shared>& work) {
    const Lock lock(mutex_);
    if (closing_)
        return;
    try {
        if (owner.site == &lonely_)
            settle_lonely();
        start_helpers(*owner.site);
        for (auto& worker : workers_)
            if (worker.get() != &owner)
                give_part(*worker, *owner.site, work);
    } catch (const std::bad_alloc&) {
    }
}

void Pool::start_helpers(const Site& site) {
    size_t able = 0;
    for (auto& worker : workers_)
        able += !worker->site || worker->site == &site;
    try {
        for (; able < workers_max(); ++able)
            add_worker();
    } catch (const std::system_error&) { // those that there are will do
    }
}

void Pool::give_part(Worker& worker, Site& site, const std::shared_ptr<Shared>& work) {
    const bool may = worker.site ? worker.site == &site : site.workers < options_.workers;
    if (!may)
        return;
    auto part = std::make_unique<Job>();
    part->what = Help{work};
    worker.help(std::move(part));
    occupy(worker, site, nullptr);
}

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
    if (outcome.wanted.has != 0 || outcome.other || !outcome.backup.empty() || !outcome.name.empty() ||
        (outcome.has_error_path && outcome.result < 0) || has_totals) {
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
    bool sleeps = false;
    {
        const Lock lock(mutex_);
        ++entries_waiting_;
        queue_finished(*finished.release());
        sleeps = std::exchange(sleeps_, false);
    }
    if (sleeps)
        sem_post(&sleeper_);
}

bool Pool::wait_for_room(const Job& job, Ring& ring, Waiter& waiter) {
    const Lock lock(mutex_);
    if (entries_waiting_ < ARSYNC_ENTRIES_WAITING_MAX || closing_ || job.control.cancelled())
        return false;
    blocked_.push_back({&ring, &waiter});
    return true;
}

bool Pool::runs_one_job() {
    const Lock lock(mutex_);
    return running_ == 1 && queued_ == 0;
}

void Pool::make_room() {
    for (const Blocked& blocked : blocked_)
        blocked.ring->post_from_outside(*blocked.waiter);
    blocked_.clear();
}

void Pool::free_polled(Finished* entries, Job* jobs) {
    while (entries)
        delete std::exchange(entries, entries->next);
    while (jobs)
        delete std::exchange(jobs, jobs->next);
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
    job->next = std::exchange(polled_jobs_, job);
    free_slots_.push_back(static_cast<uint32_t>(index)); // has room, see submit
    --outstanding_;
}

// ---- what is known of it ----

// One worker that cannot have a ring does not make it a pool without.
void Pool::report_backend(arsync_backend backend, int error) {
    const Lock lock(mutex_);
    if (has_ring_)
        return;
    has_ring_ = backend == ARSYNC_BACKEND_URING;
    backend_known_ = true;
    backend_ = backend;
    backend_error_ = error;
}

void Pool::decide_backend() {
    if (backend_known_)
        return;
    backend_error_ = options_.backend == ARSYNC_BACKEND_THREADS ? 0 : Uring::probe();
    const bool threads = options_.backend == ARSYNC_BACKEND_THREADS || backend_error_ < 0;
    backend_ = threads ? ARSYNC_BACKEND_THREADS : ARSYNC_BACKEND_URING;
    backend_known_ = true;
}

void Pool::info(arsync_info& out) {
    const Lock lock(mutex_);
    decide_backend();
    out.backend = backend_;
    out.workers = footprint().workers;
    out.workers_started = here_ ? 0 : static_cast<uint32_t>(workers_.size());
    out.buffer_count = footprint().buffer_count;
    out.buffer_size = footprint().buffer_size;
    out.queue_depth = options_.queue_depth;
    if (here_) {
        out.backend = ARSYNC_BACKEND_THREADS;
        snprintf(out.backend_reason, sizeof out.backend_reason,
                 "no thread can be started: %s; copies run in arsync_poll",
                 strerrordesc_np(-starter_.error()));
    } else {
        explain_backend(out.backend_reason, options_.backend, backend_error_);
    }
    if (out.backend == ARSYNC_BACKEND_THREADS) {
        const char* reason = "there is no ring to poll for: the backend is threads";
        if ((options_.flags & ARSYNC_POOL_SQPOLL) != 0)
            snprintf(out.sqpoll_reason, sizeof out.sqpoll_reason, "%s", reason);
        if ((options_.flags & ARSYNC_POOL_IOPOLL) != 0)
            snprintf(out.iopoll_reason, sizeof out.iopoll_reason, "%s", reason);
    }
    uint32_t given_up = 0;
    for (auto& worker : workers_)
        given_up |= worker->describe(out);
    out.flags &= ~given_up; // in force is what all have
}

void Pool::stats(arsync_stats& out) {
    const Lock lock(mutex_);
    out.jobs_submitted = submitted_;
    out.jobs_completed = completed_;
    out.jobs_failed = failed_;
    out.jobs_cancelled = cancelled_;
    for (auto& worker : workers_) {
        const Counters& from = worker->counters();
        out.queue_depth_max =
            std::max(out.queue_depth_max, static_cast<uint32_t>(from.queue_depth_max.value()));
        out.bytes_read += from.bytes_read.value();
        out.bytes_written += from.bytes_written.value();
        out.bytes_reflinked += from.bytes_reflinked.value();
        out.bytes_offloaded += from.bytes_offloaded.value();
        out.bytes_copied_in_user_space += from.bytes_copied_in_user_space.value();
        out.reads += from.reads.value();
        out.reads_fixed += from.reads_fixed.value();
        out.reads_inline += from.reads_inline.value();
        out.writes += from.writes.value();
        out.writes_fixed += from.writes_fixed.value();
        out.writes_inline += from.writes_inline.value();
        out.short_transfers += from.short_transfers.value();
        out.submissions += from.submissions.value();
        out.enters += from.enters.value();
        out.helper_calls += from.helper_calls.value();
        out.buffer_waits += from.buffer_waits.value();
        out.busy_ns += from.busy_ns.value();
        out.queue_depth_ns += from.queue_depth_ns.value();
    }
}

} // namespace arsync
