// Whom jobs may wait for: the sites, and which of them each job belongs to.
#include <utility>

#include "pool.h"

namespace arsync {

// What a job may touch that is not local. It asks only local filesystems.
Devices Pool::devices_of(const Job& job) {
    if (const auto* operation = std::get_if<CallerOperation>(&job.what))
        return operation->devices;
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

// Where who polls runs all, nothing is to be had by keeping jobs apart.
Site& Pool::site_of(Devices&& devices) {
    if (here_ || devices.empty())
        return local_;
    Site& site = sites_[devices];
    site.devices = std::move(devices);
    return site;
}

// There is a second job, so it matters where the first one belongs. To look at its paths asks no
// filesystem but local ones, with the mutex held.
void Pool::settle_unknown_site() {
    for (auto& worker : workers_) {
        if (worker->site != &site_unknown_)
            continue;
        try {
            Site& site = site_of(devices_of(*worker->job_of_unknown_site));
            worker->site = &site;
            worker->may_hang.store(&site != &local_, std::memory_order_relaxed);
            ++site.workers;
            --site_unknown_.workers;
        } catch (const std::bad_alloc&) { // it stays where it is until there is some
        }
    }
}

} // namespace arsync
