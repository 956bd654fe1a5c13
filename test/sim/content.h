// What a simulated file holds: a size, and the blocks allocated to it.
//
// A block that was written is immutable and shared by every copy of the content, so that keeping a
// snapshot costs pointers, not bytes. Two files hold the same block only after a reflink. Past the
// size a block's bytes are zeros.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace arsync::sim {

constexpr uint64_t block_size = 4096;
inline uint64_t block_of(uint64_t offset) {
    return offset / block_size;
}
inline uint64_t blocks_for(uint64_t size) {
    return (size + block_size - 1) / block_size;
}

using Block = std::array<std::byte, block_size>;
using BlockRef = std::shared_ptr<const Block>;

class Content {
public:
    // A block without data is allocated and unwritten: it reads as zeros, as a hole does.
    using Blocks = std::map<uint64_t, BlockRef>;

    uint64_t size() const { return size_; }
    uint64_t blocks_allocated() const { return blocks_.size(); }
    const Blocks& blocks() const { return blocks_; }
    bool allocated(uint64_t block) const { return blocks_.count(block) != 0; }
    bool has_data(uint64_t block) const;

    // Bytes up to the size; returns how many.
    size_t read(uint64_t offset, std::byte* to, size_t length) const;
    void write(uint64_t offset, const std::byte* from, size_t length);
    void resize(uint64_t size);
    void allocate(uint64_t offset, uint64_t length, bool keep_size);
    void punch(uint64_t offset, uint64_t length);
    // Put one block in place as it is, or take it away where it is null and not kept.
    void set_block(uint64_t block, BlockRef data) { blocks_[block] = std::move(data); }
    void clear_block(uint64_t block) { blocks_.erase(block); }
    void set_size(uint64_t size) { size_ = size; }

    // The first byte from offset on that is data, or that is in a hole; size() if there is none.
    uint64_t next_data(uint64_t offset) const;
    uint64_t next_hole(uint64_t offset) const;
    // Bytes below the size, from offset on for length, that are in no data block.
    uint64_t hole_bytes(uint64_t offset, uint64_t length) const;

    bool shares_blocks_with(const Content& other) const;
    // The same size and bytes, wherever the holes are.
    bool operator==(const Content& other) const;

private:
    Block block_copy(uint64_t block) const;

    Blocks blocks_;
    uint64_t size_ = 0;
};

bool all_zeros(const BlockRef& block);

} // namespace arsync::sim
