#include "io/buffers.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <sys/mman.h>
#include <utility>

#include "io/error.h"

namespace arsync {

static constexpr std::chrono::seconds retry_after{1};
static constexpr size_t huge_page_size = size_t{2} << 20;

Lease::~Lease() {
    if (buffers_)
        buffers_->release(index_);
}

std::byte* Lease::data() const {
    return buffers_->data(index_);
}

Slice Lease::slice(size_t offset, size_t length) const {
    assert(offset + length <= buffers_->size(index_));
    return {data() + offset, length,
            buffers_->is_registered(index_) ? static_cast<int>(index_) : -1};
}

Buffers::Buffers(Ring& ring, unsigned count, size_t size, bool huge_pages,
                 std::function<Share()> share)
    : ring_(ring), count_(count), size_(size), share_(std::move(share)), huge_pages_(huge_pages) {}

Buffers::Buffers(Ring& ring, std::byte* memory, size_t size)
    : ring_(ring), count_(1), size_(size), huge_pages_(false), slab_(memory), first_(memory),
      is_small_lent_(true), free_{0}, states_{State::refused} {}

Buffers::~Buffers() {
    assert(leased_ == 0);
    const auto having = [&](State state) {
        return static_cast<uint64_t>(std::count(states_.begin(), states_.end(), state));
    };
    ring_.counters().buffers_registered.add(-having(State::registered));
    ring_.counters().buffers_refused.add(-having(State::refused));
    if (slab_size_ > 0)
        munmap(slab_, slab_size_);
    if (small_)
        munmap(small_, small_size);
}

void Buffers::settle_share() {
    if (share_) {
        const Share share = std::exchange(share_, {})();
        count_ = share.count;
        size_ = share.size;
    }
    if (!slab_)
        map();
}

bool Buffers::Wait::await_ready() {
    if (!registered_ && buffers_.lend_small()) {
        index_ = small_index;
        return true;
    }
    buffers_.settle_share();
    if (!buffers_.slab_)
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
    Wait** place = buffers_.waiting_end_;
    if (buffers_.waiting_first_ && priority_ > buffers_.lowest_waiting_) {
        place = &buffers_.waiting_first_;
        while ((*place)->priority_ >= priority_)
            place = &(*place)->next_wait_;
    } else {
        buffers_.lowest_waiting_ = priority_;
        buffers_.waiting_end_ = &next_wait_;
    }
    next_wait_ = *place;
    *place = this;
    buffers_.ring_.counters().buffer_waits.add(1);
}

Lease Buffers::Wait::await_resume() {
    const auto index = static_cast<unsigned>(index_);
    if (registered_ && !buffers_.is_registered(index))
        buffers_.make_registered(index);
    return Lease(buffers_, index);
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
    Wait* wait = waiting_first_;
    if (!wait) {
        free_.push_back(index); // has room: reserved for all
        --leased_;
        return;
    }
    waiting_first_ = wait->next_wait_;
    if (!waiting_first_)
        waiting_end_ = &waiting_first_;
    wait->index_ = static_cast<int>(index);
    ring_.post(*wait);
}

// As much of it as is to be had: the address space may be limited. If there is nothing at all, it
// is tried again, and then for the least.
void Buffers::map() {
    free_.reserve(count_);
    states_.reserve(count_);
    void* memory = map_slab();
    while (!memory && errno == ENOMEM && (count_ > 1 || size_ > small_size)) {
        if (count_ > 1)
            count_ /= 2;
        else
            size_ = std::max(size_ / 2, small_size);
        memory = map_slab();
    }
    if (!memory)
        return;
    // Direct I/O in flight into memory that a fork makes copy-on-write would land in the wrong
    // process's copy.
    madvise(memory, slab_size_, MADV_DONTFORK);
    slab_ = static_cast<std::byte*>(memory);
    const auto misplaced = reinterpret_cast<uintptr_t>(memory) % huge_page_size;
    first_ =
        slab_ + (slab_size_ > count_ * size_ && misplaced > 0 ? huge_page_size - misplaced : 0);
    states_.assign(count_, State::plain);
    for (unsigned i = count_; i-- > 0;)
        free_.push_back(i); // the lowest first: few side by side touch few buffers' pages
}

// Null: there is none to be had, as errno says.
void* Buffers::map_slab() {
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const size_t wanted = count_ * size_;
    if (huge_pages_) {
        slab_size_ = (wanted + huge_page_size - 1) / huge_page_size * huge_page_size;
        void* memory =
            mmap(nullptr, slab_size_, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
        if (memory != MAP_FAILED) {
            in_huge_pages_ = true;
            return memory;
        }
        huge_pages_error_ = -errno;
    }
    // Older kernels do not begin a large mapping where a huge page could.
    slab_size_ = wanted + (wanted >= huge_page_size ? huge_page_size : 0);
    void* memory = mmap(nullptr, slab_size_, PROT_READ | PROT_WRITE, flags, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

// What was refused for want of memory that may be locked is tried again now and then: others may
// have given theirs back.
void Buffers::make_registered(unsigned index) {
    const bool again = states_[index] == State::refused;
    const auto now = std::chrono::steady_clock::now();
    if (again && (refusal_ != -ENOMEM || now < retry_))
        return;
    // A transparent huge page under the buffer makes pinning cheap. Asked for only now: a small
    // copy that uses a few pages of one buffer must not pay for clearing two megabytes.
    madvise(data(index), size_, MADV_HUGEPAGE);
    const int result = ring_.register_buffer(index, data(index), size_);
    Counters& counters = ring_.counters();
    if (result == 0) {
        states_[index] = State::registered;
        counters.buffers_registered.add(1);
        if (again)
            counters.buffers_refused.add(-uint64_t{1});
        if (std::count(states_.begin(), states_.end(), State::refused) == 0)
            refusal_ = 0;
        return;
    }
    states_[index] = State::refused;
    refusal_ = result;
    retry_ = now + retry_after;
    if (!again)
        counters.buffers_refused.add(1);
}

} // namespace arsync
