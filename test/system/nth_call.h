// Of a system call, the one that fails is chosen by its number: whoever makes it, be it the C
// library for a thread's stack or liburing for a ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace live {

// In a child, once, before it has other threads: they and this one ask a thread of the test for
// each such call. It never ends.
class NthCall {
public:
    NthCall(int system_call, int error);
    NthCall(const NthCall&) = delete;
    NthCall& operator=(const NthCall&) = delete;

    bool works() const { return listener_ >= 0; } // as it may not where a sandbox has one already
    // From now on `before` calls are made, and the next one fails.
    void fail_after(long before) { left_.store(before); }
    // All are made again. Whether one has failed.
    bool end() { return left_.exchange(-1) < 0; }

private:
    void answer() const;
    bool answer_one(int listener) const;

    const int error_;
    mutable std::atomic<long> left_ = -1;
    std::atomic<int> listener_ = -1;
    std::atomic<bool> begun_ = false;
    std::thread supervisor_;
};

// In a child, once, likewise; but of all system calls that other threads make, and the one whose
// number it is waits in the middle of whatever it is of. A wait for a lock is none (futex(2)).
class NthStep {
public:
    NthStep();
    NthStep(const NthStep&) = delete;
    NthStep& operator=(const NthStep&) = delete;

    bool works() const { return listener_ >= 0; }
    // From now on `before` calls are made, and the next one waits.
    void stop_after(long before);
    // Readable when one waits.
    int stopped() const { return stopped_; }
    // It goes on as soon as nobody asks for anything any more, be it that they all wait for it, or
    // when they have asked very often; so it is from stop_after on, too, until it is to wait.
    void go_on() { goes_on_.store(true); }
    void let_wait() { goes_on_.store(false); }
    // All are made again. How many were since stop_after.
    long end();

private:
    void answer();
    bool answer_one(int listener);
    bool waits_now() const;

    const int first_;   // the thread whose calls are not counted
    const int stopped_; // an eventfd
    uint64_t waiting_ = 0;
    unsigned meanwhile_ = 0; // so many others were made since it may go on
    std::atomic<long> before_ = -1;
    std::atomic<long> calls_ = 0;
    std::atomic<bool> goes_on_ = false;
    std::atomic<int> listener_ = -1;
    std::atomic<bool> begun_ = false;
    std::thread supervisor_;
};

} // namespace live
