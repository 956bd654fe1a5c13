#include "io/crews.h"

namespace arsync {

// Of calls, each of which frees a huge file, say.
static constexpr unsigned calls_max = 8;
// So many jobs as a worker runs, each of as many entries as a tree has under way: each may wait for
// a FIFO or the like of its own.
static constexpr unsigned waits_max = 64 * 64;

Crews::Crews(unsigned transfers_max, const std::function<void()>& notify,
             const std::function<unsigned()>& most)
    : waits_(waits_max, notify, {}, true), calls_(calls_max, notify, most),
      transfers_(transfers_max, notify, most) {}

Helpers& Crews::crew_for(const Request& request) {
    if (request.is_wait())
        return waits_;
    return request.op == Op::call ? calls_ : transfers_;
}

} // namespace arsync
