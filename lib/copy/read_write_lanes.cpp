#include "copy/read_write_lanes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "copy/data_and_holes.h"
#include "copy/direct_mode.h"
#include "copy/find_zeros.h"
#include "io/turns.h"

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080 // Linux 6.14
#endif

namespace arsync {

namespace {

// Chunks that are moved by plain calls before other files get their turn.
constexpr unsigned inline_turn = 32;

class Lanes {
public:
    Lanes(Io world, Control& outside, Stretch& what)
        : io_(world), control_(outside), stretch_(what),
          checks_holes_(what.check_holes && what.destination >= 0),
          walk_(world.files, what.source, what.source_begin, what.source_end, what.pipeline.chunk,
                what.find_holes && what.holes != Holes::fill, checks_holes_) {}

    Task<void> run();

private:
    // What the first read or write of a chunk has given, if there was one already.
    using First = std::optional<int64_t>;

    Task<void> lane(bool spare);
    Task<bool> may_begin(std::optional<Turns::Turn>& turn);
    Task<void> move(uint64_t offset, uint64_t length, std::optional<Turns::Turn>& turn);
    Task<void> keep_pace_of(uint64_t length, std::optional<Turns::Turn>& turn);
    Task<void> move_chunk(uint64_t offset, uint64_t length);
    Task<void> move_through(Slice chunk, uint64_t offset);
    Task<size_t> fill(Slice to, uint64_t offset, First first = {});
    Task<int64_t> read(Slice to, uint64_t offset, uint32_t rw_flags, First& first);
    Task<void> drain(Slice from, uint64_t offset, First first = {});
    Task<void> write_all(Slice from, uint64_t offset, First first = {});
    Task<int64_t> write(Slice from, uint64_t offset, uint32_t rw_flags, First& first);
    Task<bool> again(int64_t result);
    bool without_flags(int64_t result, uint32_t used);
    void source_ended(uint64_t at);
    void cut_to_grid(Slice& from) const;
    uint64_t length_there(Piece hole);
    Task<void> check_hole(Piece hole);
    Task<void> drain_data(Slice from, uint64_t offset);
    Task<bool> keep_hole(Piece hole, bool advance = true);
    uint64_t chunk_size() const;
    Task<uint64_t> move_cached(uint64_t offset, uint64_t length);
    bool links_both() const;
    // Whether this thread reads and writes by itself what it can without waiting.
    bool calls_inline() const { return stretch_.method == ARSYNC_METHOD_INLINE; }
    // While this thread writes to memory the device reads.
    bool writes_now() const {
        return calls_inline() ||
               (stretch_.method == ARSYNC_METHOD_DIRECT_BUFFERED && !stretch_.plain_write);
    }
    uint32_t flags() const { return stretch_.drop_cache ? RWF_DONTCACHE : 0; }
    uint64_t place_of(uint64_t offset) const {
        return offset - stretch_.source_begin + stretch_.destination_begin;
    }
    static Route route(bool plain, bool direct) {
        if (plain)
            return Route::plain;
        return direct ? Route::polled : Route::ring;
    }

