// Waiting for the turn to take an item, and until nothing that was taken is in flight.
#pragma once

#include "copy/list/list.h"

namespace arsync {

class List::Turn : Waiter {
public:
    Turn(List& list, Ring& ring) : list_(list), ring_(ring) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        const Lock lock(list_.mutex_);
        if (list_.over_under_lock())
            return false;
        if (list_.may_take()) {
            list_.has_turn_ = taken_ = true;
            return false;
        }
        list_.sleepers_.push_back({this, &ring_});
        return true;
    }
    bool await_resume() const noexcept { return taken_; }

private:
    List& list_;
    Ring& ring_;
    bool taken_ = false;
};

class List::NobodyElse : Waiter {
public:
    NobodyElse(List& list, Ring& ring) : list_(list), ring_(ring) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        const Lock lock(list_.mutex_);
        if (list_.in_flight_ == 0)
            return false;
        list_.alone_ = {this, &ring_};
        return true;
    }
    void await_resume() const noexcept {}

private:
    List& list_;
    Ring& ring_;
};

} // namespace arsync
