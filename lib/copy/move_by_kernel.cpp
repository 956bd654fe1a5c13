// Moving data without buffers: shared blocks, and what the kernel copies by itself.
#include <algorithm>
#include <cerrno>
#include <optional>

#include "copy/data_and_holes.h"
#include "copy/huge.h"
#include "copy/method.h"
#include "copy/mover.h"
#include "copy/read_write_lanes.h"

namespace arsync {

namespace {

// One copy_file_range call: short enough that a cancel and the progress do not wait long.
constexpr uint64_t offload_slice = 64 << 20;

// How many holes are looked at before others have their turn.
constexpr unsigned pieces_in_a_row = 256;

} // namespace

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

Task<bool> Mover::reflink() {
    control_.enter(ARSYNC_STAGE_REFLINK);
    const int64_t result = co_await io_.ring.reflink(
        ends_.source, ends_.source_begin, ends_.destination, ends_.destination_begin,
        ends_.whole_file ? 0 : length(), reflinks_at_once());
    if (result < 0) {
        if (options_.reflink == ARSYNC_REFLINK_ALWAYS || !means_not_here(result))
            check(ARSYNC_STAGE_REFLINK, result);
        grounds_.reflink = false;
        if (result == -EOPNOTSUPP && notes_of_filesystem())
            io_.memo->refuses_reflink = true;
        co_return false;
    }
    if (notes_of_filesystem())
        io_.memo->sharing = Sharing::taken;
    end_ = written_end_ = ends_.source_end;
    if (ends_.whole_file) {
        // A whole file is shared at the size it has by now, and with all that it has.
        struct statx now;
        check(ARSYNC_STAGE_REFLINK, io_.files.statx(ends_.destination, "", 0, now));
        written_end_ = now.stx_size;
        end_ = survey_.source_ends_where_it_says() ? std::min(end_, written_end_) : written_end_;
    }
    io_.ring.counters().bytes_reflinked.add(end_ - ends_.source_begin);
    control_.add_done(end_ - ends_.source_begin);
    co_await count_shared_holes();
    data_bypassed_us_ = true;
    if (verifies_)
        co_await digest_source();
    co_return true;
}

bool Mover::notes_of_filesystem() const {
    return io_.memo && survey_.same_device() && io_.memo->is_of(survey_.source());
}

// Whether it takes less time than to have a helper do it: of few blocks, none of which has to
// be written to the disk first.
bool Mover::reflinks_at_once() {
    if (is_huge(length()) || !survey_.from().exact)
        return false;
    return is_settled(io_.files, survey_.source()) ||
           !may_be_dirty(io_.files, ends_.source, ends_.source_begin, length());
}

// There may be any number.
Task<void> Mover::count_shared_holes() {
    moved_.hole_bytes = 0;
    if (!holes_.are_sought())
        co_return;
    DataAndHoles walk(io_.files, ends_.source, ends_.source_begin, end_, end_ + 1, true);
    unsigned pieces = 0;
    for (Piece piece = walk.next(); piece.kind != Piece::Kind::end; piece = walk.next()) {
        if (piece.kind == Piece::Kind::hole)
            moved_.hole_bytes += piece.length;
        if (++pieces % pieces_in_a_row == 0)
            co_await io_.ring.yield();
    }
}

Task<bool> Mover::offload() {
    if (holes_.are_sought())
        co_await holes_.look();
    end_ = ends_.source_end;
    written_end_ = ends_.source_begin;
    moved_.hole_bytes = 0;
    if (holes_.are_made()) // which may tell that there can be none
        set_size_first();
    else if (survey_.reserving_pays())
        co_await reserve();
    DataAndHoles walk(io_.files, ends_.source, ends_.source_begin, ends_.source_end, offload_slice,
                      holes_.are_kept() && !holes_.are_doubtful());
    for (;;) {
        if (control_.held())
            co_await wait_while_held(io_, control_);
        control_.throw_if_cancelled();
        const Piece piece = walk.next();
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
        grounds_.copy_file_range = false;
        if (control_.bytes_done() == moved_.hole_bytes) // before the first byte
            co_return false;
        co_await go_on_by_buffers(*refused,
                                  was_left_alone() ? ARSYNC_METHOD_INLINE : ARSYNC_METHOD_FIXED);
        break;
    }
    data_bypassed_us_ = true;
    co_return true;
}

// False: it has to be copied as zeros.
Task<bool> Mover::keep_hole(Piece hole) {
    if (!ends_.fresh) {
        // It may be where the source has been cut off: what the destination has there stays.
        const uint64_t end = hole.offset + hole.length;
        struct statx now;
        if (end >= ends_.source_end && io_.files.statx(ends_.source, "", 0, now) == 0 &&
            now.stx_size < end)
            co_return false;
        control_.enter(ARSYNC_STAGE_WRITE);
        const int64_t result = co_await io_.ring.punch_hole(
            ends_.destination, to_destination(hole.offset), hole.length);
        if (result < 0)
            co_return false;
    }
    moved_.hole_bytes += hole.length;
    control_.add_done(hole.length);
    co_return true;
}

// Where the source is to be read from because the kernel will not go on; none: it was moved.
Task<std::optional<uint64_t>> Mover::offload_piece(Piece piece) {
    control_.enter(ARSYNC_STAGE_COPY_FILE_RANGE);
    for (uint64_t done = 0; done < piece.length;) {
        if (control_.held())
            co_await wait_while_held(io_, control_);
        control_.throw_if_cancelled();
        const uint64_t from = piece.offset + done;
        if (was_left_alone())
            co_return from;
        const uint64_t part = std::min(slice(), piece.length - done);
        const int64_t got = co_await io_.ring.copy_file_range(ends_.source, from, ends_.destination,
                                                              to_destination(from), part);
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

// It goes by the kernel for the others' sake. They have ended, and there are processors for what is
// left of this.
bool Mover::was_left_alone() const {
    return options_.method == ARSYNC_METHOD_AUTO && !grounds_.offload && !grounds_.caches_below &&
           grounds_.in_company && !survey_.in_company();
}

uint64_t Mover::source_size() {
    struct statx now;
    check(ARSYNC_STAGE_COPY_FILE_RANGE, io_.files.statx(ends_.source, "", 0, now));
    return now.stx_size;
}

// What was moved already stays: it may be a lot, and a destination may take its bytes once.
Task<void> Mover::go_on_by_buffers(uint64_t from, Method method) {
    method_ = method;
    control_.set_method(method_);
    // Holes are found in whole blocks from where it begins, so the rest of one goes by itself.
    constexpr uint64_t block = DataAndHoles::block_size;
    const uint64_t blocks = (from - ends_.source_begin + block - 1) / block;
    const uint64_t edge = std::min(ends_.source_begin + blocks * block, ends_.source_end);
    if (from < edge)
        co_await through_buffers(from, edge);
    if (from == edge || (end_ == edge && edge < ends_.source_end))
        co_await through_buffers(edge, ends_.source_end);
}

Task<void> Mover::through_buffers(uint64_t begin, uint64_t end) {
    Stretch part = stretch(begin, end);
    part.digest = nullptr; // all of the source is read for it afterwards
    co_await run_lanes(io_, control_, part);
    take_result(part);
}

uint64_t Mover::slice() const {
    uint64_t rate = UINT64_MAX;
    for (const Pace* pace : {io_.pace, control_.pace()})
        if (pace)
            rate = std::min(rate, pace->rate());
    return std::clamp<uint64_t>(rate / 4, 4096, offload_slice);
}

} // namespace arsync
