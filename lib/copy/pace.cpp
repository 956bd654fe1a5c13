#include "copy/pace.h"

#include <algorithm>
#include <optional>

#include "copy/copy.h"
#include "io/clock.h"
#include "task.h"

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

Pace::Waiting::Waiting(Pace& pace, int priority) : pace_(pace) {
    const Lock lock(pace_.mutex_);
    place_ = {~priority, ++pace_.last_number_};
    pace_.waiting_.insert(place_);
}

Pace::Waiting::~Waiting() {
    const Lock lock(pace_.mutex_);
    pace_.waiting_.erase(place_);
}

void Pace::Waiting::set_priority(int priority) {
    if (place_.first != ~priority)
        move_to({~priority, place_.second});
}

void Pace::Waiting::has_counted() {
    constexpr uint64_t behind = uint64_t{1} << 63;
    move_to({place_.first, place_.second | behind});
}

void Pace::Waiting::move_to(std::pair<int, uint64_t> place) {
    const Lock lock(pace_.mutex_);
    auto own = pace_.waiting_.extract(place_); // which allocates nothing
    own.value() = place_ = place;
    pace_.waiting_.insert(std::move(own));
}

bool Pace::Waiting::is_outranked() const {
    const Lock lock(pace_.mutex_);
    return pace_.waiting_.begin()->first < place_.first;
}

bool Pace::Waiting::is_first() const {
    const Lock lock(pace_.mutex_);
    return *pace_.waiting_.begin() == place_;
}

namespace {

constexpr uint64_t step_ns = 50'000'000; // how long a cancel, or another rate, may go unnoticed
constexpr uint64_t look_again_ns = 10'000'000; // for one's turn

// now_ns: also where the clock stands still, as in a simulation, what was waited has passed.
Task<void> sleep(Io io, uint64_t span_ns, uint64_t& now_ns) {
    const uint64_t part_ms = std::clamp<uint64_t>(span_ns, 1'000'000, step_ns) / 1'000'000;
    co_await io.ring.pause(part_ms);
    now_ns = std::max(monotonic_ns(), now_ns + part_ms * 1'000'000);
}

// Whether it may count. In a short time more than one may, and who comes back from moving what he
// counted would be ahead of those who are asleep: what is left of a step goes by who came first.
bool is_due(const Pace& pace, const Pace::Waiting& waiting, uint64_t now_ns) {
    const uint64_t ahead = pace.ahead(now_ns);
    return !waiting.is_outranked() &&
           (ahead <= step_ns / 2 || (ahead <= step_ns && waiting.is_first()));
}

} // namespace

// Nothing is counted long before it is moved: who is more urgent would wait for that, and who is
// cancelled leaves it behind. Both limits count at once: whichever asks for more time has it.
Task<void> keep_pace(Io io, Control& control, uint64_t bytes, const Group* group) {
    Pace* const own = control.pace();
    if (!io.pace && !own)
        co_return;
    const auto has_failed = [&] {
        control.throw_if_cancelled();
        return group && group->failed();
    };
    // Who is paused is in nobody's way, nor is who waits for his own limit.
    const auto pauses = [&] { return group && control.held(); };
    if (pauses())
        co_await wait_while_held(io, control);
    uint64_t now_ns = monotonic_ns();
    while (own && own->ahead(now_ns) > step_ns) {
        if (has_failed())
            co_return;
        co_await sleep(io, own->ahead(now_ns) - step_ns, now_ns);
    }
    std::optional<Pace::Waiting> waiting;
    uint64_t left = 0;
    if (io.pace) {
        waiting.emplace(*io.pace, control.priority());
        while (!is_due(*io.pace, *waiting, now_ns)) {
            if (has_failed())
                co_return;
            if (pauses()) {
                waiting.reset();
                co_await wait_while_held(io, control);
                waiting.emplace(*io.pace, control.priority());
            }
            const uint64_t ahead = io.pace->ahead(now_ns);
            const uint64_t until = ahead > step_ns ? ahead - step_ns : look_again_ns;
            co_await sleep(io, waiting->is_first() ? until : std::max(until, look_again_ns),
                           now_ns);
            waiting->set_priority(control.priority());
        }
        left = io.pace->count(bytes, now_ns);
        waiting->has_counted();
    }
    uint64_t rate = own ? own->rate() : 0;
    uint64_t left_by_own = own ? own->count(bytes, now_ns) : 0;
    for (;;) {
        if (own && own->rate() != rate) {
            const uint64_t old_rate = std::exchange(rate, own->rate());
            left_by_own = at_rate(left_by_own, old_rate, rate);
        }
        constexpr uint64_t least_ns = 1'000'000;
        const bool gives_way = waiting && waiting->is_outranked();
        if (left < least_ns && !gives_way)
            waiting.reset();
        const uint64_t most = std::max({left, left_by_own, gives_way ? look_again_ns : 0});
        if (most < least_ns || has_failed())
            co_return;
        const uint64_t before_ns = now_ns;
        co_await sleep(io, most, now_ns);
        left -= std::min(left, now_ns - before_ns);
        left_by_own -= std::min(left_by_own, now_ns - before_ns);
    }
}

} // namespace arsync
