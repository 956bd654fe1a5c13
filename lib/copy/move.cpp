#include "copy/move.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include "copy/direct_end.h"
#include "copy/extents.h"
#include "copy/huge.h"
#include "copy/lanes.h"
#include "copy/stream.h"
#include "copy/survey.h"

namespace arsync {

namespace {

// One copy_file_range call: short enough that a cancel and the progress do not wait long.
constexpr uint64_t offload_slice = 64 << 20;

constexpr uint64_t reflink_inline_max = 1 << 20;

// How many holes are looked at before others have their turn.
constexpr unsigned pieces_in_a_row = 256;

// What a failed FICLONE or copy_file_range says of the method rather than of the disk.
bool means_not_here(int64_t result) {
    switch (-result) {
    case EIO:
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
        return false;
    default:
        return true;
    }
}

class Mover {
public:
    Mover(Io world, const Ends& both, const arsync_copy_options& how, Control& outside,
          Digest* content)
        : io_(world), ends_(both), options_(how), control_(outside), digest_(content),
          verifies_((how.flags & ARSYNC_COPY_VERIFY) != 0 && content),
          survey_(io_, ends_, options_), fills_holes_(ends_.in_order) {
        moved_.exact_destination = survey_.to().exact || !has_offsets(destination());
        if (ends_.in_order && digest_ && !ends_where_it_says())
            facts_.sized = false; // it is read once, whatever its size turns out to be
    }

    Mover(const Mover&) = delete;
    Mover& operator=(const Mover&) = delete;
    // What has failed half-way gives back the blocks that it had reserved.
    Task<void> give_back() {
        struct statx now;
        if (reserving_ && io_.files.statx(ends_.destination, "", 0, now) == 0)
            co_await truncate(now.stx_size, length());
    }

    Task<Moved> run() {
        if (!facts_.sized || facts_.size > inline_size_max)
            io_.buffers.settle_share();
        bool done = false;
        while (!done) {
            method_ = choose_method(facts_, options_);
            if (method_ != ARSYNC_METHOD_REFLINK && survey_.ask_cache())
                method_ = choose_method(facts_, options_);
            control_.set_method(method_);
            control_.restart();
            if (digest_)
                *digest_ = {};
            try {
                done = co_await attempt();
            } catch (const Error& error) {
                if (!refuses_disorder(error))
                    throw;
                moved_.wants_order = true;
                co_return moved_;
            }
        }
        look_at_source_again();
        co_await set_size();
        reserving_ = false;
        moved_.has_digest = digest_ && (verifies_ || (!unseen_ && digest_holds()));
        if (verifies_ && !digest_holds())
            co_await digest_what_there_is();
        if (options_.cache == ARSYNC_CACHE_DROP)
            co_await drop_cache();
        co_return moved_;
    }

private:
    const struct statx& source() const { return survey_.source(); }
    const struct statx& destination() const { return survey_.destination(); }
    uint64_t length() const { return survey_.length(); }
    bool finds_holes() const { return survey_.finds_holes() && !fills_holes_; }

    // False: choose again, and begin anew.
    Task<bool> attempt() {
        if (method_ == ARSYNC_METHOD_REFLINK)
            co_return co_await reflink();
        if (!facts_.sized)
            co_return co_await stream();
        bool done = false;
        if (method_ == ARSYNC_METHOD_COPY_FILE_RANGE)
            done = co_await offload();
        else
            done = co_await pipeline_through_buffers();
        if (done && may_go_on())
            done = co_await go_on_past_size();
        if (done && verifies_ && unseen_) {
            *digest_ = {};
            co_await digest_source();
        }
        co_return done;
    }

    // less: how much is cut off at most.
    Task<int64_t> truncate(uint64_t size, uint64_t less) {
        const int64_t result = co_await io_.ring.call(
            is_huge(less), [&] { return io_.files.truncate(ends_.destination, size); });
        co_return result;
    }

    // ---- without buffers ----

