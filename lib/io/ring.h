// Operations that may wait, each awaitable: the only way a copy reads, writes, syncs or waits.
//
// An interface with three implementations: uring.h, threads.h, and the simulated ring in test/sim.
// A ring belongs to one thread, which starts requests, reaps them and resumes their coroutines.
// Only wake() and post_from_outside() may be called from elsewhere. Completed requests are queued
// first and resumed afterwards by run_ready(), never from inside the reaping, so that a coroutine
// may start new requests at will.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "io/counters.h"
#include "io/request.h"

namespace arsync {

// Memory for a read or write, and where it is registered.
struct Slice {
    std::byte* data;
    size_t length;
    int buffer_index; // -1: not registered
};

class Ring {
public:
    explicit Ring(Counters& counters) : counters_(counters) {}
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    virtual ~Ring() = default;

    class [[nodiscard]] Operation {
    public:
        Operation(Ring& ring, Op op, int fd) : request_(op, fd), ring_(ring) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle);
        int64_t await_resume() const noexcept {
            if (exposed_)
                *exposed_ = nullptr;
            return request_.result;
        }

    private:
        friend class Ring;
        Request request_;
        Request** exposed_ = nullptr; // where to say which request cancel() is to be given
        Ring& ring_;
    };

    // A read and a write of the same memory, the second as soon as the first is complete.
    struct Pair {
        int64_t read;  // as of a read alone
        int64_t write; // as of a write alone; -ECANCELED: the read did not give all
    };
    class [[nodiscard]] Move {
    public:
        Move(Ring& ring, int source, uint64_t source_offset, Slice through, int destination,
             uint64_t offset)
            : read_(Op::read, source), write_(Op::write, destination), ring_(ring) {
            for (Request* request : {&read_, &write_}) {
                request->data = through.data;
                request->length = through.length;
                request->buffer_index = through.buffer_index;
            }
            read_.offset = source_offset;
            write_.offset = offset;
        }
        Move(const Move&) = delete;
        Move& operator=(const Move&) = delete;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) {
            write_.handle = handle;
            read_.then = &write_;
            write_.before = &read_;
            ring_.begin(read_);
        }
        Pair await_resume() const noexcept { return {read_.result, write_.result}; }

