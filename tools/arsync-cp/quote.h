// Names as messages show them.
#pragma once

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

} // namespace cp
