// Moving what has no size, or may have more than its size says: as a stream, to its end.
#include "copy/data_and_holes.h"
#include "copy/mover.h"
#include "copy/stream.h"

namespace arsync {

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

} // namespace arsync
