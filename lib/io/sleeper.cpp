#include "io/sleeper.h"

#include <cerrno>
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

void Sleeper::sleep(const timespec* until) {
    uint32_t state = awake;
    if (state_.compare_exchange_strong(state, asleep)) {
        bool late = false;
        while (!late && state_.load() == asleep) {
            const long result = ::syscall(SYS_futex, &state_, FUTEX_WAIT_BITSET_PRIVATE, asleep,
                                          until, nullptr, FUTEX_BITSET_MATCH_ANY);
            late = result < 0 && errno == ETIMEDOUT;
        }
    }
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
