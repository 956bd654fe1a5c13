// Jobs in, through the C wall: what a caller hands in is checked and copied into a job, which the
// pool is given. Each take_ function gives 0 or the negative errno that the caller gets.
#include "c_submit.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "c_wall.h"
#include "copy/id_map.h"
#include "io/fd.h"
#include "options.h"
#include "pool.h"

namespace arsync {

static int take_ends(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job,
                     FileCopy& copy);
static int take_directories(int src_dirfd, const char* src, int dst_dirfd, const char* dst,
                            Job& job, FileCopy& copy);
static int take_open(int fd, const char* path, int access, Fd* copy_of_it, int& use,
                     std::string& name, bool& is_open);
static int check_path(const char* path);
static int duplicate_directory(int dirfd, const char* path, Fd& to, int& use);
static bool uses_directory(int dirfd, const char* path);
static int duplicate(int from, Fd& to);
static bool may(int fd, int access);
static int take_items(const arsync_item* items, uint64_t count, std::vector<ListItem>& taken);
static int take_list(Pool& pool, int src_dirfd, int dst_dirfd, const arsync_copy_options* options,
                     std::vector<ListItem>* items, Job& job);
static int take_range(RangeCopy range, const arsync_copy_options* options, Job& job);

// A job that take(job) fills in. with_pool, c_wall.h: finds the pool that a handle stands for, and
// makes an errno of whatever is thrown in there.
template <class Take>
static int submit(Pool& pool, uint64_t user_data, arsync_job* id, Take take) {
    auto job = std::make_unique<Job>();
    if (const int error = take(*job); error < 0)
        return error;
    job->user_data = user_data;
    return pool.submit(std::move(job), id);
}

} // namespace arsync

using namespace arsync;

extern "C" int arsync_submit_copy(arsync_pool* handle, int src_dirfd, const char* src,
                                  int dst_dirfd, const char* dst,
                                  const arsync_copy_options* options, uint64_t user_data,
                                  arsync_job* id) {
    return with_pool(handle, [&](Pool& pool) {
        return submit(pool, user_data, id, [&](Job& job) {
            const int error = take_job_options(&pool, options, job);
            return error < 0 ? error : take_copy(src_dirfd, src, dst_dirfd, dst, job);
        });
    });
}

namespace arsync {

int take_job_options(Pool* pool, const arsync_copy_options* options, Job& job) {
    Refusal why;
    const int error = check_and_copy_options(options, job.options, why);
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
    const auto keep_map = [](const char*& map, IdKind kind, std::string& kept) {
        const char* refused = nullptr;
        if (!map)
            return;
        kept = id_map_of(map, kind, refused);
        map = kept.c_str();
    };
    keep_map(job.options.user_map, IdKind::user, job.user_map);
    keep_map(job.options.group_map, IdKind::group, job.group_map);
    job.options.filter = nullptr;
    if (job.options.link_set != 0) {
        job.links = pool ? pool->find_link_set(job.options.link_set) : nullptr;
        if (!job.links)
            return -EINVAL;
    }
    job.totals.struct_size = sizeof job.totals;
    return 0;
}

int take_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job) {
    FileCopy copy;
    const int error = take_ends(src_dirfd, src, dst_dirfd, dst, job, copy);
    copy.links = job.links.get();
    job.what = std::move(copy);
    return error;
}

// The two ends of a copy, each a path or an open file.
static int take_ends(int src_dirfd, const char* src, int dst_dirfd, const char* dst, Job& job,
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
    if (copy.destination_is_open)
        copy.destination_flags = fcntl(dst_dirfd, F_GETFL);
    if (error == 0 && copy.destination_is_open && (flags & ARSYNC_COPY_RECURSIVE) != 0)
        error = -ENOTDIR;
    if (copy.destination_is_open && job.options.durability == ARSYNC_DURABILITY_FULL)
        job.options.durability = ARSYNC_DURABILITY_FILE;
    return error;
}

// The directories that a job's paths begin at: what is lent to it, or duplicates; one for both
// where that will do.
static int take_directories(int src_dirfd, const char* src, int dst_dirfd, const char* dst,
                            Job& job, FileCopy& copy) {
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
static int take_open(int fd, const char* path, int access, Fd* copy_of_it, int& use,
                     std::string& name, bool& is_open) {
    if (path && path[0] != '\0')
        return -EINVAL;
    mode_t kind = 0;
    if (const int error = kind_of(fd, kind); error < 0)
        return error;
    is_open = !S_ISDIR(kind);
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

static int check_path(const char* path) {
    const size_t length = strnlen(path, PATH_MAX);
    if (length == 0)
        return -ENOENT;
    return length == PATH_MAX ? -ENAMETOOLONG : 0;
}

static int duplicate_directory(int dirfd, const char* path, Fd& to, int& use) {
    use = AT_FDCWD;
    if (!uses_directory(dirfd, path))
        return 0;
    const int error = duplicate(dirfd, to);
    use = to.get();
    return error;
}

static bool uses_directory(int dirfd, const char* path) {
    return dirfd != AT_FDCWD && path[0] != '/';
}

// A descriptor of our own for the caller's. AT_FDCWD stays: the working directory is the process's,
// and an absolute path uses none.
static int duplicate(int from, Fd& to) {
    to = Fd(fcntl(from, F_DUPFD_CLOEXEC, 0));
    return to ? 0 : -errno;
}

// Whether a descriptor is open for reading (O_RDONLY) or writing (O_WRONLY).
static bool may(int fd, int access) {
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_PATH) == 0 &&
           ((flags & O_ACCMODE) == access || (flags & O_ACCMODE) == O_RDWR);
}

} // namespace arsync

