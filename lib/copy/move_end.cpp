// After the data: whether the source has changed meanwhile, the destination's size, the page cache.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/huge.h"
#include "copy/mover.h"

namespace arsync {

void Mover::look_at_source_again() {
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

void Mover::compare_with(const struct statx& now) {
    moved_.changed = moved_.changed || has_other_time(now);
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
void Mover::compare_with_guess(const struct statx& now) {
    const bool made_up = now.stx_blocks == 0 && end_ > ends_.source_begin;
    moved_.changed = !made_up && (moved_.changed || has_other_time(now));
    moved_.shrank = moved_.changed && end_ < ends_.source_end && now.stx_size == end_;
}

bool Mover::has_other_time(const struct statx& now) const {
    return now.stx_mtime.tv_sec != source().stx_mtime.tv_sec ||
           now.stx_mtime.tv_nsec != source().stx_mtime.tv_nsec;
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

// What has failed half-way gives back the blocks that it had reserved.
Task<void> Mover::give_back() {
    struct statx now;
    if (reserving_ && io_.files.statx(ends_.destination, "", 0, now) == 0)
        co_await truncate(now.stx_size, length());
}

// RWF_DONTCACHE may leave what several readers touched at once, and not every filesystem has
// it.
Task<void> Mover::drop_cache() {
    if (method_ == ARSYNC_METHOD_REFLINK)
        co_return;
    if (has_offsets(destination()) && !dropped_as_we_went_) {
        co_await write_back();
        co_await drop_pages(ends_.destination, ends_.destination_begin);
    }
    if (has_offsets(source()) && grounds_.cached == Residency::little)
        co_await drop_pages(ends_.source, ends_.source_begin);
}

Task<void> Mover::drop_pages(int fd, uint64_t begin) {
    co_await io_.ring.call(is_huge(moved_.bytes),
                           [&] { return io_.files.drop_cache(fd, begin, moved_.bytes); });
}

// An error that is told here is not told again by a later fsync.
Task<void> Mover::write_back() {
    control_.enter(ARSYNC_STAGE_SYNC);
    const int64_t result =
        co_await io_.ring.write_back(ends_.destination, ends_.destination_begin, moved_.bytes);
    if (result != -EINVAL && result != -EOPNOTSUPP && result != -ESPIPE && result != -ENOSYS)
        check(ARSYNC_STAGE_SYNC, result);
}

} // namespace arsync
