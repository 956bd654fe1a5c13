// The functions of arsync.h that say something to a pool, or ask it something: arguments checked,
// no exception let out. What they do is in pool.h. Jobs are submitted in c_submit.cpp, and polled
// in pool_completions.cpp; arsync_copy is in c_copy.cpp, callers' buffers and files in
// c_buffers.cpp.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "arsync.h"
#include "c_wall.h"
#include "options.h"
#include "pool.h"
#include "pool_options.h"
#include "structs.h"

namespace {

using namespace arsync;

// All handles there ever were, so that leak checkers see them held.
std::atomic<arsync_pool*> handles = nullptr;

arsync_pool* make_handle(std::unique_ptr<Pool> pool) {
    auto* handle = new arsync_pool;
    handle->buffers = pool->callers_buffers();
    handle->pool = pool.release();
    handle->next = handles;
    while (!handles.compare_exchange_weak(handle->next, handle)) {
    }
    return handle;
}

} // namespace

extern "C" {

int arsync_pool_open(const arsync_pool_options* options, arsync_pool** pool) {
    if (!pool)
        return -EFAULT;
    return uncancelled([&] {
        arsync_pool_options settled;
        int error = copy_in(options, settled);
        if (error == 0)
            error = settle(settled);
        if (error < 0)
            return error;
        *pool = make_handle(std::make_unique<Pool>(settled));
        return 0;
    });
}

int arsync_pool_shutdown(arsync_pool* handle, uint32_t how) {
    if (how != ARSYNC_SHUTDOWN_DRAIN && how != ARSYNC_SHUTDOWN_CANCEL)
        return -EINVAL;
    return with_pool(handle, [&](Pool& pool) {
        pool.shut_down(how == ARSYNC_SHUTDOWN_CANCEL);
        return 0;
    });
}

int arsync_pool_close(arsync_pool* handle) {
    if (!handle)
        return 0;
    return uncancelled([&] {
        Pool* pool = handle->pool;
        if (!pool)
            return -EINVAL;
        if (pool->in_any_child()) {
            if (pool->in_forked_child()) // else the handle is the parent's, too
                handle->pool = nullptr;
            pool->abandon(); // its threads and locks are the parent's: nothing here can be freed
            return 0;
        }
        if (!handle->pool.compare_exchange_strong(pool, nullptr))
            return -EINVAL;
        delete pool;
        if (!handle->buffers->close())
            handle->buffers.reset();
        return 0;
    });
}

int arsync_pool_event_fd(arsync_pool* handle) {
    return with_pool(handle, [](Pool& pool) { return pool.event_fd(); });
}

int arsync_pool_wake(arsync_pool* handle) {
    return with_pool(handle, [](Pool& pool) {
        pool.wake();
        return 0;
    });
}

int arsync_pool_info(arsync_pool* handle, arsync_info* info) {
    if (!info)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        return copy_out(info, [&](arsync_info& result) {
            pool.info(result);
            return 0;
        });
    });
}

int arsync_pool_stats(arsync_pool* handle, arsync_stats* stats) {
    if (!stats)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        return copy_out(stats, [&](arsync_stats& result) {
            pool.stats(result);
            return 0;
        });
    });
}

int arsync_options_check(const arsync_copy_options* options, char* why, size_t size) {
    if (!why && size > 0)
        return -EFAULT;
    if (size > 0)
        why[0] = '\0';
    return uncancelled([&] {
        arsync_copy_options ours;
        Refusal refusal;
        const int error = check_and_copy_options(options, ours, refusal);
        if (refusal)
            snprintf(why, size, "%s: %s", refusal.field, refusal.reason);
        return error;
    });
}

int arsync_link_set_open(arsync_pool* handle, arsync_link_set* set) {
    if (!set)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) { return pool.open_link_set(*set); });
}

int arsync_link_set_close(arsync_pool* handle, arsync_link_set set) {
    return with_pool(handle, [&](Pool& pool) { return pool.close_link_set(set); });
}

int arsync_job_cancel(arsync_pool* handle, arsync_job job) {
    return with_pool(handle, [&](Pool& pool) { return pool.cancel(job); });
}

int arsync_job_adjust(arsync_pool* handle, arsync_job job, const arsync_adjustment* adjustment) {
    if (!adjustment)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        arsync_adjustment ours;
        if (const int error = copy_in(adjustment, ours); error < 0)
            return error;
        constexpr uint32_t stop_and_go = ARSYNC_ADJUST_PAUSE | ARSYNC_ADJUST_RESUME;
        constexpr uint32_t known = stop_and_go | ARSYNC_ADJUST_BYTE_RATE | ARSYNC_ADJUST_PRIORITY;
        if ((ours.what & ~known) != 0 || (ours.what & stop_and_go) == stop_and_go)
            return -EINVAL;
        return pool.adjust(job, ours);
    });
}

int arsync_answer(arsync_pool* handle, arsync_question question, uint32_t answer) {
    if (answer < ARSYNC_ANSWER_SKIP || answer > ARSYNC_ANSWER_STOP)
        return -EINVAL;
    return with_pool(handle, [&](Pool& pool) { return pool.answer(question, answer); });
}

int arsync_job_progress(arsync_pool* handle, arsync_job job, arsync_progress* progress) {
    if (!progress)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        return copy_out(progress,
                        [&](arsync_progress& result) { return pool.progress(job, result); });
    });
}

} // extern "C"
