// What is at each path of a directory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <sys/stat.h>

namespace crash {

struct Fact {
    mode_t mode = 0; // kind and rights
    uid_t owner = 0;
    gid_t group = 0;
    uint64_t size = 0;
    uint64_t hash = 0; // of what is in a file
    std::string text;  // of a symbolic link
    // Extended ones, all that can be listed: ACLs and capabilities, too.
    std::map<std::string, std::string> attributes;
    int64_t changed_s = 0, changed_ns = 0; // its time of modification
    ino_t inode = 0;
    std::string first_name; // the first path, in their order, that has the same inode

    bool is_directory() const { return S_ISDIR(mode); }
    bool operator==(const Fact&) const = default;
};
std::string describe(const Fact& fact);

// The paths below top; top itself is "".
using Facts = std::map<std::string, Fact>;
Facts facts_below(const std::string& top); // throws where something cannot be read

// Kind and what is in it.
bool same_content(const Fact& a, const Fact& b);
// All but the inode.
bool alike(const Fact& a, const Fact& b, bool times, bool links);

} // namespace crash
