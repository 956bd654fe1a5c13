// Settings from outside.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crash {

uint64_t number_of(const char* variable, uint64_t otherwise);
// As many lines as somebody reads.
std::string some_of(const std::vector<std::string>& lines);

} // namespace crash
