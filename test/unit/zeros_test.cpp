#include <doctest/doctest.h>

#include <vector>

#include "copy/find_zeros.h"

using namespace arsync;

TEST_CASE("is_zero finds a byte at either end") {
    std::vector<std::byte> data(4096);
    CHECK(is_zero(data.data(), data.size()));
    CHECK(is_zero(data.data(), 0));
    data.back() = std::byte{1};
    CHECK_FALSE(is_zero(data.data(), data.size()));
    data.back() = std::byte{0};
    data.front() = std::byte{1};
    CHECK_FALSE(is_zero(data.data(), data.size()));
}

TEST_CASE("zeros and data take turns by whole blocks, but for the last") {
    constexpr size_t block = 4096;
    std::vector<std::byte> data(4 * block + 10);
    data[2 * block] = std::byte{1};
    data[4 * block - 1] = std::byte{1};
    const auto run = [&](size_t at) { return zeros_or_data(data.data(), data.size(), at); };
    CHECK(run(0).zero);
    CHECK(run(0).end == 2 * block);
    CHECK_FALSE(run(2 * block).zero);
    CHECK(run(2 * block).end == 4 * block);
    CHECK(run(4 * block).zero);
    CHECK(run(4 * block).end == data.size());
}
