// Moving data through buffers: by lanes, by lanes in O_DIRECT mode, or as a stream.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/data_and_holes.h"
#include "copy/direct_mode.h"
#include "copy/mover.h"
#include "copy/read_write_lanes.h"
#include "copy/stream.h"

namespace arsync {

Task<bool> Mover::pipeline_through_buffers() {
    const bool direct_read = method_ == ARSYNC_METHOD_DIRECT;
    const bool direct_write = direct_read || method_ == ARSYNC_METHOD_BUFFERED_DIRECT;
    moved_.hole_bytes = 0;
    if (holes_.are_sought())
        co_await holes_.look();
    if (!direct_write) {
        if (holes_.are_made())
            set_size_first();
        else if (survey_.reserving_pays())
            co_await reserve();
        Stretch all = stretch(ends_.source_begin, ends_.source_end);
        co_await run_lanes(io_, control_, all);
        take_result(all);
        co_return true;
    }

    // Whole blocks, for O_DIRECT and the digest both.
    constexpr uint64_t block = DataAndHoles::block_size;
    const uint64_t aligned_end = ends_.source_begin + length() / block * block;
    Stretch body = stretch(ends_.source_begin, aligned_end);
    body.direct_read = direct_read;
    body.direct_write = direct_write;
    body.direct_align = direct_alignment(method_, grounds_);
    const bool ran = co_await run_direct(body);
    if (!ran) {
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
    co_await run_lanes(io_, control_, tail);
    take_result(tail);
    co_return true;
}

Stretch Mover::stretch(uint64_t begin, uint64_t end) {
    Stretch result;
    result.source = ends_.source;
    result.destination = ends_.destination;
    result.source_begin = begin;
    result.source_end = end;
    result.destination_begin = to_destination(begin);
    result.method = method_;
    result.pipeline =
        pipeline(method_, grounds_, options_, io_.buffers.size(), io_.buffers.count());
    result.find_holes = holes_.are_kept();
    result.check_holes = digest_ || holes_.are_doubtful();
    result.holes = holes_.at_destination();
    result.make_holes = holes_.are_made_of_zeros();
    result.plain_read = has_offsets(source()) && !survey_.from().exact;
    result.plain_write = has_offsets(destination()) && !survey_.to().exact;
    result.in_memory = has_offsets(source()) && survey_.from().in_memory;
    // Servers' files have no silence that poll(2) would know of.
    result.waits_for_source = !survey_.from().remote;
    needs_any_order_ = needs_any_order_ || holes_.are_made() || result.pipeline.lanes > 1;
    result.drop_cache = options_.cache == ARSYNC_CACHE_DROP;
    result.digest = digest_;
    result.digest_origin = ends_.source_begin;
    return result;
}

void Mover::take_result(const Stretch& part) {
    end_ = part.end;
    written_end_ = std::max(written_end_, part.written_end);
    moved_.hole_bytes += part.hole_bytes;
    dropped_as_we_went_ = part.drop_cache;
}

// False: O_DIRECT is not to be had after all.
Task<bool> Mover::run_direct(Stretch& body) {
    set_size_first();
    co_await reserve();
    DirectMode reading(io_.files, ends_.owned);
    DirectMode writing(io_.files, ends_.owned);
    if (body.direct_read && !reading.open(body.source, O_RDONLY))
        co_return false;
    if (!writing.open(body.destination, O_WRONLY))
        co_return false;
    co_await run_lanes(io_, control_, body);
    check(ARSYNC_STAGE_CLOSE, writing.close());
    co_return !body.refused;
}

Task<bool> Mover::stream() {
    const bool to_size = S_ISREG(source().stx_mode) ? survey_.from().exact : ends_.sized;
    moved_.hole_bytes = 0;
    if (holes_.are_made() && !survey_.to().exact) // which takes a size, or no hole
        set_size_first();
    Stretch all = stretch(ends_.source_begin, to_size ? ends_.source_end : ends_.unsized_end);
    co_await run_stream(io_, control_, all, has_offsets(source()), has_offsets(destination()));
    take_result(all);
    co_return true;
}

bool Mover::may_go_on() const {
    return !survey_.source_ends_where_it_says() && end_ == ends_.source_end &&
           end_ < ends_.unsized_end;
}

// The source's end is where read(2) says so. False: all is to be read as a stream.
Task<bool> Mover::go_on_past_size() {
    const bool more = co_await survey_.has_byte(control_, end_);
    if (!more)
        co_return true;
    const bool digests = digest_ && !data_bypassed_us_;
    if (digests && (end_ - ends_.source_begin) % DataAndHoles::block_size != 0) {
        grounds_.sized = false; // a digest goes by whole blocks
        needs_any_order_ = true;
        co_return false;
    }
    Stretch rest = stretch(end_, ends_.unsized_end);
    if (!digests)
        rest.digest = nullptr;
    co_await run_stream(io_, control_, rest, true, true);
    take_result(rest);
    co_return true;
}

// A new file gets its size before its data where that matters: direct writes that extend a file
// wait for each other, and XFS reserves blocks past the end of a growing file that would then
// fill the next hole. One that is not known is a byte: set_size() takes back what is too much.
void Mover::set_size_first() {
    if (!ends_.fresh)
        return;
    control_.enter(ARSYNC_STAGE_ALLOCATE);
    const uint64_t end = ends_.sized ? ends_.source_end : ends_.source_begin + 1;
    const int result = io_.files.truncate(ends_.destination, to_destination(end));
    if (result < 0 && !survey_.to().exact) { // nor will it take a hole
        holes_.fill();
        return;
    }
    check(ARSYNC_STAGE_ALLOCATE, result);
    written_end_ = end; // the size is as if all were written
}

// Blocks that are reserved at once lie together. Under a hole they would fill it.
Task<void> Mover::reserve() {
    if (!ends_.fresh || holes_.are_made())
        co_return;
    control_.enter(ARSYNC_STAGE_ALLOCATE);
    reserving_ = true;
    const int64_t result = co_await io_.ring.allocate(ends_.destination, FALLOC_FL_KEEP_SIZE,
                                                      ends_.destination_begin, length());
    if (result == -ENOSPC || result == -EDQUOT || result == -EFBIG || result == -EIO)
        check(ARSYNC_STAGE_ALLOCATE, result);
    reserved_ = result == 0;
}

} // namespace arsync
