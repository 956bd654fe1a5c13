// A FIFO as a source that gives its bytes when the test wants: a copy can be looked at while it is
// half-way.
#pragma once

#include <string>

#include "system/pool.h"

namespace live {

class Stream {
public:
    // Makes a FIFO of that name; copy it with ARSYNC_COPY_SPECIAL.
    explicit Stream(const std::string& path, unsigned mode = 0600);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { end(); }

    const std::string& path() const { return path_; }
    // Hands over some bytes; false if the reader has gone, or none comes.
    bool give(const std::string& bytes);
    // Gives bytes and waits until the copy has them at its destination.
    bool give_and_wait(const std::string& bytes, const Pool& pool, arsync_job job);
    void end(); // the reader sees the end

private:
    const std::string path_;
    int fd_ = -1;
    size_t given_ = 0;
};

} // namespace live
