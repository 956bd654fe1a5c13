// What --debug tells about a copy and about the pool.
#pragma once

#include <string>

#include "arsync.h"

namespace cp {

std::string describe_copy(const arsync_completion& completion);
std::string describe_pool(const arsync_info& info, uint32_t flags_asked_for);

} // namespace cp
