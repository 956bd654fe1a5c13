// The texts of --help and --version.
#pragma once

#include <string>
#include <string_view>

namespace cp {

std::string_view help_text();
std::string version_text();

} // namespace cp
