// One thread, one ring, one set of buffers, and the jobs that run on them.
//
// The thread starts with the object. It takes jobs from the pool while it has room, runs each as a
// coroutine, and hands them back finished. Everything a job touches while it runs belongs to this
// thread; the ways in from outside are the functions below that say so. Where no thread can be had,
// whoever polls runs the jobs of a worker without one, turn by turn.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "arsync.h"
#include "io/counters.h"
#include "io/mutex.h"
#include "job.h"

namespace arsync {

class AvailableRing;
class Pool;
class Uring;
struct UringOptions;
struct Site;

class Worker {
public:
    // Throws std::system_error if no thread can be had.
    Worker(Pool& pool, unsigned number);
    // Without a thread, a negative errno says why; see turn_here. Throws std::bad_alloc.
    Worker(Pool& pool, int no_thread);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker(); // after join()

    void join(); // the pool is closing, and wake() has been called
    // Of a worker without a thread: run its jobs on this one for a while. False: nothing can go on.
    bool turn_here();
    // From any thread: there is a job to take, or the pool is closing; a running job was cancelled.
    void wake();
    // The two halves of that. The second is best left till the pool's mutex is free, which is the
    // first thing that whoever wakes up takes.
    void tell() { told_.store(true, std::memory_order_relaxed); }
    void rouse();
    void wake_to_cancel();
    // From any thread: whether it has nothing to do and has not been told of anything since it
    // last found the pool's queue empty.
    bool idle() const { return running() == 0 && !told_.load(std::memory_order_relaxed); }
    // Under the pool's mutex: there is nothing for it to take.
    void found_nothing() { told_.store(false, std::memory_order_relaxed); }
    // From any thread: whether there may be something to take.
    bool told() const { return told_.load(std::memory_order_relaxed); }
    // Under the pool's mutex: the site of all that it has taken, and how much that is.
    Site* site = nullptr;
    unsigned taken = 0;
    const Job* job_of_unknown_site = nullptr; // the only one, if it has one
    // From any thread: it is to have a ring on io_uring or none, and there was none for it.
    bool lacks_ring() const { return lacks_ring_.load(std::memory_order_relaxed); }
    // Under the pool's mutex: whether its site is one that may never answer, or not known. Read on
    // its own thread.
    std::atomic<bool> may_hang = false;
    // From any thread: whether it may take one more.
    bool has_room() const { return running() < running_max; }
    // From any thread: a part in the copy of a tree or a list, beside the jobs that it takes.
    void take_part_in(std::unique_ptr<Job> part);
    // On its own thread: one of its parts in a tree or a list waits for answers only, or does not
    // any more. False: too many do.
    bool rest();
    void rest_no_more();
    unsigned running() const { return running_count_.load(std::memory_order_relaxed); }
    const Counters& counters() const { return counters_; }
    // What this worker adds to info: flags in force, reasons, features. Gives the flags that it had
    // to do without. From any thread.
    uint32_t describe(arsync_info& info);
    // In a forked child: close the descriptors inherited from the parent's ring.
    void abandon() NO_THREAD_SAFETY_ANALYSIS;

    // So many, that cold small files keep a device busy, and so few, that their open files are no
    // burden.
    static constexpr unsigned running_max = 64;

private:
    // Jobs begun between two looks at what has completed: many end before they ever wait.
    static constexpr unsigned begun_max = 32;

    void run();
    bool do_without_ring(const Error& error);
    UringOptions wishes();
    bool serve(Ring& ring, const AvailableRing& available);
    bool turn(Io io);
    Io io_with(Ring& ring, Buffers& buffers, MethodTurns& turns) const;
    void set_ring(Ring* ring, Uring* uring, const Buffers* buffers);
    unsigned take_jobs(Io io);
    std::vector<std::unique_ptr<Job>> parts();
    bool take_parts(Io io);
    void drop_part(Job* part);
    void begin(Job& job, Io io);
    Detached run_and_finish(Job& job, Io io);
    void end(Job& job);
    bool put_question(Job& job);
    void stop_cancelled(Ring& ring);

    Pool& pool_;
    const unsigned number_;
    Counters counters_;
    std::atomic<unsigned> running_count_ = 0;
    unsigned resting_ = 0;          // jobs that are not counted there
    std::atomic<bool> told_ = true; // it looks for work when its thread has begun
    std::atomic<bool> cancels_ = false;
    std::atomic<bool> lacks_ring_ = false;
    Job* running_ = nullptr; // a doubly linked list
    unsigned begun_ = 0;     // since the last look at what has completed

    // The ring exists only while the thread runs; other threads reach it through these.
    Mutex mutex_;
    Ring* ring_ GUARDED_BY(mutex_) = nullptr;
    Uring* uring_ GUARDED_BY(mutex_) = nullptr;
    const Buffers* buffers_ GUARDED_BY(mutex_) = nullptr;
    std::vector<std::unique_ptr<Job>> parts_ GUARDED_BY(mutex_); // of trees or lists, to be begun
    std::atomic<bool> has_parts_ = false;

    struct Here; // what a worker without a thread runs its jobs with
    std::unique_ptr<Here> here_;
    std::thread thread_; // last: it uses the members above
};

} // namespace arsync
