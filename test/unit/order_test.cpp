// The names that the items of a list may give to something besides their destinations.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "copy/list/order.h"

using namespace arsync;

namespace {

Touch touch_of(const std::string& key) {
    Touch touch;
    touch.key = key;
    return touch;
}

// With one item in flight, to that destination.
Order with(const std::string& key) {
    Order order;
    order.begin(touch_of(key));
    return order;
}

} // namespace

TEST_CASE("whatever number it has, what may become the backup of one in flight waits") {
    const Order order = with("d/x");
    for (const char* key : {"d/x~", "d/x.~0~", "d/x.~1~", "d/x.~9~", "d/x.~10~", "d/x.~907~"}) {
        CAPTURE(key);
        CHECK(order.meets_backups(touch_of(key), "~"));
        Touch source = touch_of("d/elsewhere");
        source.source_key = key;
        CHECK(order.meets_backups(source, "~"));
        CHECK(with(key).meets_backups(touch_of("d/x"), "~"));
    }
    for (const char* key : {"d/y.~1~", "d/x.~~", "d/x.~a~", "d/x.~1", "d/x~1~", "d/x.1~", "e/x~"}) {
        CAPTURE(key);
        CHECK_FALSE(order.meets_backups(touch_of(key), "~"));
    }
}

TEST_CASE("whatever number it has, what may become the other name of one in flight waits") {
    const Order order = with("d/x.txt");
    for (const char* key : {"d/x (0).txt", "d/x (1).txt", "d/x (9).txt", "d/x (10).txt"}) {
        CAPTURE(key);
        CHECK(order.meets_other_names(touch_of(key)));
        Touch source = touch_of("d/elsewhere");
        source.source_key = key;
        CHECK(order.meets_other_names(source));
        CHECK(with(key).meets_other_names(touch_of("d/x.txt")));
    }
    for (const char* key : {"d/y (1).txt", "d/x ().txt", "d/x (a).txt", "d/x(1).txt"}) {
        CAPTURE(key);
        CHECK_FALSE(order.meets_other_names(touch_of(key)));
    }
}
