// What of a tree waits for answers.
//
// An entry with a question is in the pool's hands, where nobody works on it, until it comes back by
// answered(); then any member of the tree goes on with it, before anything new. The tree is not
// over while entries are under way that may have something to ask yet.
#include "copy/tree/tree.h"

namespace arsync {

bool Tree::ask(std::unique_ptr<SuspendedEntry>& entry) {
    const std::string path = path_below(entry->directory.get(), entry->name);
    std::unique_ptr<Suspended> suspended = std::move(entry);
    {
        const Lock lock(mutex_);
        ++unanswered_;
    }
    bool asked = false;
    try {
        asked = job_.host.ask(*this, suspended, &path);
    } catch (...) {
        const Lock lock(mutex_);
        --unanswered_;
        throw;
    }
    if (!asked) {
        const Lock lock(mutex_);
        --unanswered_;
    } else if (stopping()) { // whoever stopped it may not have seen this one
        withdraw_questions();
    }
    return asked;
}

void Tree::withdraw_questions() {
    if (job_.asks)
        job_.host.withdraw_questions();
}

void Tree::answered(std::unique_ptr<Suspended> suspended) {
    std::unique_ptr<SuspendedEntry> entry(static_cast<SuspendedEntry*>(suspended.release()));
    const Lock lock(mutex_);
    --unanswered_;
    SuspendedEntry* const last = entry.get();
    (answered_first_ ? answered_last_->next : answered_first_) = std::move(entry);
    answered_last_ = last;
    wake_room_sleepers_under_lock();
    wake_one_under_lock();
}

std::unique_ptr<SuspendedEntry> Tree::take_answered() {
    const Lock lock(mutex_);
    return take_answered_under_lock();
}

std::unique_ptr<SuspendedEntry> Tree::take_answered_under_lock() {
    std::unique_ptr<SuspendedEntry> entry = std::move(answered_first_);
    if (entry)
        answered_first_ = std::move(entry->next);
    return entry;
}

bool Tree::asks_too_much() {
    const Lock lock(mutex_);
    return unanswered_ >= ARSYNC_QUESTIONS_WAITING_MAX && !stopping();
}

bool Tree::Room::await_suspend(std::coroutine_handle<> waiting) {
    handle = waiting;
    const Lock lock(tree.mutex_);
    if (tree.unanswered_ < ARSYNC_QUESTIONS_WAITING_MAX || tree.answered_first_ || tree.stopping())
        return false;
    tree.room_sleepers_.push_back({this, &ring});
    return true;
}

void Tree::entry_begun() {
    const Lock lock(mutex_);
    ++unsettled_;
}

void Tree::entry_ended() {
    const Lock lock(mutex_);
    if (--unsettled_ == 0 && (stopping() || (stack_.empty() && active_ == 0)))
        wake_all_under_lock();
}

void Tree::wake_room_sleepers_under_lock() {
    for (const Sleeper& sleeper : room_sleepers_)
        sleeper.ring->post_from_outside(*sleeper.waiter);
    room_sleepers_.clear();
}

} // namespace arsync
