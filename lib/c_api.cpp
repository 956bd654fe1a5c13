// The C wall: checks every argument, copies what is the caller's, and lets no exception out. What a
// function does is in pool.h.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <new>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <time.h>
#include <vector>

#include "alone.h"
#include "arsync.h"
#include "completion.h"
#include "options.h"
#include "pool.h"
#include "structs.h"

// A handle outlives its pool and is never used for another, so that what comes too late finds
// nothing, instead of freed memory or somebody else's pool. That costs these few bytes for each
// pool opened.
struct arsync_pool {
    std::atomic<arsync::Pool*> pool = nullptr;
    arsync_pool* next = nullptr;
};

namespace {

using namespace arsync;

// All handles there ever were, so that leak checkers see them held.
std::atomic<arsync_pool*> handles = nullptr;

arsync_pool* make_handle(std::unique_ptr<Pool> pool) {
    auto* handle = new arsync_pool;
    handle->pool = pool.release();
    handle->next = handles;
    while (!handles.compare_exchange_weak(handle->next, handle)) {
    }
    return handle;
}

// Runs body, and turns whatever comes flying into an errno. EAGAIN, as for want of a thread or of
// memory that is locked, is no matter of waiting: only a submit that has reached job_limit says so.
template <class Body>
[[gnu::noinline]] int guarded(Body body) noexcept {
    const auto negative = [](int code) { return code == EAGAIN ? -ENOMEM : -code; };
    try {
        return body();
    } catch (const Error& error) {
        return negative(error.code);
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    } catch (const std::system_error& error) { // a mutex or a thread
        return negative(error.code().value());
    }
}

// The same in a thread that may be cancelled (pthread_cancel): not in here, where half of something
// would be done, but from where it returns. Nothing of this frame is to be undone.
template <class Body>
int uncancelled(Body body) {
    int state = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    const int result = guarded(body);
    pthread_setcancelstate(state, nullptr);
    return result;
}

// The pool, if it is open and of this process.
int find(arsync_pool* handle, Pool*& pool) noexcept {
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

// Until somebody posts, or for ever. False: the time is over.
bool sleep(sem_t& sleeper, const timespec* until) {
    const int result = until ? sem_clockwait(&sleeper, CLOCK_MONOTONIC, until) : sem_wait(&sleeper);
    return result == 0 || errno != ETIMEDOUT;
}

timespec after(int timeout_ms) {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1'000'000L;
    if (until.tv_nsec >= 1'000'000'000) {
        ++until.tv_sec;
        until.tv_nsec -= 1'000'000'000;
    }
    return until;
}

// While it sleeps, and only then, a thread may be cancelled in here: as if it had not polled.
int poll(Pool& pool, arsync_completion* completions, uint32_t max, int timeout_ms) {
    const timespec until = timeout_ms > 0 ? after(timeout_ms) : timespec{};
    bool may_sleep = timeout_ms != 0;
    for (;;) {
        const int count = uncancelled([&] { return pool.look(completions, max, may_sleep); });
        if (count != Pool::nothing_yet)
            return count;
        may_sleep = sleep(pool.sleeper(), timeout_ms < 0 ? nullptr : &until);
    }
}

unsigned default_workers() {
    constexpr unsigned most = ARSYNC_WORKERS_DEFAULT_MAX;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    return std::clamp(static_cast<unsigned>(CPU_COUNT(&set)), 1u, most);
}

// Sets *field to its default if it is 0; false if it is out of range.
bool settle(uint32_t& field, uint32_t by_default, uint32_t least, uint32_t most) {
    if (field == 0)
        field = by_default;
    return field >= least && field <= most;
}

int settle(arsync_pool_options& options) {
    constexpr uint32_t known = ARSYNC_POOL_SQPOLL | ARSYNC_POOL_IOPOLL | ARSYNC_POOL_HUGE_PAGES;
    const bool valid =
        (options.flags & ~known) == 0 && options.backend <= ARSYNC_BACKEND_THREADS &&
        settle(options.workers, default_workers(), 1, ARSYNC_WORKERS_MAX) &&
        settle(options.buffer_count, ARSYNC_BUFFER_COUNT_DEFAULT, 1, ARSYNC_BUFFER_COUNT_MAX) &&
        settle(options.buffer_size, ARSYNC_BUFFER_SIZE_DEFAULT, ARSYNC_BUFFER_SIZE_MIN,
               ARSYNC_BUFFER_SIZE_MAX) &&
        options.buffer_size % ARSYNC_BUFFER_SIZE_MIN == 0 &&
        settle(options.queue_depth, ARSYNC_QUEUE_DEPTH_DEFAULT, 1, ARSYNC_QUEUE_DEPTH_MAX) &&
        settle(options.job_limit, ARSYNC_JOB_LIMIT_DEFAULT, 1, ARSYNC_JOB_LIMIT_MAX);
    options.queue_depth = std::bit_ceil(options.queue_depth);
    return valid ? 0 : -EINVAL;
}

int check_path(const char* path) {
    const size_t length = strnlen(path, PATH_MAX);
    if (length == 0)
        return -ENOENT;
    return length == PATH_MAX ? -ENAMETOOLONG : 0;
}

// A descriptor of our own for the caller's. AT_FDCWD stays: the working directory is the process's,
// and an absolute path uses none.
int duplicate(int from, Fd& to) {
    to = Fd(fcntl(from, F_DUPFD_CLOEXEC, 0));
    return to ? 0 : -errno;
}

// Whether a descriptor is open for reading (O_RDONLY) or writing (O_WRONLY).
bool may(int fd, int access) {
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_PATH) == 0 &&
           ((flags & O_ACCMODE) == access || (flags & O_ACCMODE) == O_RDWR);
}

bool uses_directory(int dirfd, const char* path) {
    return dirfd != AT_FDCWD && path[0] != '/';
}

int duplicate_directory(int dirfd, const char* path, Fd& to, int& use) {
    use = AT_FDCWD;
    if (!uses_directory(dirfd, path))
        return 0;
    const int error = duplicate(dirfd, to);
    use = to.get();
    return error;
}

// The directories that a job's paths begin at: what is lent to it, or duplicates; one for both
// where that will do.
int take_directories(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job,
                     FileCopy& copy) {
    if ((job.options.flags & ARSYNC_COPY_BORROW_DIRFDS) != 0) {
        copy.source_dirfd = uses_directory(src_dirfd, src) ? src_dirfd : AT_FDCWD;
        copy.destination_dirfd = uses_directory(dst_dirfd, dst) ? dst_dirfd : AT_FDCWD;
        return 0;
    }
    const int error = duplicate_directory(src_dirfd, src, job.source_fd, copy.source_dirfd);
    if (error < 0)
        return error;
    if (src_dirfd == dst_dirfd && uses_directory(src_dirfd, src) &&
        uses_directory(dst_dirfd, dst)) {
        copy.destination_dirfd = copy.source_dirfd;
        return 0;
    }
    return duplicate_directory(dst_dirfd, dst, job.destination_fd, copy.destination_dirfd);
}

// A file that is given open, or a directory, which a path leads to. access: that it is to have.
int take_open(int fd, const char* path, int access, Fd* copy_of_it, int& use, std::string& name,
              bool& is_open) {
    if (path && path[0] != '\0')
        return -EINVAL;
    struct stat facts;
    if (fstat(fd, &facts) < 0)
        return -errno;
    is_open = !S_ISDIR(facts.st_mode);
    name = is_open ? "" : ".";
    if (is_open &&
        (!may(fd, access) || (access == O_WRONLY && (fcntl(fd, F_GETFL) & O_APPEND) != 0)))
        return -EBADF;
    use = fd;
    if (!copy_of_it)
        return 0;
    const int error = duplicate(fd, *copy_of_it);
    use = copy_of_it->get();
    return error;
}

// The two ends of a copy, each a path or an open file.
int take_ends(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job,
              FileCopy& copy) {
    const uint32_t flags = job.options.flags;
    const bool lent = (flags & ARSYNC_COPY_BORROW_DIRFDS) != 0;
    const bool source_given = (flags & ARSYNC_COPY_SRC_FD) != 0;
    const bool destination_given = (flags & ARSYNC_COPY_DST_FD) != 0;
    if ((!src && !source_given) || (!dst && !destination_given))
        return -EFAULT;
    int error = source_given ? 0 : check_path(src);
    if (error == 0 && !destination_given)
        error = check_path(dst);
    if (error < 0)
        return error;
    if (!source_given && !destination_given) {
        copy.source = src;
        copy.destination = dst;
        return take_directories(src_dirfd, src, dst_dirfd, dst, job, copy);
    }
    const auto take_path = [&](int dirfd, const char* path, Fd& own, int& use) {
        if (!lent)
            return duplicate_directory(dirfd, path, own, use);
        use = uses_directory(dirfd, path) ? dirfd : AT_FDCWD;
        return 0;
    };
    if (source_given) {
        error = take_open(src_dirfd, src, O_RDONLY, lent ? nullptr : &job.source_fd,
                          copy.source_dirfd, copy.source, copy.source_is_open);
    } else {
        copy.source = src;
        error = take_path(src_dirfd, src, job.source_fd, copy.source_dirfd);
    }
    if (error < 0)
        return error;
    if (!destination_given) {
        copy.destination = dst;
        return take_path(dst_dirfd, dst, job.destination_fd, copy.destination_dirfd);
    }
    error = take_open(dst_dirfd, dst, O_WRONLY, lent ? nullptr : &job.destination_fd,
                      copy.destination_dirfd, copy.destination, copy.destination_is_open);
    if (error == 0 && copy.destination_is_open && (flags & ARSYNC_COPY_RECURSIVE) != 0)
        error = -ENOTDIR;
    if (copy.destination_is_open && job.options.durability == ARSYNC_DURABILITY_FULL)
        job.options.durability = ARSYNC_DURABILITY_FILE;
    return error;
}

// What a copy of names is to be like. link_set: its links are the job's; pool: null where there is
// none, and so no set.
int take_options(Pool* pool, const arsync_copy_options* options, Job& job) {
    Refusal why;
    const int error = arsync::take_options(options, job.options, why);
    if (error < 0)
        return error;
    if (refusal_for_path(job.options))
        return -EINVAL;
    if (job.options.filter)
        job.filter = Filter(job.options.filter);
    if (job.options.backup_suffix) {
        job.backup_suffix = job.options.backup_suffix;
        job.options.backup_suffix = job.backup_suffix.c_str();
    }
    job.options.filter = nullptr;
    if (job.options.link_set != 0) {
        job.links = pool ? pool->find_link_set(job.options.link_set) : nullptr;
        if (!job.links)
            return -EINVAL;
    }
    job.totals.struct_size = sizeof job.totals;
    return 0;
}

int take_items(const arsync_item* items, uint64_t count, std::vector<ListItem>& taken) {
    taken.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
        const arsync_item& item = items[i];
        if (!item.src || !item.dst)
            return -EFAULT;
        int error = item.reserved == 0 ? check_path(item.src) : -EINVAL;
        if (error == 0)
            error = check_path(item.dst);
        if (error < 0)
            return error;
        taken.push_back({item.src, item.dst, item.user_data});
    }
    return 0;
}

