#include "sim/scenario.h"

#include <algorithm>
#include <vector>

namespace arsync::sim {

namespace {

// Data blocks, made once: tests copy thousands of files of them.
constexpr size_t pool_size = 61; // not a divisor of a chunk, so that a misplaced chunk shows

const std::vector<BlockRef>& pool(uint64_t seed) {
    static std::map<uint64_t, std::vector<BlockRef>> pools;
    std::vector<BlockRef>& blocks = pools[seed];
    Random random(seed);
    while (blocks.size() < pool_size) {
        auto block = std::make_shared<Block>();
        for (std::byte& byte : *block)
            byte = static_cast<std::byte>(random.next() >> 56);
        blocks.push_back(std::move(block));
    }
    return blocks;
}

BlockRef zero_block() {
    static const BlockRef block = std::make_shared<Block>();
    return block;
}

// Data and holes in turn: lengths in blocks.
constexpr unsigned runs[] = {1, 1, 3, 2, 7, 5, 1, 4, 16, 9};

bool in_hole(uint64_t block) {
    unsigned cycle = 0;
    for (const unsigned length : runs)
        cycle += length;
    block %= cycle;
    for (unsigned i = 0;; ++i) {
        if (block < runs[i])
            return i % 2 == 1;
        block -= runs[i];
    }
}

void fill_block(Content& content, Layout layout, uint64_t block, uint64_t blocks, uint64_t seed) {
    const BlockRef data = pool(seed)[block % pool_size];
    switch (layout) {
    case Layout::dense:
        content.set_block(block, data);
        break;
    case Layout::holes:
        if (!in_hole(block))
            content.set_block(block, data);
        break;
    case Layout::zeros:
        content.set_block(block, in_hole(block) ? zero_block() : data);
        break;
    case Layout::unwritten:
        content.set_block(block, block < blocks / 2 ? data : BlockRef());
        break;
    case Layout::empty:
        break;
    }
}

Content make(Layout layout, uint64_t size, uint64_t seed) {
    Content content;
    const uint64_t blocks = blocks_for(size);
    for (uint64_t block = 0; block < blocks && layout != Layout::empty; ++block)
        fill_block(content, layout, block, blocks, seed);
    content.set_size(blocks * block_size);
    content.resize(size); // zeros the rest of the last block
    return content;
}

const char* name_of(Layout layout) {
    static const char* const names[] = {"dense", "holes", "empty", "zeros", "unwritten"};
    return names[static_cast<size_t>(layout)];
}

const char* name_of(Existing existing) {
    static const char* const names[] = {"nothing", "smaller",       "larger",
                                        "link",    "dangling link", "source"};
    return names[static_cast<size_t>(existing)];
}

} // namespace

bool makes_links(const Scenario& s) {
    return (s.options.flags & (ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK)) != 0;
}

bool gives_way(const Scenario& s) {
    return s.options.replace == ARSYNC_REPLACE_ATOMIC ||
           s.options.replace == ARSYNC_REPLACE_REMOVE || s.options.backup != ARSYNC_BACKUP_NONE ||
           s.unwritable || makes_links(s);
}

bool is_strange(const Scenario& s) {
    const uint64_t type = s.world.filesystem_type;
    return type == nfs_magic || type == fuse_magic || type == overlay_magic || s.hides_size;
}

bool replaces_at_once(const Scenario& s) {
    constexpr uint32_t links = ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK;
    return s.options.replace == ARSYNC_REPLACE_ATOMIC ||
           ((s.options.flags & links) != 0 && s.options.backup == ARSYNC_BACKUP_NONE);
}

std::string backup_name(const Scenario& s) {
    const bool numbered = s.old_backup && std::string(s.old_backup) == "target.~3~";
    switch (s.options.backup) {
    case ARSYNC_BACKUP_NONE:
        return {};
    case ARSYNC_BACKUP_NUMBERED:
        return numbered ? "target.~4~" : "target.~1~";
    case ARSYNC_BACKUP_EXISTING:
        if (numbered)
            return "target.~4~";
        break;
    default:
        break;
    }
    return std::string("target") + (s.options.backup_suffix ? s.options.backup_suffix : "~");
}

std::string describe(const Scenario& s) {
    const auto number = [](uint64_t n) { return std::to_string(n); };
    const arsync_copy_options& o = s.options;
    std::string text = "seed " + number(s.world.seed) + ": " + number(s.size) + " bytes, " +
                       name_of(s.layout) + (s.source_cached ? ", cached" : ", cold") +
                       (s.source_dirty ? ", dirty" : "") + (s.in_patches ? " in patches" : "") +
                       ", over " + name_of(s.existing) + "; method " + number(o.method) +
                       " reflink " + number(o.reflink) + " cache " + number(o.cache) + " replace " +
                       number(o.replace) + " durability " + number(o.durability) + " preserve " +
                       number(o.preserve) + " sparse " + number(o.sparse) + " chunks " +
                       number(o.chunks) + " flags " + number(o.flags) + "; " +
                       number(s.buffer_count) + " buffers of " + number(s.buffer_size);
    if (s.options.backup != ARSYNC_BACKUP_NONE)
        text += "; backup to " + backup_name(s);
    if (s.unwritable)
        text += "; over what may not be written to";
    if (s.hides_size)
        text += "; hides its size";
    if (s.by_name)
        text += "; by name";
    if (s.range)
        text += "; range " + number(s.source_offset) + " to " + number(s.destination_offset) +
                " length " + number(s.length);
    return text;
}

Content source_content(const Scenario& s) {
    return make(s.layout, s.size, 1);
}

Content existing_content(const Scenario& s) {
    if (s.existing != Existing::smaller && s.existing != Existing::larger &&
        s.existing != Existing::link)
        return {};
    const uint64_t size = s.existing == Existing::larger ? s.size * 2 + 9000 : s.size / 2;
    return make(Layout::dense, size, 2);
}

Range copied_range(const Scenario& s, uint64_t source_size) {
    if (!s.range)
        return {0, source_size};
    const uint64_t available = source_size - std::min(source_size, s.source_offset);
    return {s.destination_offset, s.destination_offset + std::min(s.length, available)};
}

Content expected_content(const Scenario& s, const Content& source) {
    if (!s.range)
        return source;
    Content result = existing_content(s);
    const Range range = copied_range(s, source.size());
    std::vector<std::byte> bytes(range.end - range.begin);
    source.read(s.source_offset, bytes.data(), bytes.size());
    result.write(range.begin, bytes.data(), bytes.size());
    return result;
}

} // namespace arsync::sim
