// A name of any bytes, quoted: a shell makes the same name of it, and a terminal gets nothing that
// it would obey.
#include <clocale>
#include <optional>
#include <string>
#include <string_view>

#include "arsync.h"
#include "fuzz/fuzz.h"

namespace fuzz {

namespace {

// In which a shell finds something of its own. As for cp, that is POSIX's: bash also has {a,b}.
constexpr std::string_view obeyed = " \t\n|&;<>()$`\\\"'*?[!^";

bool is_octal(char byte) {
    return byte >= '0' && byte <= '7';
}

// After a backslash in $'...'.
char take_escape(std::string_view& text) {
    if (is_octal(text.front())) {
        unsigned value = 0;
        for (int i = 0; i < 3 && !text.empty() && is_octal(text.front()); ++i) {
            value = value * 8 + static_cast<unsigned>(text.front() - '0');
            text.remove_prefix(1);
        }
        return static_cast<char>(value);
    }
    constexpr std::string_view letters = "abfnrtv\\'\"?", meant = "\a\b\f\n\r\t\v\\'\"?";
    const size_t at = letters.find(text.front());
    expect(at != letters.npos, "an escape that no shell knows");
    text.remove_prefix(1);
    return meant[at];
}

// Of one word; none: it is not one.
std::optional<std::string> as_shell(std::string_view text) {
    std::string name;
    const auto until = [&](char end) -> std::optional<std::string> {
        const size_t at = text.find(end);
        if (at == text.npos)
            return {};
        std::string inside(text.substr(0, at));
        text.remove_prefix(at + 1);
        return inside;
    };
    for (bool first = true; !text.empty(); first = false) {
        if (text.starts_with("$'")) {
            text.remove_prefix(2);
            while (!text.empty() && text.front() != '\'') {
                const char byte = text.front();
                text.remove_prefix(1);
                if (byte == '\\' && text.empty())
                    return {};
                name += byte == '\\' ? take_escape(text) : byte;
            }
            if (text.empty())
                return {};
            text.remove_prefix(1);
            continue;
        }
        const char byte = text.front();
        text.remove_prefix(1);
        if (byte == '\'' || byte == '"') {
            const auto inside = until(byte);
            if (!inside || (byte == '"' && inside->find_first_of("$`\\!") != inside->npos))
                return {};
            name += *inside;
        } else if (byte == '\\' && !text.empty()) {
            name += text.front();
            text.remove_prefix(1);
        } else if (obeyed.find(byte) != obeyed.npos || (first && (byte == '#' || byte == '~'))) {
            return {};
        } else {
            name += byte;
        }
    }
    return name;
}

bool is_obeyed_by_a_terminal(const std::string& text) {
    for (const char byte : text)
        if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f)
            return true;
    return false;
}

} // namespace

void quote(const uint8_t* data, size_t size) {
    Bytes bytes(data, size < 5000 ? size : 5000);
    std::setlocale(LC_ALL, bytes.coin() ? "C.UTF-8" : "C");
    const uint32_t quoting = static_cast<uint32_t>(bytes.below(4));
    const size_t room = bytes.below(64);
    std::string name = bytes.rest();
    std::erase(name, '\0'); // no file's name has one
    const int length = arsync_quote(name.data(), name.size(), quoting, nullptr, 0);
    if (quoting > ARSYNC_QUOTE_WORD) {
        expect(length < 0, "there is no such quoting");
        return;
    }
    expect(length >= 0, "a name that cannot be quoted");
    std::string whole(static_cast<size_t>(length) + 1, '?');
    expect(arsync_quote(name.data(), name.size(), quoting, whole.data(), whole.size()) == length,
           "another length");
    expect(whole.back() == '\0', "no end");
    whole.pop_back();
    std::string cut(room, '?');
    expect(arsync_quote(name.data(), name.size(), quoting, cut.data(), room) == length,
           "another length where there is little room");
    if (room > 0)
        expect(whole.starts_with(cut.c_str()) && std::strlen(cut.c_str()) <= room - 1,
               "cut otherwise");
    expect(!is_obeyed_by_a_terminal(whole), "a terminal would obey");
    if (quoting != ARSYNC_QUOTE_WORD)
        expect(as_shell(whole) == name, "a shell makes another name of it");
}

} // namespace fuzz
