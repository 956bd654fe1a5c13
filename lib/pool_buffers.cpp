// Callers' buffers and files, and their operations as jobs of the pool.
//
// An operation is a job like a copy: it is queued, taken by a worker, and completed. Its part in
// its buffer (BufferUse) begins at the submit and ends under the mutex when its completion is
// queued, so that whoever polls that finds the buffer idle.
//
// A job that waits for buffers is in acquires_, and in no site's queue; no worker takes it.
// Whenever buffers may have come free, or the first of them has gone, serve_acquires completes
// those that can have all they want, the first before the second. Nobody else takes a buffer while
// one waits.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool.h"

namespace arsync {

int Pool::acquire(uint32_t count, arsync_buffer* out) {
    if (count == 0 || count > options_.lease_count)
        return -EINVAL;
    const Lock lock(mutex_);
    if (closing_ || shut_)
        return -ESHUTDOWN;
    return acquires_.empty() ? callers_buffers_->take(count, out) : -EAGAIN;
}

int Pool::submit_acquire(uint32_t count, uint64_t user_data, arsync_job* id) {
    if (count == 0 || count > options_.lease_count)
        return -EINVAL;
    auto job = std::make_unique<Job>();
    job->what.emplace<Grant>(*callers_buffers_, count);
    job->outcome.action = ARSYNC_ACTION_ACQUIRE;
    job->user_data = user_data;
    const Lock lock(mutex_);
    if (const int error = refuse_submit(); error < 0)
        return error;
    const uint32_t slot = find_slot();
    acquires_.push_back(job.get());
    enter(slot, std::move(job), id);
    serve_acquires();
    return 0;
}

void Pool::serve_acquires() {
    while (!acquires_.empty()) {
        Job& first = *acquires_.front();
        int error = -ENOMEM;
        try {
            error = std::get<Grant>(first.what).take();
        } catch (const std::bad_alloc&) {
        }
        if (error == -EAGAIN)
            return;
        acquires_.pop_front();
        if (error < 0)
            first.outcome.fail(error, ARSYNC_STAGE_MEMORY);
        complete(first);
        tell_poller();
    }
}

int Pool::release_buffer(uint64_t id) {
    const Lock lock(mutex_);
    const int error = callers_buffers_->release(id);
    serve_acquires();
    return error;
}

int Pool::open_file(int fd, arsync_file& id) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH) != 0)
        return -EBADF;
    auto file = std::make_shared<CallerFile>();
    if (const int error = kind_of(fd, file->kind); error < 0)
        return error;
    if (S_ISDIR(file->kind))
        return -EISDIR;
    file->own = Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!file->own)
        return -errno;
    file->fd = file->own.get();
    file->access = flags & O_ACCMODE;
    file->direct = (flags & O_DIRECT) != 0;
    file->synchronous = (flags & (O_SYNC | O_DSYNC)) != 0;
    // Of a file and a disk it is known, and to ask would wait for whoever uses its position. Event
    // descriptors and their like, which are of no kind, may say that they have one.
    file->may_be_silent = !S_ISREG(file->kind) && !S_ISBLK(file->kind);
    file->streams = file->may_be_silent && !(S_ISCHR(file->kind) && lseek(fd, 0, SEEK_CUR) >= 0);
    file->waits_for_room = S_ISFIFO(file->kind) && (flags & O_NONBLOCK) == 0;
    const std::shared_ptr<const MountTable> table = mounts_.table();
    if (!table->all_local())
        table->find(file->fd, file->devices);
    const Lock lock(mutex_);
    if (closing_ || shut_)
        return -ESHUTDOWN;
    callers_files_.emplace(last_callers_file_ + 1, std::move(file));
    id = ++last_callers_file_;
    return 0;
}

int Pool::close_file(arsync_file id) {
    std::shared_ptr<CallerFile> file;
    {
        const Lock lock(mutex_);
        const auto found = callers_files_.find(id);
        if (found == callers_files_.end())
            return -ENOENT;
        file = std::move(found->second);
        callers_files_.erase(found);
        file->closed = true;
    }
    // No operation can begin any more, now that it is not in the table.
    return file->users.load(std::memory_order_acquire) == 0 ? file->own.close() : 0;
}

// The operation is filled in but for the file and the buffer's part.
int Pool::submit_operation(CallerOperation&& operation, arsync_file file, uint64_t buffer,
                           uint64_t user_data, arsync_job* id) {
    auto job = std::make_unique<Job>();
    {
        const Lock lock(mutex_);
        const auto found = callers_files_.find(file);
        if (found == callers_files_.end())
            return -ENOENT;
        operation.file = FileUse(found->second);
    }
    if (operation.what != ARSYNC_ACTION_SYNC && operation.file->streams &&
        operation.offset != UINT64_MAX)
        return -ESPIPE;
    operation.devices = operation.file->devices;
    if (operation.what != ARSYNC_ACTION_SYNC) {
        const bool reads = operation.what == ARSYNC_ACTION_READ;
        const int error =
            callers_buffers_->begin(buffer, reads, operation.at, operation.length, operation.use);
        if (error < 0)
            return error;
    }
    job->outcome.action = operation.what;
    job->what = std::move(operation);
    job->user_data = user_data;
    int error = -ENOMEM;
    try {
        error = submit(std::move(job), id);
    } catch (const std::bad_alloc&) {
    }
    if (error < 0) { // and its buffer may have been released meanwhile
        const Lock lock(mutex_);
        serve_acquires();
    }
    return error;
}

} // namespace arsync
