// Moving data in O_DIRECT mode: whole blocks, and what is left at the end through the page cache.
#include <algorithm>
#include <fcntl.h>

#include "copy/data_and_holes.h"
#include "copy/direct_mode.h"
#include "copy/mover.h"
#include "copy/read_write_lanes.h"

namespace arsync {

Task<bool> Mover::pipeline_of_whole_blocks() {
    // Whole blocks, for O_DIRECT and the digest both.
    constexpr uint64_t block = DataAndHoles::block_size;
    const uint64_t aligned_end = ends_.source_begin + length() / block * block;
    Stretch body = stretch(ends_.source_begin, aligned_end);
    body.direct_read = method_ != ARSYNC_METHOD_BUFFERED_DIRECT;
    body.direct_write = method_ != ARSYNC_METHOD_DIRECT_BUFFERED;
    body.direct_align = direct_alignment(method_, grounds_);
    const bool ran = co_await run_direct(body);
    if (!ran) {
        written_end_ = std::max(written_end_, body.written_end); // to be cut off, if it is too much
        grounds_.source_align = grounds_.destination_align = 0;
        co_return false;
    }
    take_result(body);
    uint64_t tail_begin = aligned_end;
    uint64_t tail_end = ends_.source_end;
    if (end_ < aligned_end) {     // it has shrunk, or never was so long
        data_bypassed_us_ = true; // in whole blocks, as a digest wants it
        tail_begin = ends_.source_begin + (end_ - ends_.source_begin) / block * block;
        tail_end = end_;
    }
    if (tail_begin == tail_end)
        co_return true;

    // What is left is less than a block: through the page cache.
    Stretch tail = stretch(tail_begin, tail_end);
    tail.method = ARSYNC_METHOD_INLINE;
    tail.pipeline.lanes = 1;
    tail.spare_lanes = 0;
    co_await run_lanes(io_, control_, tail);
    take_result(tail);
    co_return true;
}

// False: O_DIRECT is not to be had after all.
Task<bool> Mover::run_direct(Stretch& body) {
    if (body.direct_write && ends_.in_order) // which wants the size first
        co_return false;
    if (body.direct_write || holes_.are_made()) {
        set_size_first();
        set_holes(body); // of a destination that takes none
    }
    if (body.direct_write || survey_.reserving_pays())
        co_await reserve();
    DirectMode reading(io_.files, ends_.owned);
    DirectMode writing(io_.files, ends_.owned);
    if (body.direct_read && !reading.open(body.source, O_RDONLY))
        co_return false;
    if (body.direct_write && !writing.open(body.destination, O_WRONLY))
        co_return false;
    co_await run_lanes(io_, control_, body);
    check(ARSYNC_STAGE_CLOSE, writing.close());
    co_return !body.refused;
}

} // namespace arsync
