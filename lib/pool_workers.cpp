// Who runs a pool's jobs: workers called or started, and helpers for a tree or a list.
#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/descriptors.h"
#include "pool.h"

namespace arsync {

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
    // The limits are looked at only if there might be one more, for that takes a system call.
    const bool may_add = workers_.size() < options_.workers + others && !closing_;
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

// Those that have nothing to do, and those that have jobs of the same site; as many as there are
// threads and memory for, for the owner goes on by itself.
void Pool::call_others(const Worker& owner, const std::shared_ptr<Shared>& work) {
    const Lock lock(mutex_);
    if (closing_)
        return;
    try {
        if (owner.site == &lonely_)
            settle_lonely();
        if (owner.site == &lonely_) // nobody may join there, for then it could not be settled
            return;
        start_others(*owner.site);
        for (auto& worker : workers_)
            if (worker.get() != &owner)
                give_part(*worker, *owner.site, work);
    } catch (const std::bad_alloc&) {
    }
}

void Pool::start_others(const Site& site) {
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
    part->what = Part{work};
    worker.take_part_in(std::move(part));
    occupy(worker, site, nullptr);
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

} // namespace arsync
