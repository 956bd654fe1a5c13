#include "io/resident.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace arsync {

namespace {

// What is read ahead, and so comes into memory together, is 128 KiB as a rule. Of more than that
// only each such part's last page is asked about: all pages of a cached file of 10 MiB took a
// sixteenth of the time of its copy (profiled on an overlay of ext4).
constexpr size_t together = 128 << 10;

bool is_in_core(std::byte* begin, size_t length) {
    std::array<unsigned char, together / 4096> present; // there are no smaller pages
    present.fill(1);                                    // of what is not asked about
    return ::mincore(begin, length, present.data()) == 0 &&
           std::all_of(present.begin(), present.end(),
                       [](unsigned char bits) { return (bits & 1) != 0; });
}

bool all_in_core(std::byte* begin, size_t length, size_t page) {
    if (length <= together)
        return is_in_core(begin, length);
    for (size_t done = 0; done < length; done += together) {
        const size_t last = std::min(done + together, length) - 1;
        if (!is_in_core(begin + last / page * page, 1))
            return false;
    }
    return true;
}

} // namespace

bool is_on_tmpfs(int fd) {
    struct statfs facts;
    return ::fstatfs(fd, &facts) == 0 &&
           (facts.f_type == TMPFS_MAGIC || facts.f_type == RAMFS_MAGIC);
}

// The mapping is never touched: it is how mincore(2) is told which file is meant. Threads that map
// wait for each other, so it is not done where the answer is known.
int is_resident(int fd, uint64_t offset, size_t length) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t before = offset % page;
    void* const mapping = ::mmap(nullptr, length + before, PROT_READ, MAP_SHARED, fd,
                                 static_cast<off_t>(offset - before));
    if (mapping == MAP_FAILED)
        return -errno;
    const bool resident = all_in_core(static_cast<std::byte*>(mapping), length + before, page);
    ::munmap(mapping, length + before);
    return resident ? 1 : 0;
}

} // namespace arsync
