// The calls of files.h on extended attributes.
//
// What is open needs no name. What is open with O_PATH is not taken by these calls, and is reached
// through /proc, which no other file can come into; a directory without /proc is "." of itself.
// setxattrat(2) and its relatives, Linux 6.13, take descriptors with O_PATH no more than the others
// do, but only as the directory that a name is in.
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "io/files.h"
#include "io/missing.h"
#include "io/plain_call.h"

namespace arsync {

namespace {

constexpr long setxattrat_number = 463;
constexpr long getxattrat_number = 464;
constexpr long listxattrat_number = 465;
constexpr long removexattrat_number = 466;

struct XattrArguments {
    alignas(8) uint64_t value;
    uint32_t size;
    uint32_t flags;
};

XattrArguments arguments_of(const void* value, size_t size) {
    return {reinterpret_cast<uintptr_t>(value), static_cast<uint32_t>(size), 0};
}

// Whether the kernel has these calls, and filters let them through: asked once, for a file may say
// EPERM of an attribute, too.
bool has_calls_by_name() {
    static const bool has =
        ::syscall(listxattrat_number, AT_FDCWD, "/", 0, nullptr, size_t{0}) >= 0 ||
        !is_missing(errno);
    return has;
}

template <class Call>
auto by_name(Call call) {
    using Result = decltype(call());
    return has_calls_by_name() ? without_eintr(call) : static_cast<Result>(-ENOSYS);
}

// ENOSYS: a filter does not let this call through, but perhaps the one by a path. For no error at
// all would tell of what is lost then.
bool was_made(int64_t result) {
    return opened(result) && result != -ENOSYS;
}

// of_directory() is the call on ".": of what is no directory it tells nothing. Of what is open
// attributes cannot be out of reach: a filter lets none of the calls through, and that has to be
// told.
template <class Call>
int64_t without_proc(bool is_open, int64_t result, Call of_directory) {
    if (result != -ENOSYS)
        return result;
    const int64_t found = of_directory();
    if (found != -ENOTDIR && found != -ENOSYS)
        return found;
    return is_open ? -EPERM : -ENOSYS;
}

} // namespace

int64_t SystemFiles::list_xattrs(int fd, char* names, size_t size) {
    int64_t result = without_eintr([&] { return ::flistxattr(fd, names, size); });
    if (was_made(result))
        return result;
    const bool is_open = opened(result);
    result = by_proc(fd, [&](const char* path) { return ::listxattr(path, names, size); });
    return without_proc(is_open, result, [&] { return list_xattrs_at(fd, ".", 0, names, size); });
}

int64_t SystemFiles::get_xattr(int fd, const char* name, void* value, size_t size) {
    int64_t result = without_eintr([&] { return ::fgetxattr(fd, name, value, size); });
    if (was_made(result))
        return result;
    const bool is_open = opened(result);
    result = by_proc(fd, [&](const char* path) { return ::getxattr(path, name, value, size); });
    return without_proc(is_open, result,
                        [&] { return get_xattr_at(fd, ".", 0, name, value, size); });
}

int SystemFiles::set_xattr(int fd, const char* name, const void* value, size_t size) {
    int result = without_eintr([&] { return ::fsetxattr(fd, name, value, size, 0); });
    if (was_made(result))
        return result;
    const bool is_open = opened(result);
    result = by_proc(fd, [&](const char* path) { return ::setxattr(path, name, value, size, 0); });
    return static_cast<int>(
        without_proc(is_open, result, [&] { return set_xattr_at(fd, ".", 0, name, value, size); }));
}

int SystemFiles::remove_xattr(int fd, const char* name) {
    int result = without_eintr([&] { return ::fremovexattr(fd, name); });
    if (was_made(result))
        return result;
    const bool is_open = opened(result);
    result = by_proc(fd, [&](const char* path) { return ::removexattr(path, name); });
    return static_cast<int>(
        without_proc(is_open, result, [&] { return remove_xattr_at(fd, ".", 0, name); }));
}

int64_t SystemFiles::list_xattrs_at(int dirfd, const char* path, int at_flags, char* names,
                                    size_t size) {
    return by_name([&]() -> int64_t {
        return ::syscall(listxattrat_number, dirfd, path, at_flags, names, size);
    });
}

int64_t SystemFiles::get_xattr_at(int dirfd, const char* path, int at_flags, const char* name,
                                  void* value, size_t size) {
    XattrArguments to = arguments_of(value, size);
    return by_name([&]() -> int64_t {
        return ::syscall(getxattrat_number, dirfd, path, at_flags, name, &to, sizeof to);
    });
}

int SystemFiles::set_xattr_at(int dirfd, const char* path, int at_flags, const char* name,
                              const void* value, size_t size) {
    XattrArguments from = arguments_of(value, size);
    return static_cast<int>(by_name([&]() -> int64_t {
        return ::syscall(setxattrat_number, dirfd, path, at_flags, name, &from, sizeof from);
    }));
}

int SystemFiles::remove_xattr_at(int dirfd, const char* path, int at_flags, const char* name) {
    return static_cast<int>(by_name(
        [&]() -> int64_t { return ::syscall(removexattrat_number, dirfd, path, at_flags, name); }));
}

} // namespace arsync
