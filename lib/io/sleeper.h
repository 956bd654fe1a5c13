// One thread that sleeps until it is told something, by any other.
//
// What is told while it is awake is kept for its next sleep, and costs no system call; so whoever
// has something for it puts that where it looks, then tells it. A condition variable would cost two
// calls more a time: its waker and its sleeper meet at the mutex.
#pragma once

#include <atomic>
#include <cstdint>

namespace arsync {

class Sleeper {
public:
    Sleeper() = default;
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

    // From any thread. False: it waits elsewhere, see below, and whoever tells it has to end that.
    bool tell();

    // Of the thread that sleeps. Returns at once if it was told something since it slept last.
    void sleep();

    // It is about to wait in another way, as in a poll(2), until back(). False: it was told
    // something, and is not to wait. Only after back() may it look for what it was told of.
    bool wait_elsewhere();
    void back();

private:
    enum : uint32_t { awake, told, asleep, elsewhere };
    std::atomic<uint32_t> state_ = awake;
};

} // namespace arsync
