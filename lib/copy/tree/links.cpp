#include "copy/tree/links.h"

namespace arsync {

Links::Answer Links::ask(const Identity& id, uint32_t names, Claim& claim, Place& place) {
    std::lock_guard lock(mutex_);
    const auto [at, is_new] = records_.try_emplace(id);
    Record& record = at->second;
    if (is_new) {
        record.names_left = names;
        claim.links_ = this;
        claim.id_ = id;
        return Answer::first;
    }
    if (!record.copied)
        return Answer::wait;
    place = record.place;
    return Answer::linked;
}

void Links::linked(const Identity& id) {
    std::lock_guard lock(mutex_);
    const auto at = records_.find(id);
    if (at != records_.end() && --at->second.names_left == 0)
        records_.erase(at);
}

void Links::Claim::done(DirectoryRef directory, std::string name) {
    if (links_)
        links_->finish(id_, {std::move(directory), std::move(name)});
    links_ = nullptr;
}

void Links::finish(const Identity& id, Place place) {
    std::vector<std::pair<Ring*, Waiter*>> sleepers;
    {
        std::lock_guard lock(mutex_);
        const auto at = records_.find(id);
        at->second.copied = true;
        at->second.place = std::move(place);
        sleepers = std::move(at->second.sleepers);
        if (--at->second.names_left == 0)
            records_.erase(at);
    }
    for (const auto& [ring, waiter] : sleepers)
        ring->post_from_outside(*waiter);
}

void Links::fail(const Identity& id) {
    std::vector<std::pair<Ring*, Waiter*>> sleepers;
    {
        std::lock_guard lock(mutex_);
        const auto at = records_.find(id);
        sleepers = std::move(at->second.sleepers);
        records_.erase(at);
    }
    for (const auto& [ring, waiter] : sleepers)
        ring->post_from_outside(*waiter);
}

} // namespace arsync
