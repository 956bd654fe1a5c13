#include "copy/hole_policy.h"

#include <unistd.h>

namespace arsync {

Holes HolePolicy::at_destination() const {
    if (options_.sparse == ARSYNC_SPARSE_NEVER || !S_ISREG(survey_.destination().stx_mode) ||
        fills_)
        return Holes::fill;
    return ends_.fresh ? Holes::leave : Holes::punch;
}

// Where there is one, data that was written and has no blocks yet must not look like another.
Task<void> HolePolicy::look() {
    if (looked_ || !are_sought())
        co_return;
    looked_ = true;
    const auto begin = static_cast<int64_t>(ends_.source_begin);
    const int64_t hole = io_.files.seek(ends_.source, begin, SEEK_HOLE);
    kept_ = hole >= 0 && static_cast<uint64_t>(hole) < ends_.source_end;
    if (kept_ && !survey_.source_ends_where_it_says()) // a size that is too large looks like one
        kept_ = co_await survey_.has_byte(control_, ends_.source_end - 1);
    if (!kept_ || survey_.knows_holes())
        co_return;
    const int64_t settled = co_await io_.ring.settle_holes(ends_.source);
    doubtful_ = settled < 0;
}

} // namespace arsync
