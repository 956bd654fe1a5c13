// --exclude, --include and --exclude-from: lines of the library's filter.
#pragma once

#include <string>

namespace cp {

// Each appends to the filter; false after a complaint.
bool append_pattern(std::string& filter, const char* pattern, bool include);
bool append_patterns_of(std::string& filter, const char* file);

} // namespace cp
