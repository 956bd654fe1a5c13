#include "system/faulty_mount.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace live {

namespace {

// Beside the test program.
std::string server_program() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "faultfs";
}

pid_t start(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        const int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; ++fd)
            dup2(null, fd);
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    return child;
}

constexpr useconds_t step_us = 10'000;
constexpr unsigned steps_max = 1000; // ten seconds

} // namespace

FaultyMount::FaultyMount(const std::vector<std::string>& options)
    : parent_(shared_volume(Kind::tmpfs)), path_(parent_ / "shown"), backing_(parent_ / "backing") {
    if (!is_root() || access("/dev/fuse", W_OK) < 0) {
        why_ = "needs root and /dev/fuse";
        return;
    }
    if (access(server_program().c_str(), X_OK) < 0) {
        why_ = "no faultfs: it was built without libfuse3";
        return;
    }
    mkdir(path_.c_str(), 0755);
    mkdir(backing_.c_str(), 0755);
    std::vector<std::string> words{server_program(), backing_, path_};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back("told_by=" + (parent_ / "told"));
    server_ = start(words);
    if (!wait_until_mounted())
        why_ = "faultfs does not start";
}

bool FaultyMount::wait_until_mounted() {
    struct stat shown;
    struct stat above;
    for (unsigned step = 0; step < steps_max; ++step) {
        if (stat(path_.c_str(), &shown) == 0 && stat(parent_.path().c_str(), &above) == 0 &&
            shown.st_dev != above.st_dev)
            return true;
        if (waitpid(server_, nullptr, WNOHANG) == server_) {
            server_ = -1;
            return false;
        }
        usleep(step_us);
    }
    return false;
}

void FaultyMount::fail(const std::string& what) const {
    // All at once, whoever reads it meanwhile.
    std::string text = what + " " + std::to_string(++told_);
    text.resize(128, '\n');
    std::ofstream(parent_ / "told.asked") << "";
    const int file = open((parent_ / "told").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    REQUIRE(pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    close(file);
}

FaultyMount::Asked FaultyMount::asked() const {
    Asked asked;
    std::ifstream(parent_ / "told.asked") >> asked.calls >> asked.failed;
    return asked;
}

void FaultyMount::hang_again() const {
    unlink((backing_ + "/.go_on").c_str());
}

void FaultyMount::go_on() const {
    const std::ofstream made(backing_ + "/.go_on");
}

FaultyMount::~FaultyMount() {
    if (server_ < 0)
        return;
    go_on();
    umount2(path_.c_str(), MNT_DETACH);
    for (unsigned step = 0; step < steps_max; ++step) {
        if (waitpid(server_, nullptr, WNOHANG) == server_)
            return;
        if (step == steps_max / 10) // somebody has a file open in it
            kill(server_, SIGKILL);
        usleep(step_us);
    }
}

} // namespace live
