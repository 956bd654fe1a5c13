#include "copy/data_and_holes.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace arsync {

DataAndHoles::DataAndHoles(Files& files, int fd, uint64_t begin, uint64_t end, uint64_t chunk,
                           bool find_holes, bool cuts_holes)
    : files_(files), fd_(fd), begin_(begin), end_(end), chunk_(chunk), find_holes_(find_holes),
      cuts_holes_(cuts_holes), position_(begin), data_begin_(begin), data_end_(begin) {}

Piece DataAndHoles::next() {
    if (position_ >= end_)
        return {Piece::Kind::end};
    if (position_ >= data_end_)
        find();
    const uint64_t offset = position_;
    const bool hole = offset < data_begin_;
    const uint64_t chunk_end = begin_ + ((offset - begin_) / chunk_ + 1) * chunk_;
    position_ = hole ? data_begin_ : data_end_;
    if (!hole || cuts_holes_)
        position_ = std::min(position_, chunk_end);
    return {hole ? Piece::Kind::hole : Piece::Kind::data, offset, position_ - offset};
}

// Set data_begin_ and data_end_ to the next extent; both end_ if only a hole is left.
void DataAndHoles::find() {
    data_begin_ = position_;
    data_end_ = end_;
    if (!find_holes_)
        return;
    const int64_t data = files_.seek(fd_, static_cast<int64_t>(position_), SEEK_DATA);
    if (data == -ENXIO) {
        data_begin_ = end_;
        return;
    }
    if (data < 0) {
        find_holes_ = false;
        return;
    }
    const auto found = std::max(static_cast<uint64_t>(data), position_);
    if (found >= end_) {
        data_begin_ = end_;
        return;
    }
    data_begin_ = std::max(position_, begin_ + (found - begin_) / block_size * block_size);
    const int64_t hole = files_.seek(fd_, static_cast<int64_t>(found), SEEK_HOLE);
    if (hole < 0)
        return; // the file ended meanwhile; reading will tell
    const auto hole_at = std::max(static_cast<uint64_t>(hole), found + 1);
    const uint64_t blocks = (hole_at - begin_ + block_size - 1) / block_size;
    data_end_ = std::min(end_, begin_ + blocks * block_size);
}

bool may_have_holes(const struct statx& facts, bool compresses) {
    return compresses || facts.stx_blocks * 512 < facts.stx_size;
}

bool has_large_pieces(Files& files, int fd, uint64_t begin, uint64_t end) {
    constexpr uint64_t whole = INT64_MAX; // a chunk that cuts nothing
    DataAndHoles walk(files, fd, begin, end, whole, true);
    uint64_t bytes = 0;
    uint64_t pieces = 0;
    while (pieces < 8) {
        const Piece piece = walk.next();
        if (piece.kind == Piece::Kind::end)
            break;
        if (piece.kind == Piece::Kind::data) {
            bytes += piece.length;
            ++pieces;
        }
    }
    return bytes >= pieces << 20; // 1 MiB each
}

} // namespace arsync
