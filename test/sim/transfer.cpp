#include "sim/transfer.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080
#endif

namespace arsync::sim {

static bool misaligned(const World& world, const Transfer& t) {
    const auto address = reinterpret_cast<uintptr_t>(t.data);
    const WorldOptions& options = world.options;
    return options.direct_offset_align == 0 || address % options.direct_memory_align != 0 ||
           t.offset % options.direct_offset_align != 0 ||
           t.length % options.direct_offset_align != 0;
}

// Less than asked, at times. The device moves whole sectors.
static uint64_t shortened(World& world, const Transfer& t) {
    const bool direct = t.flags & O_DIRECT;
    const uint64_t unit = direct ? std::max(1u, world.options.direct_offset_align) : 1;
    if (t.length <= unit || !world.random.percent(world.options.short_percent))
        return t.length;
    if (world.random.percent(20))
        return unit;
    return unit * (1 + world.random.below(t.length / unit - 1));
}

// Bring blocks into the page cache; what the device gives back wrong is wrong there from then on.
static void load(Inode& inode, uint64_t first, uint64_t end) {
    for (uint64_t block = first; block < end; ++block) {
        if (inode.in_cache(block))
            continue;
        auto damage = inode.damage.lower_bound(block * block_size);
        while (damage != inode.damage.end() && damage->first < (block + 1) * block_size) {
            std::byte byte{};
            inode.content.read(damage->first, &byte, 1);
            byte ^= damage->second;
            inode.content.write(damage->first, &byte, 1);
            damage = inode.damage.erase(damage);
        }
        inode.cached.insert(block);
    }
}

static void apply_damage(const Inode& inode, const Transfer& t, uint64_t count) {
    for (auto at = inode.damage.lower_bound(t.offset);
         at != inode.damage.end() && at->first < t.offset + count; ++at)
        t.data[at->first - t.offset] ^= at->second;
}

int64_t read(World& world, const Transfer& t) {
    if ((t.rw_flags & RWF_DONTCACHE) && !world.options.uncached_io)
        return -EOPNOTSUPP;
    const bool direct = t.flags & O_DIRECT;
    if (direct && misaligned(world, t))
        return -EINVAL;
    const uint64_t wanted = shortened(world, t);
    const uint64_t end = std::min(t.offset + wanted, t.inode.content.size());
    std::set<uint64_t> cached_before;
    if (t.rw_flags & RWF_DONTCACHE)
        cached_before = t.inode.cached;
    if (direct)
        write_back(t.inode, t.offset, std::max<uint64_t>(wanted, 1));
    else if (end > t.offset)
        load(t.inode, block_of(t.offset), blocks_for(end));
    const size_t count = t.inode.content.read(t.offset, t.data, wanted);
    if (direct)
        apply_damage(t.inode, t, count);
    if (t.rw_flags & RWF_DONTCACHE)
        t.inode.cached = std::move(cached_before);
    return static_cast<int64_t>(count);
}

// How much of a range there is room for.
static uint64_t room(const World& world, const Inode& inode, uint64_t offset, uint64_t length) {
    if (world.options.capacity == UINT64_MAX)
        return length;
    const uint64_t used = world.disk.blocks_allocated();
    uint64_t blocks = block_of(world.options.capacity);
    blocks = blocks > used ? blocks - used : 0;
    for (uint64_t block = block_of(offset); block < blocks_for(offset + length); ++block) {
        if (inode.content.allocated(block))
            continue;
        if (blocks-- == 0)
            return block * block_size > offset ? block * block_size - offset : 0;
    }
    return length;
}

static void changed(World& world, Inode& inode) {
    ++inode.version;
    inode.attributes.modified = inode.attributes.changed = world.now();
}

static void forget_blocks(Inode& inode, uint64_t first, uint64_t end) {
    if (first >= end)
        return;
    inode.cached.erase(inode.cached.lower_bound(first), inode.cached.lower_bound(end));
    inode.dirty.erase(inode.dirty.lower_bound(first), inode.dirty.lower_bound(end));
}

// Whether this is the write that the device will not give back.
static bool is_damaged(World& world, const Inode& inode, uint64_t count) {
    return count > 0 && world.subject_of(inode.number) == Subject::destination &&
           world.destination_writes++ == world.damaged_write;
}

// It keeps a bit of it wrong, or what it had before: up to a block of zeros or old bytes.
static void damage(World& world, Inode& inode, uint64_t offset, uint64_t count,
                   const Content& before) {
    if (!world.forgets) {
        inode.damage[offset + world.random.below(count)] = std::byte{0x40};
        world.damaged = true;
    }
    const uint64_t forgotten = world.forgets ? std::min(count, block_size) : 0;
    for (uint64_t at = offset; at < offset + forgotten; ++at) {
        std::byte old{}, now{};
        before.read(at, &old, 1);
        inode.content.read(at, &now, 1);
        if (old == now)
            continue;
        inode.damage[at] = old ^ now;
        world.damaged = true;
    }
    if (world.damaged) {
        world.damaged_inode = inode.number;
        world.damaged_bits = inode.damage;
    }
}

int64_t write(World& world, const Transfer& t) {
    if ((t.rw_flags & RWF_DONTCACHE) && !world.options.uncached_io)
        return -EOPNOTSUPP;
    const bool direct = t.flags & O_DIRECT;
    if (direct && misaligned(world, t))
        return -EINVAL;
    uint64_t count = shortened(world, t);
    if (count > 0 && (count = room(world, t.inode, t.offset, count)) == 0)
        return -ENOSPC;
    if (direct)
        count = count / world.options.direct_offset_align * world.options.direct_offset_align;
    Inode& inode = t.inode;
    const bool damaged = is_damaged(world, inode, count);
    const Content before = damaged ? inode.content : Content();
    inode.content.write(t.offset, t.data, count);
    inode.damage.erase(inode.damage.lower_bound(t.offset),
                       inode.damage.lower_bound(t.offset + count));
    if (damaged)
        damage(world, inode, t.offset, count, before);
    const uint64_t first = block_of(t.offset), end = blocks_for(t.offset + count);
    if (direct)
        forget_blocks(inode, first, end);
    for (uint64_t block = first; block < end && !direct; ++block) {
        inode.dirty.insert(block);
        if (!(t.rw_flags & RWF_DONTCACHE))
            inode.cached.insert(block);
    }
    changed(world, inode);
    if ((t.flags & O_DSYNC) && count > 0)
        world.disk.sync_data(inode);
    return static_cast<int64_t>(count);
}

int truncate(World& world, Inode& inode, uint64_t size) {
    inode.content.resize(size);
    if (size == 0) // nothing is left of what could not be written back
        inode.write_back_failed = false;
    forget_blocks(inode, blocks_for(size), UINT64_MAX);
    inode.damage.erase(inode.damage.lower_bound(size), inode.damage.end());
    changed(world, inode);
    return 0;
}

int allocate(World& world, Inode& inode, int mode, uint64_t offset, uint64_t length) {
    if (!world.options.preallocation)
        return -EOPNOTSUPP;
    if (length == 0 || length > INT64_MAX || offset > INT64_MAX)
        return -EINVAL;
    if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
        inode.content.punch(offset, length);
        forget_blocks(inode, blocks_for(offset), block_of(offset + length));
    } else if (mode == 0 || mode == FALLOC_FL_KEEP_SIZE) {
        if (room(world, inode, offset, length) < length)
            return -ENOSPC;
        inode.content.allocate(offset, length, mode != 0);
    } else {
        return -EOPNOTSUPP;
    }
    changed(world, inode);
    return 0;
}