    Task<bool> reflink() {
        control_.enter(ARSYNC_STAGE_REFLINK);
        const int64_t result = co_await io_.ring.reflink(
            ends_.source, ends_.source_begin, ends_.destination, ends_.destination_begin,
            ends_.whole_file ? 0 : length(), reflinks_at_once());
        if (result < 0) {
            if (options_.reflink == ARSYNC_REFLINK_ALWAYS || !means_not_here(result))
                check(ARSYNC_STAGE_REFLINK, result);
            facts_.reflink = false;
            if (result == -EOPNOTSUPP && io_.memo && survey_.same_device())
                io_.memo->refuses_reflink = true;
            co_return false;
        }
        io_.ring.counters().bytes_reflinked.add(length());
        control_.add_done(length());
        end_ = written_end_ = ends_.source_end;
        if (ends_.whole_file) {
            // A whole file is shared at the size it has by now.
            struct statx now;
            check(ARSYNC_STAGE_REFLINK, io_.files.statx(ends_.destination, "", 0, now));
            written_end_ = now.stx_size;
            end_ = std::min(end_, written_end_);
        }
        co_await count_shared_holes();
        unseen_ = true;
        if (verifies_)
            co_await digest_source();
        co_return true;
    }

    // Whether it takes less time than to have a helper do it: of few blocks, none of which has to
    // be written to the disk first.
    bool reflinks_at_once() {
        PageCache pages;
        return length() <= reflink_inline_max && survey_.ask_page_cache(pages) && pages.dirty == 0;
    }

    // There may be any number.
    Task<void> count_shared_holes() {
        moved_.hole_bytes = 0;
        if (!finds_holes())
            co_return;
        Extents extents(io_.files, ends_.source, ends_.source_begin, end_, end_ + 1, true);
        unsigned pieces = 0;
        for (Piece piece = extents.next(); piece.kind != Piece::Kind::end; piece = extents.next()) {
            if (piece.kind == Piece::Kind::hole)
                moved_.hole_bytes += piece.length;
            if (++pieces % pieces_in_a_row == 0)
                co_await io_.ring.yield();
        }
    }

    Task<bool> offload() {
        if (finds_holes())
            co_await look_for_holes();
        Extents extents(io_.files, ends_.source, ends_.source_begin, ends_.source_end,
                        offload_slice, has_holes_ && !doubts_holes_);
        end_ = ends_.source_end;
        written_end_ = ends_.source_begin;
        moved_.hole_bytes = 0;
        if (makes_holes())
            set_size_first();
        for (;;) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            control_.throw_if_cancelled();
            const Piece piece = extents.next();
            if (piece.kind == Piece::Kind::end || piece.offset >= end_)
                break;
            if (piece.kind == Piece::Kind::hole) {
                const bool kept = co_await keep_hole(piece);
                if (kept)
                    continue;
            }
            const std::optional<uint64_t> refused = co_await offload_piece(piece);
            if (!refused)
                continue;
            facts_.copy_file_range = false;
            if (control_.bytes_done() == moved_.hole_bytes) // before the first byte
                co_return false;
            co_await go_on_by_buffers(*refused);
            break;
        }
        unseen_ = true;
        co_return true;
    }

    // False: it has to be copied as zeros.
    Task<bool> keep_hole(Piece hole) {
        if (!ends_.fresh) {
            control_.enter(ARSYNC_STAGE_WRITE);
            const int64_t result = co_await io_.ring.allocate(
                ends_.destination, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                to_destination(hole.offset), hole.length);
            if (result < 0)
                co_return false;
        }
        moved_.hole_bytes += hole.length;
        control_.add_done(hole.length);
        co_return true;
    }

    // Where the source is to be read from because the kernel will not go on; none: it was moved.
    Task<std::optional<uint64_t>> offload_piece(Piece piece) {
        control_.enter(ARSYNC_STAGE_COPY_FILE_RANGE);
        for (uint64_t done = 0; done < piece.length;) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            control_.throw_if_cancelled();
            const uint64_t from = piece.offset + done;
            const uint64_t part = std::min(slice(), piece.length - done);
            const int64_t got = co_await io_.ring.copy_file_range(
                ends_.source, from, ends_.destination, to_destination(from), part);
            const bool first = control_.bytes_done() == moved_.hole_bytes;
            // Some filesystems say 0 for what they cannot, others EIO, and some only after the
            // first bytes: the pipeline will know better. So it will where there is more than they
            // say.
            if (got == -EIO || (got < 0 && means_not_here(got)) ||
                (got == 0 && (first || source_size() > from)))
                co_return from;
            if (check(ARSYNC_STAGE_COPY_FILE_RANGE, got) == 0) {
                end_ = std::min(end_, from);
                break;
            }
            done += static_cast<uint64_t>(got);
            written_end_ = std::max(written_end_, from + static_cast<uint64_t>(got));
            control_.add_done(static_cast<uint64_t>(got));
            co_await keep_pace(io_, control_, static_cast<uint64_t>(got));
        }
        co_return std::nullopt;
    }

