#include "sim/content.h"

#include <algorithm>
#include <cstring>

namespace arsync::sim {

static const Block zeros{};

static const Block& bytes_of(const BlockRef& block) {
    return block ? *block : zeros;
}

static bool same_bytes(const BlockRef& a, const BlockRef& b) {
    return std::memcmp(bytes_of(a).data(), bytes_of(b).data(), block_size) == 0;
}

bool all_zeros(const BlockRef& block) {
    return !block || same_bytes(block, {});
}

// Call part(block, offset in the block, length, offset in the range) for each block of a range.
template <class Part>
static void each_block(uint64_t offset, uint64_t length, Part part) {
    for (uint64_t done = 0; done < length;) {
        const uint64_t at = (offset + done) % block_size;
        const uint64_t step = std::min(block_size - at, length - done);
        part(block_of(offset + done), at, step, done);
        done += step;
    }
}

bool Content::has_data(uint64_t block) const {
    const auto found = blocks_.find(block);
    return found != blocks_.end() && found->second;
}

Block Content::block_copy(uint64_t block) const {
    const auto found = blocks_.find(block);
    return found == blocks_.end() ? zeros : bytes_of(found->second);
}

size_t Content::read(uint64_t offset, std::byte* to, size_t length) const {
    if (offset >= size_)
        return 0;
    length = std::min<uint64_t>(length, size_ - offset);
    each_block(offset, length, [&](uint64_t block, uint64_t at, uint64_t step, uint64_t done) {
        const auto found = blocks_.find(block);
        const Block& bytes = found == blocks_.end() ? zeros : bytes_of(found->second);
        std::memcpy(to + done, bytes.data() + at, step);
    });
    return length;
}

void Content::write(uint64_t offset, const std::byte* from, size_t length) {
    each_block(offset, length, [&](uint64_t block, uint64_t at, uint64_t step, uint64_t done) {
        auto bytes = std::make_shared<Block>();
        if (step < block_size)
            *bytes = block_copy(block);
        std::memcpy(bytes->data() + at, from + done, step);
        blocks_[block] = std::move(bytes);
    });
    if (length > 0)
        size_ = std::max(size_, offset + length);
}

void Content::resize(uint64_t size) {
    blocks_.erase(blocks_.lower_bound(blocks_for(size)), blocks_.end());
    const uint64_t tail = size % block_size;
    if (size < size_ && tail > 0 && has_data(block_of(size))) {
        auto bytes = std::make_shared<Block>(block_copy(block_of(size)));
        std::memset(bytes->data() + tail, 0, block_size - tail);
        blocks_[block_of(size)] = std::move(bytes);
    }
    size_ = size;
}

void Content::allocate(uint64_t offset, uint64_t length, bool keep_size) {
    each_block(offset, length,
               [&](uint64_t block, uint64_t, uint64_t, uint64_t) { blocks_.try_emplace(block); });
    if (!keep_size)
        size_ = std::max(size_, offset + length);
}

void Content::punch(uint64_t offset, uint64_t length) {
    const uint64_t end = std::min(offset + length, blocks_for(size_) * block_size);
    if (end <= offset)
        return;
    const uint64_t first = blocks_for(offset), last = block_of(end);
    if (first < last)
        blocks_.erase(blocks_.lower_bound(first), blocks_.lower_bound(last));
    const auto clear = [&](uint64_t from, uint64_t to) { // inside one block
        if (from >= to || !has_data(block_of(from)))
            return;
        auto bytes = std::make_shared<Block>(block_copy(block_of(from)));
        std::memset(bytes->data() + from % block_size, 0, to - from);
        blocks_[block_of(from)] = std::move(bytes);
    };
    clear(offset, std::min(first * block_size, end));
    if (last >= first)
        clear(std::max(last * block_size, offset), end);
}

uint64_t Content::next_data(uint64_t offset) const {
    for (auto at = blocks_.lower_bound(block_of(offset)); at != blocks_.end(); ++at)
        if (at->second)
            return std::min(size_, std::max(offset, at->first * block_size));
    return size_;
}

uint64_t Content::next_hole(uint64_t offset) const {
    uint64_t block = block_of(offset);
    for (auto at = blocks_.lower_bound(block); at != blocks_.end(); ++at, ++block)
        if (at->first != block || !at->second)
            break;
    return std::min(size_, std::max(offset, block * block_size));
}

uint64_t Content::hole_bytes(uint64_t offset, uint64_t length) const {
    const uint64_t end = std::min(size_, offset + length);
    uint64_t total = 0;
    while (offset < end) {
        const uint64_t data = std::min(end, next_data(offset));
        total += data - offset;
        offset = std::min(end, next_hole(data));
    }
    return total;
}

bool Content::shares_blocks_with(const Content& other) const {
    for (const auto& [block, data] : blocks_) {
        const auto found = other.blocks_.find(block);
        if (data && found != other.blocks_.end() && found->second == data)
            return true;
    }
    return false;
}

bool Content::operator==(const Content& other) const {
    if (size_ != other.size_)
        return false;
    const auto covers = [](const Content& a, const Content& b) {
        for (const auto& [block, data] : a.blocks_) {
            const auto found = b.blocks_.find(block);
            const BlockRef none;
            const BlockRef& twin = found == b.blocks_.end() ? none : found->second;
            const bool within = block < blocks_for(a.size_);
            if (within && data != twin && !same_bytes(data, twin))
                return false;
        }
        return true;
    };
    return covers(*this, other) && covers(other, *this);
}

} // namespace arsync::sim
