// A ring as the library sets one up, and a file or several moved through it.
#pragma once

#include <atomic>
#include <liburing.h>
#include <memory>

#include "files.h"
#include "measure.h"

namespace news {

// Newer than the headers some distributions still build with.
constexpr unsigned setup_single_issuer = 1u << 12;
constexpr unsigned setup_defer_taskrun = 1u << 13;
constexpr unsigned setup_submit_all = 1u << 7;
constexpr unsigned setup_hybrid_iopoll = 1u << 17; // Linux 6.13
constexpr unsigned feature_min_timeout = 1u << 15; // Linux 6.12
constexpr unsigned feature_no_iowait = 1u << 17;   // Linux 6.15
constexpr unsigned enter_no_iowait = 1u << 7;
constexpr int read_fixed = IORING_OP_READ_FIXED;
constexpr int write_fixed = IORING_OP_WRITE_FIXED;
constexpr int readv_fixed = 60; // Linux 6.15
constexpr int writev_fixed = 61;
constexpr unsigned usual_setup = setup_single_issuer | setup_defer_taskrun | setup_submit_all;

// Memory as the library's buffers have it: where huge pages can be, and asked for them.
class Memory {
public:
    explicit Memory(size_t bytes);
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory();
    char* begin() const { return begin_; }

private:
    void* mapped_;
    size_t size_;
    char* begin_;
};

// How a ring waits for completions.
struct Wait {
    unsigned count = 1;
    unsigned flags = 0;
    unsigned min_us = 0; // for `count`; then for one
};

class Ring {
public:
    explicit Ring(unsigned entries = 64, unsigned setup = usual_setup);
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring();

    io_uring& raw() { return ring_; }
    // As the library does: a table, and then each buffer by itself.
    void make_table(unsigned count);
    int register_buffer(unsigned index, char* data, size_t size);
    // Of the kernel's own, that work for the ring; 0: as it comes.
    void limit_threads(unsigned count);
    io_uring_sqe& entry();
    // Submits what there is, and waits, by one io_uring_enter(2).
    void enter(const Wait& wait);
    uint64_t enters() const { return enters_; }

private:
    io_uring ring_;
    uint64_t enters_ = 0;
};

// What is moved: all pieces of the source, or of the destination if only one of them is there.
struct Move {
    const Files* from = nullptr;
    const Files* to = nullptr;
    size_t chunk = 256 * kib;
    unsigned depth = 8;
    bool writes_now = false; // by the thread itself, while the device reads
    bool any_order = false;  // of the pieces
    int flags = 0;           // RWF_*
    Wait wait = {};
    unsigned setup = usual_setup;
    unsigned kernel_threads = 0; // at most; 0: as it comes
};

struct Moved {
    uint64_t enters = 0;
};

// By so many rings, each of a thread of its own with `depth` in flight.
Moved move(const Move& what, unsigned rings = 1);

} // namespace news
