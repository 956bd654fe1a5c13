// setxattrat(2) and its relatives, Linux 6.13.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "measure.h"
#include "parts.h"

namespace news {

namespace {

constexpr long setxattrat_number = 463;
constexpr long getxattrat_number = 464;
constexpr long listxattrat_number = 465;
constexpr long removexattrat_number = 466;
constexpr int calls = 2000;

// As struct xattr_args.
struct Arguments {
    alignas(8) uint64_t value = 0;
    uint32_t size = 0;
    uint32_t flags = 0;
};

// A file or link, as descriptors and names have it.
struct Target {
    int fd;
    int directory;
    const char* name;
    std::string path;
    const char* attribute;
};

char value[64] = "a value";

int need_call(long result, const char* what) {
    if (result >= 0)
        return static_cast<int>(result);
    if (errno == EBADF || errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM)
        throw Absent{std::string(what) + " says: " + strerror(errno)};
    die(what, errno);
}

// Lists, sets, gets and removes one attribute, over and over: microseconds for the four.
template <class List, class Set, class Get, class Remove>
Figures four(List list, Set set, Get get, Remove remove) {
    char names[256];
    const Meter meter;
    for (int i = 0; i < calls; ++i) {
        need_call(set(value, sizeof value), "set");
        need_call(list(names, sizeof names), "list");
        need_call(get(value, sizeof value), "get");
        need_call(remove(), "remove");
    }
    return {meter.seconds() * 1e6 / calls};
}

Figures by_descriptor(const Target& t) {
    return four(
        [&](char* names, size_t size) { return flistxattr(t.fd, names, size); },
        [&](char* data, size_t size) { return fsetxattr(t.fd, t.attribute, data, size, 0); },
        [&](char* data, size_t size) { return fgetxattr(t.fd, t.attribute, data, size); },
        [&] { return fremovexattr(t.fd, t.attribute); });
}

// What is open with O_PATH refuses the call by its descriptor, and is asked that first. Each call
// makes the path, as in system_xattrs.cpp.
Figures by_proc(const Target& t) {
    const auto path = [&] {
        static char text[32];
        snprintf(text, sizeof text, "/proc/self/fd/%d", t.fd);
        return text;
    };
    return four(
        [&](char* names, size_t size) {
            return flistxattr(t.fd, names, size) >= 0 ? -1 : listxattr(path(), names, size);
        },
        [&](char* data, size_t size) {
            return fsetxattr(t.fd, t.attribute, data, size, 0) >= 0
                       ? -1
                       : setxattr(path(), t.attribute, data, size, 0);
        },
        [&](char* data, size_t size) {
            return fgetxattr(t.fd, t.attribute, data, size) >= 0
                       ? -1
                       : getxattr(path(), t.attribute, data, size);
        },
        [&] {
            return fremovexattr(t.fd, t.attribute) >= 0 ? -1 : removexattr(path(), t.attribute);
        });
}

Figures by_path(const Target& t) {
    const char* path = t.path.c_str();
    return four(
        [&](char* names, size_t size) { return llistxattr(path, names, size); },
        [&](char* data, size_t size) { return lsetxattr(path, t.attribute, data, size, 0); },
        [&](char* data, size_t size) { return lgetxattr(path, t.attribute, data, size); },
        [&] { return lremovexattr(path, t.attribute); });
}

Figures by_at(const Target& t, int directory, const char* name, int flags) {
    const auto arguments = [](char* data, size_t size) {
        Arguments made;
        made.value = reinterpret_cast<uintptr_t>(data);
        made.size = static_cast<uint32_t>(size);
        return made;
    };
    return four(
        [&](char* names, size_t size) {
            return syscall(listxattrat_number, directory, name, flags, names, size);
        },
        [&](char* data, size_t size) {
            const Arguments from = arguments(data, size);
            return syscall(setxattrat_number, directory, name, flags, t.attribute, &from,
                           sizeof from);
        },
        [&](char* data, size_t size) {
            const Arguments to = arguments(data, size);
            return syscall(getxattrat_number, directory, name, flags, t.attribute, &to, sizeof to);
        },
        [&] { return syscall(removexattrat_number, directory, name, flags, t.attribute); });
}

Way at_empty_path(const Target& t) {
    return {"*xattrat, AT_EMPTY_PATH", [&] { return by_at(t, t.fd, "", AT_EMPTY_PATH); }};
}

Way at_name(const Target& t) {
    return {"*xattrat, directory and name",
            [&] { return by_at(t, t.directory, t.name, AT_SYMLINK_NOFOLLOW); }};
}

} // namespace

void xattrs_by_name(const World& world) {
    const std::string file = world.directory + "/file";
    const std::string link = world.directory + "/link";
    const std::vector<std::string> units = {"us"};
    const std::string four_calls = " (" + world.file_system + "), set, list, get, remove";
    const int directory =
        need(open(world.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
    const Target open_file = {need(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666), file),
                              directory, "file", file, "user.news"};
    const Target path_file = {need(open(file.c_str(), O_PATH | O_CLOEXEC), file), directory, "file",
                              file, "user.news"};
    need(symlink("nowhere", link.c_str()), link);
    const Target path_link = {need(open(link.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC), link),
                              directory, "link", link, "trusted.news"};
    hold({"xattrs of an open file" + four_calls,
          units,
          {{"f*xattr", [&] { return by_descriptor(open_file); }},
           at_empty_path(open_file),
           at_name(open_file)}});
    hold({"xattrs of a file open with O_PATH" + four_calls,
          units,
          {{"f*xattr, then *xattr in /proc", [&] { return by_proc(path_file); }},
           at_empty_path(path_file),
           at_name(path_file)}});
    hold({"xattrs of a link open with O_PATH" + four_calls,
          units,
          {{"f*xattr, then *xattr in /proc", [&] { return by_proc(path_link); }},
           {"l*xattr by its whole path", [&] { return by_path(path_link); }},
           at_empty_path(path_link),
           at_name(path_link)}});
    for (const int fd : {path_link.fd, path_file.fd, open_file.fd, directory})
        close(fd);
}

} // namespace news
