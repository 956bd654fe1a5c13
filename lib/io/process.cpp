#include "io/process.h"

#include <atomic>
#include <sys/mman.h>
#include <unistd.h>

namespace arsync {

namespace {

using Generation = std::atomic<uint32_t>;

// In ordinary memory, so that a child goes on counting from where its parent was.
Generation last_generation = 0;

// The page: the generation of this process, 0 before it has one. One for each process, for ever.
std::atomic<Generation*> generation_page = nullptr;

Generation* make_page() noexcept {
    void* memory = mmap(nullptr, sizeof(Generation), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return nullptr;
    if (madvise(memory, sizeof(Generation), MADV_WIPEONFORK) < 0) { // before Linux 4.14
        munmap(memory, sizeof(Generation));
        return nullptr;
    }
    auto* made = static_cast<Generation*>(memory);
    Generation* found = nullptr;
    if (generation_page.compare_exchange_strong(found, made))
        return made;
    munmap(memory, sizeof(Generation)); // another thread was first
    return found;
}

uint32_t this_generation() noexcept {
    const Generation* own = generation_page.load();
    return own ? own->load(std::memory_order_relaxed) : 0;
}

uint32_t begin_generation() noexcept {
    Generation* own = generation_page.load();
    if (!own)
        own = make_page();
    if (!own)
        return 0;
    uint32_t found = 0;
    const uint32_t next = ++last_generation;
    return own->compare_exchange_strong(found, next) ? next : found;
}

} // namespace

ProcessMark::ProcessMark() noexcept : generation_(begin_generation()), id_(getpid()) {}

bool ProcessMark::is_here() const noexcept {
    return generation_ != 0 ? this_generation() == generation_ : getpid() == id_;
}

bool ProcessMark::is_own() const noexcept {
    return is_here() && getpid() == id_;
}

} // namespace arsync
