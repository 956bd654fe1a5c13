// How fast a count grows.
#include <doctest/doctest.h>

#include "speed.h"

using namespace arsync;
using std::chrono::milliseconds;

namespace {

const Speed::Clock::time_point start{std::chrono::hours(1)};

} // namespace

TEST_CASE("a speed is of all the time at first, and of the last seconds later") {
    Speed speed;
    speed.begin(start);
    CHECK(speed.per_second(500, start + milliseconds(250)) == 2000);
    uint64_t count = 500;
    for (unsigned i = 1; i <= 100; ++i) { // for 20 s 1000, then 5000
        count += i <= 80 ? 250 : 1250;
        const uint64_t now = speed.per_second(count, start + milliseconds(250 + 250 * i));
        CAPTURE(i);
        if (i > 20 && i <= 80)
            CHECK(now == 1000);
        if (i > 81)
            CHECK(now > 1000);
        if (i > 98)
            CHECK(now == 5000);
    }
}

TEST_CASE("whoever asks seldom is told of the time since it asked") {
    Speed speed;
    speed.begin(start);
    CHECK(speed.per_second(1000, start + milliseconds(1000)) == 1000);
    CHECK(speed.per_second(1000, start + milliseconds(21'000)) == 0);
}

TEST_CASE("a count that falls has no speed, and no time makes none without end") {
    Speed speed;
    speed.begin(start);
    CHECK(speed.per_second(0, start) == 0);
    CHECK(speed.per_second(7, start) == 7000);
    CHECK(speed.per_second(UINT64_MAX, start) == 1'000'000'000'000'000'000);
    Speed falling;
    falling.begin(start);
    CHECK(falling.per_second(1000, start + milliseconds(1000)) == 1000);
    CHECK(falling.per_second(2000, start + milliseconds(5000)) == 250);
    CHECK(falling.per_second(10, start + milliseconds(5500)) == 0);
}