    private:
        Request read_;
        Request write_;
        Ring& ring_;
    };
    Move move(int source, uint64_t source_offset, Slice through, int destination, uint64_t offset);

    // Each gives a count or a negative errno; none gives -EINTR unless it was cancelled. Reads and
    // writes may be short. cancellable: of a stream; see below.
    Operation read(int fd, Slice to, uint64_t offset, uint32_t rw_flags = 0,
                   Route route = Route::ring, Request** cancellable = nullptr);
    Operation write(int fd, Slice from, uint64_t offset, uint32_t rw_flags = 0,
                    Route route = Route::ring, Request** cancellable = nullptr);
    Operation sync(int fd, bool datasync);
    Operation allocate(int fd, int mode, uint64_t offset, uint64_t length);
    Operation punch_hole(int fd, uint64_t offset, uint64_t length); // by allocate()
    Operation write_back(int fd, uint64_t offset, uint64_t length);
    // While it waits, *cancellable is the request, for cancel(); otherwise null.
    Operation wait_readable(int fd, Request** cancellable);
    Operation wait_writable(int fd, Request** cancellable);
    // endless: to look again for what may never come, as a FIFO's reader. Where there is no thread
    // to wait on it fails, as the waits above do.
    Operation pause(uint64_t milliseconds, bool endless = false);
    // at_once: it is known not to wait, so the thread that asks makes the call.
    Operation reflink(int source, uint64_t source_offset, int fd, uint64_t offset, uint64_t length,
                      bool at_once = false);
    Operation copy_file_range(int source, uint64_t source_offset, int fd, uint64_t offset,
                              uint64_t length);
    // By plain reads and writes through memory of the thread that makes them, up to the first byte
    // that is not in the page cache, or cannot be read or written, or for some 100 ms: the bytes
    // moved, never an error. Where a filesystem cannot read only what is cached, it reads all.
    Operation copy_cached(int source, uint64_t source_offset, int fd, uint64_t offset,
                          uint64_t length);

    // openat2(2), where Files::open_beneath would wait: a descriptor. path must stay till then.
    Operation open_beneath(int dirfd, const char* path, int flags, uint64_t resolve);
    Operation sync_filesystem(int fd); // syncfs(2)
    // Write back what is dirty of a file, which need not be open for writing. Afterwards SEEK_HOLE
    // shows no hole where there is data that has not got its blocks yet.
    Operation settle_holes(int fd);

    // co_await ring.call(aside, body): what body() gives, which throws nothing. aside: it may take
    // long, as freeing the blocks of a huge file does, so a thread makes the call; it is not to be
    // interrupted. Otherwise it is made at once.
    template <class Body>
    auto call(bool aside, Body body) {
        struct Call {
            Ring& ring;
            const bool aside;
            Body body;
            Request request{Op::call, -1};
            Call(Ring& owner, bool on_thread, Body&& what)
                : ring(owner), aside(on_thread), body(std::move(what)) {}
            Call(const Call&) = delete;
            Call& operator=(const Call&) = delete;
            bool await_ready() noexcept {
                if (!aside)
                    request.result = body();
                return !aside;
            }
            void await_suspend(std::coroutine_handle<> waiting) {
                request.handle = waiting;
                request.data = this;
                request.run = [](void* self) -> int64_t {
                    return static_cast<Call*>(self)->body();
                };
                ring.begin(request);
            }
            int64_t await_resume() const noexcept { return request.result; }
        };
        return Call(*this, aside, std::move(body));
    }

    // co_await ring.yield(): let everything else go on that can, then go on.
    auto yield() {
        struct Yield : Waiter {
            Ring& ring;
            explicit Yield(Ring& owner) : ring(owner) {}
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> waiting) {
                handle = waiting;
                ring.post_later(*this);
            }
            void await_resume() const noexcept {}
        };
        return Yield(*this);
    }

    // Queue a coroutine to be resumed by run_ready.
    void post(Waiter& waiter);
    // The same from any thread: the ring's own is woken.
    void post_from_outside(Waiter& waiter);
    // Resume everything that is ready, and what becomes ready by that. False if there was nothing.
    bool run_ready();
    // Hand over what was started; take in what has completed. If nothing had, wait until something
    // has or wake() is called; but not if a coroutine has only given way.
    void wait();
    // The same without ever waiting: a turn for others between many things that do not wait.
    void look();
    // Make wait() return, now or the next time. From any thread.
    virtual void wake() = 0;
    // Ask a request that was begun to end early. Its result still comes: what it has done by then,
    // -ECANCELED or -EINTR. Waits end; reads and writes of streams do where the kernel has them.
    virtual void cancel(Request& request) = 0;

    // Give the kernel a lasting mapping of buffer number index (below the count that the ring was
    // made for), so that reads and writes need not pin its pages each time. A negative errno means
    // that the buffer is used as plain memory. Registered until the ring goes.
    virtual int register_buffer(unsigned index, void* data, size_t size) = 0;

    unsigned in_flight() const { return in_flight_; }
    Counters& counters() { return counters_; }

protected:
    // Start a request, and what is to follow it if the backend can (then it is `linked`). Its
    // result comes by complete(), possibly before start returns.
    virtual void start(Request& request) = 0;
    void complete(Request& request, int64_t result);
    // The same of what this thread has made itself for want of another, and so may have taken long:
    // what has completed meanwhile comes first, and a look at what else there is.
    void complete_here(Request& request, int64_t result);
    // wait(), as far as it is the backend's. block: false: only look.
    virtual void take_completed(bool block) = 0;

private:
    void post_later(Waiter& waiter);
    void take_from_outside();
    void resume_later();
    void begin(Request& request);
    void go_on(Request& request);
    void account_depth(int change);

    Counters& counters_;
    Waiter* ready_first_ = nullptr;
    Waiter** ready_end_ = &ready_first_;
    Waiter* later_first_ = nullptr; // resumed when nothing is ready, after a look at completions
    Waiter** later_end_ = &later_first_;
    std::atomic<Waiter*> outside_ = nullptr; // newest first
    unsigned in_flight_ = 0;
    uint64_t depth_since_ns_ = 0;
};

} // namespace arsync
