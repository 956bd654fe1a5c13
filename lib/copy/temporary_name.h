// Names that files have until they are complete.
#pragma once

#include <string>

namespace arsync {

// ".NAME.arsync-XXXXXXXX", another each time. Throws Error.
std::string temporary_name_for(const std::string& name);

} // namespace arsync
