#include "copy/pace.h"

#include <algorithm>
#include <optional>

#include "copy/copy.h"
#include "io/clock.h"

namespace arsync {

uint64_t Pace::count(uint64_t bytes, uint64_t now_ns) {
    const uint64_t rate = this->rate();
    if (rate == 0)
        return 0;
    const auto cost =
        static_cast<uint64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate));
    uint64_t old = free_at_ns_.load(std::memory_order_relaxed);
    uint64_t due = 0;
    do
        due = std::max(old, now_ns) + cost; // time in which nothing was moved is not saved up
    while (!free_at_ns_.compare_exchange_weak(old, due, std::memory_order_relaxed));
    return due - now_ns;
}

uint64_t at_rate(uint64_t span_ns, uint64_t old_rate, uint64_t rate) {
    if (rate == 0)
        return 0;
    return static_cast<uint64_t>(static_cast<double>(span_ns) * static_cast<double>(old_rate) /
                                 static_cast<double>(rate));
}

void Pace::set_rate(uint64_t bytes_per_second, uint64_t now_ns) {
    const uint64_t old_rate = rate_.exchange(bytes_per_second, std::memory_order_relaxed);
    uint64_t old = free_at_ns_.load(std::memory_order_relaxed);
    uint64_t due = 0;
    do
        due = now_ns + at_rate(old > now_ns ? old - now_ns : 0, old_rate, bytes_per_second);
    while (!free_at_ns_.compare_exchange_weak(old, due, std::memory_order_relaxed));
}

Pace::Waiting::Waiting(Pace* pace, int priority) : pace_(pace), priority_(priority) {
    if (!pace_)
        return;
    const Lock lock(pace_->mutex_);
    ++pace_->waiting_[priority_];
}

Pace::Waiting::~Waiting() {
    if (!pace_)
        return;
    const Lock lock(pace_->mutex_);
    const auto mine = pace_->waiting_.find(priority_);
    if (--mine->second == 0)
        pace_->waiting_.erase(mine);
}

bool Pace::Waiting::is_outranked() const {
    if (!pace_)
        return false;
    const Lock lock(pace_->mutex_);
    return pace_->waiting_.rbegin()->first > priority_;
}

// Both limits count at once: whichever asks for more time has it.
Task<void> keep_pace(Io io, Control& control, uint64_t bytes) {
    Pace* const own = control.pace();
    if (!io.pace && !own)
        co_return;
    constexpr uint64_t step_ns = 50'000'000; // how long a cancel, or another rate, may go unnoticed
    const Pace::Waiting waiting(io.pace, control.priority());
    // Nothing is counted long before it is moved: who is more urgent would wait for that, and who
    // is cancelled leaves it behind.
    uint64_t now_ns = monotonic_ns();
    for (;;) {
        const uint64_t ahead =
            std::max(own ? own->ahead(now_ns) : 0, io.pace ? io.pace->ahead(now_ns) : 0);
        if (ahead <= step_ns && !waiting.is_outranked())
            break;
        control.throw_if_cancelled();
        const uint64_t part = std::clamp<uint64_t>(ahead, step_ns / 5, step_ns) / 1'000'000;
        co_await io.ring.pause(part);
        now_ns = std::max(monotonic_ns(), now_ns + part * 1'000'000);
    }
    uint64_t rate = own ? own->rate() : 0;
    uint64_t left_by_own = own ? own->count(bytes, now_ns) : 0;
    uint64_t left = io.pace ? io.pace->count(bytes, now_ns) : 0;
    for (;;) {
        if (own && own->rate() != rate) {
            const uint64_t old_rate = std::exchange(rate, own->rate());
            left_by_own = at_rate(left_by_own, old_rate, rate);
        }
        uint64_t part = std::min(std::max(left, left_by_own), step_ns) / 1'000'000;
        if (part == 0 && waiting.is_outranked())
            part = 10;
        if (part == 0)
            co_return;
        control.throw_if_cancelled();
        co_await io.ring.pause(part);
        left -= std::min(left, part * 1'000'000);
        left_by_own -= std::min(left_by_own, part * 1'000'000);
    }
}

} // namespace arsync
