// The library as a test uses it: options with setters, a pool that closes itself, and copies that
// are waited for. Nothing here asserts, so it serves in child processes too.
#pragma once

#include <arsync.h>
#include <fcntl.h>
#include <initializer_list>
#include <string>

#include "sanitized.h"

namespace live {

struct PoolOptions : arsync_pool_options {
    PoolOptions() : arsync_pool_options{} { struct_size = sizeof(arsync_pool_options); }
    explicit PoolOptions(uint32_t wanted_backend) : PoolOptions() { backend = wanted_backend; }
};

struct Options : arsync_copy_options {
    Options() : arsync_copy_options{} {
        struct_size = sizeof(arsync_copy_options);
        want = ARSYNC_WANT_TOTALS;
    }

    Options& with_method(uint32_t value) { return set(method, value); }
    Options& with_reflink(uint32_t value) { return set(reflink, value); }
    Options& with_cache(uint32_t value) { return set(cache, value); }
    Options& with_replace(uint32_t value) { return set(replace, value); }
    Options& with_durability(uint32_t value) { return set(durability, value); }
    Options& with_preserve(uint32_t value) { return set(preserve, value); }
    Options& with_sparse(uint32_t value) { return set(sparse, value); }
    Options& with_chunks(uint32_t value) { return set(chunks, value); }
    Options& with_flags(uint32_t value) { return set(flags, value); }
    Options& with_update(uint32_t value) { return set(update, value); }
    Options& with_symlinks(uint32_t value) { return set(symlinks, value); }
    Options& with_report(uint32_t value) { return set(report, value); }
    Options& with_backup(uint32_t value) { return set(backup, value); }
    Options& with_want(uint32_t value) { return set(want, value); }
    Options& with_filter(const char* lines) { // to live as long as this is used
        filter = lines;
        return *this;
    }

private:
    Options& set(uint32_t& field, uint32_t value) {
        field = value;
        return *this;
    }
};

constexpr std::initializer_list<uint32_t> both_backends = {ARSYNC_BACKEND_URING,
                                                           ARSYNC_BACKEND_THREADS};
constexpr std::initializer_list<uint32_t> all_methods = {ARSYNC_METHOD_AUTO,
                                                         ARSYNC_METHOD_INLINE,
                                                         ARSYNC_METHOD_REFLINK,
                                                         ARSYNC_METHOD_COPY_FILE_RANGE,
                                                         ARSYNC_METHOD_FIXED,
                                                         ARSYNC_METHOD_DIRECT,
                                                         ARSYNC_METHOD_BUFFERED_DIRECT,
                                                         ARSYNC_METHOD_DIRECT_BUFFERED,
                                                         ARSYNC_METHOD_HEAP,
                                                         ARSYNC_METHOD_MANAGED};
// Those that move data through memory of this process, wherever it lies.
constexpr std::initializer_list<uint32_t> moving_methods = {
    ARSYNC_METHOD_INLINE,          ARSYNC_METHOD_FIXED,           ARSYNC_METHOD_DIRECT,
    ARSYNC_METHOD_BUFFERED_DIRECT, ARSYNC_METHOD_DIRECT_BUFFERED, ARSYNC_METHOD_HEAP,
    ARSYNC_METHOD_MANAGED};

// Past the page cache at the source's end at least; which of them, depends on the machine's memory.
inline bool reads_direct(uint32_t method) {
    return method == ARSYNC_METHOD_DIRECT || method == ARSYNC_METHOD_DIRECT_BUFFERED;
}

using arsync::sanitized;
using arsync::thread_sanitized;

// Whether io_uring can be had here at all.
bool has_io_uring();

class Pool {
public:
    explicit Pool(const PoolOptions& options = PoolOptions());
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool();

    int error() const { return error_; } // of opening it
    arsync_pool* get() const { return pool_; }
    int close();

    // A completion whose result is the submit's error, and whose job is 0, if there was one.
    arsync_completion copy(const std::string& from, const std::string& to,
                           const Options& options = Options());
    arsync_completion copy_range(int from, uint64_t from_offset, int to, uint64_t to_offset,
                                 uint64_t length, const Options& options = Options());
    // 0 if refused.
    arsync_job submit(const std::string& from, const std::string& to,
                      const Options& options = Options(), uint64_t user_data = 0);
    // The next completion. A job that takes so long has gone wrong: -ETIMEDOUT, and the pool is
    // left open, for closing it would wait too.
    arsync_completion wait(int limit_ms = 60'000);

    arsync_info info() const;
    arsync_stats stats() const;
    arsync_progress progress(arsync_job job) const;

private:
    arsync_completion finish(int error, arsync_job job);

    arsync_pool* pool_ = nullptr;
    int error_ = 0;
    bool stuck_ = false;
};

// For messages.
inline std::string method_name(uint32_t method) {
    return arsync_method_name(method);
}
inline std::string backend_name(uint32_t backend) {
    return arsync_backend_name(backend);
}
// "write: No space left on device, ...".
std::string words(const arsync_completion& done);

// Looks again and again until the condition holds; false if it does not within the time.
template <class Condition>
bool eventually(Condition condition, int limit_ms = 20'000);

} // namespace live

#include <chrono>
#include <thread>

template <class Condition>
bool live::eventually(Condition condition, int limit_ms) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > limit)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}
