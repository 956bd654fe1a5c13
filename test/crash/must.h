// What the rig itself cannot do without.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace crash {

// The result; throws std::system_error for -1.
template <class Result>
Result must(Result result, const std::string& what) {
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), what);
    return result;
}

} // namespace crash
