// How SystemFiles makes a system call, and makes it of what is open with O_PATH.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>

namespace arsync {

// The result of a system call in the form this library uses: a count, or a negative errno.
template <class Call>
auto without_eintr(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR)
        result = call();
    return result < 0 ? static_cast<decltype(result)>(-errno) : result;
}

// "/proc/thread-self/fd/N": the way to an open file that has no name, or that is open with O_PATH.
// What /proc/self shows is the first thread's, which may have ended.
struct ProcPath {
    char text[40];
    explicit ProcPath(int fd) { snprintf(text, sizeof text, "/proc/thread-self/fd/%d", fd); }
};

// Whether a call took the descriptor: attributes are not for those with O_PATH.
inline bool opened(int64_t result) {
    return result != -EBADF;
}

// The same call by a path to what is open. It is not looked up by its name, nor, if it is a
// symbolic link, followed.
template <class Call>
auto by_proc(int fd, Call call) {
    const ProcPath path(fd);
    const auto result = without_eintr([&] { return call(path.text); });
    using Result = decltype(call(path.text));
    return result == -ENOENT ? static_cast<Result>(-ENOSYS) : static_cast<Result>(result);
}

} // namespace arsync
