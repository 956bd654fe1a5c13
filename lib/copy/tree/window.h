// How many entries one worker has under way side by side, so that what they hold fits the limit of
// descriptors with all workers' and the directories'.
#pragma once

#include "io/ring.h"
#include "task.h"

namespace arsync {

class Window {
public:
    Window(Ring& ring, unsigned workers);
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    bool has_room() const { return under_way_ < size_; }
    unsigned room() const { return has_room() ? size_ - under_way_ : 0; }
    unsigned under_way() const { return under_way_; }
    bool is_paused() const { return pausing_ > 0; } // somebody waits for descriptors
    void enter() { ++under_way_; }
    void leave();

    // co_await EntryEnd(window): until one of the entries under way has left.
    struct EntryEnd : Waiter {
        Window& window;
        explicit EntryEnd(Window& own) : window(own) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) {
            handle = waiting;
            next = window.waiting_first_;
            window.waiting_first_ = this;
        }
        void await_resume() const noexcept {}
    };

    // An entry found the descriptors it needed: what took them may have been somebody else, and for
    // a moment.
    void widen();
    // One did not. Half as many, though all that are under way may find none left.
    void narrow();
    // Until it may try again. Those who wait must not all come back at the same time.
    Task<void> pause(unsigned attempt);

private:
    Ring& ring_;
    const unsigned size_max_;
    unsigned size_;
    unsigned under_way_ = 0;
    unsigned since_narrowed_ = 0;     // entries that ended well
    unsigned pausing_ = 0;            // that wait for descriptors
    Waiter* waiting_first_ = nullptr; // for an entry to end
};

} // namespace arsync