int write_back(Inode& inode, uint64_t offset, uint64_t length) {
    const uint64_t end = length == 0 ? UINT64_MAX : blocks_for(offset + length);
    inode.dirty.erase(inode.dirty.lower_bound(block_of(offset)), inode.dirty.lower_bound(end));
    return 0;
}

int sync(World& world, Inode& inode, bool datasync) {
    if (datasync)
        world.disk.sync_data(inode);
    else
        world.disk.sync_all(inode);
    return 0;
}

void drop_cache(Inode& inode, uint64_t offset, uint64_t length) {
    uint64_t end = length == 0 ? UINT64_MAX : block_of(offset + length);
    if (length != 0 && offset + length >= inode.content.size())
        end = UINT64_MAX;
    for (auto at = inode.cached.lower_bound(blocks_for(offset));
         at != inode.cached.end() && *at < end;)
        at = inode.dirty.count(*at) ? std::next(at) : inode.cached.erase(at);
}

uint64_t cached_bytes(const Inode& inode, uint64_t offset, uint64_t length) {
    const uint64_t end = length == 0 ? UINT64_MAX : blocks_for(offset + length);
    uint64_t count = 0;
    for (auto at = inode.cached.lower_bound(block_of(offset));
         at != inode.cached.end() && *at < end; ++at)
        ++count;
    for (auto at = inode.dirty.lower_bound(block_of(offset)); at != inode.dirty.end() && *at < end;
         ++at)
        count += !inode.cached.count(*at);
    return count * block_size;
}

