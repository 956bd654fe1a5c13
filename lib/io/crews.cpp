#include "io/crews.h"

namespace arsync {

// Of calls, each of which frees a huge file, say.
static constexpr unsigned calls_max = 8;
// A copy waits for one thing at a time, and a worker runs fewer copies than this.
static constexpr unsigned waits_max = 128;

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
