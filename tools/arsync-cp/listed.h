// What --files-from has named so far: no name is copied twice.
//
// A name may come again, or lie below a directory that was copied with all in it, or be such a
// directory above what was copied before. What an earlier name has made is then left as it is: a
// second copy would be in the way of the first, and its backup that of the first.
#pragma once

#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "place.h"

namespace cp {

class Listed {
public:
    // enters: a listed directory is copied with all that is in it.
    explicit Listed(bool enters_directories);

    // Whether the name was taken in before, or a directory above it that is entered.
    bool has(const std::string& name) const;
    // Where directories are entered: what was taken in before and lies below the name, from there.
    std::vector<std::string> below(const std::string& name) const;
    void take(const std::string& name);
    // Whether something is there that was made since the list was begun.
    bool has_made(const Place& destination) const;

private:
    const bool enters;
    std::set<std::string> names; // simplified
    timespec began{};
};

// A pattern for exactly that path below the source.
std::string pattern_for(const std::string& path);

} // namespace cp
