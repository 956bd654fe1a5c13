// What comes of a list's items, held back until it is their turn; and how fast a count grows.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "in_order.h"
#include "speed.h"

using namespace arsync;

namespace {

// What is told of: "2a" is something of item 2, "2." its end.
void hold(InOrder& order, const std::string& told) {
    auto finished = std::make_unique<Finished>();
    finished->completion.kind = told[1] == '.' ? ARSYNC_COMPLETION_ITEM : ARSYNC_COMPLETION_ENTRY;
    finished->path = told;
    const auto item = static_cast<uint64_t>(told[0] - '0');
    order.prepare(item);
    order.hold(item, std::move(finished));
}

std::string taken(InOrder& order, bool at_end = false) {
    std::string all;
    while (const std::unique_ptr<Finished> next = order.take(at_end))
        all += (all.empty() ? "" : " ") + next->path;
    return all;
}

} // namespace

TEST_CASE("what comes of an item comes when all before it have ended") {
    InOrder order;
    CHECK(taken(order).empty());
    hold(order, "2a");
    hold(order, "3.");
    CHECK(taken(order).empty());
    hold(order, "1a");
    CHECK(taken(order) == "1a"); // and it has not ended
    hold(order, "2b");
    CHECK(taken(order).empty());
    hold(order, "1b");
    hold(order, "1.");
    CHECK(taken(order) == "1b 1. 2a 2b");
    hold(order, "2.");
    CHECK(taken(order) == "2. 3.");
    hold(order, "4.");
    CHECK(taken(order) == "4.");
}

TEST_CASE("a question that is withdrawn is not put when its turn comes") {
    InOrder order;
    hold(order, "2a");
    hold(order, "2b");
    auto question = std::make_unique<Finished>();
    question->completion.kind = ARSYNC_COMPLETION_QUESTION;
    question->path = "2?";
    order.hold(2, std::move(question));
    order.drop_questions();
    hold(order, "2.");
    hold(order, "1.");
    CHECK(taken(order) == "1. 2a 2b 2.");
}

TEST_CASE("room for what never came holds up its own item, and none at the end") {
    InOrder order;
    order.prepare(1);
    hold(order, "3a");
    hold(order, "2.");
    CHECK(taken(order).empty());
    CHECK(taken(order, true) == "2. 3a");
    CHECK(taken(order, true).empty());
}

TEST_CASE("what nobody takes is freed with the order") {
    InOrder order;
    hold(order, "1a");
    hold(order, "2a");
    hold(order, "2.");
}

TEST_CASE("speed is that of the last seconds, or since the beginning") {
    using std::chrono::milliseconds;
    const Speed::Clock::time_point begin{};
    Speed speed;
    speed.begin(begin);
    CHECK(speed.per_second(0, begin) == 0);
    CHECK(speed.per_second(1000, begin + milliseconds(500)) == 2000);
    CHECK(speed.per_second(1000, begin + milliseconds(1000)) == 1000);
    uint64_t count = 1000;
    for (int ms = 1100; ms <= 10'000; ms += 100) {
        count += 50;
        speed.per_second(count, begin + milliseconds(ms));
    }
    const uint64_t recent = speed.per_second(count, begin + milliseconds(10'000));
    CHECK(recent >= 480);
    CHECK(recent <= 520);
    CHECK(speed.per_second(0, begin + milliseconds(10'000)) == 0); // a copy that is begun anew
}
