#include "system/kernel_errors.h"

#include <fcntl.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace live {

namespace {

// A line of trace_pipe is "COMMAND-TID [CPU] FLAGS TIME: EVENT: ...", and a command may have a '-'.
bool is_of_this_process(const std::string& line) {
    const size_t end = line.find(" [");
    const size_t dash = line.rfind('-', end);
    if (end == std::string::npos || dash == std::string::npos)
        return false;
    const std::string thread = std::to_string(std::strtoul(&line[dash + 1], nullptr, 10));
    return access(("/proc/self/task/" + thread).c_str(), F_OK) == 0;
}

} // namespace

KernelErrors::KernelErrors(int error)
    : instance_("/sys/kernel/tracing/instances/arsync-test-" + std::to_string(getpid())) {
    if (mkdir(instance_.c_str(), 0700) != 0)
        return;
    const std::string negative = std::to_string(-error);
    if (set("buffer_size_kb", "64") &&
        set("events/raw_syscalls/sys_exit/filter", "ret == " + negative) &&
        set("events/io_uring/io_uring_complete/filter", "res == " + negative) &&
        set("events/raw_syscalls/sys_exit/enable", "1") &&
        set("events/io_uring/io_uring_complete/enable", "1"))
        pipe_ = open((instance_ + "/trace_pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

KernelErrors::~KernelErrors() {
    if (pipe_ >= 0)
        close(pipe_);
    rmdir(instance_.c_str());
}

bool KernelErrors::seen() {
    std::string text;
    char part[4096];
    for (ssize_t got; pipe_ >= 0 && (got = read(pipe_, part, sizeof part)) > 0;)
        text.append(part, static_cast<size_t>(got));
    bool any = false;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        any = any || line.find(": io_uring_complete: ") != std::string::npos ||
              is_of_this_process(line);
    return any;
}

bool KernelErrors::set(const std::string& file, const std::string& value) const {
    const int fd = open((instance_ + "/" + file).c_str(), O_WRONLY | O_CLOEXEC);
    const bool done =
        fd >= 0 && write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
    if (fd >= 0)
        close(fd);
    return done;
}

} // namespace live
