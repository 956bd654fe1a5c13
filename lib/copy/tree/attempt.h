// What the files of Member share: waiting for reports to be read, and beginning anew what failed
// for want of descriptors.
#pragma once

#include <cerrno>
#include <new>
#include <utility>

#include "copy/tree/member.h"

namespace arsync {

// co_await Poll(member): until not too many reports are unread.
struct Member::Poll : Waiter {
    Member& member;
    explicit Poll(Member& own) : member(own) {}
    bool await_ready() const noexcept { return member.tree_.options_.report == ARSYNC_REPORT_NONE; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        return member.tree_.host_.wait_for_room(member.io_.ring, *this);
    }
    void await_resume() const noexcept {}
};

// Errors become the outcome's result here. What failed for want of descriptors is begun anew, each
// time with the outcome as it was, for as long as there is hope; and once what a server has
// forgotten, which is opened again.
template <class Begin>
Task<void> Member::attempt(Outcome& outcome, Begin begin) {
    const Outcome before = outcome;
    bool was_stale = false;
    for (unsigned number = 0;; ++number) {
        outcome = before;
        bool is_stale = false;
        try {
            const Scarcity::Busy busy(tree_.scarcity_);
            co_await begin();
        } catch (const Error& error) {
            outcome.fail(error);
            is_stale = error.is_stale_handle();
        } catch (const std::bad_alloc&) {
            outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
        }
        if (is_stale && !std::exchange(was_stale, true))
            continue;
        const bool complete = (outcome.flags & ARSYNC_COMPLETION_COPIED) != 0;
        if (complete || (outcome.result != -EMFILE && outcome.result != -ENFILE)) {
            if (number > 0)
                tree_.relieve();
            co_return;
        }
        const bool again = co_await wait_for_descriptors(number);
        if (!again)
            co_return;
    }
}

} // namespace arsync
