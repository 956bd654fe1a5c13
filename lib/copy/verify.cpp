#include "copy/verify.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/data_and_holes.h"
#include "copy/direct_mode.h"
#include "copy/huge.h"
#include "copy/method.h"
#include "copy/survey.h"
#include "io/facts.h"

namespace arsync {

namespace {

constexpr uint64_t block = DataAndHoles::block_size;

uint64_t round_down(uint64_t value, uint64_t unit) {
    return value / unit * unit;
}
uint64_t round_up(uint64_t value, uint64_t unit) {
    return round_down(value + unit - 1, unit);
}

Route route_of(const Written& written, uint32_t align) {
    if (!written.exact)
        return Route::plain;
    return align > 0 ? Route::polled : Route::ring;
}

// Reads all of a range for its digest, several chunks side by side.
class Reader {
public:
    // align: bytes, of O_DIRECT; 0: through the page cache.
    Reader(Io world, Control& outside, int fd, const Written& written, uint64_t chunk,
           uint32_t align, bool find_holes, Digest& digest)
        : io_(world), control_(outside), fd_(fd), begin_(written.begin), align_(align),
          route_(route_of(written, align)), digest_(digest),
          walk_(io_.files, fd, written.begin, written.begin + written.bytes, chunk, find_holes) {}

    Task<void> run(unsigned lanes) {
        for (unsigned i = 0; i < lanes; ++i)
            group_.spawn([this] { return lane(); });
        co_await group_.join();
    }

private:
    Task<void> lane() {
        while (!group_.failed()) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            control_.throw_if_cancelled();
            const Piece piece = walk_.next();
            if (piece.kind == Piece::Kind::end)
                co_return;
            if (piece.kind == Piece::Kind::data)
                co_await read(piece.offset, piece.length);
        }
    }

    // A device gives whole blocks: what is beside the piece in its first and last one is read too,
    // and not looked at.
    Task<void> read(uint64_t offset, uint64_t length) {
        if (is_paced(io_, control_)) // before it has what others may want
            co_await keep_pace(io_, control_, length, &group_);
        if (control_.held())
            co_await wait_while_held(io_, control_);
        control_.throw_if_cancelled();
        if (group_.failed())
            co_return;
        const BufferLease lease = co_await io_.buffers.lease(true, control_.priority());
        const uint64_t before = align_ > 0 ? offset % align_ : 0;
        const uint64_t wanted = before + length;
        const uint64_t whole = align_ > 0 ? round_up(wanted, align_) : wanted;
        uint64_t have = 0;
        while (have < wanted) {
            const int64_t got = co_await io_.ring.read(fd_, lease.slice(have, whole - have),
                                                       offset - before + have, 0, route_);
            if (got == -EAGAIN) {
                control_.throw_if_cancelled();
                co_await io_.ring.pause(1);
                continue;
            }
            if (align_ > 0 && (got == -EINVAL || got == -EOPNOTSUPP))
                throw DirectRefused{};
            have += static_cast<uint64_t>(check(ARSYNC_STAGE_VERIFY, got));
            if (got == 0 || have >= wanted)
                break;
            // A device ends a read off the grid at a file's end alone, a server wherever it likes.
            if (align_ > 0 && have % align_ != 0)
                throw DirectRefused{};
        }
        if (have < wanted) // it has become shorter, and zeros that are missing would not show
            throw Error{ARSYNC_STAGE_VERIFY, EILSEQ};
        digest_.add(offset - begin_, lease.data() + before, length);
    }

    const Io io_;
    Control& control_;
    const int fd_;
    const uint64_t begin_;
    const uint32_t align_;
    const Route route_;
    Digest& digest_;
    DataAndHoles walk_;
    Group group_;
};

class Verifier {
public:
    Verifier(Io world, const Written& what, const arsync_copy_options& how, Control& outside)
        : io_(world), written_(what), options_(how), control_(outside) {}

    // Of what is there now. True: from where it is stored.
    Task<bool> read(const struct statx& now, Digest& found) {
        uint64_t magic = 0;
        io_.files.filesystem_type(written_.fd, magic);
        kind_ = filesystem(magic);
        co_await drop_cache();
        const uint32_t align = alignment(now);
        bool direct = false;
        if (align > 0)
            direct = co_await read_direct(align, found);
        if (direct)
            co_return true;
        found = {};
        const bool bypasses = kind_.in_memory || !is_cached();
        co_await read_through(written_.fd, 0, written_.may_seek, found);
        co_return bypasses;
    }

