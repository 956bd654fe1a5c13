// The files that are read and written, and what of them is in the page cache.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace news {

struct Place {
    int fd;
    uint64_t offset;
};

// Files of equal size, that are moved as one after the other. Closed with their owner.
class Files {
public:
    // `flags` of open(2). Files that are there are as they were.
    Files(const std::string& path, int flags, uint64_t size, unsigned count = 1);
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;
    ~Files();

    uint64_t size() const { return size_; }
    int fd(unsigned i = 0) const { return fds_[i]; }
    Place at(uint64_t offset) const {
        const uint64_t each = size_ / fds_.size();
        return {fds_[offset / each], offset % each};
    }
    void sync() const;                 // the data, to the device
    void allocate(int mode = 0) const; // blocks for all of it
    void write() const;                // bytes that are not zero
    void fill() const;                 // with bytes that are not zero
    void drop() const;                 // from the page cache, where it is written
    void read_in() const;              // into the page cache
    uint64_t read_by_device() const;   // bytes that its device has read, for anybody
    uint64_t resident() const;         // bytes of it in the page cache

private:
    uint64_t each() const { return size_ / fds_.size(); }

    std::vector<int> fds_;
    uint64_t size_;
};

void remove_files(const std::string& path, unsigned count = 1);

} // namespace news
