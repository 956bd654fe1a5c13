#include "copy/pace.h"

#include <cstdint>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

using arsync::Pace;

TEST_CASE("a pace asks for as much time as the bytes take at its rate") {
    Pace pace(1'000'000);
    CHECK(pace.count(500'000, 1'000) == 500'000'000);
    CHECK(pace.rate() == 1'000'000);
}

TEST_CASE(
    "what is counted before the time is over adds up, and time without copies is not saved up") {
    Pace pace(1'000);
    CHECK(pace.count(1'000, 0) == 1'000'000'000);
    CHECK(pace.count(1'000, 0) == 2'000'000'000);
    CHECK(pace.count(1'000, 1'500'000'000) == 1'500'000'000);
    CHECK(pace.count(1'000, 60'000'000'000) == 1'000'000'000);
}

TEST_CASE("another rate holds for what is not due yet") {
    Pace pace(1'000);
    CHECK(pace.count(2'000, 0) == 2'000'000'000);
    pace.set_rate(2'000, 1'000'000'000); // half of it is left
    CHECK(pace.count(0, 1'000'000'000) == 500'000'000);
    pace.set_rate(0, 1'000'000'000);
    CHECK(pace.count(1'000'000, 1'000'000'000) == 0);
    pace.set_rate(1'000, 1'000'000'000);
    CHECK(pace.count(1'000, 1'000'000'000) == 1'000'000'000);
}

TEST_CASE("who waits is outranked by who waits and is more urgent") {
    Pace pace(1'000);
    const Pace::Waiting low(pace, -1);
    CHECK(!low.is_outranked());
    {
        const Pace::Waiting high(pace, 1);
        const Pace::Waiting other(pace, 1);
        CHECK(low.is_outranked());
        CHECK(!high.is_outranked());
        CHECK(!other.is_outranked());
        CHECK(high.is_first());
        CHECK(!other.is_first());
    }
    CHECK(!low.is_outranked());
    CHECK(low.is_first());
}

TEST_CASE("of equals who came first is first, also where another is made as urgent") {
    Pace pace(1'000);
    Pace::Waiting first(pace, 0);
    const Pace::Waiting second(pace, 1);
    CHECK(second.is_first());
    CHECK(first.is_outranked());
    first.set_priority(1);
    CHECK(first.is_first());
    CHECK(!second.is_first());
    CHECK(!second.is_outranked());
    Pace::Waiting third(pace, 1);
    first.has_counted();
    CHECK(second.is_first());
    third.set_priority(INT32_MAX);
    CHECK(third.is_first());
    CHECK(first.is_outranked());
    third.set_priority(INT32_MIN);
    CHECK(second.is_first());
    CHECK(third.is_outranked());
}

TEST_CASE("what was counted is ahead until it is due") {
    Pace pace(1'000);
    CHECK(pace.ahead(5) == 0);
    pace.count(1'000, 0);
    CHECK(pace.ahead(0) == 1'000'000'000);
    CHECK(pace.ahead(400'000'000) == 600'000'000);
    CHECK(pace.ahead(2'000'000'000) == 0);
}

TEST_CASE("threads that count at once are all heard") {
    Pace pace(1'000'000'000);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 10'000; ++n)
                pace.count(1, 0);
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(pace.count(0, 0) == 40'000);
}
