// The digest of what was moved unseen, by reading it.
#include "copy/mover.h"
#include "copy/read_write_lanes.h"

namespace arsync {

// The data has not been through our hands: read it for its hash, and what seem to be holes too.
Task<void> Mover::digest_source() {
    co_await digest_of(stretch(ends_.source_begin, end_));
}

// What was read beyond the end of the copy does not count, of a source that shrank, and may have
// grown again; what was moved unseen may be what the source held before it was changed. Another
// mode or name of it changes nothing.
bool Mover::digest_holds() const {
    return digest_->end() <= end_ - ends_.source_begin && !(data_bypassed_us_ && moved_.changed);
}

// What the source held there is not to be asked any more: what was written is, if it can be
// read before it is complete, which some servers do not let one do.
Task<void> Mover::digest_what_there_is() {
    *digest_ = {};
    if (survey_.to().in_order || !ends_.reads_back) {
        co_await digest_source();
        co_return;
    }
    Stretch written = stretch(ends_.source_begin, end_);
    written.source = ends_.destination;
    written.source_begin = ends_.destination_begin;
    written.source_end = to_destination(end_);
    written.digest_origin = ends_.destination_begin;
    written.read_stage = ARSYNC_STAGE_VERIFY;
    written.plain_read = written.plain_write;
    co_await digest_of(written);
}

Task<void> Mover::digest_of(Stretch reading) {
    io_.buffers.settle_share();
    reading.destination = -1;
    reading.method = ARSYNC_METHOD_FIXED;
    set_pipeline(reading);
    reading.find_holes = false;
    co_await run_lanes(io_, control_, reading);
}

} // namespace arsync
