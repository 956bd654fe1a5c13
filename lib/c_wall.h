// The wall between C and what may throw: what every function of the header is behind.
#pragma once

#include <atomic>
#include <cerrno>
#include <exception>
#include <memory>
#include <new>
#include <pthread.h>
#include <string>
#include <system_error>

#include "arsync.h"
#include "pool.h"

// A handle outlives its pool and is never used for another, so that what comes too late finds
// nothing, instead of freed memory or somebody else's pool. That costs these few bytes for each
// pool opened.
struct arsync_pool {
    const arsync::ProcessMark owner;
    std::atomic<arsync::Pool*> pool = nullptr;
    arsync_pool* next = nullptr;
    std::shared_ptr<arsync::CallerBuffers> buffers; // null: closed, and nothing is leased any more
};

namespace arsync {

// A thread that does not heed pthread_cancel(3) while this lives.
class CancelLater {
public:
    CancelLater() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state_); }
    CancelLater(const CancelLater&) = delete;
    CancelLater& operator=(const CancelLater&) = delete;
    ~CancelLater() { pthread_setcancelstate(state_, nullptr); }

private:
    int state_ = PTHREAD_CANCEL_ENABLE;
};

// Runs body, and turns whatever comes flying into an errno. EAGAIN, as for want of a thread or of
// memory that is locked, is no matter of waiting: only a submit that has reached job_limit says so.
//
// A thread that is cancelled in there (pthread_cancel) goes on to the end: half of something would
// be done, and an unwinding that meets noexcept ends the process. It ends at its next cancellation
// point. So whatever throws, allocates, or makes a system call runs in here.
template <class Body>
[[gnu::noinline]] int uncancelled(Body body) noexcept {
    const CancelLater later;
    const auto negative = [](int code) { return code == EAGAIN ? -ENOMEM : -code; };
    try {
        return body();
    } catch (const Error& error) {
        return negative(error.code);
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    } catch (const std::system_error& error) { // a mutex or a thread
        return negative(error.code().value());
    } catch (const std::exception&) { // more than a container could ever hold
        return -ENOMEM;
    }
}

// A text for the caller, cut to size bytes with its NUL. Returns the length of all of it.
inline int give_text(const std::string& whole, char* text, size_t size) {
    if (size > 0)
        text[whole.copy(text, size - 1)] = '\0';
    return static_cast<int>(whole.size());
}

// The pool, if it is open and of this process.
inline int find(arsync_pool* handle, Pool*& pool) noexcept {
    if (!handle)
        return -EFAULT;
    pool = handle->pool;
    if (!pool)
        return -EINVAL;
    return pool->in_forked_child() ? -EOWNERDEAD : 0;
}

template <class Body>
int with_pool(arsync_pool* handle, Body body) {
    Pool* pool = nullptr;
    if (const int error = find(handle, pool); error < 0)
        return error;
    return uncancelled([&] { return body(*pool); });
}

} // namespace arsync
