// Things that cannot be undone, or that kill, are tried in a child process.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <sys/types.h>

namespace live {

// Collects what did not hold.
class Report {
public:
    void expect(bool holds, const char* condition, int line, const std::string& more = "");
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

// Runs body in a child; what it reported, "" if all held, or how the child died. It is killed after
// two minutes.
std::string in_child(const std::function<void(Report&)>& body);

// The same as an assertion.
void check_in_child(const std::function<void(Report&)>& body);

// Runs body in a child and comes back at once. Destroyed, it kills and reaps it.
class Child {
public:
    explicit Child(const std::function<void()>& body);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { kill(); }

    pid_t pid() const { return pid_; }
    void kill();
    int wait(); // its status, as waitpid(2) gives it

private:
    pid_t pid_;
};

// In a child: an ordinary user from here on. An uncommon one, so that nothing else counts against
// its limits.
constexpr unsigned ordinary_user = 54321;
bool become_ordinary(unsigned user = ordinary_user);
// In a child: without any capability (CAP_*) but these.
bool keep_capabilities(std::initializer_list<int> which);
// In a child: this system call fails from here on; io_uring_setup(2) with EPERM, as in a container.
bool deny(int system_call, int error);
bool deny_io_uring();
// The same of several calls, for all threads that there are already.
bool deny_late(std::initializer_list<int> system_calls, int error);

} // namespace live

#define EXPECT(report, condition) (report).expect((condition), #condition, __LINE__)
#define EXPECT_WITH(report, condition, more)                                                       \
    (report).expect((condition), #condition, __LINE__, more)
