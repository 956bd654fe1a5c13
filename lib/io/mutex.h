// A mutex whose rules the compiler checks.
//
// What it protects says so (GUARDED_BY), and so does who must hold it (REQUIRES) or must not
// (EXCLUDES); clang++ -Wthread-safety, which `make lint` runs, refuses what breaks that. To other
// compilers the words are nothing. What they cannot say, a comment does: a job's fields are under
// its pool's mutex, and a directory's pins under that of the tree's directories.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define ARSYNC_THREAD_SAFETY(...) __attribute__((__VA_ARGS__))
#else
#define ARSYNC_THREAD_SAFETY(...)
#endif

#define CAPABILITY(name) ARSYNC_THREAD_SAFETY(capability(name))
#define SCOPED_CAPABILITY ARSYNC_THREAD_SAFETY(scoped_lockable)
#define GUARDED_BY(mutex) ARSYNC_THREAD_SAFETY(guarded_by(mutex))
#define REQUIRES(...) ARSYNC_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) ARSYNC_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) ARSYNC_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define RELEASE(...) ARSYNC_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS ARSYNC_THREAD_SAFETY(no_thread_safety_analysis)

namespace arsync {

class CAPABILITY("mutex") Mutex {
public:
    void lock() ACQUIRE() { mutex_.lock(); }
    void unlock() RELEASE() { mutex_.unlock(); }

private:
    friend class Condition;
    std::mutex mutex_;
};

// Holds a mutex while it lives, but for the time between unlock() and lock().
class SCOPED_CAPABILITY Lock {
public:
    explicit Lock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() RELEASE() {
        if (held_)
            mutex_.unlock();
    }
    void unlock() RELEASE() {
        mutex_.unlock();
        held_ = false;
    }
    void lock() ACQUIRE() {
        mutex_.lock();
        held_ = true;
    }

private:
    Mutex& mutex_;
    bool held_ = true;
};

// Lets go of a mutex that is held, while it lives.
class SCOPED_CAPABILITY Unlock {
public:
    explicit Unlock(Mutex& mutex) RELEASE(mutex) : mutex_(mutex) { mutex_.unlock(); }
    Unlock(const Unlock&) = delete;
    Unlock& operator=(const Unlock&) = delete;
    ~Unlock() RELEASE() { mutex_.lock(); } // which ends what the constructor did

private:
    Mutex& mutex_;
};

class Condition {
public:
    // May return for no reason.
    void wait(Mutex& mutex) REQUIRES(mutex) {
        std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
        condition_.wait(held);
        held.release();
    }
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

private:
    std::condition_variable condition_;
};

} // namespace arsync
