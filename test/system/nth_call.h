// Of a system call, the one that fails is chosen by its number: whoever makes it, be it the C
// library for a thread's stack or liburing for a ring.
#pragma once

#include <memory>

namespace live {

// In a child, once, before it has other threads: they and this one ask a thread of the test for
// each such call. That thread never ends: what comes after this, the end of the process too, asks
// it as well.
class NthCall {
public:
    NthCall(int system_call, int error);
    NthCall(const NthCall&) = delete;
    NthCall& operator=(const NthCall&) = delete;

    bool works() const; // as it may not where a sandbox has one already
    // From now on `before` calls are made, and the next one fails.
    void fail_after(long before);
    // All are made again. Whether one has failed.
    bool end();

private:
    struct Supervisor;
    const std::shared_ptr<Supervisor> supervisor_;
};

// In a child, once, likewise; but of all system calls that other threads make, and the one whose
// number it is waits in the middle of whatever it is of. A wait for a lock is none (futex(2)).
class NthStep {
public:
    NthStep();
    NthStep(const NthStep&) = delete;
    NthStep& operator=(const NthStep&) = delete;

    bool works() const;
    // From now on `before` calls are made, and the next one waits.
    void stop_after(long before);
    // Readable when one waits.
    int stopped() const;
    // It goes on as soon as nobody asks for anything any more, be it that they all wait for it, or
    // when they have asked very often; so it is from stop_after on, too, until it is to wait.
    void go_on();
    void let_wait();
    // All are made again. How many were since stop_after.
    long end();

private:
    struct Supervisor;
    const std::shared_ptr<Supervisor> supervisor_;
};

} // namespace live
