// Which unit of a tree's stack a worker takes.
#include <doctest/doctest.h>

#include "copy/tree/tree.h"

using namespace arsync;

namespace {

struct Stack {
    std::shared_ptr<Directories> all = std::make_shared<Directories>(4);
    std::vector<Unit> units;

    DirectoryRef directory(unsigned walkers) const {
        auto made = std::make_shared<Directory>(all);
        made->walkers = walkers;
        return made;
    }
    void rest_of(const DirectoryRef& directory) { units.push_back({directory, {}, false}); }
    void enter(const DirectoryRef& above) { units.push_back({above, "name", false}); }
};

const LastUnit at_work{nullptr, false};

} // namespace

TEST_CASE("the last unit is taken, if nobody is at work in its directory") {
    Stack stack;
    stack.rest_of(stack.directory(0));
    stack.rest_of(stack.directory(0));
    CHECK(next_unit(stack.units, at_work) == 1);
}

TEST_CASE("a directory that others are at work in is left to them while there is another") {
    Stack stack;
    stack.rest_of(stack.directory(0));
    stack.rest_of(stack.directory(2));
    stack.rest_of(stack.directory(1));
    CHECK(next_unit(stack.units, at_work) == 0);
}

TEST_CASE("to enter a directory is not to work in the one above it") {
    Stack stack;
    stack.rest_of(stack.directory(0));
    stack.enter(stack.directory(1));
    CHECK(next_unit(stack.units, at_work) == 1);
}

TEST_CASE("where others are at work everywhere, or far up, the last unit is taken") {
    Stack stack;
    stack.rest_of(stack.directory(0));
    for (int i = 0; i < 32; ++i)
        stack.rest_of(stack.directory(1));
    CHECK(next_unit(stack.units, at_work) == 32);
    stack.units.erase(stack.units.begin());
    CHECK(next_unit(stack.units, at_work) == 31);
}

TEST_CASE("who has found no directories goes on where it is, however many others have found") {
    Stack stack;
    const DirectoryRef large = stack.directory(0);
    stack.rest_of(stack.directory(0));
    stack.rest_of(large);
    for (int i = 0; i < 100; ++i)
        stack.enter(stack.directory(0));
    CHECK(next_unit(stack.units, {large, false}) == 1);
    CHECK(next_unit(stack.units, {stack.directory(0), false}) == 101);
    large->walkers = 1; // somebody has taken its place
    CHECK(next_unit(stack.units, {large, false}) == 101);
}

TEST_CASE("who joins begins furthest from the others") {
    Stack stack;
    stack.enter(stack.directory(0));
    for (int i = 0; i < 100; ++i)
        stack.rest_of(stack.directory(0));
    CHECK(next_unit(stack.units, {}) == 0);
    stack.units.erase(stack.units.begin());
    stack.units.front().directory->walkers = 1;
    CHECK(next_unit(stack.units, {}) == 1);
}
