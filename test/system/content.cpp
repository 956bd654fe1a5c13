#include "system/content.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace live {

namespace {

constexpr uint64_t block = 4096;
constexpr uint64_t piece_max = 1 << 20;

class Open {
public:
    Open(const std::string& path, int flags, mode_t mode = 0)
        : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
        if (fd_ < 0)
            fail("open");
    }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    ~Open() { ::close(fd_); }

    int get() const { return fd_; }
    [[noreturn]] void fail(const char* what) const {
        throw std::system_error(errno, std::generic_category(), what + (" " + path_));
    }
    uint64_t size() const {
        struct stat facts;
        if (fstat(fd_, &facts) < 0)
            fail("stat");
        return static_cast<uint64_t>(facts.st_size);
    }
    std::string read(uint64_t offset, uint64_t length) const {
        // For thousands of small files a piece of the largest size each would take a test's time.
        const uint64_t told = size();
        const uint64_t expected = told > offset ? told - offset : 0;
        std::string content;
        size_t have = 0;
        while (have < length) {
            if (have == content.size())
                content.resize(std::min(length, std::max(expected + 1, have + block)));
            const ssize_t got = ::pread(fd_, content.data() + have, content.size() - have,
                                        static_cast<off_t>(offset + have));
            if (got < 0)
                fail("read");
            if (got == 0)
                break;
            have += static_cast<size_t>(got);
        }
        content.resize(have);
        return content;
    }
    void write(uint64_t offset, const std::string& content) const {
        size_t done = 0;
        while (done < content.size()) {
            const ssize_t put = ::pwrite(fd_, content.data() + done, content.size() - done,
                                         static_cast<off_t>(offset + done));
            if (put < 0)
                fail("write");
            done += static_cast<size_t>(put);
        }
    }
    // The next data or hole at or after an offset; the end if there is none.
    uint64_t seek(uint64_t offset, int whence) const {
        const off_t found = ::lseek(fd_, static_cast<off_t>(offset), whence);
        if (found < 0 && errno != ENXIO)
            fail("lseek");
        return found < 0 ? size() : static_cast<uint64_t>(found);
    }

private:
    const std::string path_;
    const int fd_;
};

void write_ranges(const Open& file, const std::vector<Range>& data, uint32_t seed) {
    for (const Range& range : data)
        for (uint64_t at = range.begin; at < range.end; at += piece_max)
            file.write(at, pattern(std::min(piece_max, range.end - at), seed, at));
}

} // namespace

std::string pattern(uint64_t size, uint32_t seed, uint64_t offset) {
    std::string content(size, '\0');
    for (uint64_t i = 0; i < size; ++i) {
        const uint64_t word = (offset + i) / 8;
        uint64_t mixed = (word + 1) * 0x9E3779B97F4A7C15u ^ (uint64_t{seed} << 32 | seed);
        mixed ^= mixed >> 29;
        content[i] = static_cast<char>(mixed >> ((offset + i) % 8 * 8) | 1);
    }
    return content;
}

void write_file(const std::string& path, const std::string& content) {
    const Open file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    file.write(0, content);
}

void write_pattern(const std::string& path, uint64_t size, uint32_t seed) {
    const Open file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    write_ranges(file, {{0, size}}, seed);
}

void write_sparse(const std::string& path, uint64_t size, const std::vector<Range>& data,
                  uint32_t seed) {
    const Open file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (ftruncate(file.get(), static_cast<off_t>(size)) < 0)
        file.fail("truncate");
    write_ranges(file, data, seed);
}

std::string read_file(const std::string& path) {
    const Open file(path, O_RDONLY);
    std::string content;
    for (;;) {
        const std::string part = file.read(content.size(), piece_max);
        content += part;
        if (part.size() < piece_max)
            return content;
    }
}

bool exists(const std::string& path) {
    struct stat facts;
    return lstat(path.c_str(), &facts) == 0;
}

struct stat stat_of(const std::string& path) {
    struct stat facts;
    if (stat(path.c_str(), &facts) < 0)
        throw std::system_error(errno, std::generic_category(), "stat " + path);
    return facts;
}

uint64_t size_of(const std::string& path) {
    return static_cast<uint64_t>(stat_of(path).st_size);
}

