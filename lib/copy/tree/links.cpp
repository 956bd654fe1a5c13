#include "copy/tree/links.h"

#include <climits>
#include <fcntl.h>

namespace arsync {

static void wake(std::vector<std::pair<Ring*, Waiter*>>& sleepers) {
    for (const auto& [ring, waiter] : sleepers)
        ring->post_from_outside(*waiter);
    sleepers.clear();
}

static const Directory* root_of(const DirectoryRef& directory) {
    const Directory* root = directory.get();
    while (root && root->parent)
        root = root->parent.get();
    return root;
}

Links::Answer Links::ask(const Identity& id, uint32_t names, Claim& claim, Place& place) {
    const Lock lock(mutex_);
    if (names_recur_) {
        recurs_ = names_recur_(); // may throw, and is asked again then
        names_recur_ = nullptr;
    }
    const auto [at, is_new] = records_.try_emplace(id);
    Record& record = at->second;
    if (is_new) {
        record.names_left = shared_ || recurs_ ? names_unknown : names; // one may come twice
        claim.links_ = this;
        claim.id_ = id;
        return Answer::first;
    }
    if (!record.copied)
        return Answer::wait;
    place = record.place;
    return Answer::linked;
}

// One more of its names has come.
void Links::meet(Records::iterator at) {
    if (at->second.names_left != names_unknown && --at->second.names_left == 0)
        records_.erase(at);
}

void Links::linked(const Identity& id, const Place& place) {
    const Lock lock(mutex_);
    const auto at = records_.find(id);
    if (at != records_.end() && at->second.copied && at->second.place == place)
        meet(at);
}

void Links::forget(const Identity& id, const Place& gone) {
    const Lock lock(mutex_);
    const auto at = records_.find(id);
    if (at != records_.end() && at->second.copied && at->second.place == gone)
        records_.erase(at);
}

void Links::Claim::done(Place place) {
    if (links_)
        links_->finish(id_, std::move(place));
    links_ = nullptr;
}

void Links::finish(const Identity& id, Place place) {
    const Lock lock(mutex_);
    const auto at = records_.find(id); // there: nobody removes what is not copied yet
    if (shared_ && place.directory)
        by_root_[root_of(place.directory)].push_back(id);
    at->second.copied = true;
    at->second.place = std::move(place);
    wake(at->second.sleepers);
    meet(at);
}

void Links::fail(const Identity& id) {
    const Lock lock(mutex_);
    const auto at = records_.find(id);
    wake(at->second.sleepers);
    records_.erase(at);
}

void Links::wake_sleepers() {
    const Lock lock(mutex_);
    for (auto& [id, record] : records_)
        wake(record.sleepers);
}

void Links::close() {
    const Lock lock(mutex_);
    records_.clear();
    by_root_.clear();
    bases_.clear();
}

std::shared_ptr<const File> Links::base_of(Files& files, int dirfd) {
    if (dirfd == AT_FDCWD)
        return nullptr;
    struct statx facts;
    check(ARSYNC_STAGE_LINK, files.statx(dirfd, "", 0, facts));
    const Lock lock(mutex_);
    std::shared_ptr<const File>& base = bases_[identity(facts)];
    if (!base) {
        File opened(files, files.open(dirfd, ".", O_PATH | O_DIRECTORY, 0));
        check(ARSYNC_STAGE_LINK, opened.get());
        base = std::make_shared<const File>(std::move(opened));
    }
    return base;
}

void Links::settle_by_path(const DirectoryRef& root, const std::string& path,
                           const std::shared_ptr<const File>& base) {
    const Lock lock(mutex_);
    if (!shared_) {
        records_.clear(); // nobody will ask any more
        return;
    }
    const auto own = by_root_.find(root.get());
    if (own == by_root_.end())
        return;
    const std::vector<Identity> ids = std::move(own->second);
    by_root_.erase(own);
    for (const Identity& id : ids) {
        const auto at = records_.find(id);
        // It may have been forgotten since, and copied in another tree.
        if (at == records_.end() || root_of(at->second.place.directory) != root.get())
            continue;
        Place& place = at->second.place;
        place.name = path + "/" + path_below(place.directory.get(), place.name);
        place.directory.reset();
        place.base = base;
        // What is too deep to be reached is copied anew.
        if (place.name.size() >= PATH_MAX)
            records_.erase(at);
    }
}

} // namespace arsync
