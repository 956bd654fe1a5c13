// The ring where io_uring is denied: the same operations by plain system calls on helper threads.
#pragma once

#include <climits>

#include "io/crews.h"
#include "io/ring.h"
#include "io/sleeper.h"

namespace arsync {

class Threads final : public Ring {
public:
    // no_thread: a negative errno why none may be started. Then the calling thread performs all,
    // and what may last for ever ends with that, unless it is over; or by_caller: it performs that
    // too. most: how many transfers side by side there is memory for, if not all.
    static constexpr int by_caller = INT_MIN;
    explicit Threads(Counters& counters, int no_thread = 0,
                     const std::function<unsigned()>& most = {});

    void wake() override;
    void cancel(Request& request) override;
    int register_buffer(unsigned index, void* data, size_t size) override;

private:
    void start(Request& request) override;
    void take_completed(bool block) override;
    bool take_finished();

    const int no_thread_;
    Sleeper sleeper_;
    Crews helpers_; // last: their threads use the members above
};

} // namespace arsync
