// Whose turn it is, also after a thread that had it is no more.
#include <doctest/doctest.h>

#include <thread>

#include "poll_turn.h"

using namespace arsync;

TEST_CASE("a turn is one thread's at a time") {
    Turn turn;
    REQUIRE(turn.try_take());
    bool taken = true;
    std::thread([&] { taken = turn.try_take(); }).join();
    CHECK_FALSE(taken);
    turn.give_back();
    std::thread([&] {
        taken = turn.try_take();
        turn.give_back();
    }).join();
    CHECK(taken);
}

TEST_CASE("who has a turn already, since it was cancelled, may take it and give it back") {
    Turn turn;
    REQUIRE(turn.try_take());
    CHECK(turn.try_take());
    turn.give_back();
    bool taken = false;
    std::thread([&] {
        taken = turn.try_take();
        turn.give_back();
    }).join();
    CHECK(taken);
}

TEST_CASE("the turn of a thread that has ended is free, each time") {
    Turn turn;
    for (int i = 0; i < 3; ++i) {
        bool taken = false;
        std::thread([&] { taken = turn.try_take(); }).join();
        CHECK(taken);
        CHECK(turn.try_take());
        turn.give_back();
    }
}