// items: all there will be; null: they are to be added.
int submit_list(Pool& pool, int src_dirfd, int dst_dirfd, const arsync_copy_options* options,
                uint64_t user_data, arsync_job* id, std::vector<ListItem>* items) {
    auto job = std::make_unique<Job>();
    FileCopy from;
    int error = take_options(&pool, options, *job);
    constexpr uint32_t of_one = ARSYNC_COPY_SRC_FD | ARSYNC_COPY_DST_FD;
    if (error == 0 && ((job->options.flags & of_one) != 0 || wants(job->options, ARSYNC_WANT_FD)))
        error = -EINVAL; // what is open is one thing
    if (error == 0)
        error = take_directories(src_dirfd, ".", dst_dirfd, ".", *job, from);
    if (error < 0)
        return error;
    auto list = std::make_shared<List>(from.source_dirfd, from.destination_dirfd, job->options,
                                       job->filter, job->control, job->links.get());
    if (items)
        list->fill(std::move(*items));
    job->what = ListCopy{std::move(list)};
    job->user_data = user_data;
    return pool.submit(std::move(job), id);
}

// A job of a copy from path to path.
int take_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job) {
    FileCopy copy;
    const int error = take_ends(src_dirfd, src, dst_dirfd, dst, job, copy);
    copy.links = job.links.get();
    job.what = std::move(copy);
    return error;
}

