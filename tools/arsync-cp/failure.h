// What a completion means, in the words cp uses for it.
#pragma once

#include <string>

#include "entry.h"

namespace cp {

// For a completion with an error.
std::string describe_failure(const Entry& entry, const arsync_completion& completion);

// What went well but not quite as expected; empty if there is nothing to say.
std::string describe_warning(const Entry& entry, const arsync_completion& completion);

// ARSYNC_PRESERVE_* that could not be kept, if that is what failed, otherwise 0.
uint32_t attribute_of(uint32_t stage);

} // namespace cp
