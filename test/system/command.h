// Programs that judge what the library has done.
#pragma once

#include <string>
#include <vector>

#include "system/scratch.h"

namespace live {

// What it printed, errors included, and a last line with its exit status if that is not 0.
std::string output_of(const std::vector<std::string>& words);

// A shell's command in a directory.
std::string output_in(const std::string& directory, const std::string& command);

} // namespace live

// Leaves the case, visibly, where a command is not there.
#define NEEDS_COMMAND(name)                                                                        \
    do {                                                                                           \
        if (!live::has_command(name)) {                                                            \
            live::skip(std::string("no ") + (name));                                               \
            return;                                                                                \
        }                                                                                          \
    } while (false)
