#pragma once

#include <string>

#include "io/files.h"

namespace arsync {

// What a symbolic link holds. Throws Error.
std::string read_link(Files& files, int dirfd, const char* path);

} // namespace arsync
