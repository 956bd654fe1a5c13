#include <doctest/doctest.h>

#include "io/dirty_pages.h"
#include "io/memory_limit.h"

using namespace arsync;

namespace {

constexpr uint64_t kib = 1024;

// 1,000,000 KiB that may become dirty, half of it free; 30,000 KiB are dirty.
constexpr std::string_view meminfo = "MemTotal:        2000000 kB\n"
                                     "MemFree:          500000 kB\n"
                                     "MemAvailable:     900000 kB\n"
                                     "Active(file):     200000 kB\n"
                                     "Inactive(file):   300000 kB\n"
                                     "Dirty:             20000 kB\n"
                                     "Writeback:         10000 kB\n"
                                     "WritebackTmp:       5000 kB\n";

uint64_t room(const DirtyLimits& limits, uint64_t memory_limit = no_memory_limit,
              std::string_view text = meminfo) {
    return room_for_dirty_pages(text, limits, memory_limit);
}

} // namespace

TEST_CASE("there is room for dirty pages up to where the kernel begins to write them out") {
    CHECK(room({0, 10, 0, 20}) == 70'000 * kib);
    CHECK_MESSAGE(room({50'000 * kib, 0, 0, 20}) == 20'000 * kib, "a limit in bytes");
    CHECK_MESSAGE(room({0, 30, 100'000 * kib, 0}) == 20'000 * kib,
                  "it begins at half of where one waits");
    CHECK_MESSAGE(room({0, 2, 0, 20}) == 0, "more is dirty than may be");
    CHECK_MESSAGE(room({0, 10, 0, 20}, 400'000 * kib) == 10'000 * kib, "of a control group");
    CHECK_MESSAGE(room({0, 90, 0, 100}) == 500'000 * kib, "no more than what is free");
}

TEST_CASE("where nothing is known of memory there is no room for dirty pages") {
    CHECK(room({0, 10, 0, 20}, no_memory_limit, "") == 0);
    CHECK(room({0, 10, 0, 20}, no_memory_limit, "MemFree:") == 0);
    CHECK(room({0, 10, 0, 20}, no_memory_limit, "Dirty: 1 kB\nMemFree: -") == 0);
    CHECK(room({}) == 0);
    CHECK(room_for_dirty_pages() < memory_limit());
}
