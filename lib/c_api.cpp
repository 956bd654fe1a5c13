// The functions of arsync.h but for arsync_copy (c_copy.cpp), arsync_poll (c_poll.cpp) and those of
// callers' buffers and files (c_buffers.cpp): arguments checked, what is the caller's copied, no
// exception let out. What they do is in pool.h.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "arsync.h"
#include "c_arguments.h"
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

} // extern "C"

// A job that take(job) fills in.
template <class Take>
static int submit(Pool& pool, uint64_t user_data, arsync_job* id, Take take) {
    auto job = std::make_unique<Job>();
    if (const int error = take(*job); error < 0)
        return error;
    job->user_data = user_data;
    return pool.submit(std::move(job), id);
}

extern "C" {

int arsync_submit_copy(arsync_pool* handle, int src_dirfd, const char* src, int dst_dirfd,
                       const char* dst, const arsync_copy_options* options, uint64_t user_data,
                       arsync_job* id) {
    return with_pool(handle, [&](Pool& pool) {
        return submit(pool, user_data, id, [&](Job& job) {
            const int error = take_job_options(&pool, options, job);
            return error < 0 ? error : take_copy(src_dirfd, src, dst_dirfd, dst, job);
        });
    });
}

int arsync_list_open(arsync_pool* handle, int src_dirfd, int dst_dirfd,
                     const arsync_copy_options* options, uint64_t user_data, arsync_job* id) {
    if (!id)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        return submit(pool, user_data, id, [&](Job& job) {
            return take_list(pool, src_dirfd, dst_dirfd, options, nullptr, job);
        });
    });
}

int arsync_submit_list(arsync_pool* handle, int src_dirfd, int dst_dirfd, const arsync_item* items,
                       uint64_t count, const arsync_copy_options* options, uint64_t user_data,
                       arsync_job* id) {
    if (!items && count > 0)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        std::vector<ListItem> taken;
        const int error = take_items(items, count, taken);
        if (error < 0)
            return error;
        return submit(pool, user_data, id, [&](Job& job) {
            return take_list(pool, src_dirfd, dst_dirfd, options, &taken, job);
        });
    });
}

int arsync_list_add(arsync_pool* handle, arsync_job job, const arsync_item* items, uint32_t count) {
    if (!items && count > 0)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        std::vector<ListItem> taken;
        const uint32_t most = ARSYNC_LIST_WAITING_MAX;
        const int error = take_items(items, std::min(count, most), taken);
        return error < 0 ? error : pool.add_to_list(job, std::move(taken));
    });
}

int arsync_list_end(arsync_pool* handle, arsync_job job) {
    return with_pool(handle, [&](Pool& pool) { return pool.end_list(job); });
}

int arsync_submit_copy_range(arsync_pool* handle, int src_fd, uint64_t src_offset, int dst_fd,
                             uint64_t dst_offset, uint64_t length,
                             const arsync_copy_options* options, uint64_t user_data,
                             arsync_job* id) {
    return with_pool(handle, [&](Pool& pool) {
        return submit(pool, user_data, id, [&](Job& job) {
            return take_range({src_fd, src_offset, dst_fd, dst_offset, length}, options, job);
        });
    });
}

int arsync_options_check(const arsync_copy_options* options, char* why, size_t size) {
    if (!why && size > 0)
        return -EFAULT;
    arsync_copy_options ours;
    Refusal refusal;
    const int error = take_options(options, ours, refusal);
    if (refusal)
        snprintf(why, size, "%s: %s", refusal.field, refusal.reason);
    else if (size > 0)
        why[0] = '\0';
    return error;
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
