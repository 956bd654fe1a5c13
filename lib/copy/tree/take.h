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
        std::lock_guard lock(tree_.mutex_);
        if (try_take())
            return false;
        tree_.sleepers_.push_back({this, &ring_});
        return true;
    }
    // None: it was woken, or there is no more.
    std::optional<Unit> await_resume() { return std::move(unit_); }

private:
    // Whether the question is answered. Under the tree's mutex.
    bool try_take() {
        const bool over = tree_.stopping() || (tree_.stack_.empty() && tree_.active_ == 0);
        if (!over && !tree_.stack_.empty()) {
            unit_ = std::move(tree_.stack_.back());
            tree_.stack_.pop_back();
            ++tree_.active_;
        }
        return over || unit_;
    }

    Tree& tree_;
    Ring& ring_;
    std::optional<Unit> unit_;
};

} // namespace arsync
