// What links a running copy with the outside: cancellation in, progress out.
//
// Any thread may cancel and read; the worker that runs the copy does everything else.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "io/error.h"
#include "io/ring.h"

namespace arsync {

class Control {
public:
    // From any thread.
    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
    Stage stage() const { return stage_.load(std::memory_order_relaxed); }
    Method method() const { return method_.load(std::memory_order_relaxed); }
    uint64_t bytes_total() const { return bytes_total_.load(std::memory_order_relaxed); }
    uint64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }

    // From the worker.
    void enter(Stage stage) { stage_.store(stage, std::memory_order_relaxed); }
    void set_method(Method method) { method_.store(method, std::memory_order_relaxed); }
    void set_total(uint64_t bytes) { bytes_total_.store(bytes, std::memory_order_relaxed); }
    void add_done(uint64_t bytes) {
        bytes_done_.store(bytes_done() + bytes, std::memory_order_relaxed);
    }
    void restart() { bytes_done_.store(0, std::memory_order_relaxed); }
    void throw_if_cancelled() const {
        if (cancelled())
            throw Error{stage(), ECANCELED};
    }
    // The wait that a cancel should end early, while there is one; see Ring::cancel.
    Request* interruptible = nullptr;

private:
    std::atomic<bool> cancelled_ = false;
    std::atomic<Stage> stage_ = ARSYNC_STAGE_QUEUE;
    std::atomic<Method> method_ = ARSYNC_METHOD_AUTO;
    std::atomic<uint64_t> bytes_total_ = 0;
    std::atomic<uint64_t> bytes_done_ = 0;
};

} // namespace arsync
