// So many of a worker's coroutines at a time; the others wait in order. For its thread alone.
#pragma once

#include <utility>

#include "io/ring.h"

namespace arsync {

class Turns {
public:
    Turns(Ring& ring, unsigned most) : ring_(ring), left_(most) {}
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    // Over when it goes.
    class Turn {
    public:
        explicit Turn(Turns& turns) : turns_(&turns) {}
        Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (turns_)
                turns_->end();
        }

    private:
        Turns* turns_;
    };

    class [[nodiscard]] Wait : Waiter {
    public:
        explicit Wait(Turns& turns) : turns_(turns) {}
        bool await_ready() {
            if (turns_.left_ == 0)
                return false;
            --turns_.left_;
            return true;
        }
        void await_suspend(std::coroutine_handle<> waiter) {
            handle = waiter;
            *turns_.waiting_end_ = this;
            turns_.waiting_end_ = &next_wait_;
        }
        Turn await_resume() { return Turn(turns_); }

    private:
        friend class Turns;
        Turns& turns_;
        Wait* next_wait_ = nullptr;
    };

    // co_await gives a Turn.
    Wait take() { return Wait(*this); }

private:
    // Handed to the first who waits, which keeps the order.
    void end() {
        Wait* const wait = waiting_first_;
        if (!wait) {
            ++left_;
            return;
        }
        waiting_first_ = wait->next_wait_;
        if (!waiting_first_)
            waiting_end_ = &waiting_first_;
        ring_.post(*wait);
    }

    Ring& ring_;
    unsigned left_;
    Wait* waiting_first_ = nullptr;
    Wait** waiting_end_ = &waiting_first_;
};

} // namespace arsync