    // Whole pages, or the first and the last one of a range stay.
    Task<void> drop_cache() {
        if (written_.bytes > 0)
            co_await io_.ring.call(is_huge(written_.bytes), [&] {
                return io_.files.drop_cache(written_.fd, first(), end() - first());
            });
    }

private:
    uint64_t first() const { return round_down(written_.begin, block); }
    uint64_t end() const { return round_up(written_.begin + written_.bytes, block); }

    // What O_DIRECT asks for; where that is not to be known, what suits every device. 0: not to be
    // had.
    uint32_t alignment(const struct statx& now) const {
        if (!written_.may_reopen)
            return 0;
        const bool known = (now.stx_mask & STATX_DIOALIGN) != 0;
        const uint32_t align = known ? direct_align(now) : static_cast<uint32_t>(block);
        const bool fits = written_.begin % block == 0 || io_.buffers.size() > block;
        return align <= block && fits && written_.bytes > 0 ? align : 0;
    }

    Task<bool> read_direct(uint32_t align, Digest& found) {
        DirectMode direct(io_.files, written_.owned);
        int fd = written_.fd;
        if (!direct.open(fd, O_RDONLY))
            co_return false;
        try {
            co_await read_through(fd, align, written_.may_seek || fd != written_.fd, found);
        } catch (const DirectRefused&) {
            co_return false;
        }
        co_return true;
    }

    Task<void> read_through(int fd, uint32_t align, bool may_seek, Digest& found) {
        Grounds grounds;
        grounds.size = written_.bytes;
        Pipeline pipes = pipeline(ARSYNC_METHOD_DIRECT, grounds, options_, io_.buffers.size(),
                                  io_.buffers.count());
        if (align > 0 && written_.begin % align != 0)
            pipes.chunk -= block; // room for the rest of its first block
        // What seems to be a hole passes for zeros only of files that were written back for sure.
        const bool find_holes = may_seek && kind_.holes != HoleTruth::doubtful;
        Reader reader(io_, control_, fd, written_, pipes.chunk, align, find_holes, found);
        co_await reader.run(pipes.lanes);
    }

    // Whether some of it may be in the page cache still, as what somebody maps is.
    bool is_cached() {
        PageCache pages{};
        return written_.bytes > 0 &&
               (kind_.caches_below ||
                io_.files.page_cache(written_.fd, first(), end() - first(), pages) < 0 ||
                pages.cached > 0);
    }

    const Io io_;
    const Written& written_;
    const arsync_copy_options& options_;
    Control& control_;
    Filesystem kind_;
};

bool is_sized(const Written& written, const struct statx& facts) {
    return written.exact && S_ISREG(facts.stx_mode);
}

// After it was read, for what was cut off meanwhile seemed to be a hole. Where the size may not be
// true, read(2) tells the end.
Task<bool> ends_as_written(Io io, const Written& written, Control& control) {
    const uint64_t end = written.begin + written.bytes;
    struct statx now;
    check(ARSYNC_STAGE_VERIFY, io.files.statx(written.fd, "", 0, now));
    if (is_sized(written, now))
        co_return written.whole_file ? now.stx_size == end : now.stx_size >= end;
    if (written.exact)
        co_return true; // a device's does not change
    const auto has = [&](uint64_t at) {
        return has_byte(io, control, written.fd, at, ARSYNC_STAGE_VERIFY, Route::plain);
    };
    bool goes_on = false;
    if (written.whole_file)
        goes_on = co_await has(end);
    bool is_there = true;
    if (!goes_on && written.bytes > 0 && written.may_seek) // else all of it was read
        is_there = co_await has(end - 1);
    co_return is_there && !goes_on;
}

} // namespace

Task<void> verify(Io io, const Written& written, const Digest& digest,
                  const arsync_copy_options& options, Control& control, Outcome& outcome) {
    control.enter(ARSYNC_STAGE_VERIFY);
    io.buffers.settle_share(); // a file that is larger than it says was a small copy
    struct statx now;
    check(ARSYNC_STAGE_VERIFY, io.files.statx(written.fd, "", 0, now));
    if (written.whole_file && is_sized(written, now) && now.stx_size != written.bytes)
        throw Error{ARSYNC_STAGE_VERIFY, EILSEQ};
    Verifier verifier(io, written, options, control);
    Digest found;
    const bool stored = co_await verifier.read(now, found);
    const bool has_its_end = co_await ends_as_written(io, written, control);
    if (options.cache == ARSYNC_CACHE_DROP)
        co_await verifier.drop_cache();
    control.enter(ARSYNC_STAGE_VERIFY);
    if (!stored)
        outcome.flags |= ARSYNC_COMPLETION_VERIFIED_CACHED;
    if (!has_its_end || !(found == digest))
        throw Error{ARSYNC_STAGE_VERIFY, EILSEQ};
}

} // namespace arsync
