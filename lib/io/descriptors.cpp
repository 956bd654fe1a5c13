#include "io/descriptors.h"

#include <algorithm>
#include <sys/resource.h>

namespace arsync::descriptors {

namespace {

unsigned share(unsigned part, unsigned least, unsigned most) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        limit.rlim_cur = 1024;
    return static_cast<unsigned>(std::clamp<rlim_t>(limit.rlim_cur / part, least, most));
}

} // namespace

unsigned idle_directories() {
    return share(16, 0, 256);
}

unsigned members() {
    return share(16, 1, 256);
}

unsigned walkers() {
    return share(64, 1, 4);
}

// More than so many side by side only wait in a device's queue.
unsigned entries(unsigned workers) {
    return share(4 * std::max(1u, workers), 1, 64);
}

unsigned parents() {
    return share(64, 1, 256);
}

unsigned resting_jobs(unsigned workers) {
    return share(32 * std::max(1u, workers), 1, 4096);
}

bool may_keep_list() {
    return share(128, 0, 1) > 0;
}

} // namespace arsync::descriptors
