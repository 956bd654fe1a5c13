#include "copy/tree/window.h"

#include <algorithm>
#include <utility>

#include "io/descriptors.h"

namespace arsync {

Window::Window(Ring& ring, unsigned workers)
    : ring_(ring), size_max_(descriptors::entries(workers)), size_(size_max_) {}

void Window::leave() {
    --under_way_;
    // All of them, for each looks again, and one may have no use for the place any more.
    for (Waiter* waiter = std::exchange(waiting_first_, nullptr); waiter;) {
        Waiter* const next = waiter->next;
        ring_.post(*waiter);
        waiter = next;
    }
}

void Window::widen() {
    constexpr unsigned entries_each = 16;
    if (size_ == size_max_ || ++since_narrowed_ < entries_each)
        return;
    since_narrowed_ = 0;
    ++size_;
}

void Window::narrow() {
    if (pausing_ == 0)
        size_ = std::max(1u, size_ / 2);
    since_narrowed_ = 0;
}

Task<void> Window::pause(unsigned attempt) {
    ++pausing_;
    co_await ring_.pause(1 + (attempt + under_way_) % 8);
    --pausing_;
}

} // namespace arsync
