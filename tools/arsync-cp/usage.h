// The texts of --help and --version.
#pragma once

#include <string>

namespace cp {

std::string help_text();
std::string version_text();

} // namespace cp
