// Names and numbers as messages show them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cp {

// A name in quotes, ready to be pasted into a shell: 'a b', "it's", 'new'$'\n''line'. Bytes that
// are not printable in the user's locale never reach the terminal raw.
std::string quote(std::string_view name);
// The same without quotes if a shell takes the name for one word as it is.
std::string quote_if_needed(std::string_view name);
// A word of the command line in the locale's own quotation marks, as complaints about the
// arguments of options have it.
std::string quote_word(std::string_view word);

// As printf(3) has it.
[[gnu::format(printf, 1, 2)]] std::string format(const char* text, ...);

// "512K" as 524288: digits and at most one of K, M and G, powers of 1024. Nothing for anything
// else.
std::optional<uint64_t> parse_size(std::string_view text);
// At most five characters: "0", "999", "1.5K", "12M", "1023M", "2.0G".
std::string format_size(uint64_t bytes);
// "0:07", "12:34", "1:02:03"; from 100 hours on "99:59:59".
std::string format_duration(uint64_t seconds);

} // namespace cp
