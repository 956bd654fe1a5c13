// When a copy began and ended, for who wants to know.
#include "copy/copy.h"
#include "io/clock.h"

namespace arsync {

// Of several attempts, the first.
void Wanted::begin(const arsync_copy_options& options) {
    if (wants(options, ARSYNC_WANT_TIMES) && begin_ns == 0)
        begin_ns = monotonic_ns();
}

void Wanted::end(const arsync_copy_options& options) {
    if (!wants(options, ARSYNC_WANT_TIMES))
        return;
    end_ns = monotonic_ns();
    if (begin_ns == 0)
        begin_ns = end_ns;
    has |= ARSYNC_WANT_TIMES;
}

} // namespace arsync
