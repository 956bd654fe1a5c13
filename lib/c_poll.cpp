#include "c_poll.h"

#include <cerrno>
#include <ctime>
#include <semaphore.h>

#include "c_wall.h"

extern "C" int arsync_poll(arsync_pool* handle, arsync_completion* completions, uint32_t max,
                           int timeout_ms) {
    if (!completions)
        return -EFAULT;
    if (max == 0 || timeout_ms < -1)
        return -EINVAL;
    arsync::Pool* pool = nullptr;
    if (const int error = arsync::find(handle, pool); error < 0)
        return error;
    if (!pool->begin_poll())
        return -EBUSY;
    const int count = arsync::poll(*pool, completions, max, timeout_ms);
    pool->end_poll();
    return count;
}

namespace arsync {

static bool sleep(sem_t& sleeper, const timespec* until);
static bool is_before(const timespec& one, const timespec& other);
static timespec after(int timeout_ms);

int poll(Pool& pool, arsync_completion* completions, uint32_t max, int timeout_ms) {
    const timespec until = timeout_ms > 0 ? after(timeout_ms) : timespec{};
    bool may_sleep = timeout_ms != 0;
    for (;;) {
        const int count = uncancelled([&] { return pool.look(completions, max, may_sleep); });
        if (count == Pool::nothing_for_a_moment) {
            const timespec moment = after(1);
            const bool is_last = timeout_ms > 0 && is_before(until, moment);
            may_sleep = sleep(pool.sleeper(), is_last ? &until : &moment) || !is_last;
        } else if (count == Pool::nothing_yet) {
            may_sleep = sleep(pool.sleeper(), timeout_ms < 0 ? nullptr : &until);
        } else {
            return count;
        }
    }
}

static int sleep_until(sem_t& sleeper, const timespec& until) {
#ifdef __GLIBC__
    return sem_clockwait(&sleeper, CLOCK_MONOTONIC, &until);
#else // musl sleeps for the difference, so that a change of the other clock matters for this moment
      // only
    timespec now{};
    timespec wall{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    clock_gettime(CLOCK_REALTIME, &wall);
    wall.tv_sec += until.tv_sec - now.tv_sec;
    wall.tv_nsec += until.tv_nsec - now.tv_nsec;
    while (wall.tv_nsec < 0 || wall.tv_nsec >= 1'000'000'000) {
        const int carry = wall.tv_nsec < 0 ? -1 : 1;
        wall.tv_sec += carry;
        wall.tv_nsec -= carry * 1'000'000'000L;
    }
    return sem_timedwait(&sleeper, &wall);
#endif
}

// Until somebody posts, or for ever. False: the time is over.
static bool sleep(sem_t& sleeper, const timespec* until) {
    const int result = until ? sleep_until(sleeper, *until) : sem_wait(&sleeper);
    return result == 0 || errno != ETIMEDOUT;
}

static bool is_before(const timespec& one, const timespec& other) {
    return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}

static timespec after(int timeout_ms) {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1'000'000L;
    if (until.tv_nsec >= 1'000'000'000) {
        ++until.tv_sec;
        until.tv_nsec -= 1'000'000'000;
    }
    return until;
}

} // namespace arsync
