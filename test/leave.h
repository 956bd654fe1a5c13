// How a forked process ends: without what its parent does at exit, but not without having written
// down what it has reached, where that is counted (make coverage).
#pragma once

#include <unistd.h>

extern "C" [[gnu::weak]] void __gcov_dump();

namespace arsync {

[[noreturn]] inline void leave(int status) {
    if (__gcov_dump)
        __gcov_dump();
    _exit(status);
}

} // namespace arsync
