// Names as they can be shown: whatever bytes are in them, a terminal gets none that it would obey,
// and a shell reads back the same name.
#include "quote.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <cwctype>
#include <langinfo.h>

#include "c_wall.h"

namespace arsync {

namespace {

// A run of bytes that is printed, or escaped, as a whole.
struct Piece {
    std::string_view bytes;
    bool printable;
};

Piece take_piece(std::string_view& rest) {
    Piece piece{rest.substr(0, 1), rest[0] >= 0x20 && rest[0] < 0x7f};
    if (static_cast<unsigned char>(rest[0]) >= 0x80) {
        mbstate_t state{};
        wchar_t wide = 0;
        const size_t length = mbrtowc(&wide, rest.data(), rest.size(), &state);
        if (length == static_cast<size_t>(-2)) // cut short by the end of the name
            piece.bytes = rest;
        else if (length != static_cast<size_t>(-1) && length > 0)
            piece = {rest.substr(0, length), iswprint(static_cast<wint_t>(wide)) != 0};
    }
    rest.remove_prefix(piece.bytes.size());
    return piece;
}

std::string escaped(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        char octal[8];
        snprintf(octal, sizeof octal, "\\%03o", byte);
        text += c >= '\a' && c <= '\r' ? std::string{'\\', "abtnvfr"[c - '\a']} : octal;
    }
    return text;
}

bool is_printable(std::string_view name) {
    while (!name.empty())
        if (!take_piece(name).printable)
            return false;
    return true;
}

// Inside double quotes a shell leaves all of it as it is, and so does C: "it's". "~" and "#" mean
// something at the beginning of a word only.
bool reads_best_in_double_quotes(std::string_view name) {
    return name.find('\'') != name.npos &&
           name.find_first_of("!\"$&()*;<=>?[\\^`{|}") == name.npos &&
           name.find_first_of("~#", 1) == name.npos && is_printable(name);
}

bool is_word_as_it_is(std::string_view name) {
    return !name.empty() && name.find_first_of(" !\"$&'()*:;<=>?[\\^`|") == name.npos &&
           name[0] != '#' && name[0] != '~' && name != "{" && name != "}" && is_printable(name);
}

std::string for_shell(std::string_view name) {
    if (reads_best_in_double_quotes(name))
        return std::string("\"").append(name).append("\"");
    std::string text = "'";
    bool in_escapes = false; // between $' and '
    while (!name.empty()) {
        const Piece piece = take_piece(name);
        const bool is_quote = piece.bytes == "'";
        if (!piece.printable && !in_escapes)
            text += "'$'";
        else if (piece.printable && in_escapes && !is_quote)
            text += "''";
        in_escapes = !piece.printable;
        text += is_quote          ? "'\\''"
                : piece.printable ? std::string(piece.bytes)
                                  : escaped(piece.bytes);
    }
    return text += "'";
}

std::string for_reader(std::string_view name) {
    const bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const std::string_view right = utf8 ? "\u2019" : "'";
    std::string text(utf8 ? "\u2018" : "'");
    while (!name.empty()) {
        const Piece piece = take_piece(name);
        if (piece.bytes == right || piece.bytes == "\\")
            text += '\\';
        text += piece.printable ? std::string(piece.bytes) : escaped(piece.bytes);
    }
    return text.append(right);
}

} // namespace

std::string quoted(std::string_view name, uint32_t quoting) {
    if (quoting == ARSYNC_QUOTE_WORD)
        return for_reader(name);
    const bool stays = quoting == ARSYNC_QUOTE_IF_NEEDED && is_word_as_it_is(name);
    return stays ? std::string(name) : for_shell(name);
}

} // namespace arsync

using namespace arsync;

int arsync_quote(const char* name, size_t length, uint32_t quoting, char* text, size_t size) {
    if ((name == nullptr && length > 0) || (text == nullptr && size > 0))
        return -EFAULT;
    constexpr size_t longest = 1 << 24; // and so what comes back fits into an int
    if (quoting > ARSYNC_QUOTE_WORD || length > longest)
        return -EINVAL;
    return uncancelled([&] { return give_text(quoted({name, length}, quoting), text, size); });
}
