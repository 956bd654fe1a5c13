// The C wall of callers' buffers and files. What a function does is in pool_buffers.cpp.
#include <cerrno>

#include "arsync.h"
#include "c_wall.h"

namespace {

using namespace arsync;

int submit_transfer(arsync_pool* handle, arsync_action what, arsync_file file, uint64_t offset,
                    uint64_t buffer, uint64_t at, uint64_t length, uint32_t flags,
                    uint64_t user_data, arsync_job* job) {
    return with_pool(handle, [&](Pool& pool) {
        const bool streams = offset == UINT64_MAX;
        if (flags != 0 || (!streams && (offset > INT64_MAX || length > INT64_MAX - offset)))
            return -EINVAL;
        CallerOperation operation;
        operation.what = what;
        operation.offset = offset;
        operation.at = at;
        operation.length = length;
        return pool.submit_operation(std::move(operation), file, buffer, user_data, job);
    });
}

} // namespace

extern "C" {

int arsync_buffer_acquire(arsync_pool* handle, uint32_t count, arsync_buffer* out) {
    if (!out)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) { return pool.acquire(count, out); });
}

int arsync_submit_acquire(arsync_pool* handle, uint32_t count, uint64_t user_data,
                          arsync_job* job) {
    return with_pool(handle,
                     [&](Pool& pool) { return pool.submit_acquire(count, user_data, job); });
}

int arsync_buffer_release(arsync_pool* handle, uint64_t buffer) {
    if (!handle)
        return -EFAULT;
    if (handle->pool)
        return with_pool(handle, [&](Pool& pool) { return pool.release_buffer(buffer); });
    if (!handle->owner.is_here())
        return -EOWNERDEAD;
    if (!handle->buffers)
        return -ENOENT;
    return uncancelled([&] { return handle->buffers->release(buffer); });
}

int arsync_file_open(arsync_pool* handle, int fd, uint32_t flags, arsync_file* file) {
    if (!file)
        return -EFAULT;
    return with_pool(handle,
                     [&](Pool& pool) { return flags == 0 ? pool.open_file(fd, *file) : -EINVAL; });
}

int arsync_file_close(arsync_pool* handle, arsync_file file) {
    return with_pool(handle, [&](Pool& pool) { return pool.close_file(file); });
}

int arsync_submit_read(arsync_pool* handle, arsync_file file, uint64_t offset, uint64_t buffer,
                       uint64_t at, uint64_t length, uint32_t flags, uint64_t user_data,
                       arsync_job* job) {
    return submit_transfer(handle, ARSYNC_ACTION_READ, file, offset, buffer, at, length, flags,
                           user_data, job);
}

int arsync_submit_write(arsync_pool* handle, arsync_file file, uint64_t offset, uint64_t buffer,
                        uint64_t at, uint64_t length, uint32_t flags, uint64_t user_data,
                        arsync_job* job) {
    return submit_transfer(handle, ARSYNC_ACTION_WRITE, file, offset, buffer, at, length, flags,
                           user_data, job);
}

int arsync_submit_sync(arsync_pool* handle, arsync_file file, uint32_t flags, uint64_t user_data,
                       arsync_job* job) {
    return with_pool(handle, [&](Pool& pool) {
        if ((flags & ~ARSYNC_SYNC_DATA) != 0)
            return -EINVAL;
        CallerOperation operation;
        operation.what = ARSYNC_ACTION_SYNC;
        operation.datasync = flags != 0;
        return pool.submit_operation(std::move(operation), file, 0, user_data, job);
    });
}

} // extern "C"
