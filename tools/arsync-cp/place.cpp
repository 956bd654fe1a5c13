#include "place.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace cp {

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

Place beside(const Place& place, std::string_view name) {
    const auto renamed = [&](std::string_view path) {
        const std::string_view base = base_name(path);
        return std::string(path.substr(0, static_cast<size_t>(base.data() - path.data())))
            .append(name);
    };
    return {place.dirfd, renamed(place.name), renamed(place.shown)};
}

} // namespace cp
