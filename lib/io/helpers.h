// Threads that make blocking calls for one ring, so that its own thread does not wait.
//
// Requests go in and come out through two queues under one mutex. Threads start as work arrives, up
// to a limit, are named as the thread that starts them, and end with the object, after finishing
// what was queued.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "io/mutex.h"
#include "io/request.h"

namespace arsync {

// While it lives, the calling thread and threads it starts have all signals blocked but those that
// a thread brings upon itself: the signals of the program that linked us are not ours to take.
class SignalsBlocked {
public:
    SignalsBlocked();
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked();

private:
    unsigned long saved_[16];
};

class Helpers {
public:
    // notify is called, by a helper thread, whenever finished requests were waiting for nobody.
    // most: how many of the limit there is memory for; asked when there is need of a second one.
    // endless: a request may last for ever, so none is queued behind others; at the limit that is
    // -EAGAIN.
    Helpers(unsigned limit, std::function<void()> notify, std::function<unsigned()> most = {},
            bool endless = false);
    Helpers(const Helpers&) = delete;
    Helpers& operator=(const Helpers&) = delete;
    ~Helpers();
    // What was queued is finished, and all threads have ended. Nothing is submitted any more.
    void end();

    // Perform a request on some thread. Negative errno: no thread could be started; not queued.
    int submit(Request& request) noexcept;
    // What is left then: its result, made on the calling thread if it is sure to end; of a wait
    // only if that is over already.
    static int64_t without_thread(Request& request, int error);
    // The finished requests, results filled in, linked by next; null if there are none.
    Request* take_finished();

private:
    void run();
    bool may_start_thread() REQUIRES(mutex_);
    int start_thread() noexcept REQUIRES(mutex_);

    unsigned limit_;
    const bool endless_;
    const std::function<void()> notify_;
    std::function<unsigned()> most_; // until it has been asked
    Mutex mutex_;
    Condition work_;
    Waiter* queued_first_ GUARDED_BY(mutex_) = nullptr;
    Waiter** queued_end_ GUARDED_BY(mutex_) = &queued_first_;
    Waiter* finished_ GUARDED_BY(mutex_) = nullptr;
    unsigned idle_ GUARDED_BY(mutex_) = 0;
    unsigned queued_ GUARDED_BY(mutex_) = 0;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::vector<std::thread> threads_ GUARDED_BY(mutex_);
};

} // namespace arsync