// What the program gets of a copy that is over, and is to give back.
void tell(const arsync_completion& done, const arsync_details* details, Fd kept,
          arsync_completion* completion) {
    if (!completion)
        return;
    auto own = details ? std::make_unique<OwnDetails>(*details, std::move(kept)) : nullptr;
    *completion = done;
    completion->details = own.release();
}

// There was no copy.
int refused(int error, arsync_completion* completion) {
    if (completion) {
        *completion = {};
        completion->kind = ARSYNC_COMPLETION_JOB;
        completion->result = error;
    }
    return error;
}

// By a pool of its own. Its only completion is the job's.
int copy_by_pool(std::unique_ptr<Job> job, arsync_completion* completion) {
    arsync_pool_options by_default{};
    by_default.struct_size = sizeof by_default;
    if (const int error = settle(by_default); error < 0)
        return error;
    Pool pool(by_default);
    arsync_job id = 0;
    if (const int error = pool.submit(std::move(job), &id); error < 0)
        return error;
    arsync_completion done{};
    pool.begin_poll();
    const int count = poll(pool, &done, 1, -1);
    pool.end_poll();
    if (count != 1) // there is no memory for what runs
        return count < 0 ? count : -EIO;
    done.job = 0;
    tell(done, done.details, Fd(pool.take_fd(id)), completion);
    return done.result;
}

} // namespace

