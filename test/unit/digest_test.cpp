#include <doctest/doctest.h>

#include <vector>

#include "copy/digest.h"

using namespace arsync;

namespace {

std::vector<std::byte> content(size_t size) {
    std::vector<std::byte> result(size);
    for (size_t i = 0; i < size; ++i)
        result[i] = static_cast<std::byte>(i * 7 + i / 251 + 1);
    return result;
}

Digest digest(const std::vector<std::byte>& data) {
    Digest result;
    result.add(0, data.data(), data.size());
    return result;
}

} // namespace

TEST_CASE("the order of the parts does not matter") {
    const auto data = content(5 * Digest::block_size + 17);
    Digest parts;
    const size_t cut = 2 * Digest::block_size;
    parts.add(cut, data.data() + cut, data.size() - cut);
    parts.add(0, data.data(), cut);
    CHECK(parts == digest(data));
}

TEST_CASE("zeros count as nothing, wherever they are") {
    auto data = content(3 * Digest::block_size);
    std::fill(data.begin() + Digest::block_size, data.begin() + 2 * Digest::block_size,
              std::byte{0});
    Digest around;
    around.add(0, data.data(), Digest::block_size);
    around.add(2 * Digest::block_size, data.data() + 2 * Digest::block_size, Digest::block_size);
    CHECK(around == digest(data));
}

TEST_CASE("a changed bit, a swapped block, a moved block and a lost block are all seen") {
    const auto data = content(4 * Digest::block_size);
    const Digest right = digest(data);

    auto changed = data;
    changed[9000] ^= std::byte{1};
    CHECK_FALSE(digest(changed) == right);

    Digest swapped;
    swapped.add(Digest::block_size, data.data(), Digest::block_size);
    swapped.add(0, data.data() + Digest::block_size, Digest::block_size);
    swapped.add(2 * Digest::block_size, data.data() + 2 * Digest::block_size,
                2 * Digest::block_size);
    CHECK_FALSE(swapped == right);

    Digest moved;
    moved.add(Digest::block_size, data.data(), data.size());
    CHECK_FALSE(moved == right);

    Digest shorter;
    shorter.add(0, data.data(), 3 * Digest::block_size);
    CHECK_FALSE(shorter == right);
}
