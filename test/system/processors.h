// How many processors this process may use: some choices rest on it.
#pragma once

#include <sched.h>

#include "system/check.h"

namespace live {

inline int processors() {
    cpu_set_t mine;
    REQUIRE(sched_getaffinity(0, sizeof mine, &mine) == 0);
    return CPU_COUNT(&mine);
}

} // namespace live

// In a case: with one processor, any file is a file for each, and large cached ones are the
// kernel's.
#define NEEDS_TWO_PROCESSORS()                                                                     \
    do {                                                                                           \
        if (live::processors() < 2) {                                                              \
            skip("needs two processors");                                                          \
            return;                                                                                \
        }                                                                                          \
    } while (false)
