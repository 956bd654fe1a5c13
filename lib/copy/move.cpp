// Moving the data: the choice, the attempt, through buffers as a rule, and, once that is done,
// whether the source has changed meanwhile, and the destination's size.
#include "copy/move.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fcntl.h>

#include "copy/flows.h"
#include "copy/huge.h"
#include "copy/mover.h"
#include "copy/read_write_lanes.h"

namespace arsync {

bool was_written(const struct statx& before, const struct statx& now) {
    return now.stx_mtime.tv_sec != before.stx_mtime.tv_sec ||
           now.stx_mtime.tv_nsec != before.stx_mtime.tv_nsec;
}

static Task<Moved> move_by_choice(Survey& survey, Mover& mover);

Task<Moved> move_data(Io io, const Ends& ends, const arsync_copy_options& options, Control& control,
                      Digest* digest) {
    Survey survey(io, ends, options);
    Mover mover(io, ends, options, control, digest, survey);
    std::exception_ptr failure;
    try {
        co_return co_await move_by_choice(survey, mover);
    } catch (...) {
        failure = std::current_exception();
    }
    co_await mover.give_back();
    std::rethrow_exception(failure);
}

// The facts, the choice by them, and the attempt; again while one fails that another may make good.
static Task<Moved> move_by_choice(Survey& survey, Mover& mover) {
    bool done = false;
    while (!done) {
        try {
            done = co_await mover.attempt(survey.choose());
        } catch (const Error& error) {
            if (mover.refuses_disorder(error))
                co_return mover.to_be_ordered(error);
            if (!mover.refuses_offsets(error))
                throw;
        }
    }
    co_return co_await mover.finish();
}

Mover::Mover(Io io, const Ends& ends, const arsync_copy_options& options, Control& control,
             Digest* digest, Survey& survey)
    : io_(io), ends_(ends), options_(options), control_(control), digest_(digest),
      verifies_((options.flags & ARSYNC_COPY_VERIFY) != 0 && digest), survey_(survey),
      holes_(io_, ends_, options_, control_, survey_, ends_.in_order) {
    moved_.exact_destination = survey_.to().exact || !has_offsets(destination());
    if (ends_.in_order && digest_ && !survey_.source_ends_where_it_says())
        grounds_.sized = false; // it is read once, whatever its size turns out to be
}

Task<bool> Mover::attempt(Method method) {
    method_ = method;
    control_.set_method(method_);
    control_.restart();
    dropped_as_we_went_ = method_ != ARSYNC_METHOD_COPY_FILE_RANGE;
    if (digest_)
        *digest_ = {};
    if (method_ == ARSYNC_METHOD_REFLINK)
        co_return co_await reflink();
    if (!grounds_.sized)
        co_return co_await stream();
    bool done = false;
    if (method_ == ARSYNC_METHOD_COPY_FILE_RANGE)
        done = co_await offload();
    else
        done = co_await pipeline_through_buffers();
    if (done && may_go_on())
        done = co_await go_on_past_size();
    if (done && verifies_ && data_bypassed_us_) {
        *digest_ = {};
        co_await digest_source();
    }
    co_return done;
}

bool Mover::may_go_on() const {
    return !survey_.source_ends_where_it_says() && end_ == ends_.source_end &&
           end_ < ends_.unsized_end;
}

Task<bool> Mover::pipeline_through_buffers() {
    moved_.hole_bytes = 0;
    if (holes_.are_sought())
        co_await holes_.look(); // where the source has some
    if (is_direct(method_))
        co_return co_await pipeline_of_whole_blocks();
    if (holes_.are_made())
        set_size_first();
    else if (survey_.reserving_pays())
        co_await reserve();
    Stretch all = stretch(ends_.source_begin, ends_.source_end);
    co_await run_lanes(io_, control_, all);
    take_result(all);
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
    set_pipeline(result);
    set_holes(result);
    result.plain_read = has_offsets(source()) && !survey_.from().exact;
    result.plain_write = has_offsets(destination()) && !survey_.to().exact;
    result.in_memory = has_offsets(source()) && survey_.from().in_memory;
    result.waits_for_source = survey_.from().polls_truly();
    needs_any_order_ =
        needs_any_order_ || holes_.are_made() || result.pipeline.lanes + result.spare_lanes > 1;
    result.destination_waits = ends_.destination_waits;
    result.drop_cache = options_.cache == ARSYNC_CACHE_DROP;
    result.digest = digest_;
    result.digest_origin = ends_.source_begin;
    return result;
}

void Mover::set_holes(Stretch& part) const {
    part.find_holes = holes_.are_kept();
    part.check_holes = digest_ || holes_.are_doubtful();
    part.holes = holes_.at_destination();
    part.make_holes = holes_.are_made_of_zeros();
}

// Somebody may have said how many lanes there are to be.
void Mover::set_pipeline(Stretch& part) const {
    if (!grounds_.sized || grounds_.size > inline_size_max)
        io_.buffers.settle_share();
    part.pipeline =
        pipeline(part.method, grounds_, options_, io_.buffers.size(), io_.buffers.count());
    const bool is_given =
        options_.chunks > 0 || grounds_.in_order || options_.cache == ARSYNC_CACHE_DROP;
    part.turns = io_.turns && !is_given ? io_.turns->of(part.method) : nullptr;
    if (!part.turns)
        return;
    const uint64_t chunks = (part.source_end - part.source_begin) / part.pipeline.chunk + 1;
    const auto most = static_cast<unsigned>(
        std::min<uint64_t>({part.turns->flow().depth_max(), io_.buffers.count(), chunks}));
    part.spare_lanes = most - std::min(most, part.pipeline.lanes);
}

void Mover::take_result(const Stretch& part) {
    end_ = part.end;
    written_end_ = std::max(written_end_, part.written_end);
    moved_.hole_bytes += part.hole_bytes;
    dropped_as_we_went_ = dropped_as_we_went_ && part.drop_cache;
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
    if (result < 0 && !survey_.from().exact) // which may be no size that it has
        return;
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
    const bool is_full = result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
    if ((is_full && survey_.from().exact) || result == -EIO) // else it may be smaller than it says
        check(ARSYNC_STAGE_ALLOCATE, result);
    reserved_ = result == 0;
}

Task<Moved> Mover::finish() {
    co_await look_at_source_again();
    co_await set_size();
    reserving_ = false;
    moved_.has_digest = digest_ && (verifies_ || (!data_bypassed_us_ && digest_holds()));
    if (verifies_ && !digest_holds())
        co_await digest_what_there_is();
    if (options_.cache == ARSYNC_CACHE_DROP)
        co_await drop_cache();
    co_return moved_;
}

Task<void> Mover::look_at_source_again() {
    if (S_ISREG(source().stx_mode)) {
        struct statx now;
        check(ARSYNC_STAGE_READ, io_.files.statx(ends_.source, "", 0, now));
        moved_.changed = now.stx_size != source().stx_size;
        if (ends_.sized && survey_.from().exact)
            compare_with(now);
        else if (ends_.sized)
            co_await compare_with_guess(now);
    } else if (ends_.sized && end_ < ends_.source_end) { // a device's size does not change
        throw Error{ARSYNC_STAGE_READ, EIO};
    }
    moved_.bytes = end_ - ends_.source_begin;
    moved_.hole_bytes = std::min(moved_.hole_bytes, moved_.bytes); // in what is left
    control_.set_total(moved_.bytes);
    if (const uint64_t done = control_.bytes_done(); done > moved_.bytes)
        control_.add_done(moved_.bytes - done); // less: what is cut off again
}

void Mover::compare_with(const struct statx& now) {
    moved_.changed = moved_.changed || was_written(source(), now);
    // Its end was met early, and it says as before that there is more: a copy without that is
    // no copy.
    if (end_ < ends_.source_end && !moved_.changed)
        throw Error{ARSYNC_STAGE_READ, EIO};
    // A hole at the end looks the same before and after a truncation: the size tells. What is
    // shared stays as it was when it was shared.
    const bool shared = method_ == ARSYNC_METHOD_REFLINK;
    if (now.stx_size < end_ && grounds_.sized && !shared) // what went into a stream has gone
        end_ = std::max<uint64_t>(now.stx_size, ends_.source_begin);
    moved_.shrank = moved_.changed && end_ < ends_.source_end;
}

// Sizes may not be true here, so one that agrees with the end that was met has become it. What
// is made up as it is asked for (in /sys, or by lxcfs) has no blocks; its size and time say
// nothing.
Task<void> Mover::compare_with_guess(struct statx now) {
    const bool made_up =
        source().stx_blocks == 0 && now.stx_blocks == 0 && end_ > ends_.source_begin;
    moved_.changed = !made_up && (moved_.changed || was_written(source(), now));
    const bool cut_off = co_await is_cut_off();
    if (cut_off) {
        moved_.changed = true;
        check(ARSYNC_STAGE_READ, io_.files.statx(ends_.source, "", AT_STATX_FORCE_SYNC, now));
        end_ = std::clamp<uint64_t>(now.stx_size, ends_.source_begin, end_);
    }
    moved_.shrank = moved_.changed && end_ < ends_.source_end &&
                    end_ == std::max<uint64_t>(now.stx_size, ends_.source_begin);
}

// What seemed to be a hole up to the end may be where the source was cut off meanwhile: read(2)
// tells. What is shared stays as it was when it was shared.
Task<bool> Mover::is_cut_off() {
    const bool asks = moved_.hole_bytes > 0 && grounds_.sized && end_ > ends_.source_begin &&
                      ends_.may_seek && method_ != ARSYNC_METHOD_REFLINK;
    bool is_there = true;
    if (asks)
        is_there = co_await survey_.has_byte(control_, end_ - 1);
    co_return !is_there;
}

// A destination that ends in a hole has to be told its size, one that was prepared for more to
// lose the rest.
Task<void> Mover::set_size() {
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

// less: how much is cut off at most.
Task<int64_t> Mover::truncate(uint64_t size, uint64_t less) {
    const int64_t result = co_await io_.ring.call(
        is_huge(less), [&] { return io_.files.truncate(ends_.destination, size); });
    co_return result;
}

// A server that takes a file from its beginning to its end alone refuses what comes before its
// turn, and what comes after a hole.
bool Mover::refuses_disorder(const Error& error) const {
    if (error.stage != ARSYNC_STAGE_WRITE || !needs_any_order_ || survey_.to().exact ||
        !ends_.fresh || ends_.in_order)
        return false;
    if (control_.source_is_spent() && !came_spent_) // there is no second time
        return false;
    return error.code != ENOSPC && error.code != EDQUOT && error.code != ENOMEM &&
           error.code != ECANCELED;
}

// A server may have regular files without offsets: read(2) gives all of it, from its beginning.
// Nothing was moved, then, for there is no other read that succeeds.
bool Mover::refuses_offsets(const Error& error) {
    if (error.stage != ARSYNC_STAGE_READ || error.code != ESPIPE || !grounds_.sized ||
        ends_.source_begin > 0)
        return false;
    grounds_.sized = false;
    return true;
}

Moved Mover::to_be_ordered(const Error& refusal) {
    moved_.wants_order = refusal;
    return moved_;
}

// What has failed half-way gives back the blocks that it had reserved.
Task<void> Mover::give_back() {
    struct statx now;
    if (reserving_ && io_.files.statx(ends_.destination, "", 0, now) == 0)
        co_await truncate(now.stx_size, length());
}

} // namespace arsync