    // What was moved already stays: it may be a lot, and a destination may take its bytes once.
    Task<void> go_on_by_buffers(uint64_t from) {
        method_ = ARSYNC_METHOD_FIXED;
        control_.set_method(method_);
        Transfer rest = transfer(from, ends_.source_end);
        rest.digest = nullptr; // all of the source is read for it afterwards
        co_await run_lanes(io_, control_, rest);
        take_result(rest);
    }

    uint64_t slice() const {
        uint64_t rate = UINT64_MAX;
        for (const Pace* pace : {io_.pace, control_.pace()})
            if (pace)
                rate = std::min(rate, pace->rate());
        return std::clamp<uint64_t>(rate / 4, 4096, offload_slice);
    }

    // The data has not been through our hands: read it for its hash, and what seem to be holes too.
    Task<void> digest_source() { co_await digest_of(transfer(ends_.source_begin, end_)); }

    // Of a source that shrank, what was read beyond its end does not count; what was moved unseen
    // may be what the source held before it was changed.
    bool digest_holds() const { return !moved_.shrank && !(unseen_ && touched_); }

    // What the source held there is not to be asked any more: what was written is, if it can be
    // read before it is complete.
    Task<void> digest_what_there_is() {
        *digest_ = {};
        if (!survey_.to().exact) {
            co_await digest_source();
            co_return;
        }
        Transfer written = transfer(ends_.source_begin, end_);
        written.source = ends_.destination;
        written.source_begin = ends_.destination_begin;
        written.source_end = to_destination(end_);
        written.digest_origin = ends_.destination_begin;
        written.read_stage = ARSYNC_STAGE_VERIFY;
        written.plain_read = written.plain_write;
        co_await digest_of(std::move(written));
    }

    Task<void> digest_of(Transfer reading) {
        io_.buffers.settle_share();
        reading.destination = -1;
        reading.method = ARSYNC_METHOD_FIXED;
        reading.pipeline =
            pipeline(reading.method, facts_, options_, io_.buffers.size(), io_.buffers.count());
        reading.find_holes = false;
        const uint64_t done = control_.bytes_done();
        co_await run_lanes(io_, control_, reading);
        control_.restart();
        control_.add_done(done);
    }

    // ---- through buffers ----

    Transfer transfer(uint64_t begin, uint64_t end) {
        Transfer result;
        result.source = ends_.source;
        result.destination = ends_.destination;
        result.source_begin = begin;
        result.source_end = end;
        result.destination_begin = to_destination(begin);
        result.method = method_;
        result.pipeline =
            pipeline(method_, facts_, options_, io_.buffers.size(), io_.buffers.count());
        result.find_holes = has_holes_;
        result.check_holes = digest_ || doubts_holes_;
        result.holes = hole_policy();
        result.make_holes = options_.sparse == ARSYNC_SPARSE_ALWAYS && !fills_holes_;
        result.plain_read = has_offsets(source()) && !survey_.from().exact;
        result.plain_write = has_offsets(destination()) && !survey_.to().exact;
        result.in_memory = has_offsets(source()) && survey_.from().in_memory;
        // Servers' files have no silence that poll(2) would know of.
        result.waits_for_source = !survey_.from().remote;
        disorderly_ = disorderly_ || makes_holes() || result.pipeline.lanes > 1;
        result.drop_cache = options_.cache == ARSYNC_CACHE_DROP;
        result.digest = digest_;
        result.digest_origin = ends_.source_begin;
        return result;
    }

    Holes hole_policy() const {
        if (options_.sparse == ARSYNC_SPARSE_NEVER || !S_ISREG(destination().stx_mode) ||
            fills_holes_)
            return Holes::fill;
        return ends_.fresh ? Holes::leave : Holes::punch;
    }

    // Before holes are believed. Where there is one, data that was written and has no blocks yet
    // must not look like another.
    Task<void> look_for_holes() {
        if (looked_for_holes_)
            co_return;
        looked_for_holes_ = true;
        const auto begin = static_cast<int64_t>(ends_.source_begin);
        const int64_t hole = io_.files.seek(ends_.source, begin, SEEK_HOLE);
        has_holes_ = hole >= 0 && static_cast<uint64_t>(hole) < ends_.source_end;
        if (has_holes_ && !ends_where_it_says()) // a size that is too large looks like one
            has_holes_ = co_await has_byte(ends_.source_end - 1);
        if (!has_holes_ || survey_.knows_holes())
            co_return;
        const int64_t settled = co_await io_.ring.settle_holes(ends_.source);
        doubts_holes_ = settled < 0;
    }

