#include "io/slab.h"

#include <cerrno>
#include <cstdint>
#include <sys/mman.h>

namespace arsync {

static constexpr int huge_page_bits = 21;
static constexpr size_t huge_page_size = size_t{1} << huge_page_bits;

// Linux 5.14: newer than the headers some distributions still build with.
static constexpr int populate_write = 23;

static void* map_anonymous(size_t bytes, int more_flags) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

// Direct I/O in flight into memory that a fork makes copy-on-write would land in the wrong
// process's copy.
static bool keep_from_children(void* memory, size_t bytes) {
    return madvise(memory, bytes, MADV_DONTFORK) == 0;
}

// Where a control group allows no more of them, they can be mapped, and whoever touches them gets a
// SIGBUS: so they are touched here, where that is an error. A kernel that cannot do so has to be
// believed. Their size is asked for, as the machine may have another one by default, of which these
// bytes need not be a multiple.
static void* map_huge_pages(size_t bytes) {
    void* memory = map_anonymous(bytes, MAP_HUGETLB | huge_page_bits << MAP_HUGE_SHIFT);
    if (!memory)
        return nullptr;
    const bool is_there = madvise(memory, bytes, populate_write) == 0 || errno == EINVAL;
    if (is_there && keep_from_children(memory, bytes))
        return memory;
    const int error = errno;
    munmap(memory, bytes);
    errno = error;
    return nullptr;
}

Slab::~Slab() {
    if (memory_)
        munmap(memory_, mapped_);
}

bool Slab::map(size_t bytes, bool huge_pages, int* huge_error) {
    if (huge_pages) {
        mapped_ = (bytes + huge_page_size - 1) / huge_page_size * huge_page_size;
        memory_ = map_huge_pages(mapped_);
        *huge_error = memory_ ? 0 : -errno;
    }
    if (!memory_) {
        // Older kernels do not begin a large mapping where a huge page could.
        mapped_ = bytes + (bytes >= huge_page_size ? huge_page_size : 0);
        memory_ = map_anonymous(mapped_, 0);
        if (!memory_)
            return false;
        keep_from_children(memory_, mapped_);
    }
    const auto misplaced = reinterpret_cast<uintptr_t>(memory_) % huge_page_size;
    const bool moves = mapped_ >= bytes + huge_page_size && misplaced > 0;
    begin_ = static_cast<std::byte*>(memory_) + (moves ? huge_page_size - misplaced : 0);
    return true;
}

} // namespace arsync
