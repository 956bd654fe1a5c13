#include "copy/stream.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>
#include <sys/uio.h>

#include "copy/find_zeros.h"

namespace arsync {

namespace {

// How an end is read or written.
struct Way {
    bool seekable;           // at offsets
    bool nowait = !seekable; // by calls that do not wait, until they are refused
};

// A cancel ends this wait; see Ring::cancel.
Task<void> interruptible_wait(Io io, Control& control, int fd, bool readable) {
    control.throw_if_cancelled();
    int64_t result = 0;
    if (readable)
        result = co_await io.ring.wait_readable(fd, &control.interruptible);
    else
        result = co_await io.ring.wait_writable(fd, &control.interruptible);
    control.throw_if_cancelled();
    check(control.stage(), result);
}

// Some bytes, or none at the end. A FIFO that nobody has opened for writing yet is not at its end.
// Files of the kernel's may make their reader wait, too; there are some that have no offsets,
// though they are regular: seekable is cleared then.
Task<size_t> read_some(Io io, Control& control, const Stretch& stretch, Slice to, uint64_t offset,
                       Way& way) {
    control.enter(ARSYNC_STAGE_READ);
    const Route route = stretch.plain_read ? Route::plain : Route::ring;
    for (;;) {
        if (control.held())
            co_await wait_while_held(io, control);
        if (stretch.waits_for_source)
            co_await interruptible_wait(io, control, stretch.source, true);
        if (control.held())
            continue;
        control.throw_if_cancelled();
        // Somebody else may have taken what there was: then, without nowait, it waits in here.
        Request** const cancellable = way.seekable ? nullptr : &control.interruptible;
        const bool nowait = way.nowait && stretch.waits_for_source;
        const int64_t got =
            co_await io.ring.read(stretch.source, to, way.seekable ? offset : UINT64_MAX,
                                  nowait ? RWF_NOWAIT : 0, route, cancellable);
        if (got < 0)
            control.throw_if_cancelled();
        if (got == -EAGAIN) {
            co_await io.ring.pause(1);
            continue;
        }
        if (got == -EOPNOTSUPP && nowait) {
            way.nowait = false;
            continue;
        }
        if (got == -ESPIPE && way.seekable && offset == 0) { // from its beginning alone
            way.seekable = false;
            continue;
        }
        const int64_t count = check(ARSYNC_STAGE_READ, got);
        if (!way.seekable) // its end is told once, too
            control.spend_source();
        co_return static_cast<size_t>(count);
    }
}

// Waits before it writes, and writes no more than there is room for: a write of a helper's waits
// where a cancel does not reach it. Some of the kernel's files have no offsets, though they are
// regular: seekable is cleared then.
Task<void> write_all_stream(Io io, Control& control, const Stretch& stretch, Slice from,
                            uint64_t offset, Way& way) {
    control.enter(ARSYNC_STAGE_WRITE);
    const Route route = stretch.plain_write ? Route::plain : Route::ring;
    size_t done = 0;
    while (done < from.length) {
        if (!way.seekable)
            co_await interruptible_wait(io, control, stretch.destination, false);
        control.throw_if_cancelled();
        const bool nowait = way.nowait;
        const bool waits = stretch.destination_waits && !nowait;
        const size_t most = waits ? PIPE_BUF : SIZE_MAX; // for which poll(2) says there is room
        const Slice rest{from.data + done, std::min(from.length - done, most), from.buffer_index};
        Request** const cancellable = way.seekable ? nullptr : &control.interruptible;
        const int64_t put = co_await io.ring.write(stretch.destination, rest,
                                                   way.seekable ? offset + done : UINT64_MAX,
                                                   nowait ? RWF_NOWAIT : 0, route, cancellable);
        if (put < 0)
            control.throw_if_cancelled();
        if (put == -EAGAIN) {
            co_await io.ring.pause(1);
            continue;
        }
        if (put == -EOPNOTSUPP && nowait) {
            way.nowait = false;
            continue;
        }
        if (put == -ESPIPE && way.seekable && offset + done == 0) {
            way.seekable = false;
            continue;
        }
        if (check(ARSYNC_STAGE_WRITE, put) == 0)
            throw Error{ARSYNC_STAGE_WRITE, EIO};
        done += static_cast<size_t>(put);
    }
}

// Write the runs of blocks that are not all zeros; where the others would be, nothing is written.
Task<void> write_data_blocks(Io io, Control& control, Stretch& stretch, Slice from,
                             uint64_t moved) {
    for (size_t at = 0; at < from.length;) {
        const auto [end, zero] = zeros_or_data(from.data, from.length, at);
        if (zero) {
            stretch.hole_bytes += end - at;
        } else {
            const Slice part{from.data + at, end - at, from.buffer_index};
            Way way{true}; // holes are made where there are offsets alone
            co_await write_all_stream(io, control, stretch, part,
                                      stretch.destination_begin + moved + at, way);
            stretch.written_end = stretch.source_begin + moved + end;
        }
        at = end;
    }
}

} // namespace

// In memory of its own: a stream may be silent for ever, and leases are for what ends.
Task<void> run_stream(Io io, Control& control, Stretch& stretch, bool source_seekable,
                      bool destination_seekable) {
    const bool make_holes =
        stretch.make_holes && stretch.holes == Holes::leave && destination_seekable;
    uint64_t moved = 0;
    bool ended = false;
    Way reading{source_seekable};
    Way writing{destination_seekable};
    stretch.written_end = stretch.source_begin;
    const size_t room = stretch.pipeline.chunk;
    const std::unique_ptr<std::byte[]> memory(new std::byte[room]);
    while (!ended) {
        size_t have = 0;
        // The digest and holes want whole blocks; without them, bytes go on as they come.
        do {
            const uint64_t from = stretch.source_begin + moved + have;
            const auto wanted = std::min<uint64_t>(room - have, stretch.source_end - from);
            size_t got = 0;
            if (wanted > 0)
                got = co_await read_some(io, control, stretch, {memory.get() + have, wanted, -1},
                                         from, reading);
            ended = got == 0;
            have += got;
        } while ((stretch.digest || make_holes) && !ended && have < room);
        if (stretch.digest)
            stretch.digest->add(stretch.source_begin + moved - stretch.digest_origin, memory.get(),
                                have);
        const Slice read{memory.get(), have, -1};
        if (make_holes) {
            co_await write_data_blocks(io, control, stretch, read, moved);
        } else if (have > 0) {
            co_await write_all_stream(io, control, stretch, read, stretch.destination_begin + moved,
                                      writing);
            stretch.written_end = stretch.source_begin + moved + have;
        }
        moved += have;
        control.add_done(have);
        if (control.bytes_total() > 0 && control.bytes_done() > control.bytes_total())
            control.set_total(control.bytes_done());
        co_await keep_pace(io, control, have);
    }
    stretch.drop_cache = false; // not on the way, then
    stretch.end = stretch.source_begin + moved;
}

} // namespace arsync
