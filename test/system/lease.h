// Leased buffers and files of a pool, as a test uses them: given back when their object goes, and
// operations that are waited for.
#pragma once

#include <arsync.h>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "system/pool.h"

namespace live {

class Lease : public arsync_buffer {
public:
    explicit Lease(const Pool& pool) : arsync_buffer{}, pool_(pool.get()) {
        error_ = arsync_buffer_acquire(pool_, 1, this);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        if (id != 0)
            arsync_buffer_release(pool_, id);
    }
    int error() const { return error_; }
    char* bytes() const { return static_cast<char*>(data); }
    void fill(const std::string& with) const { memcpy(data, with.data(), with.size()); }
    std::string text(size_t at, size_t length) const { return {bytes() + at, length}; }

private:
    arsync_pool* pool_;
    int error_;
};

class PoolFile {
public:
    PoolFile(const Pool& pool, const std::string& path, int flags) : pool_(pool.get()) {
        const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
        give(fd);
        close(fd);
    }
    PoolFile(const Pool& pool, int fd) : pool_(pool.get()) { give(fd); }
    PoolFile(const PoolFile&) = delete;
    PoolFile& operator=(const PoolFile&) = delete;
    ~PoolFile() {
        if (id_ != 0)
            arsync_file_close(pool_, id_);
    }
    int error() const { return error_; }
    arsync_file id() const { return id_; }

private:
    void give(int fd) { error_ = arsync_file_open(pool_, fd, 0, &id_); }

    arsync_pool* pool_;
    arsync_file id_ = 0;
    int error_ = 0;
};

// What the submit gives, or the completion; its job is 0 in the first case.
struct Operation {
    const PoolFile& file;
    uint64_t offset = 0;
    const arsync_buffer& buffer;
    uint64_t at = 0;
    uint64_t length = 0;
    uint64_t user_data = 0;
};

inline int submit_read(const Pool& pool, const Operation& what, arsync_job* job = nullptr) {
    return arsync_submit_read(pool.get(), what.file.id(), what.offset, what.buffer.id, what.at,
                              what.length, 0, what.user_data, job);
}
inline int submit_write(const Pool& pool, const Operation& what, arsync_job* job = nullptr) {
    return arsync_submit_write(pool.get(), what.file.id(), what.offset, what.buffer.id, what.at,
                               what.length, 0, what.user_data, job);
}
inline arsync_completion waited(Pool& pool, int submitted) {
    if (submitted == 0)
        return pool.wait();
    arsync_completion refused = {};
    refused.result = submitted;
    return refused;
}
inline arsync_completion read(Pool& pool, const Operation& what) {
    return waited(pool, submit_read(pool, what));
}
inline arsync_completion write(Pool& pool, const Operation& what) {
    return waited(pool, submit_write(pool, what));
}

} // namespace live
