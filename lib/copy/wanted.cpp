// When a copy began and ended, for who wants to know.
#include <ctime>

#include "copy/copy.h"

namespace arsync {

static uint64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// Of several attempts, the first.
void Wanted::begin(const arsync_copy_options& options) {
    if (wants(options, ARSYNC_WANT_TIMES) && begin_ns == 0)
        begin_ns = now_ns();
}

void Wanted::end(const arsync_copy_options& options) {
    if (!wants(options, ARSYNC_WANT_TIMES))
        return;
    end_ns = now_ns();
    if (begin_ns == 0)
        begin_ns = end_ns;
    has |= ARSYNC_WANT_TIMES;
}

} // namespace arsync
