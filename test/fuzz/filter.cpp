// Any lines of patterns, and any path: what is written after them as the last word is the last
// word.
#include "copy/filter.h"

#include "fuzz/fuzz.h"

namespace fuzz {

namespace {

// A pattern that is this path and no other.
std::string literally(const std::string& path) {
    std::string pattern = "/";
    for (const char byte : path) {
        if (byte != '/')
            pattern += '\\';
        pattern += byte;
    }
    return pattern;
}

bool is_path(const std::string& text) {
    return !text.empty() && text.front() != '/' && text.back() != '/' &&
           text.find("//") == std::string::npos && text.find('\0') == std::string::npos &&
           text.find('\n') == std::string::npos && text.find('\r') == std::string::npos;
}

} // namespace

void filter(const uint8_t* data, size_t size) {
    Bytes bytes(data, size < 4096 ? size : 4096);
    const bool directory = bytes.coin();
    const std::string path = bytes.text(bytes.number<uint8_t>());
    const std::string lines = bytes.rest();
    const arsync::Filter filter(lines);
    const bool excluded = filter.excludes(path, directory);
    expect(!filter.excludes("", true), "the root is left out");
    if (filter.empty())
        expect(!excluded, "no pattern leaves something out");
    if (!is_path(path))
        return;
    const std::string last = literally(path);
    expect(arsync::Filter(lines + "\n" + last).excludes(path, directory), "not left out by name");
    expect(!arsync::Filter(lines + "\n!" + last).excludes(path, directory), "not kept by name");
    expect(arsync::Filter(lines + "\n" + last + "/").excludes(path, true), "no directory by name");
    expect(arsync::Filter(lines + "\n" + last + "/").excludes(path, false) ==
               filter.excludes(path, false),
           "a directory's pattern is for a file");
}

} // namespace fuzz
