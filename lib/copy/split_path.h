// A path taken apart at its last slash.
#pragma once

#include <string>
#include <string_view>

namespace arsync {

struct SplitPath {
    std::string parent; // with its slash; empty: the path is a name alone
    std::string name;

    // To be opened.
    const char* directory() const { return parent.empty() ? "." : parent.c_str(); }
};

inline SplitPath split_path(std::string_view path) {
    const size_t begin = path.rfind('/') + 1; // npos + 1 is 0
    return {std::string(path.substr(0, begin)), std::string(path.substr(begin))};
}

// A name of at most so many bytes; no character of it is cut in two.
inline std::string cut_name(std::string name, size_t most) {
    if (name.size() <= most)
        return name;
    while (most > 0 && (static_cast<unsigned char>(name[most]) & 0xc0) == 0x80)
        --most;
    name.resize(most);
    return name;
}

} // namespace arsync
