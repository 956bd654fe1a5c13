#include "files.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <random>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "measure.h"

namespace news {

static std::string path_of(const std::string& path, unsigned i) {
    return i == 0 ? path : path + "." + std::to_string(i);
}

Files::Files(const std::string& path, int flags, uint64_t size, unsigned count) : size_(size) {
    for (unsigned i = 0; i < count; ++i) {
        const std::string name = path_of(path, i);
        const int fd = open(name.c_str(), flags | O_CLOEXEC, 0666);
        if (fd < 0 && errno == EINVAL && (flags & O_DIRECT) != 0)
            throw Absent{"no O_DIRECT"};
        fds_.push_back(need(fd, name));
    }
}

Files::~Files() {
    for (const int fd : fds_)
        close(fd);
}

void Files::sync() const {
    for (const int fd : fds_)
        need(fdatasync(fd), "fdatasync");
}

void Files::allocate(int mode) const {
    for (const int fd : fds_) {
        if (fallocate(fd, mode, 0, static_cast<off_t>(each())) == 0)
            continue;
        if (errno == EOPNOTSUPP)
            throw Absent{"fallocate(2) says: Operation not supported"};
        die("fallocate", errno);
    }
}

void Files::write() const {
    const uint64_t step = std::min<uint64_t>(mib, each());
    std::vector<uint64_t> block(step / sizeof(uint64_t));
    std::mt19937_64 chance;
    for (uint64_t at = 0; at < size_; at += step) {
        for (uint64_t& word : block)
            word = chance();
        const Place place = this->at(at);
        need(static_cast<int>(
                 pwrite(place.fd, block.data(), step, static_cast<off_t>(place.offset))),
             "pwrite");
    }
}

void Files::fill() const {
    write();
    sync();
}

void Files::drop() const {
    sync();
    for (const int fd : fds_)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

void Files::read_in() const {
    std::vector<char> block(mib);
    for (uint64_t at = 0; at < size_; at += mib) {
        const Place place = this->at(at);
        need(static_cast<int>(pread(place.fd, block.data(), mib, static_cast<off_t>(place.offset))),
             "pread");
    }
}

uint64_t Files::read_by_device() const {
    struct stat facts {};
    need(fstat(fds_[0], &facts), "fstat");
    std::ifstream file("/sys/dev/block/" + std::to_string(major(facts.st_dev)) + ":" +
                       std::to_string(minor(facts.st_dev)) + "/stat");
    uint64_t reads = 0;
    uint64_t merged = 0;
    uint64_t sectors = 0;
    file >> reads >> merged >> sectors;
    return sectors * 512;
}

uint64_t Files::resident() const {
    constexpr size_t page = 4096;
    uint64_t pages = 0;
    for (const int fd : fds_) {
        void* memory = mmap(nullptr, each(), PROT_READ, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
            die("mmap", errno);
        std::vector<unsigned char> there(each() / page);
        need(mincore(memory, each(), there.data()), "mincore");
        munmap(memory, each());
        for (const unsigned char one : there)
            pages += one & 1;
    }
    return pages * page;
}

void remove_files(const std::string& path, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        unlink(path_of(path, i).c_str());
}

} // namespace news
