// How many seeds a test tries, and which: ARSYNC_SIM_SEEDS=n tries n, ARSYNC_SIM_SEED=n that one
// alone, to run again what a failure named.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace arsync::sim {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

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

// Every step of a sweep, or under a sanitizer one in several.
constexpr uint64_t sweep_stride = sanitized ? 7 : 1;

} // namespace arsync::sim
