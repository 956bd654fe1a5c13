// What the files of TreePart share: waiting for reports to be read, and beginning anew what failed
// for want of descriptors.
#pragma once

#include <cerrno>
#include <new>
#include <type_traits>
#include <utility>

#include "copy/tree/part.h"

namespace arsync {

// co_await Poll(part): until not too many reports are unread.
struct TreePart::Poll : Waiter {
    TreePart& part;
    explicit Poll(TreePart& own) : part(own) {}
    bool await_ready() const noexcept { return part.job_.options.report == ARSYNC_REPORT_NONE; }
    bool await_suspend(std::coroutine_handle<> waiting) {
        handle = waiting;
        return part.job_.host.wait_for_room(part.io_.ring, *this);
    }
    void await_resume() const noexcept {}
};

// Errors become the outcome's result here. What failed for want of descriptors is begun anew, each
// time with the outcome as it was, for as long as there is hope; and once what a server has
// forgotten, which is opened again. begin: a coroutine, or a function that does not wait. is_final:
// whether what was begun is not to be begun anew.
template <class Begin, class IsFinal>
Task<void> TreePart::attempt(Outcome& outcome, Begin begin, IsFinal is_final) {
    const Outcome before = outcome;
    bool was_stale = false;
    for (unsigned number = 0;; ++number) {
        outcome = before;
        bool is_stale = false;
        try {
            const Scarcity::Busy busy(job_.scarcity);
            if constexpr (std::is_void_v<decltype(begin())>)
                begin();
            else
                co_await begin();
        } catch (const Error& error) {
            outcome.fail(error);
            is_stale = error.is_stale_handle();
        } catch (const std::bad_alloc&) {
            outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
        }
        if (is_stale && !is_final() && !std::exchange(was_stale, true))
            continue;
        const bool ended = (outcome.flags & ARSYNC_COMPLETION_COPIED) != 0 || is_final();
        if (ended || (outcome.result != -EMFILE && outcome.result != -ENFILE)) {
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
