#include "copy/find_zeros.h"

#include <algorithm>
#include <cstring>

#include "copy/data_and_holes.h"

namespace arsync {

bool is_zero(const std::byte* data, size_t length) {
    // All bytes equal the first, and the first is zero: memcmp is the fastest loop there is.
    return length == 0 || (data[0] == std::byte{0} && memcmp(data, data + 1, length - 1) == 0);
}

Run zeros_or_data(const std::byte* data, size_t length, size_t at) {
    constexpr size_t block = DataAndHoles::block_size;
    const auto zero_at = [&](size_t where) {
        return is_zero(data + where, std::min(block, length - where));
    };
    const bool zero = zero_at(at);
    while (at < length && zero_at(at) == zero)
        at = std::min(at + block, length);
    return {at, zero};
}

} // namespace arsync
