// A file as system calls name it: relative to a directory that stays open, so that it is the same
// directory for every file even if its name is moved meanwhile.
#pragma once

#include <cstddef>
#include <fcntl.h>
#include <functional>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace cp {

struct Place {
    int dirfd = AT_FDCWD;
    std::string name;  // relative to dirfd
    std::string shown; // as messages name it
};

// What makes two names one file.
struct FileId {
    dev_t dev = 0;
    ino_t ino = 0;
    bool operator==(const FileId&) const = default;
};

inline FileId id_of(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

// 0 or an errno value.
int look_at_link(const Place& place, struct stat& status);
int look_through_link(const Place& place, struct stat& status);

// The name without the directories before it or slashes after it; "/" stays "/".
std::string_view base_name(std::string_view path);

// The name of an entry of a directory, and of what is further below.
std::string join(std::string_view directory, std::string_view path);
Place below(const Place& directory, std::string_view path);

// In the same directory, by another name.
Place beside(const Place& place, std::string_view name);

} // namespace cp
