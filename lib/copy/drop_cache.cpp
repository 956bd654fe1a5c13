// Of what was moved no more stays in the page cache than was there before.
#include <cerrno>

#include "copy/huge.h"
#include "copy/mover.h"
#include "io/missing.h"

namespace arsync {

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
    const bool cannot = result == -EINVAL || result == -EOPNOTSUPP || result == -ESPIPE;
    if (result < 0 && !cannot && !is_missing(static_cast<int>(-result)))
        check(ARSYNC_STAGE_SYNC, result);
}

} // namespace arsync
