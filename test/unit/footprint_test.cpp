#include "footprint.h"

#include <doctest/doctest.h>

#include "io/memory_limit.h"

using namespace arsync;

namespace {

constexpr uint64_t mib = 1 << 20;

Footprint of(uint64_t limit, unsigned workers = 8, unsigned count = 16, uint32_t size = 2 << 20) {
    arsync_pool_options options = {};
    options.workers = workers;
    options.buffer_count = count;
    options.buffer_size = size;
    return footprint(options, limit);
}

uint64_t bytes(const Footprint& taken) {
    return uint64_t{taken.workers} * taken.buffer_count * taken.buffer_size;
}

} // namespace

TEST_CASE("what was asked for is had where there is memory, and never more") {
    for (const uint64_t limit : {no_memory_limit, 4096 * mib}) {
        CHECK(of(limit).workers == 8);
        CHECK(of(limit).buffer_count == 16);
        CHECK(of(limit).buffer_size == 2 * mib);
        CHECK(of(limit).helpers == 16);
    }
    for (uint64_t limit = mib; limit < 4096 * mib; limit *= 2) {
        CAPTURE(limit);
        const Footprint little = of(limit, 1, 3, 8192);
        CHECK(little.workers == 1);
        CHECK(little.buffer_count <= 3);
        CHECK(little.buffer_size <= 8192);
    }
}

TEST_CASE("all buffers together take at most a quarter of the memory") {
    for (uint64_t limit = 8 * mib; limit < 4096 * mib; limit += limit / 3) {
        CAPTURE(limit);
        const Footprint taken = of(limit, 256, 1024, 64 << 20);
        CHECK(bytes(taken) <= limit / 4);
        CHECK(taken.workers >= 1);
        CHECK(taken.buffer_count >= 1);
        CHECK(taken.helpers >= 1);
        CHECK(taken.buffer_size % 4096 == 0);
    }
}

TEST_CASE("however little there is, one worker has one buffer") {
    for (const uint64_t limit : {uint64_t{0}, uint64_t{1}, mib}) {
        const Footprint taken = of(limit);
        CHECK(taken.workers == 1);
        CHECK(taken.buffer_count == 1);
        CHECK(taken.buffer_size <= 256 << 10);
        CHECK(taken.buffer_size >= 4096);
    }
}
