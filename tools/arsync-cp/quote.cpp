#include "quote.h"

#include <array>
#include <clocale>
#include <cstring>
#include <cwchar>
#include <cwctype>
#include <langinfo.h>

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
    Piece piece{rest.substr(0, 1), false};
    unsigned char byte = static_cast<unsigned char>(rest[0]);
    if (byte < 0x80) {
        piece.printable = byte >= 0x20 && byte != 0x7f;
    } else {
        need_locale();
        mbstate_t state{};
        wchar_t wide = 0;
        size_t length = mbrtowc(&wide, rest.data(), rest.size(), &state);
        if (length == static_cast<size_t>(-2))
            // A character cut short by the end of the name: all of it is unprintable.
            piece.bytes = rest;
        else if (length != static_cast<size_t>(-1) && length > 0)
            piece = {rest.substr(0, length), iswprint(static_cast<wint_t>(wide)) != 0};
    }
    rest.remove_prefix(piece.bytes.size());
    return piece;
}

void append_escaped(std::string& text, std::string_view bytes) {
    static constexpr std::string_view letters = "abtnvfr";
    for (char c : bytes) {
        unsigned char byte = static_cast<unsigned char>(c);
        text += '\\';
        if (byte >= '\a' && byte <= '\r') {
            text += letters[byte - static_cast<unsigned char>('\a')];
        } else {
            text += static_cast<char>('0' + (byte >> 6));
            text += static_cast<char>('0' + ((byte >> 3) & 7));
            text += static_cast<char>('0' + (byte & 7));
        }
    }
}

// Inside double quotes a shell leaves these as they are, and so does C; names made of nothing else
// read best as "it's".
bool is_plain_in_double_quotes(std::string_view name) {
    static constexpr std::string_view special = "!\"$&()*;<=>?[\\^`{|}";
    for (size_t i = 0; i < name.size(); i++) {
        if (special.find(name[i]) != std::string_view::npos)
            return false;
        // Only a word that begins with these means something to a shell.
        if (i > 0 && (name[i] == '~' || name[i] == '#'))
            return false;
    }
    return true;
}

bool is_printable(std::string_view name) {
    while (!name.empty())
        if (!take_piece(name).printable)
            return false;
    return true;
}

std::string shell_quoted(std::string_view name) {
    std::string text = "'";
    bool in_escapes = false; // between $' and '
    while (!name.empty()) {
        Piece piece = take_piece(name);
        if (!piece.printable) {
            if (!in_escapes)
                text += "'$'";
            in_escapes = true;
            append_escaped(text, piece.bytes);
        } else if (piece.bytes == "'") {
            in_escapes = false;
            text += "'\\''";
        } else {
            if (in_escapes)
                text += "''";
            in_escapes = false;
            text += piece.bytes;
        }
    }
    return text += "'";
}

} // namespace

std::string quote(std::string_view name) {
    if (name.find('\'') != std::string_view::npos && is_plain_in_double_quotes(name) &&
        is_printable(name))
        return std::string("\"").append(name).append("\"");
    return shell_quoted(name);
}

std::string quote_if_needed(std::string_view name) {
    static constexpr std::string_view special = " !\"$&'()*:;<=>?[\\^`|";
    bool is_word = !name.empty() && name.find_first_of(special) == std::string_view::npos &&
                   name[0] != '#' && name[0] != '~' && name != "{" && name != "}";
    return is_word && is_printable(name) ? std::string(name) : quote(name);
}

std::string quote_word(std::string_view word) {
    need_locale();
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    std::string_view left = utf8 ? "\u2018" : "'";
    std::string_view right = utf8 ? "\u2019" : "'";
    std::string text(left);
    while (!word.empty()) {
        Piece piece = take_piece(word);
        if (!piece.printable) {
            append_escaped(text, piece.bytes);
            continue;
        }
        if (piece.bytes == right || piece.bytes == "\\")
            text += '\\';
        text += piece.bytes;
    }
    return text.append(right);
}

} // namespace cp
