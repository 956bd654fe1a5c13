// Where a directory really is: mounts show a part of a filesystem under one more path, which ".."
// does not tell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "place.h"

namespace cp {

// The directory and all above it.
std::vector<FileId> directories_above(int dirfd, const std::string& path);

// "8:1:/a/b", of an open file: its filesystem, and its path in that. "" where it is not to be
// known.
std::string place_on_device(int fd);

// Whether the first is the second, or below it.
bool is_within(std::string_view place, std::string_view directory);

} // namespace cp
