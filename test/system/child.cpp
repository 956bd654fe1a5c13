#include "system/child.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "leave.h"

namespace live {

namespace {

constexpr unsigned limit_s = 120;

void write_all(int fd, const std::string& text) {
    for (size_t done = 0; done < text.size();) {
        const ssize_t put = write(fd, text.data() + done, text.size() - done);
        if (put <= 0)
            return;
        done += static_cast<size_t>(put);
    }
}

std::string read_all(int fd) {
    std::string text;
    char part[4096];
    for (ssize_t got; (got = read(fd, part, sizeof part)) > 0;)
        text.append(part, static_cast<size_t>(got));
    return text;
}

// What has been printed is not the child's to print once more.
pid_t fork_flushed() {
    fflush(nullptr);
    return fork();
}

} // namespace

void Report::expect(bool holds, const char* condition, int line, const std::string& more) {
    if (!holds)
        text_ += "line " + std::to_string(line) + ": " + condition +
                 (more.empty() ? "" : " (" + more + ")") + "\n";
}

std::string in_child(const std::function<void(Report&)>& body) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return "no pipe";
    Child child([&] {
        Report report;
        try {
            body(report);
        } catch (const std::exception& error) {
            report.expect(false, error.what(), 0);
        }
        write_all(ends[1], report.text());
    });
    close(ends[1]);
    std::string text = read_all(ends[0]);
    close(ends[0]);
    const int status = child.wait();
    if (WIFSIGNALED(status))
        text += "killed by signal " + std::to_string(WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        text += "exit status " + std::to_string(WEXITSTATUS(status));
    return text;
}

void check_in_child(const std::function<void(Report&)>& body) {
    const std::string report = in_child(body);
    CHECK(report == "");
}

Child::Child(const std::function<void()>& body) : pid_(fork_flushed()) {
    if (pid_ != 0)
        return;
    alarm(limit_s);
    try {
        body();
    } catch (...) {
        arsync::leave(1);
    }
    arsync::leave(0);
}

void Child::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        wait();
    }
}

int Child::wait() {
    int status = 0;
    if (pid_ > 0)
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
    pid_ = -1;
    return status;
}

bool become_ordinary(unsigned user) {
    // Without the last call /proc/self would stay root's, as in a setuid program.
    return setgroups(0, nullptr) == 0 && setgid(user) == 0 && setuid(user) == 0 &&
           prctl(PR_SET_DUMPABLE, 1) == 0;
}

bool keep_capabilities(std::initializer_list<int> which) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2] = {};
    for (const int capability : which)
        sets[capability / 32].permitted |= 1u << capability % 32;
    for (__user_cap_data_struct& set : sets)
        set.effective = set.permitted;
    return syscall(SYS_capset, &header, sets) == 0;
}

static bool filter(std::initializer_list<int> system_calls, int error, unsigned flags) {
    std::vector<sock_filter> program = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const int call : system_calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
        program.push_back(
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog all{static_cast<unsigned short>(program.size()), program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &all) == 0;
}

bool deny(int system_call, int error) {
    return filter({system_call}, error, 0);
}

bool deny_late(std::initializer_list<int> system_calls, int error) {
    return filter(system_calls, error, SECCOMP_FILTER_FLAG_TSYNC);
}

bool deny_io_uring() {
    return deny(__NR_io_uring_setup, EPERM);
}

} // namespace live
