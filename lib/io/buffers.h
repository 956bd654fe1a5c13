// A worker's I/O memory: one slab, cut into buffers of equal size, and the leases on them.
//
// One thread uses it, the worker's. A buffer is free or leased to exactly one coroutine. A
// coroutine that holds a lease never waits for a second one, so waiting here cannot deadlock.
// Waiters are served in order, of one priority. A small copy that is alone has a buffer outside the
// slab, so that no more is mapped for it. The slab is mapped when there is need of more, as large
// as there is memory for; each buffer is registered when it is first leased for bulk work; and
// nothing is given back before the worker ends, when no request is left. Buffers that callers have
// are not among these, but the same ring registers them, under the indices that follow.
#pragma once

#include <atomic>
#include <climits>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "io/registrations.h"
#include "io/ring.h"
#include "io/slab.h"
#include "io/waiting_line.h"

namespace arsync {

class Buffers;

// The right to use one buffer; move-only; given back when it goes.
class BufferLease {
public:
    BufferLease(Buffers& buffers, unsigned index) : buffers_(&buffers), index_(index) {}
    BufferLease(BufferLease&& other) noexcept : buffers_(other.buffers_), index_(other.index_) {
        other.buffers_ = nullptr;
    }
    BufferLease& operator=(BufferLease&&) = delete;
    ~BufferLease();

    std::byte* data() const;
    // A part of the buffer, with the index it is registered under, if it is.
    Slice slice(size_t offset, size_t length) const;

private:
    Buffers* buffers_;
    unsigned index_;
};

class Buffers {
public:
    // How many of what size there is memory for, no more than there were to be.
    struct Share {
        unsigned count;
        size_t size;
    };
    // Nothing is allocated yet. count buffers of size bytes; huge_pages: try MAP_HUGETLB first.
    // share: asked once, when there is need of more than one small copy's. lent: buffers that
    // callers may have.
    Buffers(Ring& ring, unsigned count, size_t size, bool huge_pages,
            std::function<Share()> share = {}, unsigned lent = 0);
    // One buffer, of memory that somebody else has.
    Buffers(Ring& ring, std::byte* memory, size_t size);
    Buffers(const Buffers&) = delete;
    Buffers& operator=(const Buffers&) = delete;
    ~Buffers();

    class [[nodiscard]] Wait : InLine {
    public:
        Wait(Buffers& buffers, bool registered, int own)
            : InLine(own), buffers_(buffers), registered_(registered) {}
        bool await_ready();
        void await_suspend(std::coroutine_handle<> waiter);
        BufferLease await_resume();

    private:
        friend class Buffers;
        Buffers& buffers_;
        bool registered_;
        int index_ = -1;
    };

    // co_await gives a BufferLease. registered: bulk work, worth the cost of registering the buffer
    // if it is not yet; otherwise it may have small_size bytes only. Throws
    // Error{ARSYNC_STAGE_MEMORY} if there is no memory. Those of a higher priority are served
    // before those of a lower one.
    Wait lease(bool registered, int priority = 0) { return Wait(*this, registered, priority); }

    // The one of small_size bytes, at once; null: somebody has it, or there is none.
    std::optional<BufferLease> lease_small() {
        return lend_small() ? std::optional<BufferLease>(std::in_place, *this, small_index)
                            : std::nullopt;
    }

    // A part of buffer number `number` of those that callers have. whole: all of it. Registered by
    // the first use that is worth it.
    Slice lent(unsigned number, Slice whole, size_t offset, size_t length);

    // What a lease has at least, or size() if that was asked to be less.
    static constexpr size_t small_size = 256 << 10;
    // Before count() and size() are looked at for what is more than a small copy: afterwards they
    // do not change.
    void settle_share();
    unsigned count() const { return count_; }
    size_t size() const { return size_; }
    unsigned leased() const { return leased_; }
    // From any thread: why a buffer was refused registration (a negative errno, 0: none was); why
    // the slab is not in the huge pages that were asked for (the same), or that it is.
    int refusal() const { return registrations_.refusal(); }
    int huge_pages_error() const { return huge_pages_error_; }
    bool in_huge_pages() const { return in_huge_pages_; }

private:
    friend class BufferLease;
    static constexpr unsigned small_index = INT_MAX; // of the buffer outside the slab

    bool lend_small();
    void map();
    bool map_slab();
    void release(unsigned index);
    std::byte* data(unsigned index) const {
        return index == small_index ? small_ : first_ + index * size_;
    }
    size_t size(unsigned index) const { return index == small_index ? small_size : size_; }

    Ring& ring_;
    Registrations registrations_;
    const unsigned first_lent_; // index
    unsigned count_;
    size_t size_; // of each
    std::function<Share()> share_;
    const bool huge_pages_;
    Slab slab_;
    std::byte* first_ = nullptr; // buffer 0; null: there is no memory yet
    std::byte* small_ = nullptr;
    bool is_small_lent_ = false;
    std::vector<unsigned> free_;
    WaitingLine waiting_;
    unsigned leased_ = 0;
    std::atomic<int> huge_pages_error_ = 0;
    std::atomic<bool> in_huge_pages_ = false;
};

} // namespace arsync
