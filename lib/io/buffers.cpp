#include "io/buffers.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <sys/mman.h>
#include <utility>

#include "io/error.h"

namespace arsync {

constexpr size_t page = 4096;

BufferLease::~BufferLease() {
    if (buffers_)
        buffers_->release(index_);
}

std::byte* BufferLease::data() const {
    return buffers_->data(index_);
}

Slice BufferLease::slice(size_t offset, size_t length) const {
    assert(offset + length <= buffers_->size(index_));
    return {data() + offset, length,
            buffers_->registrations_.has(index_) ? static_cast<int>(index_) : -1};
}

Buffers::Buffers(Ring& ring, unsigned count, size_t size, bool huge_pages,
                 std::function<Share()> share, unsigned lent)
    : ring_(ring), registrations_(ring, count + lent), first_lent_(count), count_(count),
      size_(size), share_(std::move(share)), huge_pages_(huge_pages) {}

Buffers::Buffers(Ring& ring, std::byte* memory, size_t size)
    : ring_(ring), registrations_(ring, 0), first_lent_(0), count_(1), size_(size),
      huge_pages_(false), first_(memory), is_small_lent_(true), free_{0} {}

Buffers::~Buffers() {
    assert(leased_ == 0);
    if (small_)
        munmap(small_, small_size);
}

// To register a buffer costs more than a small transfer gains by it.
Slice Buffers::lent(unsigned number, Slice whole, size_t offset, size_t length) {
    assert(offset + length <= whole.length);
    const unsigned index = first_lent_ + number;
    if (length >= whole.length / 8)
        registrations_.add(index, whole.data, whole.length);
    return {whole.data + offset, length, registrations_.has(index) ? static_cast<int>(index) : -1};
}

void Buffers::settle_share() {
    if (share_) {
        const Share share = std::exchange(share_, {})();
        count_ = share.count;
        size_ = share.size;
    }
    if (!first_)
        map();
}

bool Buffers::Wait::await_ready() {
    if (!registered_ && buffers_.lend_small()) {
        index_ = small_index;
        return true;
    }
    buffers_.settle_share();
    if (!buffers_.first_)
        throw Error{ARSYNC_STAGE_MEMORY, ENOMEM};
    if (buffers_.free_.empty())
        return false;
    index_ = static_cast<int>(buffers_.free_.back());
    buffers_.free_.pop_back();
    ++buffers_.leased_;
    return true;
}

void Buffers::Wait::await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    buffers_.waiting_.add(*this);
    buffers_.ring_.counters().buffer_waits.add(1);
}

BufferLease Buffers::Wait::await_resume() {
    const auto index = static_cast<unsigned>(index_);
    BufferLease lease(buffers_, index);
    if (registered_ && index != small_index)
        buffers_.registrations_.add(index, buffers_.data(index), buffers_.size_);
    return lease;
}

// False: it is lent already, or not to be had.
bool Buffers::lend_small() {
    if (is_small_lent_)
        return false;
    if (!small_) {
        void* memory =
            mmap(nullptr, small_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return false;
        madvise(memory, small_size, MADV_DONTFORK); // as the slab
        small_ = static_cast<std::byte*>(memory);
    }
    is_small_lent_ = true;
    ++leased_;
    return true;
}

// Handing the buffer to the first waiter, rather than back to the free ones, keeps the order.
void Buffers::release(unsigned index) {
    if (index == small_index) {
        is_small_lent_ = false;
        --leased_;
        return;
    }
    auto* const wait = static_cast<Wait*>(waiting_.take());
    if (!wait) {
        free_.push_back(index); // has room: reserved for all
        --leased_;
        return;
    }
    wait->index_ = static_cast<int>(index);
    ring_.post(*wait);
}

// As much of it as is to be had: the address space may be limited. If there is nothing at all, it
// is tried again, and then for the least.
void Buffers::map() {
    free_.reserve(count_);
    while (!map_slab()) {
        if (errno != ENOMEM || (count_ == 1 && size_ <= small_size))
            return;
        if (count_ > 1)
            count_ /= 2;
        else
            size_ = std::max(size_ / 2 / page * page, small_size);
    }
    first_ = slab_.begin();
    for (unsigned i = count_; i-- > 0;)
        free_.push_back(i); // the lowest first: few side by side touch few buffers' pages
}

bool Buffers::map_slab() {
    int error = 0;
    const bool mapped = slab_.map(count_ * size_, huge_pages_, &error);
    huge_pages_error_ = error;
    in_huge_pages_ = mapped && huge_pages_ && error == 0;
    return mapped;
}

} // namespace arsync
