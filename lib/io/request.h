// One operation that may wait for a disk or a peer, as every ring understands it.
//
// A request lives in the frame of the coroutine that awaits it, and stays there until its result is
// in: the kernel or a helper thread may write through it until then.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace arsync {

// A suspended coroutine in a queue.
struct Waiter {
    std::coroutine_handle<> handle;
    Waiter* next = nullptr;
};

enum class Op : uint8_t {
    read,            // fd, data, length, offset, rw_flags; offset -1: a stream
    write,           // the same
    sync,            // fd; datasync
    allocate,        // fd, mode (fallocate(2)), offset, length
    write_back,      // fd, offset, length: start and wait for write-back (sync_file_range(2))
    wait_readable,   // fd
    wait_writable,   // fd
    pause,           // length in milliseconds
    reflink,         // source_fd, source_offset → fd, offset, length; length 0: the whole file
    copy_file_range, // source_fd, source_offset → fd, offset, length
    copy_cached,     // the same, by plain calls: to the first byte that is not in the page cache
    open,            // fd a directory, data the path, mode (O_* flags), offset (RESOLVE_* flags)
    sync_filesystem, // fd
    settle_holes,    // fd: write back what is dirty, so that its holes are what they seem
    call,            // run(data), which may take as long as a file is large
};

// How a request is made.
enum class Route : uint8_t {
    ring,    // as the ring makes them
    polled,  // the same; fd is open with O_DIRECT: the device may be polled for the end
    plain,   // by a system call on a thread: of some files io_uring reads other than read(2)
    at_once, // by one of the thread that asks: it is known not to wait
};

struct Request : Waiter {
    explicit Request(Op operation, int descriptor) : op(operation), fd(descriptor) {}
    // It ends when it likes, if ever, so it must not keep a place that a transfer waits for.
    bool is_wait() const {
        return op == Op::wait_readable || op == Op::wait_writable || op == Op::pause;
    }

    Op op;
    bool datasync = false;
    Route route = Route::ring;
    int fd;
    int source_fd = -1;
    int buffer_index = -1; // registration index of data, -1: not registered
    uint32_t rw_flags = 0; // RWF_*
    int mode = 0;
    void* data = nullptr;
    int64_t (*run)(void*) = nullptr;
    uint64_t length = 0;
    uint64_t offset = 0;
    uint64_t source_offset = 0;
    int64_t result = 0;           // a count, a descriptor, or a negative errno
    int64_t pause_time[2] = {};   // seconds and nanoseconds, where a ring wants them so
    uint64_t how[3] = {};         // flags, mode and resolve, the same
    uint32_t calls = 0;           // reads of a copy_cached, and as many writes
    Request* next_held = nullptr; // of the ring's list of what the kernel has
    Request* previous_held = nullptr;
    // What is to be started when this one has moved all of its length; otherwise it ends with
    // -ECANCELED. Only its end resumes the coroutine.
    Request* then = nullptr;
    Request* before = nullptr; // the one that this is the `then` of
    bool linked = false;       // the backend starts `then` by itself
    bool ended = false;        // of a linked pair: its result is in, the other's may not be
    bool cancelled = false;    // through std::atomic_ref: a helper thread may read it meanwhile
    bool endless = false;      // of a pause: one of many, for what may never come
    bool made_here = false;    // by the ring's own thread, for want of another
};

// The memory that a copy_cached goes through: a thread's own, if it keeps one.
class StepMemory {
public:
    StepMemory() = default;
    StepMemory(const StepMemory&) = delete;
    StepMemory& operator=(const StepMemory&) = delete;
    ~StepMemory();

    void keep();      // for what this thread performs from now on, while it lives
    std::byte* get(); // null if there is none to be had

private:
    std::byte* memory_ = nullptr;
};

// Perform a request by plain system calls; blocks until it is done. A wait or pause looks at
// `cancelled` every few milliseconds and ends with -ECANCELED. EINTR is retried.
int64_t perform(Request& request);

// Of a request to wait for a file: whether poll(2) knows of nothing yet.
bool is_silent(const Request& request);

} // namespace arsync
