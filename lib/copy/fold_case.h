// Names without their case.
#pragma once

#include <string>
#include <string_view>

namespace arsync {

// The same for names that differ in the case of letters only, one character each, as exFAT and NTFS
// compare them. What is not UTF-8 stays as it is. The program's locale has no say.
std::string fold_case(std::string_view name);

} // namespace arsync
