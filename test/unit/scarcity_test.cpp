// Whether it is worth waiting for descriptors.
#include <doctest/doctest.h>
#include <thread>

#include "copy/tree/scarcity.h"

namespace arsync {

namespace {

// Asked for longer than who is alone has patience.
bool gives_up(Scarcity& scarcity) {
    bool hopeless = scarcity.is_hopeless(true);
    for (int i = 0; i < 15 && !hopeless; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        hopeless = scarcity.is_hopeless(true);
    }
    return hopeless;
}

} // namespace

TEST_CASE("while something is under way that has descriptors, others wait for them") {
    Scarcity scarcity;
    {
        const Scarcity::Busy busy(scarcity);
        CHECK_FALSE(gives_up(scarcity));
    }
    CHECK(gives_up(scarcity));
}

TEST_CASE("what is under way in parts holds no descriptors besides these") {
    Scarcity scarcity;
    const Scarcity::Busy whole(scarcity);
    {
        const Scarcity::InParts in_parts(scarcity);
        CHECK(gives_up(scarcity));
        const Scarcity::Busy part(scarcity);
        CHECK_FALSE(gives_up(scarcity));
    }
    CHECK_FALSE(gives_up(scarcity));
}

} // namespace arsync
