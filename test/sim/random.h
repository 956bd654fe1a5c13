// Numbers that look random and are the same for the same seed on every machine (splitmix64).
#pragma once

#include <cstdint>

namespace arsync::sim {

class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    // From 0 to bound - 1.
    uint64_t below(uint64_t bound) { return next() % bound; }
    bool percent(unsigned chance) { return below(100) < chance; }
    template <class T, unsigned N>
    const T& of(const T (&choices)[N]) {
        return choices[below(N)];
    }

private:
    uint64_t state_;
};

} // namespace arsync::sim
