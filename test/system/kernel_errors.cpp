#include "system/kernel_errors.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace live {

namespace {

constexpr const char* instances = "/sys/kernel/tracing/instances/";
constexpr std::string_view own_name = "arsync-test-";

// A line of trace_pipe is "COMMAND-TID [CPU] FLAGS TIME: EVENT: ...", and a command may have a '-'.
bool is_of_this_process(const std::string& line) {
    const size_t end = line.find(" [");
    const size_t dash = line.rfind('-', end);
    if (end == std::string::npos || dash == std::string::npos)
        return false;
    const std::string thread = std::to_string(strtoul(&line[dash + 1], nullptr, 10));
    return access(("/proc/self/task/" + thread).c_str(), F_OK) == 0;
}

// What a test that was killed has left goes on watching, and costs everybody time.
void remove_left_instances() {
    std::error_code error;
    for (const auto& each : std::filesystem::directory_iterator(instances, error)) {
        const std::string name = each.path().filename();
        if (name.starts_with(own_name) &&
            access(("/proc/" + name.substr(own_name.size())).c_str(), F_OK) != 0)
            rmdir(each.path().c_str());
    }
}

// There is nothing at 0.
void fail_with_eio() {
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char byte;
    [[maybe_unused]] const ssize_t failed = pread(memory, &byte, 1, 0);
    close(memory);
}

} // namespace

KernelErrors::KernelErrors()
    : instance_(std::string(instances).append(own_name).append(std::to_string(getpid()))) {
    remove_left_instances();
    made_ = mkdir(instance_.c_str(), 0700) == 0;
    if (!made_ || !watch())
        return;
    pipe_ = open((instance_ + "/trace_pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    fail_with_eio();
    if (pipe_ >= 0 && taken().empty()) {
        close(pipe_);
        pipe_ = -1;
    }
}

KernelErrors::~KernelErrors() {
    if (pipe_ >= 0)
        close(pipe_);
    if (made_)
        rmdir(instance_.c_str());
}

std::vector<std::string> KernelErrors::taken() {
    std::string text;
    char part[4096];
    for (ssize_t got; pipe_ >= 0 && (got = read(pipe_, part, sizeof part)) > 0;)
        text.append(part, static_cast<size_t>(got));
    std::vector<std::string> found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.find(": io_uring_complete: ") != std::string::npos || is_of_this_process(line))
            found.push_back(line);
    return found;
}

bool KernelErrors::watch() {
    const std::string eio = std::to_string(-EIO);
    return set("buffer_size_kb", "64") &&
           set("events/raw_syscalls/sys_exit/filter", "ret == " + eio) &&
           set("events/io_uring/io_uring_complete/filter", "res == " + eio) &&
           set("events/raw_syscalls/sys_exit/enable", "1") &&
           set("events/io_uring/io_uring_complete/enable", "1");
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
