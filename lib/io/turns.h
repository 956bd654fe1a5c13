// As many of a worker's chunks at a time as a Flow says; the others wait in line. For its thread
// alone.
#pragma once

#include <utility>

#include "io/flow.h"
#include "io/ring.h"
#include "io/waiting_line.h"

namespace arsync {

class Turns {
public:
    Turns(Ring& ring, Flow& flow) : ring_(ring), flow_(flow) {}
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    // Over when it goes.
    class Turn {
    public:
        explicit Turn(Turns& turns) : turns_(&turns) {}
        Turn(Turn&& other) noexcept
            : turns_(std::exchange(other.turns_, nullptr)), bytes_(other.bytes_) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (turns_)
                turns_->end(bytes_);
        }
        void count(uint64_t bytes) { bytes_ = bytes; } // that it has moved

    private:
        Turns* turns_;
        uint64_t bytes_ = 0;
    };

    class [[nodiscard]] Wait : InLine {
    public:
        Wait(Turns& turns, int own) : InLine(own), turns_(turns) {}
        bool await_ready() {
            if (!turns_.waiting_.empty() || turns_.taken_ >= turns_.flow_.level().depth)
                return false;
            if (turns_.taken_++ == 0)
                turns_.flow_.join();
            return true;
        }
        void await_suspend(std::coroutine_handle<> waiter) {
            handle = waiter;
            turns_.waiting_.add(*this);
        }
        Turn await_resume() { return Turn(turns_); }

    private:
        friend class Turns;
        Turns& turns_;
    };

    // co_await gives a Turn.
    Wait take(int priority = 0) { return Wait(*this, priority); }

    const Flow& flow() const { return flow_; }

private:
    // Handed to the first who wait, which keeps the order.
    void end(uint64_t bytes) {
        if (bytes > 0) // or there was nothing left to move
            flow_.moved(bytes, taken_ >= flow_.level().depth);
        --taken_;
        while (!waiting_.empty() && taken_ < flow_.level().depth) {
            ++taken_;
            ring_.post(*waiting_.take());
        }
        if (taken_ == 0)
            flow_.leave();
    }

    Ring& ring_;
    Flow& flow_;
    unsigned taken_ = 0;
    WaitingLine waiting_;
};

} // namespace arsync
