#include <doctest/doctest.h>

#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "frames.h"
#include "sanitized.h"
#include "task.h"

using namespace arsync;

namespace {

Task<int> length_of(const char* text) {
    co_return static_cast<int>(strlen(text));
}

Task<void> add_up(int& sum) {
    for (int i = 0; i < 1000; ++i) {
        const int length = co_await length_of("four");
        sum += length;
    }
}

} // namespace

TEST_CASE("a frame that was freed is used again, for frames of about its size") {
    const FrameCache cache;
    void* first = FrameCache::allocate(100);
    FrameCache::release(first, 100);
    void* larger = FrameCache::allocate(1000);
    void* same = FrameCache::allocate(128);
    if (!sanitized)
        CHECK(same == first);
    CHECK(larger != first);
    memset(same, 1, 128);
    FrameCache::release(larger, 1000);
    FrameCache::release(same, 128);
}

TEST_CASE("frames of any size and number come and go, with a cache and without") {
    const auto churn = [] {
        for (const size_t size : {1ul, 63ul, 64ul, 65ul, 4096ul, 4097ul, 100'000ul}) {
            std::vector<void*> frames;
            for (int i = 0; i < 300; ++i) {
                frames.push_back(FrameCache::allocate(size));
                memset(frames.back(), i, size);
            }
            for (void* frame : frames)
                FrameCache::release(frame, size);
        }
    };
    churn();
    const FrameCache cache;
    churn();
    churn();
}

TEST_CASE("a frame may end where it did not begin") {
    void* frame = FrameCache::allocate(200); // without a cache
    std::thread([&] {
        const FrameCache cache;
        FrameCache::release(frame, 200);
        frame = FrameCache::allocate(200);
    }).join();
    memset(frame, 1, 200);
    FrameCache::release(frame, 200);
}

TEST_CASE("coroutines run in kept frames") {
    const FrameCache cache;
    int sum = 0;
    Group group;
    CHECK(group.spawn([&] { return add_up(sum); }));
    CHECK(sum == 4000);
}
