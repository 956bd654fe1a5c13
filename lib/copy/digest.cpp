#include "copy/digest.h"

#include <algorithm>

#define XXH_INLINE_ALL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <xxhash.h>
#pragma GCC diagnostic pop

#include "copy/find_zeros.h"

namespace arsync {

void Digest::add(uint64_t offset, const std::byte* data, size_t length) {
    for (size_t done = 0; done < length; done += block_size) {
        const size_t part = std::min(block_size, length - done);
        if (is_zero(data + done, part))
            continue;
        // A short last block hashes as its bytes alone; the sizes are compared besides.
        const uint64_t number = (offset + done) / block_size;
        const XXH128_hash_t hash = XXH3_128bits_withSeed(data + done, part, number);
        low_ += hash.low64;
        high_ += hash.high64;
        end_ = std::max(end_, offset + done + part);
    }
}

} // namespace arsync
