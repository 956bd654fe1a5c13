// A source's data and holes, in pieces no larger than a chunk.
//
// The walk only moves forward and ends at the end it was given, so that a file which is written
// meanwhile cannot keep it going. Data is widened to whole blocks (block_size, counted from the
// beginning of the range), so that pieces suit O_DIRECT and the digest.
#pragma once

#include <cassert>
#include <cstdint>

#include "copy/digest.h"
#include "io/files.h"

namespace arsync {

struct Piece {
    enum class Kind { data, hole, end } kind;
    uint64_t offset = 0;
    uint64_t length = 0;
};

class DataAndHoles {
public:
    static constexpr uint64_t block_size = Digest::block_size;

    // find_holes: ask the filesystem; otherwise all is data. Where it cannot tell, all is data too.
    // cuts_holes: holes come in pieces that end at multiples of chunk too, otherwise in one.
    DataAndHoles(Files& files, int fd, uint64_t begin, uint64_t end, uint64_t chunk,
                 bool find_holes, bool cuts_holes = false);

    // Data comes in pieces that end at multiples of chunk, which may change on the way.
    Piece next();
    void set_chunk(uint64_t chunk) {
        assert(chunk % block_size == 0);
        chunk_ = chunk;
    }
    bool is_over() const { return position_ >= end_; }

private:
    void find();

    Files& files_;
    const int fd_;
    const uint64_t begin_;
    const uint64_t end_;
    uint64_t chunk_;
    bool find_holes_;
    const bool cuts_holes_;
    uint64_t position_;
    uint64_t data_begin_; // the extent at or after position_
    uint64_t data_end_;
};

// Whether a file may have holes. Only when its blocks cover its size, on a filesystem where blocks
// mean what they say, may the question be skipped.
bool may_have_holes(const struct statx& facts, bool compresses);

// Whether the data between the holes is worth a device's while, piece by piece, as far as the first
// few tell.
bool has_large_pieces(Files& files, int fd, uint64_t begin, uint64_t end);

} // namespace arsync
