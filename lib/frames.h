// Memory for coroutine frames.
//
// Each small file of a tree takes two dozen frames, one after another, in a few sizes, and some of
// them are too large for what malloc keeps at hand for a thread. A worker keeps those that it has
// freed for the next ones.
#pragma once

#include <cstddef>

namespace arsync {

// While it lives, the calling thread keeps frames; elsewhere they come from the heap and go there.
class FrameCache {
public:
    FrameCache() noexcept;
    FrameCache(const FrameCache&) = delete;
    FrameCache& operator=(const FrameCache&) = delete;
    ~FrameCache();

    // As operator new and delete; a frame may end on another thread than it began.
    static void* allocate(size_t size);
    static void release(void* frame, size_t size) noexcept;

private:
    struct Free {
        Free* next;
    };
    static constexpr size_t step = 64; // bytes between two sizes
    static constexpr size_t size_max = 4096;
    static constexpr unsigned kept_max = 128; // of a size: as many as a worker's files at once
    struct Shelf {
        Free* first = nullptr;
        unsigned count = 0;
    };
    static Shelf* shelf_for(size_t size) noexcept;

    Shelf shelves_[size_max / step];
    static thread_local FrameCache* current_;
};

// The base of a coroutine's promise: has its frame from there.
struct InCachedFrame {
    static void* operator new(size_t size) { return FrameCache::allocate(size); }
    static void operator delete(void* frame, size_t size) noexcept {
        FrameCache::release(frame, size);
    }
};

} // namespace arsync
