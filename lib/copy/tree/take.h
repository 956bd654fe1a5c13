// Taking a unit of a tree's work, asleep while there is none and others may yet make some.
#pragma once

#include "copy/tree/tree.h"

namespace arsync {

class Tree::Take : Waiter {
public:
    Take(Tree& tree, Ring& ring) : tree_(tree), ring_(ring) {}

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        const Lock lock(tree_.mutex_);
        if (try_take())
            return false;
        tree_.sleepers_.push_back({this, &ring_});
        return true;
    }
    // None: it was woken, or there is no more.
    std::optional<Unit> await_resume() { return std::move(unit_); }

private:
    // Whether the question is answered.
    bool try_take() REQUIRES(tree_.mutex_) {
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

    Tree& tree_;
    Ring& ring_;
    std::optional<Unit> unit_;
};

} // namespace arsync
