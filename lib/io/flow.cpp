#include "io/flow.h"

#include <algorithm>
#include <utility>

namespace arsync {

namespace {

// Long enough that a moment's disturbance is a small part of it, short enough that a copy of half a
// second comes to its level.
constexpr uint64_t span_ns = 25'000'000;
constexpr unsigned span_rounds = 4; // times all that may be in flight

// A level more has to be worth this much more, for it costs memory; and a quarter of what there is
// more in flight, for where that is what limits, all of it comes out.
constexpr double gain_least = 0.06;
constexpr double gain_share = 0.25;
// A level less may cost this much of the best there was, over all levels together.
constexpr double loss_most = 0.03;
// How long the best there was counts: it fades by half in some 350 spans.
constexpr double fading = 0.998;

constexpr unsigned hold_after_miss = 8; // spans; twice as many after each
constexpr unsigned hold_most = 128;

constexpr size_t chunk_least = 256 << 10;
constexpr size_t block = 4096; // chunks are of whole ones, as O_DIRECT and digests want it

uint64_t in_flight(Flow::Level level) {
    return uint64_t{level.depth} * level.chunk;
}

std::vector<Flow::Level> levels_between(Flow::Level start, Flow::Level most) {
    std::vector<Flow::Level> levels;
    for (Flow::Level less = start; less.depth > 1 || less.chunk > chunk_least;) {
        if (less.depth > 1)
            less.depth -= std::max(less.depth / 4, 1u);
        else
            less.chunk = std::max(less.chunk / 2 / block * block, chunk_least);
        levels.insert(levels.begin(), less);
    }
    levels.push_back(start);
    for (Flow::Level more = start; more.depth < most.depth || more.chunk < most.chunk;) {
        if (more.chunk < most.chunk)
            more.chunk = std::min(more.chunk * 2, most.chunk);
        else
            more.depth = std::min(more.depth + (more.depth + 1) / 2, most.depth);
        levels.push_back(more);
    }
    return levels;
}

} // namespace

Flow::Flow(Level start, Level most, Clock clock)
    : clock_(std::move(clock)), levels_(levels_between(start, most)) {
    index_ =
        static_cast<size_t>(std::find(levels_.begin(), levels_.end(), start) - levels_.begin());
}

void Flow::join() {
    const Lock lock(mutex_);
    ++workers_;
    give_up_trial();
}

void Flow::leave() {
    const Lock lock(mutex_);
    --workers_;
    give_up_trial();
}

void Flow::moved(uint64_t bytes, bool was_limit) {
    const Lock lock(mutex_);
    const uint64_t now_ns = clock_();
    if (unsettled_ > 0) {
        --unsettled_;
        began_ns_ = now_ns;
        return;
    }
    bytes_ += bytes;
    ++chunks_;
    limited_ += was_limit ? 1 : 0;
    const uint64_t passed_ns = now_ns - began_ns_;
    if (passed_ns < span_ns || chunks_ < uint64_t{span_rounds} * level().depth * workers_)
        return;
    if (limited_ * 2 < chunks_) { // so that it is something else that limits
        give_up_trial();
        return;
    }
    const double rate = static_cast<double>(bytes_) / static_cast<double>(passed_ns);
    measure_anew();
    judge(rate);
}

void Flow::judge(double rate) {
    best_ = std::max(best_ * fading, rate);
    if (trial_ == Trial::none) {
        rate_ = held_ == 0 ? rate : rate_ + (rate - rate_) / 4;
        if (++held_ >= hold_)
            try_next();
        return;
    }
    const bool keeps =
        trial_ == Trial::more ? is_better(rate) : rate >= std::max(rate_, best_) * (1 - loss_most);
    const int back = trial_ == Trial::more ? -1 : +1;
    // What was gained asks for more of the same, what was not for the opposite, later.
    next_ = keeps == (trial_ == Trial::more) ? Trial::more : Trial::less;
    trial_ = Trial::none;
    if (keeps) {
        rate_ = rate;
        held_ = 1;
        hold_ = 1;
        try_next();
        return;
    }
    go(back);
    held_ = 0;
    hold_ = std::clamp(hold_ * 2, hold_after_miss, hold_most);
}

// Than what the level below gave, which is held.
bool Flow::is_better(double rate) const {
    const auto more = static_cast<double>(in_flight(level()));
    const auto less = static_cast<double>(in_flight(levels_[index() - 1]));
    return rate > rate_ * (1 + std::max(gain_least, gain_share * (more / less - 1)));
}

void Flow::try_next() {
    const bool ends = next_ == Trial::more ? index() + 1 == levels_.size() : index() == 0;
    if (ends) { // there is no hurry to leave it
        next_ = next_ == Trial::more ? Trial::less : Trial::more;
        held_ = 0;
        hold_ = std::max(hold_, hold_after_miss);
        return;
    }
    trial_ = next_;
    go(trial_ == Trial::more ? +1 : -1);
}

void Flow::go(int change) {
    const unsigned before = level().depth;
    index_ = index() + static_cast<size_t>(change);
    measure_anew();
    unsettled_ = uint64_t{before + level().depth} * workers_;
}

void Flow::give_up_trial() {
    if (trial_ != Trial::none)
        go(trial_ == Trial::more ? -1 : +1);
    trial_ = Trial::none;
    measure_anew();
    unsettled_ = uint64_t{level().depth} * std::max(workers_, 1u);
}

void Flow::measure_anew() {
    began_ns_ = clock_();
    bytes_ = chunks_ = limited_ = 0;
}

} // namespace arsync
