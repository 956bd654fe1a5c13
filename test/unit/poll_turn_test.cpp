// Whose turn it is, also after a thread that had it is no more.
#include <doctest/doctest.h>

#include <cerrno>
#include <pthread.h>
#include <thread>

#include "poll_turn.h"
#include "skip.h"

using namespace arsync;

// Whether the kernel gives back what a thread that has ended had locked. An emulated one may not.
static bool gives_back() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_t mutex;
    pthread_mutex_init(&mutex, &attributes);
    std::thread([&] { pthread_mutex_lock(&mutex); }).join();
    const bool given_back = pthread_mutex_trylock(&mutex) == EOWNERDEAD;
    if (given_back) { // a thread that kept it would have one that is no more in its list
        pthread_mutex_consistent(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    pthread_mutex_destroy(&mutex);
    pthread_mutexattr_destroy(&attributes);
    return given_back;
}

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
    if (!gives_back()) {
        skip("no robust mutexes here");
        return;
    }
    Turn turn;
    for (int i = 0; i < 3; ++i) {
        bool taken = false;
        std::thread([&] { taken = turn.try_take(); }).join();
        CHECK(taken);
        CHECK(turn.try_take());
        turn.give_back();
    }
}