mode_t mode_of(const std::string& path) {
    return stat_of(path).st_mode & 07777;
}

std::string difference(const std::string& a, const std::string& b) {
    const Open left(a, O_RDONLY);
    const Open right(b, O_RDONLY);
    if (left.size() != right.size())
        return "sizes " + std::to_string(left.size()) + " and " + std::to_string(right.size());
    for (uint64_t at = 0; at < left.size();) {
        at = std::min(left.seek(at, SEEK_DATA), right.seek(at, SEEK_DATA));
        const std::string left_part = left.read(at, piece_max);
        const std::string right_part = right.read(at, piece_max);
        if (left_part != right_part) {
            const auto first = std::mismatch(left_part.begin(), left_part.end(), right_part.begin(),
                                             right_part.end())
                                   .first;
            return "differ at " +
                   std::to_string(at + static_cast<uint64_t>(first - left_part.begin()));
        }
        at += std::max<uint64_t>(left_part.size(), 1);
    }
    return "";
}

std::vector<Range> data_ranges(const std::string& path) {
    const Open file(path, O_RDONLY);
    const uint64_t size = file.size();
    std::vector<Range> ranges;
    for (uint64_t at = 0; at < size;) {
        const uint64_t data = file.seek(at, SEEK_DATA);
        if (data >= size)
            break;
        at = file.seek(data, SEEK_HOLE);
        const Range found{data / block * block, (at + block - 1) / block * block};
        if (!ranges.empty() && ranges.back().end >= found.begin)
            ranges.back().end = found.end;
        else
            ranges.push_back(found);
    }
    return ranges;
}

std::string describe(const std::vector<Range>& ranges) {
    std::string text;
    for (const Range& range : ranges)
        text += " [" + std::to_string(range.begin) + ", " + std::to_string(range.end) + ")";
    return text.empty() ? " none" : text;
}

std::string hole_difference(const std::string& a, const std::string& b) {
    const std::vector<Range> left = data_ranges(a);
    const std::vector<Range> right = data_ranges(b);
    return left == right ? "" : "data at" + describe(left) + " and at" + describe(right);
}

uint64_t hole_bytes(const std::string& path) {
    const uint64_t size = size_of(path);
    uint64_t data = 0;
    for (const Range& range : data_ranges(path))
        data += std::min(range.end, size) - range.begin;
    return size - data;
}

uint64_t allocated(const std::string& path) {
    const Open file(path, O_RDONLY);
    if (fsync(file.get()) < 0)
        file.fail("fsync");
    struct stat facts;
    if (fstat(file.get(), &facts) < 0)
        file.fail("stat");
    return static_cast<uint64_t>(facts.st_blocks) * 512;
}

int64_t shared_bytes(const std::string& path) {
    const Open file(path, O_RDONLY);
    constexpr unsigned count = 512;
    std::vector<char> memory(sizeof(fiemap) + count * sizeof(fiemap_extent));
    auto* map = reinterpret_cast<fiemap*>(memory.data());
    map->fm_length = FIEMAP_MAX_OFFSET;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = count;
    if (ioctl(file.get(), FS_IOC_FIEMAP, map) < 0)
        return -1;
    int64_t shared = 0;
    for (unsigned i = 0; i < map->fm_mapped_extents; ++i)
        if ((map->fm_extents[i].fe_flags & FIEMAP_EXTENT_SHARED) != 0)
            shared += static_cast<int64_t>(map->fm_extents[i].fe_length);
    return shared;
}

int64_t cached_bytes(const std::string& path) {
    constexpr long cachestat_number = 451;
    const Open file(path, O_RDONLY);
    const uint64_t range[2] = {0, 0}; // to the end
    uint64_t pages[5] = {};           // cached, dirty, ...
    if (syscall(cachestat_number, file.get(), range, pages, 0) < 0)
        return -1;
    return static_cast<int64_t>(pages[0]) * sysconf(_SC_PAGESIZE);
}

void make_cold(const std::string& path) {
    const Open file(path, O_RDONLY);
    if (fsync(file.get()) < 0)
        file.fail("fsync");
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

void make_cached(const std::string& path) {
    read_file(path);
}

} // namespace live
