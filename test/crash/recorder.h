// A disk that writes down what is done to it: a FUSE filesystem with two files, served by a process
// of its own.
//
//     disk   shows an image. Nothing is kept back (no writeback cache), so each write that whoever
//            stands on it makes arrives in order, and each fsync as one.
//     mark   eight bytes that are written here are the number of a mark in the log.
//
// A loop device on `disk` turns the flushes of a filesystem, and what the block layer makes of its
// FUA writes, into fsync.
#pragma once

#include <string>
#include <sys/types.h>

namespace crash {

class Recorder {
public:
    // image: is written to, too. log: is made. at: a directory to mount it at.
    Recorder(const std::string& image, const std::string& log, const std::string& at);
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;
    ~Recorder();

    bool usable() const { return why_.empty(); }
    const std::string& why() const { return why_; }
    std::string disk() const { return at_ + "/disk"; }
    // Whatever has been written so far is before the mark. From any thread. Throws.
    void mark(uint64_t number) const;

private:
    const std::string at_;
    std::string why_;
    pid_t server_ = -1;
    int mark_ = -1;
};

} // namespace crash