    Task<bool> stream() {
        const bool to_size = S_ISREG(source().stx_mode) ? survey_.from().exact : ends_.sized;
        Transfer all = transfer(ends_.source_begin, to_size ? ends_.source_end : ends_.unsized_end);
        co_await run_stream(io_, control_, all, has_offsets(source()), has_offsets(destination()));
        take_result(all);
        co_return true;
    }

    bool ends_where_it_says() const { return survey_.from().exact || !S_ISREG(source().stx_mode); }
    bool may_go_on() const {
        return !ends_where_it_says() && end_ == ends_.source_end && end_ < ends_.unsized_end;
    }

    // The source's end is where read(2) says so. False: all is to be read as a stream.
    Task<bool> go_on_past_size() {
        const bool more = co_await has_byte(end_);
        if (!more)
            co_return true;
        const bool digests = digest_ && !unseen_;
        if (digests && (end_ - ends_.source_begin) % Extents::block_size != 0) {
            facts_.sized = false; // a digest goes by whole blocks
            disorderly_ = true;
            co_return false;
        }
        Transfer rest = transfer(end_, ends_.unsized_end);
        if (!digests)
            rest.digest = nullptr;
        co_await run_stream(io_, control_, rest, true, true);
        take_result(rest);
        co_return true;
    }

    Task<bool> has_byte(uint64_t at) {
        control_.enter(ARSYNC_STAGE_READ);
        const Route route = survey_.from().remote ? Route::plain : Route::at_once;
        std::byte next{};
        int64_t got = -EINTR;
        while (got == -EINTR || got == -EAGAIN) {
            control_.throw_if_cancelled();
            if (got == -EAGAIN)
                co_await io_.ring.pause(1);
            got = co_await io_.ring.read(ends_.source, {&next, 1, -1}, at, 0, route);
        }
        co_return check(ARSYNC_STAGE_READ, got) > 0;
    }

    // A server that takes a file from its beginning to its end alone refuses what comes before its
    // turn, and what comes after a hole.
    bool refuses_disorder(const Error& error) const {
        if (error.stage != ARSYNC_STAGE_WRITE || !disorderly_ || survey_.to().exact ||
            !ends_.fresh || ends_.in_order)
            return false;
        return error.code != ENOSPC && error.code != EDQUOT && error.code != ENOMEM &&
               error.code != ECANCELED;
    }

    Task<bool> pipeline_through_buffers() {
        const bool direct_read = method_ == ARSYNC_METHOD_DIRECT;
        const bool direct_write = direct_read || method_ == ARSYNC_METHOD_BUFFERED_DIRECT;
        moved_.hole_bytes = 0;
        if (finds_holes())
            co_await look_for_holes();
        if (!direct_write) {
            if (makes_holes())
                set_size_first();
            else if (survey_.reserving_pays())
                co_await reserve();
            Transfer all = transfer(ends_.source_begin, ends_.source_end);
            co_await run_lanes(io_, control_, all);
            take_result(all);
            co_return true;
        }

        // Whole blocks, for O_DIRECT and the digest both.
        constexpr uint64_t block = Extents::block_size;
        const uint64_t aligned_end = ends_.source_begin + length() / block * block;
        Transfer body = transfer(ends_.source_begin, aligned_end);
        body.direct_read = direct_read;
        body.direct_write = direct_write;
        body.direct_align = direct_alignment(method_, facts_);
        const bool ran = co_await run_direct(body);
        if (!ran) {
            facts_.source_align = facts_.destination_align = 0;
            co_return false;
        }
        take_result(body);
        uint64_t tail_begin = aligned_end;
        uint64_t tail_end = ends_.source_end;
        if (end_ < aligned_end) { // it has shrunk, or never was so long
            unseen_ = true;       // in whole blocks, as a digest wants it
            tail_begin = ends_.source_begin + (end_ - ends_.source_begin) / block * block;
            tail_end = end_;
        }
        if (tail_begin == tail_end)
            co_return true;

        // What is left is less than a block: through the page cache.
        Transfer tail = transfer(tail_begin, tail_end);
        tail.method = ARSYNC_METHOD_INLINE;
        tail.pipeline.lanes = 1;
        co_await run_lanes(io_, control_, tail);
        take_result(tail);
        co_return true;
    }

