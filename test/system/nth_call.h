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

} // namespace live
