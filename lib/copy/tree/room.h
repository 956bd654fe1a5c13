// Waiting while too many of a tree's questions have no answer.
#pragma once

#include "copy/tree/tree.h"

namespace arsync {

struct Tree::Room : Waiter {
    Tree& tree;
    Ring& ring;
    Room(Tree& all, Ring& own) : tree(all), ring(own) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting);
    void await_resume() const noexcept {}
};

} // namespace arsync
