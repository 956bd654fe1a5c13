#include "place.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace cp {

bool look_at_directory_of(const Place& place, struct stat& status) {
    std::string_view base = base_name(place.name);
    std::string directory =
        place.name.substr(0, static_cast<size_t>(base.data() - place.name.data()));
    if (directory.empty())
        directory = ".";
    return fstatat(place.dirfd, directory.c_str(), &status, 0) == 0;
}

int look_at_link(const Place& place, struct stat& status) {
    return fstatat(place.dirfd, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

int look_through_link(const Place& place, struct stat& status) {
    return fstatat(place.dirfd, place.name.c_str(), &status, 0) == 0 ? 0 : errno;
}

std::string_view base_name(std::string_view path) {
    while (path.size() > 1 && path.back() == '/')
        path.remove_suffix(1);
    size_t slash = path.rfind('/');
    if (slash == std::string_view::npos || path.size() == 1)
        return path;
    return path.substr(slash + 1);
}

std::string join(std::string_view directory, std::string_view path) {
    std::string name(directory);
    if (path.empty())
        return name;
    while (name.ends_with('/'))
        name.pop_back();
    return name.append("/").append(path);
}

Place below(const Place& directory, std::string_view path) {
    return {directory.dirfd, join(directory.name, path), join(directory.shown, path)};
}

std::string simplified(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        size_t length = std::min(path.find('/'), path.size());
        std::string_view part = path.substr(0, length);
        path.remove_prefix(std::min(length + 1, path.size()));
        if (part == ".." && !parts.empty() && parts.back() != "..")
            parts.pop_back();
        else if (!part.empty() && part != ".")
            parts.push_back(part);
    }
    std::string result;
    for (std::string_view part : parts)
        result.append(result.empty() ? "" : "/").append(part);
    return result;
}

Place beside(const Place& place, std::string_view name) {
    const auto renamed = [&](std::string_view path) {
        const std::string_view base = base_name(path);
        return std::string(path.substr(0, static_cast<size_t>(base.data() - path.data())))
            .append(name);
    };
    return {place.dirfd, renamed(place.name), renamed(place.shown)};
}

} // namespace cp
