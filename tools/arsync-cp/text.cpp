#include "terminal.h"

#include <algorithm>
#include <charconv>
#include <clocale>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <cwctype>
#include <langinfo.h>
#include <new>

namespace cp {

namespace {

// Loading a locale costs more than a small copy, so it waits for the first name that needs it.
void need_locale() {
    static const bool loaded = setlocale(LC_CTYPE, "") != nullptr;
    (void)loaded;
}

// A run of bytes that is printed, or escaped, as a whole.
struct Piece {
    std::string_view bytes;
    bool printable;
};

Piece take_piece(std::string_view& rest) {
    Piece piece{rest.substr(0, 1), rest[0] >= 0x20 && rest[0] < 0x7f};
    if (static_cast<unsigned char>(rest[0]) >= 0x80) {
        need_locale();
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
    for (const char c : bytes)
        text += c >= '\a' && c <= '\r' ? std::string{'\\', "abtnvfr"[c - '\a']}
                                       : format("\\%03o", static_cast<unsigned char>(c));
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

} // namespace

std::string quote(std::string_view name) {
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

std::string quote_if_needed(std::string_view name) {
    const bool is_word = !name.empty() &&
                         name.find_first_of(" !\"$&'()*:;<=>?[\\^`|") == name.npos &&
                         name[0] != '#' && name[0] != '~' && name != "{" && name != "}";
    return is_word && is_printable(name) ? std::string(name) : quote(name);
}

std::string quote_word(std::string_view word) {
    need_locale();
    const bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const std::string_view right = utf8 ? "\u2019" : "'";
    std::string text(utf8 ? "\u2018" : "'");
    while (!word.empty()) {
        const Piece piece = take_piece(word);
        if (piece.bytes == right || piece.bytes == "\\")
            text += '\\';
        text += piece.printable ? std::string(piece.bytes) : escaped(piece.bytes);
    }
    return text.append(right);
}

std::string format(const char* text, ...) {
    va_list arguments;
    va_start(arguments, text);
    char* made = nullptr;
    const int length = vasprintf(&made, text, arguments);
    va_end(arguments);
    if (length < 0)
        throw std::bad_alloc();
    const std::string result(made, static_cast<size_t>(length));
    free(made);
    return result;
}

std::optional<uint64_t> parse_size(std::string_view text) {
    const size_t letter = text.empty() ? text.npos : std::string_view("KkMmGg").find(text.back());
    const size_t shift = letter == text.npos ? 0 : 10 * (letter / 2 + 1);
    text.remove_suffix(shift > 0 ? 1 : 0);
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc() || stopped != end || number > UINT64_MAX >> shift)
        return std::nullopt;
    return number << shift;
}

std::string format_size(uint64_t bytes) {
    size_t unit = 0;
    uint64_t rest = 0; // in 1024ths
    for (; bytes >= 1024; ++unit, bytes /= 1024)
        rest = bytes % 1024;
    const std::string tenths = unit > 0 && bytes < 10 ? "." + std::to_string(rest * 10 / 1024) : "";
    return std::to_string(bytes) + tenths + (unit > 0 ? std::string(1, "BKMGTPE"[unit]) : "");
}

} // namespace cp
