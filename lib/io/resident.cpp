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

bool all_in_core(std::byte* begin, size_t length, size_t page) {
    std::array<unsigned char, 128> present;
    const size_t step = present.size() * page;
    for (size_t done = 0; done < length; done += step) {
        const size_t part = std::min(step, length - done);
        if (::mincore(begin + done, part, present.data()) < 0)
            return false;
        const auto end = present.begin() + static_cast<ptrdiff_t>((part + page - 1) / page);
        if (!std::all_of(present.begin(), end, [](unsigned char bits) { return (bits & 1) != 0; }))
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
