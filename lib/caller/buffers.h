// The buffers that callers have: their memory, and what is under way in each.
//
// From any thread; one mutex guards all. A buffer is
//
//     free        nobody has it. It is mapped or not yet.
//     leased      somebody has it, by an id that nobody else ever had.
//     given up    it was released while an operation used it: nobody has it any more, and it is
//                 free when the last operation ends.
//
// and, unless it is free,
//
//     idle        no operation uses it;
//     reading     one operation writes into its memory, and there is no other;
//     writing     any number of operations read its memory.
//
// An operation's part is a BufferUse, from its submit to its end: while there is one, the memory is
// neither leased anew nor unmapped. The memory of what is leased outlives the pool, and this object
// with it: when the pool has closed, what is released is unmapped.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "arsync.h"
#include "io/mutex.h"
#include "io/ring.h"
#include "io/slab.h"

namespace arsync {

class CallerBuffers;

// An operation's part in a buffer; move-only; ends when it goes.
class BufferUse {
public:
    BufferUse() = default;
    BufferUse(BufferUse&& other) noexcept;
    BufferUse& operator=(BufferUse&& other) noexcept;
    ~BufferUse();

    unsigned number() const { return number_; }
    Slice whole() const { return whole_; } // memory, as if not registered

private:
    friend class CallerBuffers;
    CallerBuffers* owner_ = nullptr; // null: none
    unsigned number_ = 0;
    Slice whole_{nullptr, 0, -1};
};

class CallerBuffers {
public:
    // No memory is mapped yet. Throws std::bad_alloc.
    CallerBuffers(unsigned count, size_t size, bool huge_pages);
    CallerBuffers(const CallerBuffers&) = delete;
    CallerBuffers& operator=(const CallerBuffers&) = delete;

    unsigned count() const { return count_; }
    // 0, or -EAGAIN: fewer are free; or -ENOMEM. All or none.
    int take(unsigned count, arsync_buffer* out);
    int release(uint64_t id); // 0 or -ENOENT
    // For a read from a file (into the buffer), or a write to one: 0, -ENOENT, -EBUSY, or -EINVAL:
    // the part is not in the buffer.
    int begin(uint64_t id, bool reads, uint64_t at, uint64_t length, BufferUse& use);
    // There will be no operation any more. What is free gives its memory back, and what is released
    // from now on does, too. Whether there is anything to be released.
    bool close();
    // Those that were mapped so far: whether any lies in the huge pages that were asked for, and
    // why any other does not, a negative errno; 0: all do, or none was to.
    bool in_huge_pages() const { return in_huge_pages_.load(std::memory_order_relaxed); }
    int huge_pages_error() const { return huge_pages_error_.load(std::memory_order_relaxed); }

private:
    friend class BufferUse;
    struct Slot {
        Slab memory;
        uint64_t generation = 0;
        bool leased = false;
        bool reading = false;
        unsigned writing = 0;
        bool idle() const { return !reading && writing == 0; }
    };

    Slot* find(uint64_t id) REQUIRES(mutex_);
    void free_if_unused(unsigned number) REQUIRES(mutex_);
    void end(unsigned number);

    const unsigned count_;
    const size_t size_;
    const bool huge_pages_;
    Mutex mutex_;
    std::vector<Slot> slots_ GUARDED_BY(mutex_); // no more than were needed at a time
    std::vector<unsigned> free_ GUARDED_BY(mutex_);
    bool closed_ GUARDED_BY(mutex_) = false;
    std::atomic<bool> in_huge_pages_ = false;
    std::atomic<int> huge_pages_error_ = 0;
};

// Buffers that were acquired for somebody who does not have them yet: they are released when it
// goes, unless they were handed over.
class Grant {
public:
    // Throws std::bad_alloc; nothing is taken.
    Grant(CallerBuffers& from, unsigned count) : from_(&from), buffers_(count) {}
    Grant(Grant&& other) noexcept = default;
    Grant& operator=(Grant&& other) noexcept {
        std::swap(from_, other.from_);
        std::swap(buffers_, other.buffers_);
        std::swap(taken_, other.taken_);
        std::swap(handed_over_, other.handed_over_);
        return *this;
    }
    ~Grant();

    unsigned count() const { return static_cast<unsigned>(buffers_.size()); }
    int take(); // as of CallerBuffers
    const arsync_buffer* buffers() const { return taken_ ? buffers_.data() : nullptr; }
    void hand_over() { handed_over_ = true; }

private:
    CallerBuffers* from_;
    std::vector<arsync_buffer> buffers_; // empty: moved from
    bool taken_ = false;
    bool handed_over_ = false;
};

} // namespace arsync
