// Which buffers one ring has registered, by their index: those of its worker, and those that are
// lent to callers.
//
// One thread uses it, the worker's. A buffer is registered when it is first worth it, and until the
// ring goes. What was refused for want of memory that may be locked is tried again now and then:
// others may have given theirs back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

#include "io/ring.h"

namespace arsync {

class Registrations {
public:
    // count: indices there may be.
    Registrations(Ring& ring, unsigned count) : ring_(ring), count_(count) {}
    Registrations(const Registrations&) = delete;
    Registrations& operator=(const Registrations&) = delete;
    ~Registrations();

    bool has(unsigned index) const {
        return index < states_.size() && states_[index] == State::registered;
    }
    // Unless it is registered, or cannot be. Throws std::bad_alloc.
    void add(unsigned index, void* data, size_t size);
    // From any thread: why one was refused (a negative errno), or 0.
    int refusal() const { return refusal_; }

private:
    enum class State : unsigned char { plain, registered, refused };
    uint64_t having(State state) const;

    Ring& ring_;
    const unsigned count_;
    std::vector<State> states_;
    std::atomic<int> refusal_ = 0;
    std::chrono::steady_clock::time_point retry_; // of what was refused
};

} // namespace arsync
