// Names and words as they can be shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace arsync {

// quoting is of enum arsync_quoting.
std::string quoted(std::string_view name, uint32_t quoting);

} // namespace arsync
