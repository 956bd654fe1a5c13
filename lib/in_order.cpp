#include "in_order.h"

#include <algorithm>
#include <utility>

namespace arsync {

InOrder::~InOrder() {
    while (take(true)) {
    }
}

void InOrder::hold(uint64_t item, std::unique_ptr<Finished> finished) {
    Held& held = held_.at(item);
    held.ended = held.ended || finished->completion.kind == ARSYNC_COMPLETION_ITEM;
    *held.end = finished.release();
    held.end = &(*held.end)->next;
}

std::unique_ptr<Finished> InOrder::take(bool at_end) {
    while (!held_.empty()) {
        const auto front = held_.begin();
        Held& held = front->second;
        if (front->first > turn_ && !at_end)
            return nullptr;
        if (held.first) {
            std::unique_ptr<Finished> taken(held.first);
            held.first = std::exchange(taken->next, nullptr);
            if (!held.first)
                held.end = &held.first;
            return taken;
        }
        if (front->first == turn_ && !held.ended && !at_end)
            return nullptr;
        turn_ = std::max(turn_, front->first + 1);
        held_.erase(front);
    }
    return nullptr;
}

void InOrder::drop_questions() {
    for (auto& [item, held] : held_) {
        Finished** at = &held.first;
        while (Finished* const one = *at) {
            if (one->completion.kind != ARSYNC_COMPLETION_QUESTION) {
                at = &one->next;
                continue;
            }
            *at = one->next;
            delete one;
        }
        held.end = at;
    }
}

} // namespace arsync
