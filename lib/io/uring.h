// The ring on io_uring.
//
// The thread that makes it is the only one that submits (SINGLE_ISSUER). At most `limit_` transfers
// are with the kernel at a time, half of what the completion queue holds; more wait in a backlog.
// Waits and pauses do not count: there are as many as copies, and what is more than the queue holds
// the kernel keeps. One poll of an event descriptor is always in flight: it is how wake() and the
// helper threads end a wait. What io_uring has no operation for, or this kernel's does not, goes to
// helpers.
//
// A request is in exactly one place: the backlog, a helper's queue, or held by a ring (`held_`),
// from its entry in the submission queue to the end that the kernel tells. What a ring holds has
// its memory to itself.
//
// A read and the write that follows it are, while both are held, a pair or apart:
//
//     apart     `linked` is false. Only one of them is held. The read's end starts the write.
//     a pair    `linked` is true. Neither end means anything before the other is in: until then the
//               kernel may use the memory of both. Then
//                   the read was short, or failed     the write ends with -ECANCELED, as it has
//                   the read is -ECANCELED,           no kernel thread was to be had, or one of
//                   -EACCES or -EAGAIN                the two is not allowed, or the kernel will
//                                                     not wait: apart; a helper reads
//                   the write is any of these         the same: a helper writes
//                   the write's end came first        it did not follow the read: a helper writes
//                                                     again
//     parted    An enter took the read and left the write. The write's entry is still ours, so it
//               is made void before the next enter, and the two are apart.
//
// An SQPOLL thread takes entries when it likes, so there all are apart.
//
// A cancel asks the kernel to end a request; it takes nothing back. Only waits, and transfers of
// streams, are asked, never one of a pair:
//
//     wanted    `cancelled` is true. The request is where it was: a helper looks at the flag while
//               it waits, and whatever takes the request from the backlog; in a ring an entry
//               behind its own asks for its end. That entry's own completion says nothing
//               (`tag_none`).
//     ended     by whatever comes first: what it waited for, or -ECANCELED, which is the result
//               only if it was wanted. Otherwise the kernel had no thread for it: a helper goes on.
//
// What happens when a process denies itself io_uring stands in uring_denied.h.
#pragma once

#include <bitset>
#include <liburing.h>
#include <memory>
#include <span>
#include <string>

#include "io/crews.h"
#include "io/fd.h"
#include "io/ring.h"
#include "io/sleeper.h"

namespace arsync {

struct UringOptions {
    unsigned queue_depth = 64;
    unsigned buffer_count = 16; // slots to register
    bool sqpoll = false;
    bool iopoll = false;
    std::function<unsigned()> helpers = {}; // how many of them there is memory for
    std::bitset<IORING_OP_LAST> without;    // operations to do without, as on an older kernel
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
    // 0, or what io_uring_enter(2) has said since: then all is done by helpers (uring_denied.h).
    // From any thread.
    int denied() const { return denied_.load(std::memory_order_relaxed); }

private:
    // A ring set up and its operations known; closed with its owner.
    struct Queue {
        io_uring ring;
        unsigned pending = 0;   // transfers that are with the kernel
        bool has_table = false; // of registered buffers
        Queue(unsigned entries, unsigned flags, unsigned idle_ms);
        Queue(const Queue&) = delete;
        Queue& operator=(const Queue&) = delete;
        ~Queue();
    };

    // Flags to set a ring up with, and what they are called.
    struct Setup {
        unsigned flags;
        const char* words;
    };
    // uring_setup.cpp
    void open_main(const UringOptions& options);
    void open_best(std::span<const Setup> setups, unsigned queue_depth);
    void open_polled(const UringOptions& options);
    void find_operations(const UringOptions& options);
    void register_table();

    void start(Request& request) override;
    void take_completed(bool block) override;
    bool has(io_uring_op op) const { return operations_[static_cast<size_t>(op)]; }
    bool uses_ring(const Request& request) const;
    void help(Request& request);
    bool take_helped();
    Request& take_from_backlog();
    void enqueue(Request& request);
    Queue& queue_for(const Request& request) const;
    bool make_room(Queue& queue, unsigned wanted);
    io_uring_sqe& entry(Queue& queue, uint64_t tag);
    io_uring_sqe& enqueue_alone(Queue& queue, Request& request);
    // The operation of a request, not counting registered buffers; -1: helpers'.
    static int ring_operation(Op op);
    static void prepare(io_uring_sqe& sqe, Request& request);
    void hold(Request& request);
    void let_go(Request& request);
    void arm_wake();
    void take_wake();
    void enter(Queue& queue, bool wait_for_one);
    void reap(Queue& queue);
    void end(Request& request, int result);
    static bool may_be_refused(const Request& request, int64_t result);
    void do_without_polling(Request& request);

    // uring_pair.cpp
    void end_in_pair(Request& first, Request& request, int result);
    void part_pair(Queue& queue);

    // uring_denied.cpp
    bool guarded();
    void give_up_rings();
    void take_back(Queue& queue);
    void take_without_ring(bool block);
    void wait_without_ring();
    void end_unseen(Request& request);

    // Completions that are nobody's request. Requests are aligned, so their addresses are larger.
    enum : uint64_t { tag_none = 0, tag_wake = 1 };
    static Request& request_of(uint64_t tag) { return *reinterpret_cast<Request*>(tag); }

    std::unique_ptr<Queue> main_;   // null: given up
    std::unique_ptr<Queue> polled_; // IORING_SETUP_IOPOLL; only O_DIRECT reads and writes
    std::bitset<IORING_OP_LAST> operations_;
    unsigned limit_ = 0;
    UringFeatures features_;
    const unsigned buffer_count_;
    int registration_error_ = 0;
    std::atomic<bool> iopoll_ = false;
    std::atomic<int> iopoll_error_ = 0;
    std::atomic<int> denied_ = 0;

    Waiter* backlog_first_ = nullptr;
    Waiter** backlog_end_ = &backlog_first_;
    Request* held_ = nullptr; // with the kernel, or on the way to it: a doubly linked list
    Fd guard_;                // see guarded()

    Fd wake_fd_;
    bool wake_armed_ = false;
    Sleeper sleeper_;
    Crews helpers_; // last: their threads use the members above
};

} // namespace arsync
