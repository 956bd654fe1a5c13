// Which errors the kernel itself gave, by its tracepoints, so that one that was passed on can be
// told from one that was made up.
#pragma once

#include <string>
#include <vector>

namespace live {

// While there is one, each system call of the machine takes a little longer.
class KernelErrors {
public:
    // Watches from now on for calls and operations of io_uring that end with EIO.
    KernelErrors();
    KernelErrors(const KernelErrors&) = delete;
    KernelErrors& operator=(const KernelErrors&) = delete;
    ~KernelErrors();

    // Where not, nothing is ever seen: without root, without a tracefs at its usual place, or where
    // that knows our threads by other numbers.
    bool available() const { return pipe_ >= 0; }
    // Those that have come since this was asked last, a line each: of calls of this process, and of
    // operations of any ring, since those may end in whichever thread is running.
    std::vector<std::string> taken();

private:
    bool watch();
    bool set(const std::string& file, const std::string& value) const;

    const std::string instance_; // a buffer of events of our own
    bool made_ = false;
    int pipe_ = -1;
};

} // namespace live
