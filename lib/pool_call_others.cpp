// Other workers called: to help with a tree or a list, or to take what is queued; and how all end.
#include <system_error>

#include "pool.h"

namespace arsync {

// A worker has got a thread ready, for which somebody asked who could not start it.
void Pool::call_another_worker() {
    const Lock lock(mutex_);
    call_for_queued();
}

void Pool::call_for_queued() {
    if (local_.queued > 0)
        call_a_worker(local_);
    for (auto& [devices, site] : sites_)
        if (site.queued > 0)
            call_a_worker(site);
}

// Those that have nothing to do, and those that have jobs of the same site; as many as there are
// threads and memory for, for the owner goes on by itself.
void Pool::call_others(const Worker& owner, const std::shared_ptr<Shared>& work) {
    const Lock lock(mutex_);
    if (closing_)
        return;
    try {
        if (owner.site == &site_unknown_)
            settle_unknown_site();
        if (owner.site == &site_unknown_) // nobody may join there, for then it could not be settled
            return;
        start_others(*owner.site);
        for (auto& worker : workers_)
            if (worker.get() != &owner)
                give_part(*worker, *owner.site, work);
    } catch (const std::bad_alloc&) {
    }
    call_for_queued(); // who was told of it may have another site from now on
}

void Pool::start_others(const Site& site) {
    if (here_) // who polls runs all: a thread beside that would complete what it does not see
        return;
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
    occupy(worker, site, nullptr); // before it can begin
    try {
        worker.take_part_in(std::move(part));
    } catch (...) {
        release(worker);
        throw;
    }
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
