#include "caller/buffers.h"

#include <cerrno>
#include <utility>

namespace arsync {

// A buffer's id: its number, counted from 1, and above that its generation. As many bits as
// ARSYNC_LEASE_COUNT_MAX needs.
static constexpr unsigned number_bits = 11;
static constexpr uint64_t number_mask = (1u << number_bits) - 1;
static_assert(ARSYNC_LEASE_COUNT_MAX <= number_mask);

static unsigned number_of(uint64_t id) {
    return static_cast<unsigned>(id & number_mask) - 1; // huge, if it is no id at all
}

BufferUse::BufferUse(BufferUse&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), number_(other.number_), whole_(other.whole_) {}

BufferUse& BufferUse::operator=(BufferUse&& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(number_, other.number_);
    std::swap(whole_, other.whole_);
    return *this;
}

BufferUse::~BufferUse() {
    if (owner_)
        owner_->end(number_);
}

CallerBuffers::CallerBuffers(unsigned count, size_t size, bool huge_pages)
    : count_(count), size_(size), huge_pages_(huge_pages) {}

int CallerBuffers::take(unsigned count, arsync_buffer* out) {
    const Lock lock(mutex_);
    const size_t more = free_.size() < count ? count - free_.size() : 0;
    if (slots_.size() + more > count_)
        return -EAGAIN;
    // Only what fails has to be undone, and that is before anything is taken: more of them are free
    // then than before.
    slots_.reserve(slots_.size() + more);
    free_.reserve(slots_.size() + more);
    for (size_t i = 0; i < more; ++i) {
        Slab memory;
        int huge_error = 0;
        if (!memory.map(size_, huge_pages_, &huge_error))
            return -ENOMEM;
        if (huge_error < 0)
            huge_pages_error_.store(huge_error, std::memory_order_relaxed);
        else if (huge_pages_)
            in_huge_pages_.store(true, std::memory_order_relaxed);
        slots_.emplace_back().memory = std::move(memory);
        free_.push_back(static_cast<unsigned>(slots_.size() - 1));
    }
    for (unsigned i = 0; i < count; ++i) {
        const unsigned number = free_.back();
        free_.pop_back();
        Slot& slot = slots_[number];
        slot.leased = true;
        ++slot.generation;
        out[i] = {slot.generation << number_bits | (number + 1), slot.memory.begin(), size_, 0, 0};
    }
    return 0;
}

CallerBuffers::Slot* CallerBuffers::find(uint64_t id) {
    const unsigned number = number_of(id);
    if (number >= slots_.size())
        return nullptr;
    Slot& slot = slots_[number];
    return slot.leased && slot.generation == id >> number_bits ? &slot : nullptr;
}

int CallerBuffers::release(uint64_t id) {
    const Lock lock(mutex_);
    Slot* slot = find(id);
    if (!slot)
        return -ENOENT;
    slot->leased = false;
    free_if_unused(number_of(id));
    return 0;
}

void CallerBuffers::free_if_unused(unsigned number) {
    Slot& slot = slots_[number];
    if (slot.leased || !slot.idle())
        return;
    if (closed_)
        slot.memory = Slab();
    free_.push_back(number); // has room, see take
    if (closed_ && free_.size() == slots_.size()) {
        slots_ = std::vector<Slot>();
        free_ = std::vector<unsigned>();
    }
}

int CallerBuffers::begin(uint64_t id, bool reads, uint64_t at, uint64_t length, BufferUse& use) {
    const Lock lock(mutex_);
    Slot* slot = find(id);
    if (!slot)
        return -ENOENT;
    if (at > size_ || length > size_ - at)
        return -EINVAL;
    if (slot->reading || (reads && slot->writing > 0))
        return -EBUSY;
    slot->reading = reads;
    slot->writing += !reads;
    use.owner_ = this;
    use.number_ = number_of(id);
    use.whole_ = {slot->memory.begin(), size_, -1};
    return 0;
}

void CallerBuffers::end(unsigned number) {
    const Lock lock(mutex_);
    Slot& slot = slots_[number];
    slot.writing -= !slot.reading;
    slot.reading = false;
    free_if_unused(number);
}

bool CallerBuffers::close() {
    const Lock lock(mutex_);
    closed_ = true;
    for (const unsigned number : free_)
        slots_[number].memory = Slab();
    return free_.size() < slots_.size();
}

Grant::~Grant() {
    if (!taken_ || handed_over_)
        return;
    for (const arsync_buffer& buffer : buffers_)
        from_->release(buffer.id);
}

int Grant::take() {
    const int error = from_->take(count(), buffers_.data());
    taken_ = error == 0;
    return error;
}

} // namespace arsync