    void take_result(const Transfer& part) {
        end_ = part.end;
        written_end_ = std::max(written_end_, part.written_end);
        moved_.hole_bytes += part.hole_bytes;
        dropped_as_we_went_ = part.drop_cache;
    }

    // False: O_DIRECT is not to be had after all.
    Task<bool> run_direct(Transfer& body) {
        set_size_first();
        co_await reserve();
        DirectEnd reading(io_.files, ends_.owned);
        DirectEnd writing(io_.files, ends_.owned);
        if (body.direct_read && !reading.open(body.source, O_RDONLY))
            co_return false;
        if (!writing.open(body.destination, O_WRONLY))
            co_return false;
        co_await run_lanes(io_, control_, body);
        check(ARSYNC_STAGE_CLOSE, writing.close());
        co_return !body.refused;
    }

    // A new file gets its size before its data where that matters: direct writes that extend a file
    // wait for each other, and XFS reserves blocks past the end of a growing file that would then
    // fill the next hole.
    void set_size_first() {
        if (!ends_.fresh)
            return;
        control_.enter(ARSYNC_STAGE_ALLOCATE);
        const int result = io_.files.truncate(ends_.destination, to_destination(ends_.source_end));
        if (result < 0 && !survey_.to().exact) { // nor will it take a hole
            fills_holes_ = true;
            has_holes_ = false;
            return;
        }
        check(ARSYNC_STAGE_ALLOCATE, result);
        written_end_ = ends_.source_end; // the size is as if all were written
    }

    bool makes_holes() const {
        return has_holes_ || (options_.sparse == ARSYNC_SPARSE_ALWAYS && !fills_holes_);
    }

    // Blocks that are reserved at once lie together. Under a hole they would fill it.
    Task<void> reserve() {
        if (!ends_.fresh || makes_holes())
            co_return;
        control_.enter(ARSYNC_STAGE_ALLOCATE);
        reserving_ = true;
        const int64_t result = co_await io_.ring.allocate(ends_.destination, FALLOC_FL_KEEP_SIZE,
                                                          ends_.destination_begin, length());
        if (result == -ENOSPC || result == -EDQUOT || result == -EFBIG || result == -EIO)
            check(ARSYNC_STAGE_ALLOCATE, result);
        reserved_ = result == 0;
    }

    uint64_t to_destination(uint64_t source_offset) const {
        return source_offset - ends_.source_begin + ends_.destination_begin;
    }

    // ---- afterwards ----

    void look_at_source_again() {
        if (S_ISREG(source().stx_mode)) {
            struct statx now;
            check(ARSYNC_STAGE_READ, io_.files.statx(ends_.source, "", 0, now));
            moved_.changed = now.stx_size != source().stx_size;
            touched_ = now.stx_ctime.tv_sec != source().stx_ctime.tv_sec ||
                       now.stx_ctime.tv_nsec != source().stx_ctime.tv_nsec;
            if (ends_.sized && survey_.from().exact)
                compare_with(now);
            else if (ends_.sized)
                compare_with_guess(now);
        } else if (ends_.sized && end_ < ends_.source_end) { // a device's size does not change
            throw Error{ARSYNC_STAGE_READ, EIO};
        }
        moved_.bytes = end_ - ends_.source_begin;
        if (has_offsets(source()) && control_.bytes_total() != moved_.bytes)
            control_.set_total(moved_.bytes);
    }

    void compare_with(const struct statx& now) {
        moved_.changed = moved_.changed || has_other_time(now);
        // Its end was met early, and it says as before that there is more: a copy without that is
        // no copy.
        if (end_ < ends_.source_end && !moved_.changed)
            throw Error{ARSYNC_STAGE_READ, EIO};
        // A hole at the end looks the same before and after a truncation: the size tells. What is
        // shared stays as it was when it was shared.
        const bool shared = method_ == ARSYNC_METHOD_REFLINK;
        if (now.stx_size < end_ && facts_.sized && !shared) // what went into a stream has gone
            end_ = std::max<uint64_t>(now.stx_size, ends_.source_begin);
        moved_.shrank = moved_.changed && end_ < ends_.source_end;
    }

    // Sizes may not be true here, so one that agrees with the end that was met has become it. What
    // is made up as it is asked for (in /sys, or by lxcfs) has no blocks; its size and time say
    // nothing.
    void compare_with_guess(const struct statx& now) {
        const bool made_up = now.stx_blocks == 0 && end_ > ends_.source_begin;
        moved_.changed = !made_up && (moved_.changed || has_other_time(now));
        moved_.shrank = moved_.changed && end_ < ends_.source_end && now.stx_size == end_;
    }