uint64_t dirty_bytes(const Inode& inode, uint64_t offset, uint64_t length) {
    const uint64_t end = length == 0 ? UINT64_MAX : blocks_for(offset + length);
    const auto first = inode.dirty.lower_bound(block_of(offset));
    const auto last = inode.dirty.lower_bound(end);
    return static_cast<uint64_t>(std::distance(first, last)) * block_size;
}

uint64_t cached_end(const Inode& inode, uint64_t offset, uint64_t end) {
    uint64_t at = offset;
    while (at < end && inode.in_cache(block_of(at)))
        at = (block_of(at) + 1) * block_size;
    return std::min(at, end);
}

// By the same steps as perform.cpp, but smaller.
int64_t copy_cached(World& world, Inode& from, uint64_t from_offset, Inode& to, uint64_t to_offset,
                    uint64_t length) {
    constexpr uint64_t most = 64 * 1024;
    std::vector<std::byte> bytes(std::min(length, most));
    uint64_t done = 0;
    while (done < length) {
        const uint64_t at = from_offset + done;
        const uint64_t wanted = std::min(at + std::min(most, length - done), from.content.size());
        const uint64_t end = cached_end(from, at, wanted);
        if (end <= at)
            break;
        const int64_t got = read(world, {from, O_RDONLY, bytes.data(), end - at, at});
        for (int64_t written = 0; written < got;) {
            const int64_t put =
                write(world, {to, O_WRONLY, bytes.data() + written,
                              static_cast<uint64_t>(got - written), to_offset + done});
            if (put <= 0)
                return static_cast<int64_t>(done);
            written += put;
            done += static_cast<uint64_t>(put);
        }
    }
    return static_cast<int64_t>(done);
}

// Aligned blocks change hands whole, holes included.
static void share(World& world, Inode& from, uint64_t from_offset, Inode& to, uint64_t to_offset,
                  uint64_t length) {
    const uint64_t end = to_offset + length;
    for (uint64_t i = 0; i < blocks_for(length); ++i) {
        const uint64_t source = block_of(from_offset) + i, target = block_of(to_offset) + i;
        const auto found = from.content.blocks().find(source);
        if (found != from.content.blocks().end() && found->second)
            to.content.set_block(target, found->second);
        else
            to.content.clear_block(target);
    }
    if (end > to.content.size())
        to.content.resize(end);
    forget_blocks(to, block_of(to_offset), blocks_for(end));
    changed(world, to);
}

static bool shareable(const Inode& from, uint64_t from_offset, const Inode& to, uint64_t to_offset,
                      uint64_t length) {
    const bool to_the_end =
        from_offset + length == from.content.size() && to_offset + length >= to.content.size();
    return from_offset % block_size == 0 && to_offset % block_size == 0 &&
           (length % block_size == 0 || to_the_end);
}

int64_t reflink(World& world, Inode& from, uint64_t from_offset, Inode& to, uint64_t to_offset,
                uint64_t length) {
    if (!world.options.reflink)
        return -EOPNOTSUPP;
    if (length == 0)
        length = from.content.size() - std::min(from.content.size(), from_offset);
    if (from_offset + length > from.content.size() ||
        !shareable(from, from_offset, to, to_offset, length))
        return -EINVAL;
    share(world, from, from_offset, to, to_offset, length);
    return 0;
}

int64_t copy_file_range(World& world, Inode& from, uint64_t from_offset, Inode& to,
                        uint64_t to_offset, uint64_t length) {
    if (!world.options.offload)
        return -EXDEV;
    const uint64_t size = from.content.size();
    length = std::min(length, size - std::min(size, from_offset));
    if (length == 0 || world.options.offload_says_0)
        return 0;
    if (world.options.reflink && shareable(from, from_offset, to, to_offset, length)) {
        share(world, from, from_offset, to, to_offset, length);
        return static_cast<int64_t>(length);
    }
    // Through the page cache, in pieces; no filesystem makes holes of zeros that it is given.
    constexpr uint64_t most = uint64_t{1} << 20;
    std::vector<std::byte> bytes(std::min(length, most));
    const Transfer in{from, O_RDONLY, bytes.data(), bytes.size(), from_offset};
    const int64_t count = read(world, in);
    const Transfer out{to, O_WRONLY, bytes.data(), static_cast<uint64_t>(count), to_offset};
    return count <= 0 ? count : write(world, out);
}

} // namespace arsync::sim