// ---- lists ----

extern "C" {

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

} // extern "C"

namespace arsync {

static int take_items(const arsync_item* items, uint64_t count, std::vector<ListItem>& taken) {
    taken.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
        const arsync_item& item = items[i];
        if (!item.src || !item.dst)
            return -EFAULT;
        if (item.reserved != 0)
            return -EINVAL;
        // A path that cannot be tried is the item's failure, not the list's.
        taken.push_back({std::string(item.src, strnlen(item.src, PATH_MAX)),
                         std::string(item.dst, strnlen(item.dst, PATH_MAX)), item.user_data});
    }
    return 0;
}

// A list below two directories. items: all there will be; null: they are to be added.
static int take_list(Pool& pool, int src_dirfd, int dst_dirfd, const arsync_copy_options* options,
                     std::vector<ListItem>* items, Job& job) {
    FileCopy from;
    int error = take_job_options(&pool, options, job);
    constexpr uint32_t of_one = ARSYNC_COPY_SRC_FD | ARSYNC_COPY_DST_FD;
    if (error == 0 && ((job.options.flags & of_one) != 0 || wants(job.options, ARSYNC_WANT_FD)))
        error = -EINVAL; // what is open is one thing
    if (error == 0)
        error = take_directories(src_dirfd, ".", dst_dirfd, ".", job, from);
    if (error < 0)
        return error;
    auto list = std::make_shared<List>(from.source_dirfd, from.destination_dirfd, job.options,
                                       job.filter, job.control, job.links.get());
    if (items)
        list->fill(std::move(*items));
    job.what = ListCopy{std::move(list)};
    return 0;
}

} // namespace arsync

// ---- ranges ----

extern "C" int arsync_submit_copy_range(arsync_pool* handle, int src_fd, uint64_t src_offset,
                                        int dst_fd, uint64_t dst_offset, uint64_t length,
                                        const arsync_copy_options* options, uint64_t user_data,
                                        arsync_job* id) {
    return with_pool(handle, [&](Pool& pool) {
        return submit(pool, user_data, id, [&](Job& job) {
            return take_range({.source = src_fd,
                               .source_offset = src_offset,
                               .destination = dst_fd,
                               .destination_offset = dst_offset,
                               .length = length},
                              options, job);
        });
    });
}

namespace arsync {

static int take_range(RangeCopy range, const arsync_copy_options* options, Job& job) {
    Refusal why;
    int error = check_and_copy_options(options, job.options, why);
    if (error < 0)
        return error;
    range.keeps_locks = (job.options.flags & ARSYNC_COPY_KEEP_LOCKS) != 0;
    const uint64_t bounded = range.length == UINT64_MAX ? 0 : range.length;
    if (refusal_for_range(job.options) || range.source_offset > INT64_MAX ||
        range.destination_offset > INT64_MAX ||
        bounded > INT64_MAX - std::max(range.source_offset, range.destination_offset))
        return -EINVAL;
    // With O_APPEND the kernel would write at the end, whatever offset it is given.
    const bool verifies = (job.options.flags & ARSYNC_COPY_VERIFY) != 0;
    if (!may(range.source, O_RDONLY) || !may(range.destination, O_WRONLY) ||
        (verifies && !may(range.destination, O_RDONLY)) ||
        (fcntl(range.destination, F_GETFL) & O_APPEND) != 0)
        return -EBADF;
    range.source_flags = fcntl(range.source, F_GETFL);
    range.destination_flags = fcntl(range.destination, F_GETFL);
    if (range.keeps_locks && ((range.source_flags | range.destination_flags) & O_DIRECT) != 0)
        return -EINVAL;
    if (!range.keeps_locks) {
        error = duplicate(range.source, job.source_fd);
        if (error == 0)
            error = duplicate(range.destination, job.destination_fd);
        range.source = job.source_fd.get();
        range.destination = job.destination_fd.get();
    }
    job.what = range;
    return error;
}

} // namespace arsync
