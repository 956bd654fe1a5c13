// The units of a tree's work: a stack that all parts share, and who sleeps until there are more.
#include "copy/tree/tree.h"

namespace arsync {

void Tree::push(Unit unit) {
    bool call = false;
    {
        const Lock lock(mutex_);
        stack_.push_back(std::move(unit));
        wake_one_under_lock();
        // A tree of a few entries is done before another thread has begun.
        constexpr uint64_t small_tree = 64;
        call = job_.control.counts().entries_total.load(std::memory_order_relaxed) > small_tree;
    }
    if (call && !called_.exchange(true))
        job_.host.call_others(shared_from_this());
}

bool Tree::Take::await_suspend(std::coroutine_handle<> waiting) {
    handle = waiting;
    const Lock lock(tree_.mutex_);
    if (try_take())
        return false;
    tree_.sleepers_.push_back({this, &ring_});
    return true;
}

// Whether the question is answered.
bool Tree::Take::try_take() {
    const bool over = tree_.stopping() || tree_.over_under_lock();
    if (over)
        return true;
    if (std::unique_ptr<SuspendedEntry> answered = tree_.take_answered_under_lock()) {
        unit_ = Unit{nullptr, {}, false, std::move(answered)};
        ++tree_.active_;
    } else if (!tree_.stack_.empty()) {
        unit_ = std::move(tree_.stack_.back());
        tree_.stack_.pop_back();
        ++tree_.active_;
    }
    return unit_.has_value();
}

std::optional<Unit> Tree::take_back() {
    const Lock lock(mutex_);
    if (std::unique_ptr<SuspendedEntry> answered = take_answered_under_lock())
        return Unit{nullptr, {}, false, std::move(answered)};
    if (stack_.empty())
        return std::nullopt;
    std::optional<Unit> unit = std::move(stack_.back());
    stack_.pop_back();
    return unit;
}

void Tree::unit_ended() {
    const Lock lock(mutex_);
    if (--active_ > 0)
        return;
    if (stack_.empty()) // every entry has been found, and the last ones are under way
        all_found();
    if (stack_.empty() || stopping())
        wake_all_under_lock();
}

bool Tree::over() {
    const Lock lock(mutex_);
    if (stopping())
        wake_all_under_lock(); // whoever stopped it may not have seen who fell asleep since
    return stopping() || over_under_lock();
}

void Tree::all_found() {
    if (walks_.exchange(false, std::memory_order_relaxed))
        job_.control.counts().walking.fetch_sub(1, std::memory_order_relaxed);
}

void Tree::drop_units() {
    const Lock lock(mutex_);
    stack_.clear();
}

void Tree::stop() {
    stopped_.store(true, std::memory_order_relaxed);
    withdraw_questions();
    const Lock lock(mutex_);
    wake_room_sleepers_under_lock();
    wake_all_under_lock();
}

void Tree::wake_one_under_lock() {
    if (sleepers_.empty())
        return;
    const Sleeper sleeper = sleepers_.back();
    sleepers_.pop_back();
    sleeper.ring->post_from_outside(*sleeper.waiter);
}

void Tree::wake_all_under_lock() {
    for (const Sleeper& sleeper : sleepers_)
        sleeper.ring->post_from_outside(*sleeper.waiter);
    sleepers_.clear();
}

} // namespace arsync
