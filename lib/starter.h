// Threads that have the rights of whoever opened the pool.
//
// A thread has its user, groups, capabilities and CPU affinity from the one that starts it, and a
// submit may come from a thread with others. So the opener starts the first thread, which waits for
// something to do. Others are started by a thread that still has those rights: the one that asks,
// or for it a worker; one that may come to wait for ever does so before anybody asks.
#pragma once

#include <atomic>
#include <functional>
#include <linux/capability.h>
#include <sched.h>
#include <sys/types.h>
#include <thread>
#include <vector>

#include "io/mutex.h"

namespace arsync {

// What the calling thread may do.
class Rights {
public:
    Rights(); // throws std::bad_alloc
    bool operator==(const Rights& other) const;

private:
    int user_, group_; // for files
    std::vector<gid_t> groups_;
    __user_cap_data_struct capabilities_[2] = {};
    cpu_set_t processors_;
};

class Starter {
public:
    Starter(); // on the opener's thread; throws std::bad_alloc
    Starter(const Starter&) = delete;
    Starter& operator=(const Starter&) = delete;
    ~Starter(); // after all threads that it gave out have ended

    // A thread that runs body. Throws std::system_error where none can be had now.
    std::thread start(std::function<void()> body);
    // Why the opener could start no thread, a negative errno; or 0.
    int error() const { return error_; }
    // On a thread that start() gave: where one was asked for in vain by a thread with other rights,
    // start it for the next time. Whether it did.
    bool try_again();
    // The same before anybody asks, for this one may not come back. Not where address space is
    // limited, of which a stack takes much: there may be too little left for the work.
    void keep_spare() {
        if (has_room_ && !has_spare_.load(std::memory_order_relaxed))
            start_spare_if_none();
    }

private:
    bool start_spare_if_none();
    void start_spare() REQUIRES(mutex_);
    void run();

    const Rights rights_;
    bool has_room_ = false;
    int error_ = 0;
    std::atomic<bool> asked_in_vain_ = false;
    std::atomic<bool> has_spare_ = false;
    Mutex mutex_;
    Condition changed_;
    std::thread spare_ GUARDED_BY(mutex_);
    std::function<void()> body_ GUARDED_BY(mutex_); // for the spare thread to take
    bool stopping_ GUARDED_BY(mutex_) = false;
};

} // namespace arsync