extern "C" {

int arsync_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst,
                const arsync_copy_options* options, arsync_completion* completion) {
    const int result = uncancelled([&] {
        if (completion)
            *completion = {};
        auto job = std::make_unique<Job>();
        int error = take_options(nullptr, options, *job);
        if (error == 0 && asks_first(job->options))
            error = -EINVAL; // nobody could answer
        job->options.flags |= ARSYNC_COPY_BORROW_DIRFDS;
        job->options.report = ARSYNC_REPORT_NONE;
        if (error == 0)
            error = take_copy(src_dirfd, src, dst_dirfd, dst, *job);
        if (error < 0)
            return error;
        if (!run_alone(*job))
            return copy_by_pool(std::move(job), completion);
        const arsync_details* details = details_of(*job);
        File* kept = job->outcome.kept.get();
        tell(completion_of(*job, job->outcome), details, Fd(kept ? kept->release() : -1),
             completion);
        return job->outcome.result;
    });
    return completion && completion->kind == 0 ? refused(result, completion) : result;
}

int arsync_take_fd(arsync_pool* handle, const arsync_completion* completion) {
    if (!completion)
        return -EFAULT;
    if (handle)
        return with_pool(handle, [&](Pool& pool) { return pool.take_fd(completion->job); });
    auto* own = static_cast<const OwnDetails*>(completion->details);
    const int fd = own ? const_cast<OwnDetails*>(own)->kept.release() : -1;
    return fd < 0 ? -ENOENT : fd;
}

