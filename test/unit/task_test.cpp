#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "task.h"

using namespace arsync;

namespace {

// A place where coroutines wait until the test lets them go on.
struct Gate {
    std::vector<std::coroutine_handle<>> waiting;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) { waiting.push_back(handle); }
    void await_resume() const {}
    void open_last() {
        const auto handle = waiting.back();
        waiting.pop_back();
        handle.resume();
    }
};

Task<int> seven() {
    co_return 7;
}

Task<int> twice_seven() {
    const int once = co_await seven();
    const int again = co_await seven();
    co_return once + again;
}

Task<void> fail() {
    throw std::runtime_error("failed");
    co_return;
}

Task<void> pass(Gate& gate, int& passed) {
    co_await gate;
    ++passed;
}

Task<void> fail_after(Gate& gate) {
    co_await gate;
    throw std::runtime_error("late");
}

template <class T>
Detached start(Task<T> task, bool& done, std::string& error, T& value) {
    try {
        value = co_await task;
    } catch (const std::exception& thrown) {
        error = thrown.what();
    }
    done = true;
}

Detached start(Task<void> task, bool& done, std::string& error) {
    try {
        co_await task;
    } catch (const std::exception& thrown) {
        error = thrown.what();
    }
    done = true;
}

Task<void> three_lanes(Gate& gate, int& passed) {
    Group group;
    for (int i = 0; i < 3; ++i)
        group.spawn([&] { return pass(gate, passed); });
    co_await group.join();
    passed += 100;
}

Task<void> one_fails(Gate& gate, int& passed, bool& spawned_after) {
    Group group;
    group.spawn([&] { return pass(gate, passed); });
    group.spawn([&] { return fail_after(gate); });
    co_await group.join();
    spawned_after = true;
}

Task<void> no_more_after_failure(int& passed, Gate& gate) {
    Group group;
    group.spawn([] { return fail(); });
    CHECK(group.failed());
    group.spawn([&] { return pass(gate, passed); });
    co_await group.join();
}

} // namespace

TEST_CASE("a task gives its value to who awaits it") {
    bool done = false;
    std::string error;
    int value = 0;
    start<int>(twice_seven(), done, error, value);
    CHECK(done);
    CHECK(value == 14);
}

TEST_CASE("a task's exception comes out where it is awaited") {
    bool done = false;
    std::string error;
    start(fail(), done, error);
    CHECK(done);
    CHECK(error == "failed");
}

TEST_CASE("a group is joined when the last of its tasks has ended, in any order") {
    Gate gate;
    int passed = 0;
    bool done = false;
    std::string error;
    start(three_lanes(gate, passed), done, error);
    REQUIRE(gate.waiting.size() == 3);
    gate.open_last();
    gate.open_last();
    CHECK_FALSE(done);
    CHECK(passed == 2);
    gate.open_last();
    CHECK(done);
    CHECK(passed == 103);
}

TEST_CASE("a failed task's exception waits until its siblings have ended") {
    Gate gate;
    int passed = 0;
    bool done = false;
    bool after = false;
    std::string error;
    start(one_fails(gate, passed, after), done, error);
    gate.open_last(); // the one that fails
    CHECK_FALSE(done);
    gate.open_last();
    CHECK(done);
    CHECK(passed == 1);
    CHECK_FALSE(after);
    CHECK(error == "late");
}

TEST_CASE("nothing is started in a group that has failed") {
    Gate gate;
    int passed = 0;
    bool done = false;
    std::string error;
    start(no_more_after_failure(passed, gate), done, error);
    CHECK(done);
    CHECK(error == "failed");
    CHECK(gate.waiting.empty());
}
