// The ring on io_uring.
//
// The thread that makes it is the only one that submits (SINGLE_ISSUER). At most `limit_` transfers
// are with the kernel at a time, half of what the completion queue holds; more wait in a backlog.
// Waits and pauses do not count: there are as many as copies, and what is more than the queue holds
// the kernel keeps. One read of an event descriptor is always in flight: it is how wake() and the
// helper threads end a wait. What io_uring has no operation for, or this kernel's does not, goes to
// helpers.
#pragma once

#include <bitset>
#include <liburing.h>
#include <memory>
#include <span>
#include <string>

#include "io/fd.h"
#include "io/helpers.h"
#include "io/ring.h"

namespace arsync {

struct UringOptions {
    unsigned queue_depth = 64;
    unsigned buffer_count = 16; // slots to register
    bool sqpoll = false;
    bool iopoll = false;
    std::bitset<IORING_OP_LAST> without; // operations to do without, as on an older kernel
};

// What a ring got of what it asked for.
struct UringFeatures {
    std::string in_use; // words separated by spaces
    bool sqpoll = false;
    int sqpoll_error = 0; // why not, a negative errno
};

class Uring final : public Ring {
public:
    // Throws Error with io_uring_setup(2)'s errno.
    Uring(Counters& counters, const UringOptions& options);
    ~Uring() override;

    // 0 if this process may use io_uring, else the negative errno that says why not.
    static int probe();

    void wake() override;
    void cancel(Request& request) override;
    int register_buffer(unsigned index, void* data, size_t size) override;

    // In a forked child: close what was inherited, and touch nothing else.
    void close_inherited();

    const UringFeatures& features() const { return features_; }
    // Whether O_DIRECT transfers are polled for; if it was asked for and they are not, the negative
    // errno that says why. Known only when a device has been tried. From any thread.
    bool iopoll() const { return iopoll_; }
    int iopoll_error() const { return iopoll_error_; }

private:
    // A ring set up and its operations known; closed with its owner.
    struct Queue {
        io_uring ring;
        unsigned pending = 0; // requests that are with the kernel
        Queue(unsigned entries, unsigned flags, unsigned idle_ms);
        Queue(const Queue&) = delete;
        Queue& operator=(const Queue&) = delete;
        ~Queue() { io_uring_queue_exit(&ring); }
        io_uring_sqe& sqe(Counters& counters);
    };

    // Flags to set a ring up with, and what they are called.
    struct Setup {
        unsigned flags;
        const char* words;
    };
    void open_main(const UringOptions& options);
    void open_best(std::span<const Setup> setups, unsigned queue_depth);
    void open_polled(const UringOptions& options);
    void find_operations(const UringOptions& options);
    void start(Request& request) override;
    void take_completed(bool block) override;
    void help(Request& request);
    void enqueue(Request& request);
    io_uring_sqe& enqueue_alone(Request& request);
    void take_cancelled(Request& request);
    void prepare(io_uring_sqe& sqe, Request& request) const;
    bool has(io_uring_op op) const { return operations_[static_cast<size_t>(op)]; }
    bool uses_ring(const Request& request) const;
    void arm_wake();
    void submit(Queue& queue, bool wait_for_one);
    void reap(Queue& queue);
    void take_helped();

    std::unique_ptr<Queue> main_;
    std::unique_ptr<Queue> polled_; // IORING_SETUP_IOPOLL; only O_DIRECT reads and writes
    std::bitset<IORING_OP_LAST> operations_;
    unsigned limit_ = 0;
    UringFeatures features_;
    int registration_error_ = 0;
    std::atomic<bool> iopoll_ = false;
    std::atomic<int> iopoll_error_ = 0;

    Waiter* backlog_first_ = nullptr;
    Waiter** backlog_end_ = &backlog_first_;

    Fd wake_fd_;
    uint64_t wake_value_ = 0;
    bool wake_armed_ = false;
    std::atomic<bool> wake_pending_ = false;
    Helpers helpers_; // last: its threads use the members above
};

} // namespace arsync
