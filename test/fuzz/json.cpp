// Completions of any kind, with names and words of any bytes: what is written of them is one object
// of JSON, in UTF-8, on one line.
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "arsync.h"
#include "fuzz/fuzz.h"

namespace fuzz {

namespace {

// Takes an object whose members are strings, numbers and truths, and nothing else, as RFC 8259 has
// them; a character that needs no escape may be any byte from 0x20 on, see is_utf8.
class Reader {
public:
    explicit Reader(std::string_view json) : left_(json) {}

    void object() {
        take('{');
        while (true) {
            string();
            take(':');
            value();
            if (left_.starts_with('}'))
                break;
            take(',');
        }
        take('}');
        expect(left_.empty(), "something after the object");
    }

private:
    void take(char wanted) {
        expect(left_.starts_with(wanted), "not JSON");
        left_.remove_prefix(1);
    }
    char next() {
        expect(!left_.empty(), "JSON that is cut off");
        const char byte = left_.front();
        left_.remove_prefix(1);
        return byte;
    }
    void string() {
        take('"');
        for (char byte; (byte = next()) != '"';) {
            expect(static_cast<unsigned char>(byte) >= 0x20, "a control character");
            if (byte != '\\')
                continue;
            const char escape = next();
            if (escape == 'u')
                for (int i = 0; i < 4; ++i)
                    expect(std::isxdigit(static_cast<unsigned char>(next())) != 0, "no code");
            else
                expect(std::string_view("\"\\/bfnrt").find(escape) != std::string_view::npos,
                       "an escape that JSON has not");
        }
    }
    void value() {
        if (left_.starts_with('"'))
            return string();
        for (const std::string_view truth : {"true", "false"})
            if (left_.starts_with(truth))
                return left_.remove_prefix(truth.size());
        const size_t digits = std::min(left_.find_first_not_of("0123456789"), left_.size());
        expect(digits > 0 && (digits == 1 || left_[0] != '0'), "no number");
        left_.remove_prefix(digits);
    }

    std::string_view left_;
};

// By the definition, and not as the library does it: each character as its number.
bool is_utf8(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i++]);
        if (first < 0x80)
            continue;
        const int more = (first & 0xe0) == 0xc0 ? 1 : (first & 0xf0) == 0xe0 ? 2 : 3;
        if (first < 0xc0 || first >= 0xf8)
            return false;
        uint32_t code = first & (0x3fu >> more);
        for (int j = 0; j < more; ++j, ++i) {
            if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80)
                return false;
            code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
        }
        const uint32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

} // namespace

void json(const uint8_t* data, size_t size) {
    Bytes bytes(data, size < 2048 ? size : 2048);
    arsync_totals totals{};
    totals.struct_size = sizeof totals;
    totals.entries = bytes.wild();
    totals.bytes = bytes.wild();
    std::string backup = bytes.text(bytes.below(12)), name = bytes.text(bytes.below(12));
    arsync_details details{};
    details.struct_size = sizeof details;
    details.backup = bytes.coin() ? backup.c_str() : nullptr;
    details.name = bytes.coin() ? name.c_str() : nullptr;
    details.totals = bytes.coin() ? &totals : nullptr;
    arsync_completion completion{};
    completion.bytes = bytes.wild();
    completion.hole_bytes = bytes.wild();
    completion.result = -static_cast<int32_t>(bytes.below(140));
    completion.kind =
        bytes.coin() ? bytes.number<uint16_t>() : static_cast<uint16_t>(bytes.below(8));
    completion.action =
        bytes.coin() ? bytes.number<uint16_t>() : static_cast<uint16_t>(bytes.below(12));
    completion.flags = bytes.number<uint32_t>();
    completion.stage = static_cast<uint16_t>(bytes.below(64));
    completion.method = static_cast<uint16_t>(bytes.below(64));
    completion.details = bytes.below(4) != 0 ? &details : nullptr;
    const size_t room = bytes.below(200);
    const bool has_outcome = bytes.coin(), has_message = bytes.coin();
    const std::string outcome = bytes.text(bytes.below(12)), message = bytes.text(bytes.below(20));
    const std::string src = bytes.text(bytes.below(40)), dst = bytes.rest();
    const auto write = [&](char* text, size_t space) {
        return arsync_completion_json(&completion, src.c_str(), dst.c_str(),
                                      has_outcome ? outcome.c_str() : nullptr,
                                      has_message ? message.c_str() : nullptr, text, space);
    };
    const int length = write(nullptr, 0);
    expect(length > 0, "no object");
    std::string whole(static_cast<size_t>(length) + 1, '?');
    expect(write(whole.data(), whole.size()) == length, "another length");
    expect(whole.back() == '\0', "no end");
    whole.pop_back();
    expect(is_utf8(whole), "no UTF-8");
    Reader(whole).object();
    std::string cut(room, '?');
    expect(write(room > 0 ? cut.data() : nullptr, room) == length,
           "another length where there is little room");
    if (room > 0)
        expect(cut.find('\0') != cut.npos && whole.starts_with(cut.c_str()), "cut otherwise");
}

} // namespace fuzz