void arsync_details_free(const arsync_details* details) {
    delete static_cast<const OwnDetails*>(details);
}

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
        Pool* pool = handle->pool.exchange(nullptr);
        if (!pool)
            return -EINVAL;
        if (pool->in_any_child()) {
            pool->abandon(); // its threads and locks are the parent's: nothing here can be freed
            return 0;
        }
        delete pool;
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

int arsync_submit_copy(arsync_pool* handle, int src_dirfd, const char* src, int dst_dirfd,
                       const char* dst, const arsync_copy_options* options, uint64_t user_data,
                       arsync_job* id) {
    return with_pool(handle, [&](Pool& pool) {
        auto job = std::make_unique<Job>();
        int error = take_options(&pool, options, *job);
        if (error == 0)
            error = take_copy(src_dirfd, src, dst_dirfd, dst, *job);
        if (error < 0)
            return error;
        job->user_data = user_data;
        return pool.submit(std::move(job), id);
    });
}

int arsync_list_open(arsync_pool* handle, int src_dirfd, int dst_dirfd,
                     const arsync_copy_options* options, uint64_t user_data, arsync_job* id) {
    if (!id)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        return submit_list(pool, src_dirfd, dst_dirfd, options, user_data, id, nullptr);
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
        return submit_list(pool, src_dirfd, dst_dirfd, options, user_data, id, &taken);
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
        auto job = std::make_unique<Job>();
        Refusal why;
        int error = take_options(options, job->options, why);
        if (error < 0)
            return error;
        const bool keeps_locks = (job->options.flags & ARSYNC_COPY_KEEP_LOCKS) != 0;
        const uint64_t bounded = length == UINT64_MAX ? 0 : length;
        if (refusal_for_range(job->options) || src_offset > INT64_MAX || dst_offset > INT64_MAX ||
            bounded > INT64_MAX - std::max(src_offset, dst_offset))
            return -EINVAL;
        // With O_APPEND the kernel would write at the end, whatever offset it is given.
        const bool verifies = (job->options.flags & ARSYNC_COPY_VERIFY) != 0;
        if (!may(src_fd, O_RDONLY) || !may(dst_fd, O_WRONLY) ||
            (verifies && !may(dst_fd, O_RDONLY)) || (fcntl(dst_fd, F_GETFL) & O_APPEND) != 0)
            return -EBADF;
        const int source_flags = fcntl(src_fd, F_GETFL);
        const int destination_flags = fcntl(dst_fd, F_GETFL);
        if (keeps_locks && ((source_flags | destination_flags) & O_DIRECT) != 0)
            return -EINVAL;
        if (!keeps_locks)
            error = duplicate(src_fd, job->source_fd);
        if (error == 0 && !keeps_locks)
            error = duplicate(dst_fd, job->destination_fd);
        if (error < 0)
            return error;
        job->what = RangeCopy{.source = keeps_locks ? src_fd : job->source_fd.get(),
                              .source_offset = src_offset,
                              .destination = keeps_locks ? dst_fd : job->destination_fd.get(),
                              .destination_offset = dst_offset,
                              .length = length,
                              .source_flags = source_flags,
                              .destination_flags = destination_flags,
                              .keeps_locks = keeps_locks};
        job->user_data = user_data;
        return pool.submit(std::move(job), id);
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

int arsync_poll(arsync_pool* handle, arsync_completion* completions, uint32_t max, int timeout_ms) {
    if (!completions)
        return -EFAULT;
    if (max == 0 || timeout_ms < -1)
        return -EINVAL;
    Pool* pool = nullptr;
    if (const int error = find(handle, pool); error < 0)
        return error;
    if (!pool->begin_poll())
        return -EBUSY;
    const int count = poll(*pool, completions, max, timeout_ms);
    pool->end_poll();
    return count;
}

} // extern "C"
