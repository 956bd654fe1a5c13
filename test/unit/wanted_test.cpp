// When a copy began and ended.
#include <doctest/doctest.h>

#include "copy/copy.h"

using namespace arsync;

TEST_CASE("what ends before it has begun has taken no time, and tells when that was") {
    arsync_copy_options options{};
    options.want = ARSYNC_WANT_TIMES;
    Wanted wanted;
    wanted.end(options);
    CHECK(wanted.has == ARSYNC_WANT_TIMES);
    CHECK(wanted.end_ns > 0);
    CHECK(wanted.begin_ns == wanted.end_ns);
}

TEST_CASE("of several attempts the first is the beginning") {
    arsync_copy_options options{};
    options.want = ARSYNC_WANT_TIMES;
    Wanted wanted;
    wanted.begin(options);
    const uint64_t first = wanted.begin_ns;
    CHECK(first > 0);
    wanted.end(options);
    while (true) {
        Wanted later;
        later.begin(options);
        if (later.begin_ns > first)
            break;
    }
    wanted.begin(options);
    wanted.end(options);
    CHECK(wanted.begin_ns == first);
    CHECK(wanted.end_ns > first);
}

TEST_CASE("times are not taken for whoever does not want them") {
    Wanted wanted;
    wanted.begin({});
    wanted.end({});
    CHECK((wanted.has == 0 && wanted.begin_ns == 0 && wanted.end_ns == 0));
}
