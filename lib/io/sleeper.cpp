#include "io/sleeper.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace arsync {

bool Sleeper::tell() {
    const uint32_t before = state_.exchange(told);
    if (before == asleep)
        ::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    return before != elsewhere;
}

void Sleeper::sleep() {
    uint32_t state = awake;
    if (state_.compare_exchange_strong(state, asleep))
        while (state_.load() == asleep)
            ::syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, asleep, nullptr, nullptr, 0);
    state_.exchange(awake); // before what was told is looked for
}

bool Sleeper::wait_elsewhere() {
    uint32_t state = awake;
    if (state_.compare_exchange_strong(state, elsewhere))
        return true;
    state_.exchange(awake);
    return false;
}

void Sleeper::back() {
    state_.exchange(awake);
}

} // namespace arsync
