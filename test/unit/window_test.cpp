// How many entries of a tree a worker has under way.
#include <doctest/doctest.h>

#include "copy/tree/window.h"
#include "io/threads.h"

using namespace arsync;

namespace {

struct World {
    Counters counters;
    Threads ring{counters};
    Window window{ring, 1};

    unsigned size() {
        while (window.has_room())
            window.enter();
        const unsigned size = window.under_way();
        while (window.under_way() > 0)
            window.leave();
        return size;
    }
    void widen(unsigned times) {
        for (unsigned i = 0; i < times; ++i)
            window.widen();
    }
};

} // namespace

TEST_CASE("a window is halved where descriptors are short, and grows by one for 16 entries") {
    World world;
    const unsigned whole = world.size();
    REQUIRE(whole > 8);
    world.widen(100);
    CHECK(world.size() == whole); // never more than the limit of descriptors has room for
    world.window.narrow();
    CHECK(world.size() == whole / 2);
    for (unsigned wider = 1; wider <= 2; ++wider) {
        world.widen(15);
        CHECK(world.size() == whole / 2 + wider - 1);
        world.widen(1);
        CHECK(world.size() == whole / 2 + wider);
    }
    world.widen(15);
    world.window.narrow(); // what ended well before that tells nothing any more
    world.widen(15);
    CHECK(world.size() == (whole / 2 + 2) / 2);
    for (int i = 0; i < 20; ++i)
        world.window.narrow();
    CHECK(world.size() == 1);
}