    bool has_other_time(const struct statx& now) const {
        return now.stx_mtime.tv_sec != source().stx_mtime.tv_sec ||
               now.stx_mtime.tv_nsec != source().stx_mtime.tv_nsec;
    }

    uint64_t source_size() {
        struct statx now;
        check(ARSYNC_STAGE_COPY_FILE_RANGE, io_.files.statx(ends_.source, "", 0, now));
        return now.stx_size;
    }

    // A destination that ends in a hole has to be told its size, one that was prepared for more to
    // lose the rest.
    Task<void> set_size() {
        const bool has_spare_blocks = reserved_ && end_ < ends_.source_end;
        if (!S_ISREG(destination().stx_mode) || (written_end_ == end_ && !has_spare_blocks))
            co_return;
        control_.enter(ARSYNC_STAGE_TRUNCATE);
        const uint64_t size = to_destination(end_);
        if (ends_.fresh) {
            const uint64_t end = ends_.sized ? ends_.source_end : end_;
            const int64_t cut = co_await truncate(size, end - std::min(end, end_));
            check(ARSYNC_STAGE_TRUNCATE, cut);
            co_return;
        }
        // A range. Others may be growing the same file, and a truncation that comes too late would
        // cut off what they wrote: a byte of the hole is written instead.
        struct statx now;
        check(ARSYNC_STAGE_TRUNCATE, io_.files.statx(ends_.destination, "", 0, now));
        if (now.stx_size >= size)
            co_return;
        int64_t put = io_.files.write(ends_.destination, "", 1, size - 1);
        if (put == -EINVAL) // O_DIRECT, and there is no other description to be had
            put = co_await io_.ring.allocate(ends_.destination, 0, size - 1, 1);
        check(ARSYNC_STAGE_WRITE, put);
    }

    // RWF_DONTCACHE may leave what several readers touched at once, and not every filesystem has
    // it.
    Task<void> drop_cache() {
        if (method_ == ARSYNC_METHOD_REFLINK)
            co_return;
        if (has_offsets(destination()) && !dropped_as_we_went_) {
            co_await write_back();
            co_await drop_pages(ends_.destination, ends_.destination_begin);
        }
        if (has_offsets(source()) && facts_.cached == Residency::little)
            co_await drop_pages(ends_.source, ends_.source_begin);
    }

    Task<void> drop_pages(int fd, uint64_t begin) {
        co_await io_.ring.call(is_huge(moved_.bytes),
                               [&] { return io_.files.drop_cache(fd, begin, moved_.bytes); });
    }

    // An error that is told here is not told again by a later fsync.
    Task<void> write_back() {
        control_.enter(ARSYNC_STAGE_SYNC);
        const int64_t result =
            co_await io_.ring.write_back(ends_.destination, ends_.destination_begin, moved_.bytes);
        if (result != -EINVAL && result != -EOPNOTSUPP && result != -ESPIPE && result != -ENOSYS)
            check(ARSYNC_STAGE_SYNC, result);
    }

    const Io io_;
    const Ends& ends_;
    const arsync_copy_options& options_;
    Control& control_;
    Digest* const digest_;
    const bool verifies_;

    Survey survey_;
    Facts& facts_ = survey_.facts;
    bool touched_ = false; // the source's inode has changed since it was opened
    bool looked_for_holes_ = false;
    bool has_holes_ = false;    // that are to be kept
    bool doubts_holes_ = false; // for they may hide data
    bool fills_holes_ = false;  // with zeros: the destination can have none
    bool disorderly_ = false;   // not all is written once, in order and without holes
    bool unseen_ = false;    // the digest is of the source, read again: not all passed through here
    bool reserving_ = false; // blocks, which are not all written yet
    bool reserved_ = false;
    Method method_ = ARSYNC_METHOD_AUTO;
    uint64_t end_ = 0;         // where the source turned out to end
    uint64_t written_end_ = 0; // of the destination, in source offsets
    bool dropped_as_we_went_ = false;
    Moved moved_;
};

} // namespace

Task<Moved> move_data(Io io, const Ends& ends, const arsync_copy_options& options, Control& control,
                      Digest* digest) {
    Mover mover(io, ends, options, control, digest);
    std::exception_ptr failure;
    try {
        co_return co_await mover.run();
    } catch (...) {
        failure = std::current_exception();
    }
    co_await mover.give_back();
    std::rethrow_exception(failure);
}

} // namespace arsync
