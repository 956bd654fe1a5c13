#include "whereabouts.h"

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace cp {

namespace {

struct Mount {
    std::string device, root, point;
};

// The kernel writes a space as "\040".
std::string unescaped(const std::string& text) {
    std::string result;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>(strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::string mount_id_of(int fd) {
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd));
    std::string key, value;
    while (info >> key >> value)
        if (key == "mnt_id:")
            return value;
    return "";
}

bool find_mount(const std::string& id, Mount& mount) {
    std::ifstream mounts("/proc/self/mountinfo");
    std::string line;
    while (std::getline(mounts, line)) {
        std::istringstream words(line);
        std::string number, parent;
        if (!(words >> number >> parent >> mount.device >> mount.root >> mount.point) ||
            number != id)
            continue;
        mount.root = unescaped(mount.root);
        mount.point = unescaped(mount.point);
        return true;
    }
    return false;
}

std::string without_slash(std::string path) {
    while (path.ends_with('/'))
        path.pop_back();
    return path;
}

} // namespace

std::vector<FileId> directories_above(int dirfd, const std::string& path) {
    std::vector<FileId> found;
    struct stat status;
    constexpr size_t deepest = 4096;
    int directory = openat(dirfd, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (directory >= 0 && fstat(directory, &status) == 0 && found.size() < deepest) {
        FileId id = id_of(status);
        if (!found.empty() && id == found.back())
            break;
        found.push_back(id);
        int above = openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(directory);
        directory = above;
    }
    if (directory >= 0)
        close(directory);
    return found;
}

std::string place_on_device(int fd) {
    char text[PATH_MAX];
    std::string link = "/proc/self/fd/" + std::to_string(fd);
    ssize_t length = readlink(link.c_str(), text, sizeof text);
    Mount mount;
    if (length < 0 || !find_mount(mount_id_of(fd), mount))
        return "";
    std::string path(text, static_cast<size_t>(length));
    std::string point = without_slash(mount.point);
    if (!is_within(path, point))
        return "";
    return mount.device + ":" + without_slash(mount.root) +
           without_slash(path.substr(point.size()));
}

bool is_within(std::string_view place, std::string_view directory) {
    return place.starts_with(directory) &&
           (place.size() == directory.size() || directory.ends_with('/') ||
            place[directory.size()] == '/');
}

} // namespace cp
