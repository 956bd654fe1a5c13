#include "copy/fold_case.h"

#include <clocale>
#include <cstdint>
#include <locale.h>
#include <wctype.h>

namespace arsync {

namespace {

// Null where the C library has none: then ASCII alone is folded. Never given back: there is one.
locale_t unicode() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

uint32_t lower(uint32_t character) {
    if (character < 0x80)
        return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
    if (!unicode())
        return character;
    // By way of upper case, which two lower ones may share.
    const wint_t upper = towupper_l(static_cast<wint_t>(character), unicode());
    return static_cast<uint32_t>(towlower_l(upper, unicode()));
}

// The bytes that a character has which begins with this one; 1 if none does.
size_t length_of(unsigned char first) {
    if (first >= 0xF0 && first < 0xF8)
        return 4;
    if (first >= 0xE0)
        return first < 0xF0 ? 3 : 1;
    return first >= 0xC0 ? 2 : 1;
}

// False: it is no UTF-8.
bool decode(std::string_view bytes, uint32_t& character) {
    character = static_cast<unsigned char>(bytes[0]);
    if (bytes.size() > 1)
        character &= 0xFFu >> (bytes.size() + 1);
    for (const char byte : bytes.substr(1)) {
        if ((byte & 0xC0) != 0x80)
            return false;
        character = character << 6 | (byte & 0x3F);
    }
    constexpr uint32_t least[] = {0, 0x80, 0x800, 0x10000}; // of so many bytes; less is overlong
    const bool is_half = character >= 0xD800 && character < 0xE000; // of a pair, in UTF-16
    return bytes.size() > 1
               ? character >= least[bytes.size() - 1] && character < 0x110000 && !is_half
               : character < 0x80;
}

void append(std::string& text, uint32_t character) {
    const auto put = [&](uint32_t byte) { text += static_cast<char>(byte); };
    if (character < 0x80)
        return put(character);
    if (character < 0x800) {
        put(0xC0 | character >> 6);
    } else if (character < 0x10000) {
        put(0xE0 | character >> 12);
        put(0x80 | (character >> 6 & 0x3F));
    } else {
        put(0xF0 | character >> 18);
        put(0x80 | (character >> 12 & 0x3F));
        put(0x80 | (character >> 6 & 0x3F));
    }
    put(0x80 | (character & 0x3F));
}

} // namespace

std::string fold_case(std::string_view name) {
    std::string folded;
    folded.reserve(name.size());
    while (!name.empty()) {
        const size_t length = length_of(static_cast<unsigned char>(name[0]));
        uint32_t character;
        if (length <= name.size() && decode(name.substr(0, length), character)) {
            append(folded, lower(character));
            name.remove_prefix(length);
        } else {
            folded += name[0];
            name.remove_prefix(1);
        }
    }
    return folded;
}

} // namespace arsync
