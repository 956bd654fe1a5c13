// A hash of a file's content that does not depend on the order in which its parts are seen, nor on
// whether zeros are stored or are holes: the sum of the XXH3-128 hashes of all 4 KiB blocks that
// are not all zeros, each seeded with its number.
//
// It finds damage, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>

namespace arsync {

class Digest {
public:
    static constexpr size_t block_size = 4096;

    // Data at an offset that is a multiple of block_size. Only the last part of the content may
    // have a length that is not.
    void add(uint64_t offset, const std::byte* data, size_t length);

    uint64_t low() const { return low_; }
    uint64_t high() const { return high_; }
    // Where the last block ends that is not all zeros.
    uint64_t end() const { return end_; }
    bool operator==(const Digest& other) const {
        return low_ == other.low_ && high_ == other.high_;
    }

private:
    uint64_t low_ = 0;
    uint64_t high_ = 0;
    uint64_t end_ = 0;
};

} // namespace arsync
