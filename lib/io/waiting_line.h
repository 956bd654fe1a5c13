// Those who wait for one of a few things, in order, the ones of a higher priority before the
// others.
#pragma once

#include "io/request.h"

namespace arsync {

struct InLine : Waiter {
    explicit InLine(int own) : priority(own) {}
    const int priority;
};

class WaitingLine {
public:
    bool empty() const { return !first_; }

    void add(InLine& one) {
        Waiter** place = end_;
        if (first_ && one.priority > lowest_) {
            place = &first_;
            while (static_cast<InLine*>(*place)->priority >= one.priority)
                place = &(*place)->next;
        } else {
            lowest_ = one.priority;
            end_ = &one.next;
        }
        one.next = *place;
        *place = &one;
    }

    // Null: nobody waits.
    InLine* take() {
        auto* const one = static_cast<InLine*>(first_);
        if (!one)
            return nullptr;
        first_ = one->next;
        if (!first_)
            end_ = &first_;
        return one;
    }

private:
    Waiter* first_ = nullptr;
    Waiter** end_ = &first_;
    int lowest_ = 0; // of the last
};

} // namespace arsync
