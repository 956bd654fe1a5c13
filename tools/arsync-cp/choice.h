// Options whose argument is one word of a list.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace cp {

// Words of one value stand next to each other: they are shown as one entry.
struct Choice {
    std::string_view word;
    int value;
};

// The value of the word, or of the only value that its beginning can mean. Otherwise nothing, after
// a message that names the option and lists the words.
std::optional<int> choose(std::span<const Choice> choices, std::string_view word,
                          std::string_view option);

} // namespace cp
