// One coroutine at a time, of any worker's; the others wait in the order in which they came.
#pragma once

#include <deque>
#include <utility>

#include "io/mutex.h"
#include "io/ring.h"

namespace arsync {

class Line {
public:
    Line() = default;
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    // Over when it goes.
    class Turn {
    public:
        explicit Turn(Line& line) : line_(&line) {}
        Turn(Turn&& other) noexcept : line_(std::exchange(other.line_, nullptr)) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (line_)
                line_->end();
        }

    private:
        Line* line_;
    };

    class [[nodiscard]] Wait : Waiter {
    public:
        Wait(Line& line, Ring& ring) : line_(line), ring_(ring) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting) {
            handle = waiting;
            const Lock lock(line_.mutex_);
            if (!std::exchange(line_.taken_, true))
                return false;
            line_.waiting_.push_back({this, &ring_});
            return true;
        }
        Turn await_resume() { return Turn(line_); }

    private:
        Line& line_;
        Ring& ring_;
    };

    // co_await gives a Turn. ring: of whoever waits.
    Wait take(Ring& ring) { return Wait(*this, ring); }

private:
    // Handed to the first who waits, which keeps the order.
    void end() {
        const Lock lock(mutex_);
        taken_ = !waiting_.empty();
        if (!taken_)
            return;
        const Sleeper next = waiting_.front();
        waiting_.pop_front();
        next.ring->post_from_outside(*next.waiter);
    }

    struct Sleeper {
        Waiter* waiter;
        Ring* ring;
    };
    Mutex mutex_;
    bool taken_ GUARDED_BY(mutex_) = false;
    std::deque<Sleeper> waiting_ GUARDED_BY(mutex_);
};

} // namespace arsync
