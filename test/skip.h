// What could not be tried here.
#pragma once

#include <cstdio>
#include <string>

namespace arsync {

// Tells test/run so, with a line of its own, which MESSAGE would begin with the file's name.
inline void skip(const std::string& reason) {
    std::printf("SKIP: %s\n", reason.c_str());
    std::fflush(stdout);
}

} // namespace arsync
