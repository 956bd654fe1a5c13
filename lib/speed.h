// How fast a count grows, as whoever asks now and then sees it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace arsync {

class Speed {
public:
    using Clock = std::chrono::steady_clock;

    void begin(Clock::time_point now) { samples_[0] = {now, 0}; }

    // Over a time that is long enough to be calm, and short enough to follow a change of pace.
    uint64_t per_second(uint64_t count, Clock::time_point now) {
        while (size_ > 1 && now - at(0).when > window) {
            first_ = (first_ + 1) % samples_.size();
            --size_;
        }
        const Sample since = at(0);
        if (size_ < samples_.size() && now - at(size_ - 1).when >= apart)
            at(size_++) = {now, count};
        const auto passed = std::chrono::duration<double>(now - since.when).count();
        const uint64_t grown = count - std::min(since.count, count);
        constexpr double most = 1e18; // of a hole, perhaps
        return static_cast<uint64_t>(
            std::min(static_cast<double>(grown) / std::max(passed, 0.001), most));
    }

private:
    static constexpr std::chrono::milliseconds window{4000};
    static constexpr std::chrono::milliseconds apart{500}; // at least, so that there are few

    struct Sample {
        Clock::time_point when;
        uint64_t count = 0;
    };
    Sample& at(size_t i) { return samples_[(first_ + i) % samples_.size()]; }

    // A ring; the first is where the speed is taken from.
    std::array<Sample, window / apart + 1> samples_;
    size_t first_ = 0;
    size_t size_ = 1;
};

} // namespace arsync
