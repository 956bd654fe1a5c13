#include "io/mounts.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <fcntl.h>
#include <unistd.h>

#include "io/fd.h"

namespace arsync {

namespace {

std::string_view take_field(std::string_view& line) {
    const size_t end = std::min(line.find(' '), line.size());
    const std::string_view field = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return field;
}

// "NUMBER PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG]... - TYPE SOURCE OPTIONS".
Mount parse(std::string_view line) {
    Mount mount;
    const std::string_view number = take_field(line);
    std::from_chars(number.data(), number.data() + number.size(), mount.number);
    take_field(line);
    mount.root.device = take_field(line);
    mount.root.path = unescaped(take_field(line));
    mount.point = unescaped(take_field(line));
    while (!line.empty() && take_field(line) != "-") {
    }
    mount.type = take_field(line);
    mount.source = unescaped(take_field(line));
    mount.options = take_field(line);
    return mount;
}

} // namespace

bool is_in(std::string_view path, std::string_view directory) {
    return directory == "/" || path == directory ||
           (path.starts_with(directory) && path[directory.size()] == '/');
}

std::string unescaped(std::string_view text) {
    std::string result;
    for (size_t at = 0; at < text.size(); ++at) {
        unsigned value = 0;
        const char* digits = text.data() + at + 1;
        if (text[at] == '\\' && text.size() - at > 3 &&
            std::from_chars(digits, digits + 3, value, 8).ptr == digits + 3) {
            result += static_cast<char>(value);
            at += 3;
        } else {
            result += text[at];
        }
    }
    return result;
}

int read_whole(const char* path, std::string& text) {
    const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
    return file ? read_whole(file.get(), text) : -errno;
}

int read_whole(int fd, std::string& text) {
    char part[4096];
    for (;;) {
        const ssize_t size = ::read(fd, part, sizeof part);
        if (size < 0 && errno != EINTR)
            return -errno;
        if (size == 0)
            return 0;
        if (size > 0)
            text.append(part, static_cast<size_t>(size));
    }
}

uint64_t mount_in(std::string_view fdinfo) {
    constexpr std::string_view key = "mnt_id:\t";
    uint64_t number = 0;
    const size_t at = fdinfo.find(key);
    if (at != std::string_view::npos) {
        const char* digits = fdinfo.data() + at + key.size();
        std::from_chars(digits, fdinfo.data() + fdinfo.size(), number);
    }
    return number;
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
    std::vector<Mount> mounts;
    while (!mountinfo.empty()) {
        const size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
        mounts.push_back(parse(mountinfo.substr(0, end)));
        mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    }
    return mounts;
}

bool places_in(std::string_view mountinfo, uint64_t mount, std::string_view path,
               std::vector<PlaceOnDevice>& places) {
    const std::vector<Mount> mounts = parse_mounts(mountinfo);
    const auto own = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const Mount& each) { return each.number == mount; });
    if (own == mounts.end() || !is_in(path, own->point))
        return false;
    PlaceOnDevice place = own->root;
    const std::string_view below = path.substr(own->point == "/" ? 0 : own->point.size());
    if (!below.empty() && below != "/")
        place.path = (place.path == "/" ? "" : place.path) + std::string(below);
    places.assign(1, place);
    for (const Mount& each : mounts)
        if (each.number != mount && each.point != path && is_in(each.point, path))
            places.push_back(each.root);
    return true;
}

int mount_of(int fd, uint64_t& mount) {
    const std::string path = "/proc/thread-self/fdinfo/" + std::to_string(fd);
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char told[512]; // the beginning is enough
    const ssize_t size = file ? ::read(file.get(), told, sizeof told) : -1;
    if (size < 0)
        return -errno;
    mount = mount_in({told, static_cast<size_t>(size)});
    return 0;
}

int places_of(int directory, std::vector<PlaceOnDevice>& places) {
    uint64_t mount = 0;
    int result = mount_of(directory, mount);
    if (result < 0)
        return result;
    char path[PATH_MAX];
    const std::string link = "/proc/thread-self/fd/" + std::to_string(directory);
    const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
    if (length < 0)
        return -errno;
    if (length == sizeof path)
        return -ENAMETOOLONG;
    std::string mountinfo;
    result = read_whole("/proc/thread-self/mountinfo", mountinfo);
    if (result < 0)
        return result;
    const std::string_view text(path, static_cast<size_t>(length));
    return places_in(mountinfo, mount, text, places) ? 0 : -ENOENT;
}

static bool overlap(const PlaceOnDevice& one, const PlaceOnDevice& other) {
    return one.device == other.device &&
           (is_in(one.path, other.path) || is_in(other.path, one.path));
}

bool overlap(const std::vector<PlaceOnDevice>& places) {
    for (size_t i = 0; i < places.size(); ++i)
        for (size_t k = 0; k < i; ++k)
            if (overlap(places[i], places[k]))
                return true;
    return false;
}

bool overlap(const std::vector<PlaceOnDevice>& a, const std::vector<PlaceOnDevice>& b) {
    for (const PlaceOnDevice& one : a)
        for (const PlaceOnDevice& other : b)
            if (overlap(one, other))
                return true;
    return false;
}

} // namespace arsync
