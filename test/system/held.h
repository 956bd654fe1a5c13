// What a process has of what pools take: to be as it was, in the end.
#pragma once

#include <cstdlib>
#include <fstream>
#include <malloc.h>
#include <string>

#include "system/clean.h"

namespace live {

struct Held {
    size_t descriptors = open_descriptors();
    size_t maps = 0;
    long locked_kib = 0; // and pinned
    long resident_kib = 0;
    size_t heap = 0; // bytes in use

    Held() {
        std::string line;
        for (std::ifstream all("/proc/self/maps"); std::getline(all, line);)
            ++maps;
        for (std::ifstream all("/proc/self/status"); std::getline(all, line);) {
            const long number = std::atol(line.c_str() + std::min<size_t>(line.size(), 6));
            if (line.starts_with("VmLck:") || line.starts_with("VmPin:"))
                locked_kib += number;
            if (line.starts_with("VmRSS:"))
                resident_kib = number;
        }
        heap = mallinfo2().uordblks;
    }
};

// A handle outlives its pool, so that a call with it gives -EINVAL: so much for each.
constexpr size_t handle_bytes = 48;

} // namespace live
