#include "io/registrations.h"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>

namespace arsync {

static constexpr std::chrono::seconds retry_after{1};

uint64_t Registrations::having(State state) const {
    return static_cast<uint64_t>(std::count(states_.begin(), states_.end(), state));
}

Registrations::~Registrations() {
    ring_.counters().buffers_registered.add(-having(State::registered));
    ring_.counters().buffers_refused.add(-having(State::refused));
}

void Registrations::add(unsigned index, void* data, size_t size) {
    if (index >= count_ || has(index))
        return;
    if (states_.empty())
        states_.resize(count_, State::plain);
    const bool again = states_[index] == State::refused;
    const auto now = std::chrono::steady_clock::now();
    if (again && (refusal_ != -ENOMEM || now < retry_))
        return;
    // A transparent huge page under the buffer makes pinning cheap. Asked for only now: a small
    // copy that uses a few pages of one buffer must not pay for clearing two megabytes.
    madvise(data, size, MADV_HUGEPAGE);
    const int result = ring_.register_buffer(index, data, size);
    Counters& counters = ring_.counters();
    if (result == 0) {
        states_[index] = State::registered;
        counters.buffers_registered.add(1);
        if (again)
            counters.buffers_refused.add(-uint64_t{1});
        if (having(State::refused) == 0)
            refusal_ = 0;
        return;
    }
    states_[index] = State::refused;
    refusal_ = result;
    retry_ = now + retry_after;
    if (!again)
        counters.buffers_refused.add(1);
}

} // namespace arsync
