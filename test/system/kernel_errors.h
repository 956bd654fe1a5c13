// Which errors the kernel itself gave, by its tracepoints, so that one that was passed on can be
// told from one that was made up.
#pragma once

#include <string>

namespace live {

class KernelErrors {
public:
    // Watches from now on for calls and operations of io_uring that end with this errno.
    explicit KernelErrors(int error);
    KernelErrors(const KernelErrors&) = delete;
    KernelErrors& operator=(const KernelErrors&) = delete;
    ~KernelErrors();

    // Where not, nothing is ever seen: without root, or without a tracefs at its usual place.
    bool available() const { return pipe_ >= 0; }
    // Whether one has come since this was asked last: of a call of this process, or of an operation
    // of any ring, since those may end in whichever thread is running.
    bool seen();

private:
    bool set(const std::string& file, const std::string& value) const;

    const std::string instance_; // a buffer of events of our own
    int pipe_ = -1;
};

} // namespace live
