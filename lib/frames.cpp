#include "frames.h"

#include <new>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

namespace arsync {

// Memory that is used again would hide from AddressSanitizer that it had been used too long.
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
static constexpr bool keeps = false;
#else
static constexpr bool keeps = true;
#endif

thread_local FrameCache* FrameCache::current_ = nullptr;

FrameCache::FrameCache() noexcept {
    current_ = this;
}

FrameCache::~FrameCache() {
    current_ = nullptr;
    for (Shelf& shelf : shelves_)
        while (Free* frame = shelf.first) {
            shelf.first = frame->next;
            ::operator delete(frame);
        }
}

FrameCache::Shelf* FrameCache::shelf_for(size_t size) noexcept {
    if (!keeps || !current_ || size == 0 || size > size_max)
        return nullptr;
    return &current_->shelves_[(size - 1) / step];
}

void* FrameCache::allocate(size_t size) {
    Shelf* shelf = shelf_for(size);
    if (!shelf || !shelf->first)
        return ::operator new((size + step - 1) / step * step);
    Free* frame = shelf->first;
    shelf->first = frame->next;
    --shelf->count;
    return frame;
}

void FrameCache::release(void* frame, size_t size) noexcept {
    Shelf* shelf = shelf_for(size);
    if (!shelf || shelf->count == kept_max) {
        ::operator delete(frame);
        return;
    }
    shelf->first = new (frame) Free{shelf->first};
    ++shelf->count;
}

} // namespace arsync
