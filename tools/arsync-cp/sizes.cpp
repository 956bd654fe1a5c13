#include "sizes.h"

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>

namespace cp {

std::optional<uint64_t> parse_size(std::string_view text) {
    unsigned shift = 0;
    if (!text.empty()) {
        switch (text.back()) {
        case 'K':
        case 'k':
            shift = 10;
            break;
        case 'M':
        case 'm':
            shift = 20;
            break;
        case 'G':
        case 'g':
            shift = 30;
            break;
        default:
            break;
        }
        if (shift != 0)
            text.remove_suffix(1);
    }
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc() || stopped != end || number > UINT64_MAX >> shift)
        return std::nullopt;
    return number << shift;
}

std::string format_size(uint64_t bytes) {
    char text[16];
    if (bytes < 1024) {
        snprintf(text, sizeof text, "%" PRIu64, bytes);
        return text;
    }
    size_t unit = 0;
    uint64_t whole = bytes;
    uint64_t rest = 0;
    while (whole >= 1024) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    char letter = "BKMGTPE"[unit];
    if (whole < 10)
        snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu64 "%c", whole, rest * 10 / 1024, letter);
    else
        snprintf(text, sizeof text, "%" PRIu64 "%c", whole, letter);
    return text;
}

std::string format_duration(uint64_t seconds) {
    char text[32];
    seconds = std::min<uint64_t>(seconds, 100 * 3600 - 1);
    unsigned hours = static_cast<unsigned>(seconds / 3600);
    unsigned minutes = static_cast<unsigned>(seconds / 60 % 60);
    unsigned left = static_cast<unsigned>(seconds % 60);
    if (hours > 0)
        snprintf(text, sizeof text, "%u:%02u:%02u", hours, minutes, left);
    else
        snprintf(text, sizeof text, "%u:%02u", minutes, left);
    return text;
}

} // namespace cp
