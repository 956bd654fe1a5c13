// The end of one of a linked pair that a ring held: see the states in uring.h.
#include <cerrno>

#include "io/uring.h"

namespace arsync {

void Uring::end_in_pair(Request& first, Request& request, int result) {
    Request& second = *first.then;
    // Before the first one's end it cannot have gone as the second of a pair, whatever it wrote.
    request.result = &request == &second && !first.ended ? -ECANCELED : result;
    request.ended = true;
    if (!first.ended || !second.ended)
        return;
    const auto is_undone = [](const Request& each) {
        return each.result == -ECANCELED || each.result == -EINTR ||
               may_be_refused(each, each.result);
    };
    if (is_undone(first)) {
        first.linked = false;
        help(first);
        return;
    }
    const bool whole = first.result == static_cast<int64_t>(first.length);
    complete(first, first.result);
    if (whole && is_undone(second))
        help(second);
    else
        complete(second, whole ? second.result : -ECANCELED);
}

// The kernel has taken the first entry of a pair and not the second: it was short of memory. So the
// link is no more, and the second would go by itself, maybe before the first is done.
void Uring::part_pair(Queue& queue) {
    const io_uring_sq& sq = queue.ring.sq;
    const unsigned head = io_uring_smp_load_acquire(sq.khead);
    if (head == sq.sqe_tail || (queue.ring.flags & IORING_SETUP_SQPOLL) != 0)
        return;
    io_uring_sqe& sqe = sq.sqes[head & *sq.kring_mask];
    if (sqe.user_data <= tag_wake)
        return;
    Request& request = request_of(sqe.user_data);
    if (!request.before || !request.before->linked)
        return;
    request.before->linked = false; // whose end starts it then
    --queue.pending;
    let_go(request);
    io_uring_prep_nop(&sqe);
    sqe.user_data = tag_none;
}

} // namespace arsync
