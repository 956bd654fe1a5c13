#include "alone.h"

#include <cerrno>
#include <memory>
#include <new>

#include "copy/no_host.h"
#include "io/counters.h"
#include "io/threads.h"

namespace arsync {

namespace {

// Small enough that malloc(3) has it at hand the next time, large enough for a chunk.
constexpr size_t buffer_size = 64 << 10;
constexpr std::align_val_t page_aligned{4096};

struct FreeBuffer {
    void operator()(std::byte* memory) const { ::operator delete(memory, page_aligned); }
};

// What has something to wait for, or was asked to go another way, is a pool's matter.
bool goes_alone(const arsync_copy_options& options) {
    constexpr uint32_t others = ARSYNC_COPY_SPECIAL | ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
    return (options.flags & others) == 0 && options.cache <= ARSYNC_CACHE_KEEP &&
           (options.method == ARSYNC_METHOD_AUTO || options.method == ARSYNC_METHOD_INLINE ||
            options.method == ARSYNC_METHOD_REFLINK);
}

struct End {
    bool is_there = false;
    bool worth_threads = false;
};

Detached run(Io io, Job& job, Host& host, End& end) {
    try {
        co_await run_job(io, job, host);
    } catch (const WorthThreads&) {
        end.worth_threads = true;
    } catch (const std::bad_alloc&) {
        job.outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    end.is_there = true;
}

} // namespace

bool run_alone(Job& job) {
    if (!goes_alone(job.options))
        return false;
    const std::unique_ptr<std::byte, FreeBuffer> memory(
        static_cast<std::byte*>(::operator new(buffer_size, page_aligned)));
    Counters counters;
    SystemFiles files;
    Threads ring(counters, Threads::by_caller);
    Buffers buffers(ring, memory.get(), buffer_size);
    NoHost host;
    const Io io{.files = files, .ring = ring, .buffers = buffers, .alone = true};
    End end;
    run(io, job, host, end);
    while (!end.is_there) {
        if (!ring.run_ready())
            ring.look();
    }
    if (!end.worth_threads)
        return true;
    job.outcome = {};
    job.totals = {};
    job.totals.struct_size = sizeof job.totals;
    job.control.take_back();
    return false;
}

} // namespace arsync
