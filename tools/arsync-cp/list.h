// --files-from: names in a file, one a line or each ended by a NUL byte.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "options.h"

namespace cp {

// Read one by one: a list may name a million files, and come from a pipe.
class List {
public:
    // Whether it could be opened; if not, after a complaint.
    bool open(const Options& options);
    List() = default;
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List();

    // Without slashes before and after it. Nothing at the end, or when reading fails: failed() then
    // says so.
    std::optional<std::string> next();
    // A name that leads out of the directory, or cannot be read, has been complained about.
    bool failed() const { return has_failed; }

private:
    FILE* stream = nullptr;
    std::string name;
    char separator = '\n';
    char* line = nullptr;
    size_t room = 0;
    bool has_failed = false;
};

} // namespace cp