    const Io io_;
    Control& control_;
    Stretch& stretch_;
    const bool checks_holes_;
    DataAndHoles walk_; // piece by piece; if no holes are to be found, all is data
    Group group_;       // of lanes; to join it is to wait for all, and throw what one has thrown
    unsigned inline_chunks_ = 0;
};

} // namespace

Task<void> run_lanes(Io io, Control& control, Stretch& stretch) {
    stretch.end = stretch.source_end;
    stretch.written_end = stretch.source_begin;
    Lanes lanes(io, control, stretch);
    try {
        co_await lanes.run();
    } catch (const DirectRefused&) {
        stretch.refused = true;
    }
}

namespace {

Task<void> Lanes::run() {
    const unsigned usual = stretch_.pipeline.lanes;
    for (unsigned i = 0; i < usual + stretch_.spare_lanes; ++i)
        group_.spawn([this, spare = i >= usual] { return lane(spare); });
    co_await group_.join();
}

Task<void> Lanes::lane(bool spare) {
    while (!group_.failed() && !walk_.is_over()) {
        if (spare && is_paced(io_, control_)) // and no turns are taken
            co_return;
        std::optional<Turns::Turn> turn;
        const bool begins = co_await may_begin(turn);
        if (!begins)
            continue;
        if (stretch_.turns)
            walk_.set_chunk(chunk_size());
        Piece piece = walk_.next();
        if (piece.kind == Piece::Kind::end || piece.offset >= stretch_.end)
            co_return;
        if (piece.kind == Piece::Kind::data) {
            co_await move(piece.offset, piece.length, turn);
            if (turn)
                turn->count(piece.length);
            continue;
        }
        turn.reset();
        if (checks_holes_) {
            co_await check_hole(piece);
            continue;
        }
        const uint64_t end = piece.offset + piece.length;
        piece.length = length_there(piece);
        bool kept = piece.length == 0;
        if (!kept)
            kept = co_await keep_hole(piece);
        const uint64_t rest = kept ? piece.offset + piece.length : piece.offset;
        if (rest < end)
            co_await move(rest, end - rest, turn);
    }
}

// False: it was to be held meanwhile, or another lane has failed. A turn may be long in coming, and
// is not kept while there is something else to wait for.
Task<bool> Lanes::may_begin(std::optional<Turns::Turn>& turn) {
    if (stretch_.turns && !is_paced(io_, control_))
        turn.emplace(co_await stretch_.turns->take(control_.priority()));
    const bool held = control_.held();
    if (held) {
        turn.reset();
        co_await wait_while_held(io_, control_);
    }
    control_.throw_if_cancelled();
    co_return !held && !group_.failed();
}

// Of what seems to be a hole at the end: it may be where the source has been cut off meanwhile, and
// of the destination nothing is to be punched there. Reading tells.
uint64_t Lanes::length_there(Piece hole) {
    struct statx now;
    if (stretch_.holes != Holes::punch || hole.offset + hole.length < stretch_.source_end ||
        io_.files.statx(stretch_.source, "", 0, now) < 0 ||
        now.stx_size >= hole.offset + hole.length)
        return hole.length;
    const uint64_t size = std::max<uint64_t>(now.stx_size, stretch_.source_begin);
    const uint64_t end =
        size - (size - stretch_.source_begin) % DataAndHoles::block_size; // reads start at blocks
    return std::max(end, hole.offset) - hole.offset;
}

// What is cached is moved at once; where that ends, a chunk goes through a buffer. If it ended
// because something went wrong, the operation that fails there tells what.
Task<void> Lanes::move(uint64_t offset, uint64_t length, std::optional<Turns::Turn>& turn) {
    const uint64_t end = offset + length;
    while (offset < std::min(end, stretch_.end) && !group_.failed()) {
        co_await keep_pace_of(std::min<uint64_t>(chunk_size(), end - offset), turn);
        if (group_.failed())
            co_return;
        if (control_.held()) {
            turn.reset();
            co_await wait_while_held(io_, control_);
        }
        control_.throw_if_cancelled();
        uint64_t part = 0;
        if (stretch_.pipeline.cached_first && !is_paced(io_, control_) &&
            end - offset > inline_size_max)
            part = co_await move_cached(offset, end - offset);
        if (part == 0) {
            part = std::min<uint64_t>(chunk_size(), end - offset);
            co_await move_chunk(offset, part);
            if (calls_inline() && ++inline_chunks_ % inline_turn == 0)
                co_await io_.ring.yield();
        }
        offset += part;
    }
}

// Before a chunk has a buffer, which others may want that are held to no rate, as turns are.
Task<void> Lanes::keep_pace_of(uint64_t length, std::optional<Turns::Turn>& turn) {
    if (!is_paced(io_, control_))
        co_return;
    turn.reset();
    co_await keep_pace(io_, control_, length, &group_);
}

// One chunk, through whichever memory the method asks for.
Task<void> Lanes::move_chunk(uint64_t offset, uint64_t length) {
    if (stretch_.method == ARSYNC_METHOD_HEAP) {
        const std::unique_ptr<std::byte[]> memory(new std::byte[length]);
        co_await move_through({memory.get(), length, -1}, offset);
        co_return;
    }
    // When one is free; a small copy that is alone has one that is never registered.
    const BufferLease lease = co_await io_.buffers.lease(!calls_inline(), control_.priority());
    control_.throw_if_cancelled(); // as that may have been long in coming
    if (stretch_.method != ARSYNC_METHOD_MANAGED) {
        co_await move_through(lease.slice(0, length), offset);
        co_return;
    }
    const size_t got = co_await fill(lease.slice(0, length), offset);
    const std::unique_ptr<std::byte[]> clone(new std::byte[got]);
    memcpy(clone.get(), lease.data(), got);
    io_.ring.counters().bytes_copied_in_user_space.add(got);
    co_await drain({clone.get(), got, -1}, offset);
}

Task<void> Lanes::move_through(Slice chunk, uint64_t offset) {
    Ring::Pair moved{};
    const bool linked = links_both();
    if (linked) {
        control_.enter(stretch_.read_stage);
        moved = co_await io_.ring.move(stretch_.source, offset, chunk, stretch_.destination,
                                       place_of(offset));
    }
    const bool written = linked && moved.write != -ECANCELED;
    chunk.length = co_await fill(chunk, offset, linked ? First(moved.read) : std::nullopt);
    co_await drain(chunk, offset, written ? First(moved.write) : std::nullopt);
}

Task<size_t> Lanes::fill(Slice to, uint64_t offset, First first) {
    control_.enter(stretch_.read_stage);
    size_t have = 0;
    while (have < to.length) {
        const uint32_t used = flags();
        const int64_t got = co_await read({to.data + have, to.length - have, to.buffer_index},
                                          offset + have, used, first);
        const bool retry = co_await again(got);
        if (retry || without_flags(got, used))
            continue;
        if (stretch_.direct_read && (got == -EINVAL || got == -EOPNOTSUPP))
            throw DirectRefused{};
        if (check(stretch_.read_stage, got) == 0)
            break;
        have += static_cast<size_t>(got);
        if (have < to.length)
            io_.ring.counters().short_transfers.add(1);
        // Only the end of a file can be off the grid, and asking on from there would be
        // refused.
        if (stretch_.direct_read && static_cast<uint64_t>(got) % stretch_.direct_align != 0)
            break;
    }
    if (have < to.length)
        source_ended(offset + have);
    if (stretch_.digest)
        stretch_.digest->add(offset - stretch_.digest_origin, to.data, have);
    co_return have;
}

// A plain call where the data is in memory, else the ring; if it was not done before.
Task<int64_t> Lanes::read(Slice to, uint64_t offset, uint32_t rw_flags, First& first) {
    if (first)
        co_return *std::exchange(first, std::nullopt);
    Route how = route(stretch_.plain_read, stretch_.direct_read);
    if (calls_inline() && rw_flags == 0 && stretch_.in_memory) {
        how = Route::at_once;
    } else if (calls_inline() && rw_flags == 0) {
        const int64_t got = io_.files.read_cached(stretch_.source, to.data, to.length, offset);
        if (got > 0) {
            Counters& counters = io_.ring.counters();
            counters.reads.add(1);
            counters.reads_inline.add(1);
            counters.bytes_read.add(static_cast<uint64_t>(got));
            co_return got;
        }
        // -EAGAIN: not cached; anything else: not possible this way, or an error that the ring
        // will give again. 0: the end, or Linux 5.9 or 5.10, which may say so anywhere.
    }
    const int64_t got = co_await io_.ring.read(stretch_.source, to, offset, rw_flags, how);
    co_return got;
}

Task<void> Lanes::drain(Slice from, uint64_t offset, First first) {
    if (from.length == 0 || stretch_.destination < 0)
        co_return;
    control_.enter(ARSYNC_STAGE_WRITE);
    cut_to_grid(from);
    if (stretch_.make_holes)
        co_await drain_data(from, offset);
    else
        co_await write_all(from, offset, first);
    control_.add_done(from.length);
}

Task<void> Lanes::write_all(Slice from, uint64_t offset, First first) {
    const uint64_t end = offset + from.length;
    size_t done = 0;
    while (done < from.length) {
        const uint32_t used = flags();
        const int64_t put = co_await write(
            {from.data + done, from.length - done, from.buffer_index}, offset + done, used, first);
        const bool retry = co_await again(put);
        if (retry || without_flags(put, used))
            continue;
        if (stretch_.direct_write && (put == -EINVAL || put == -EOPNOTSUPP))
            throw DirectRefused{};
        if (check(ARSYNC_STAGE_WRITE, put) == 0)
            throw Error{ARSYNC_STAGE_WRITE, EIO}; // no progress and no reason
        done += static_cast<size_t>(put);
        if (done < from.length)
            io_.ring.counters().short_transfers.add(1);
    }
    stretch_.written_end = std::max(stretch_.written_end, end);
}

Task<int64_t> Lanes::write(Slice from, uint64_t offset, uint32_t rw_flags, First& first) {
    if (first)
        co_return *std::exchange(first, std::nullopt);
    const uint64_t to = place_of(offset);
    if (writes_now() && rw_flags == 0) {
        const int64_t put = io_.files.write(stretch_.destination, from.data, from.length, to);
        Counters& counters = io_.ring.counters();
        counters.writes.add(1);
        counters.writes_inline.add(1);
        counters.bytes_written.add(static_cast<uint64_t>(std::max<int64_t>(put, 0)));
        co_return put;
    }
    const int64_t put = co_await io_.ring.write(stretch_.destination, from, to, rw_flags,
                                                route(stretch_.plain_write, stretch_.direct_write));
    co_return put;
}

// The kernel was short of something for a moment.
Task<bool> Lanes::again(int64_t result) {
    if (result != -EAGAIN)
        co_return false;
    control_.throw_if_cancelled();
    co_await io_.ring.pause(1);
    co_return true;
}

// RWF_DONTCACHE is a wish: a filesystem without it gets the same call again without the flag.
bool Lanes::without_flags(int64_t result, uint32_t used) {
    if (result != -EOPNOTSUPP || used == 0)
        return false;
    stretch_.drop_cache = false;
    return true;
}

// The source is shorter than it was. If it is not, a direct read ended early for no good
// reason.
void Lanes::source_ended(uint64_t at) {
    if (stretch_.direct_read) {
        struct statx now;
        if (io_.files.statx(stretch_.source, "", 0, now) == 0 && now.stx_size > at)
            throw DirectRefused{};
    }
    stretch_.end = std::min(stretch_.end, at);
}

// A source that shrank ends anywhere; O_DIRECT moves whole blocks. What is left is copied
// afterwards, see stretch_.end.
void Lanes::cut_to_grid(Slice& from) const {
    if (stretch_.direct_read || stretch_.direct_write)
        from.length -= from.length % DataAndHoles::block_size;
}

// A hole that is not believed is one if it reads as one.
Task<void> Lanes::check_hole(Piece hole) {
    const uint64_t end = hole.offset + hole.length;
    for (uint64_t at = hole.offset; at < std::min(end, stretch_.end) && !group_.failed();) {
        control_.throw_if_cancelled();
        const uint64_t part = std::min(chunk_size(), end - at);
        co_await keep_pace(io_, control_, part, &group_);
        if (group_.failed())
            co_return;
        const BufferLease lease = co_await io_.buffers.lease(!calls_inline(), control_.priority());
        Slice chunk = lease.slice(0, part);
        chunk.length = co_await fill(chunk, at);
        cut_to_grid(chunk);
        control_.enter(ARSYNC_STAGE_WRITE);
        co_await drain_data(chunk, at);
        control_.add_done(chunk.length);
        at += part;
    }
}

// Write the runs of blocks that are not all zeros; treat the others as holes.
Task<void> Lanes::drain_data(Slice from, uint64_t offset) {
    for (size_t at = 0; at < from.length;) {
        const auto [end, zero] = zeros_or_data(from.data, from.length, at);
        bool kept = false;
        if (zero)
            kept = co_await keep_hole({Piece::Kind::hole, offset + at, end - at}, false);
        if (!kept)
            co_await write_all({from.data + at, end - at, from.buffer_index}, offset + at);
        at = end;
    }
}

// False: the hole is to be written as zeros. advance: it counts as progress of its own.
Task<bool> Lanes::keep_hole(Piece hole, bool advance) {
    if (stretch_.destination >= 0 && stretch_.holes == Holes::punch) {
        control_.enter(ARSYNC_STAGE_WRITE);
        const int64_t result =
            co_await io_.ring.punch_hole(stretch_.destination, place_of(hole.offset), hole.length);
        if (result < 0)
            co_return false;
    }
    if (stretch_.holes == Holes::fill)
        co_return false;
    stretch_.hole_bytes += hole.length;
    if (advance)
        control_.add_done(hole.length);
    co_return true;
}

// Of what goes through a buffer; chunks that go by copy_cached first are larger.
uint64_t Lanes::chunk_size() const {
    if (stretch_.turns)
        return std::min(stretch_.turns->flow().level().chunk, io_.buffers.size());
    return stretch_.pipeline.cached_first ? std::min<uint64_t>(io_.buffers.size(), inline_size_max)
                                          : stretch_.pipeline.chunk;
}

Task<uint64_t> Lanes::move_cached(uint64_t offset, uint64_t length) {
    control_.enter(stretch_.read_stage);
    const int64_t moved = co_await io_.ring.copy_cached(
        stretch_.source, offset, stretch_.destination, place_of(offset), length);
    if (moved <= 0)
        co_return 0;
    const auto done = static_cast<uint64_t>(moved);
    stretch_.written_end = std::max(stretch_.written_end, offset + done);
    control_.add_done(done);
    co_return done;
}

// Whether the write may follow the read at once: nobody wants to see the data in between, nor
// needs to. O_DIRECT has its own rules for where a file ends; plain calls are not queued.
bool Lanes::links_both() const {
    return !calls_inline() && stretch_.destination >= 0 && !stretch_.plain_read &&
           !stretch_.plain_write && !stretch_.direct_read && !stretch_.direct_write &&
           !stretch_.make_holes && !stretch_.digest && flags() == 0 && !is_paced(io_, control_);
}

} // namespace

} // namespace arsync
