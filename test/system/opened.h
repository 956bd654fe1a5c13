// Descriptors that a test has open itself: of a file, and of a pipe's two ends.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <string>
#include <unistd.h>

#include "system/check.h"

namespace live {

class Opened {
public:
    explicit Opened(const std::string& path, int flags = O_RDONLY | O_DIRECTORY)
        : Opened(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
    explicit Opened(int fd) : fd_(fd) { REQUIRE(fd_ >= 0); }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    ~Opened() { close(fd_); }
    int get() const { return fd_; }

private:
    const int fd_;
};

struct Pipe {
    int reads = -1, writes = -1;
    Pipe() {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        reads = ends[0];
        writes = ends[1];
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_one(reads);
        close_one(writes);
    }
    void close_reading() { close_one(reads); }
    void close_writing() { close_one(writes); }
    // Whether whoever reads sees the end by then, where nothing was written.
    bool ends(int limit_ms = 10'000) const {
        pollfd entry{reads, POLLIN, 0};
        return ::poll(&entry, 1, limit_ms) == 1;
    }

private:
    static void close_one(int& fd) {
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
};

} // namespace live
