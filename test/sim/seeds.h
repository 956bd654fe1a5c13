// How many seeds a test tries, and which: ARSYNC_SIM_SEEDS=n tries n, ARSYNC_SIM_SEED=n that one
// alone, to run again what a failure named.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "sanitized.h"

namespace arsync::sim {

template <class Test>
void for_each_seed(uint64_t count, Test test) {
    if (const char* one = std::getenv("ARSYNC_SIM_SEED")) {
        test(std::strtoull(one, nullptr, 10));
        return;
    }
    if (sanitized)
        count = count / 20 + 1;
    if (const char* many = std::getenv("ARSYNC_SIM_SEEDS"))
        count = std::strtoull(many, nullptr, 10);
    for (uint64_t seed = 0; seed < count; ++seed)
        test(seed);
}

// Each of so many that are swept, also under a sanitizer; or that one alone.
template <class Test>
void for_each_swept(uint64_t count, Test test) {
    if (const char* one = std::getenv("ARSYNC_SIM_SEED")) {
        test(std::strtoull(one, nullptr, 10));
        return;
    }
    for (uint64_t seed = 0; seed < count; ++seed)
        test(seed);
}

// Every step of a sweep, or under a sanitizer one in several.
constexpr uint64_t sweep_stride = sanitized ? 11 : 1;

} // namespace arsync::sim
