#include "crash/number.h"

#include <cstdlib>

namespace crash {

uint64_t number_of(const char* variable, uint64_t otherwise) {
    const char* const text = getenv(variable);
    return text && *text ? strtoull(text, nullptr, 10) : otherwise;
}

std::string some_of(const std::vector<std::string>& lines) {
    std::string text = std::to_string(lines.size()) + " in all:\n";
    for (size_t i = 0; i < lines.size() && i < 40; ++i)
        text += lines[i] + "\n";
    return text;
}

} // namespace crash
