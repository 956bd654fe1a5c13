/*
 * arsync.h - copy files on Linux, fast and safely.
 *
 * The whole public contract of libarsync. The simplest thing first:
 *
 *     int error = arsync_copy(AT_FDCWD, "from", AT_FDCWD, "to", NULL, NULL);
 *
 * A program with more to copy, or more to do meanwhile, opens a pool, submits copies to it and
 * polls their completions:
 *
 *     arsync_pool *pool = NULL;
 *     arsync_completion done;
 *     int error = arsync_pool_open(NULL, &pool);
 *     if (error == 0)
 *         error = arsync_submit_copy(pool, AT_FDCWD, "from", AT_FDCWD, "to", NULL, 0, NULL);
 *     if (error == 0 && arsync_poll(pool, &done, 1, -1) == 1)
 *         error = done.result;
 *     arsync_pool_close(pool);
 *
 * Conventions
 *
 *   Errors     A function returns 0 or a count, or a negative errno value, as liburing does. There
 *              is no errno, no thread-local error and no message to free. -EFAULT is a required
 *              pointer that is NULL. Every function that takes a pool, but arsync_pool_close,
 *              returns -EOWNERDEAD in a child of the process that opened it. (A child of vfork(2),
 *              which may call nothing but exec and _exit, is not told from its parent.)
 *   Structs    The first field of every struct that may grow is struct_size, to be set to sizeof.
 *              It grows at its end only, from one version to the next: struct_size is one of the
 *              sizes that it had, as ARSYNC_COPY_OPTIONS_SIZE_0_1, or a larger one; any other is
 *              -EINVAL. Zero in any other field of an options struct is its default. A newer
 *              program on an older library gets -E2BIG if it asks for what the library does not
 *              know; unknown flags and values, and non-zero reserved fields, give -EINVAL. In a
 *              struct that the library fills, struct_size says how much of it there is room for;
 *              what the library does not know becomes 0. A struct without a struct_size never
 *              changes.
 *   Threads    Any thread may call any function, with two exceptions: one thread polls a pool at a
 *              time, and nothing may overlap arsync_pool_close. No function calls back.
 *   Blocking   A function does not wait for a disk or for another thread's I/O unless its comment
 *              says so.
 *   Paths      NUL-terminated bytes, relative to a directory descriptor as in openat(2). They and
 *              all options are copied before a function returns; descriptors are duplicated,
 *              unless ARSYNC_COPY_BORROW_DIRFDS says that they need not be. But AT_FDCWD is the
 *              working directory of the time when the copy runs: do not change it while jobs with
 *              relative paths are outstanding.
 *   Rights     A copy has the user, groups, capabilities and CPU affinity that the thread that
 *              opened the pool had then, whichever thread submits it. (setuid(2) and its like, as
 *              libc has them, change all threads, the library's too.) Who copies for users with
 *              different rights opens a pool for each. Threads that use one pool are expected to
 *              share their namespaces and filters (unshare(2), seccomp(2)).
 *   Locks      A copy takes no locks and heeds none. But the kernel drops the record locks that a
 *              process has on a file by fcntl(2) (F_SETLK) as soon as it closes any descriptor of
 *              that file, and a copy opens and closes both its files, or closes its duplicates of
 *              the descriptors of a range: so a copy within the process releases such locks on
 *              what is copied and on what is overwritten. Locks of an open file description
 *              (F_OFD_SETLK) and of flock(2) stay. Who holds the other ones, as some databases do,
 *              copies ranges with ARSYNC_COPY_KEEP_LOCKS, or in another process.
 *   Hanging    A filesystem for which a server or another process answers (NFS, SMB, FUSE, 9p) may
 *              never answer. Then the jobs that are on it stop, with all that share them: trees
 *              with such a filesystem mounted below their roots, and jobs whose other end is there.
 *              Other jobs and their cancels go on, by threads of their own. A cancel of a job that
 *              has stopped so, and arsync_pool_close, wait for the answer. What is not local is
 *              known from /proc/thread-self/mountinfo; an overlay is where its layers are, if these
 *              can be seen from here. Nor does one job wait for another that frees a huge file.
 *   Cancelling A thread that is cancelled by pthread_cancel(3) while it is in a function goes on
 *              until the function returns, but for one that waits in arsync_poll: that ends at
 *              once, no completion is lost, and another thread may poll when it has been joined.
 *   Signals    The library's threads are named "arsync/N" and block all signals but those that a
 *              thread brings upon itself: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP and SIGSYS.
 *   Machines   64-bit Linux.
 *
 * Everything here is there since version 0.1 unless its comment says otherwise.
 */
#ifndef ARSYNC_H
#define ARSYNC_H

#include <stddef.h>
#include <stdint.h>

/* What stands before each function. A program that needs something else there defines it first. */
#ifndef ARSYNC_API
#if defined(__GNUC__)
#define ARSYNC_API __attribute__((visibility("default")))
#else
#define ARSYNC_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- One copy ----------------------------------------------------------------------------- */

struct arsync_copy_options;
struct arsync_completion;
struct arsync_details;

/* Copy one file, or with ARSYNC_COPY_RECURSIVE a tree, and return when that is done: 0, -EINVAL and
 * the like as arsync_submit_copy, or the result of the copy. options and completion may be NULL.
 * What is said of them, and of the copy, at arsync_submit_copy holds here too, but for this:
 *
 *   Threads    A file of at most 4 MiB is copied by the calling thread, with its rights, by about
 *              as many system calls as a plain loop takes. What is larger, or a tree, gets a pool
 *              with all defaults for the time of the call.
 *   Blocking   It waits for the disk, or for whoever answers for it, and cannot be cancelled.
 *   Signals    What the calling thread writes may bring SIGXFSZ upon it, as write(2) may.
 *   Options    There is nobody to ask and no link set: with either it is -EINVAL. Entries of a tree
 *              have no completions; with ARSYNC_WANT_ERROR_PATH the job's says where it failed
 *              first.
 *
 * *completion is filled in whatever comes of it: its stage says where the copy failed, its job and
 * user_data are 0. Its details are the caller's, to be given back by arsync_details_free. There are
 * none unless the options' want asks for some, or a backup was made. */
ARSYNC_API int arsync_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst,
                           const struct arsync_copy_options* options,
                           struct arsync_completion* completion);

/* Give back the details of a completion of arsync_copy, and of no other. NULL is allowed. */
ARSYNC_API void arsync_details_free(const struct arsync_details* details);

/* ---- Version ------------------------------------------------------------------------------ */

/* The version of this header. While the major version is 0, the soname carries it too. */
#define ARSYNC_VERSION_MAJOR 0
#define ARSYNC_VERSION_MINOR 1
#define ARSYNC_VERSION_PATCH 0
/* The same as one number, which grows with each version: 0.1.0 is 1000, 1.2.3 is 1002003. */
#define ARSYNC_VERSION_NUMBER                                                                      \
    (ARSYNC_VERSION_MAJOR * 1000000 + ARSYNC_VERSION_MINOR * 1000 + ARSYNC_VERSION_PATCH)

/* The version of the library that is running, as "MAJOR.MINOR.PATCH", a static string, and as
 * ARSYNC_VERSION_NUMBER has it. */
ARSYNC_API const char* arsync_version(void);
ARSYNC_API uint32_t arsync_version_number(void);

/* ---- Limits ------------------------------------------------------------------------------- */

/* Of the fields of arsync_pool_options, and what 0 in them means. Others have 1 as their least. */
#define ARSYNC_WORKERS_MAX 256
#define ARSYNC_WORKERS_DEFAULT_MAX 8
#define ARSYNC_BUFFER_COUNT_MAX 1024
#define ARSYNC_BUFFER_COUNT_DEFAULT 16
#define ARSYNC_BUFFER_SIZE_MIN 4096 /* and of this a multiple */
#define ARSYNC_BUFFER_SIZE_MAX (64 << 20)
#define ARSYNC_BUFFER_SIZE_DEFAULT (2 << 20)
#define ARSYNC_QUEUE_DEPTH_MAX 4096
#define ARSYNC_QUEUE_DEPTH_DEFAULT 64
#define ARSYNC_JOB_LIMIT_MAX (1 << 20)
#define ARSYNC_JOB_LIMIT_DEFAULT 65536
/* Of arsync_copy_options. */
#define ARSYNC_CHUNKS_MAX 1024
/* Completions of entries, and a job's questions, that wait at most; see "Trees" and "Questions". */
#define ARSYNC_ENTRIES_WAITING_MAX 4096
#define ARSYNC_QUESTIONS_WAITING_MAX 256

/* ---- Handles ------------------------------------------------------------------------------ */

/* Worker threads, their rings and buffers, and the queue of completions. Opaque. */
typedef struct arsync_pool arsync_pool;

/* One submitted copy. Never 0. An id is never used again: after the job's completion has been
 * polled, every function that takes the id returns -ENOENT. */
typedef uint64_t arsync_job;

/* Jobs between which hard links are kept, see arsync_link_set_open. Never 0, never used again. */
typedef uint64_t arsync_link_set;

/* A question that waits for its answer, see "Questions" below. Never 0, never used again. */
typedef uint64_t arsync_question;

/* ---- Opening a pool ----------------------------------------------------------------------- */

/* How operations reach the kernel. */
enum arsync_backend {
    /* io_uring, or threads where io_uring is denied; arsync_pool_info says which and why. A worker
     * that could not get a ring, as for lack of memory, uses threads in a pool of rings too. */
    ARSYNC_BACKEND_AUTO = 0,
    /* io_uring or nothing: arsync_pool_open fails with io_uring_setup(2)'s error, as -EPERM; a job
     * whose worker can get no ring later on fails at ARSYNC_STAGE_QUEUE. */
    ARSYNC_BACKEND_URING = 1,
    /* Plain system calls on helper threads. */
    ARSYNC_BACKEND_THREADS = 2
};

/* Let a kernel thread pick up submissions, so that submitting needs no system call. Costs up to a
 * core for each worker while copying; make bench shows what it gives. Where it is denied the pool
 * goes on without, and arsync_pool_info says why. No effect on the threads backend, which has
 * nothing to poll; info says so. Files that the ring opens are opened with the credentials that the
 * process had when the worker started. */
#define ARSYNC_POOL_SQPOLL (1u << 0)

/* Poll the device for the end of O_DIRECT reads and writes in place of interrupts. Where the device
 * has no polling queues the pool goes on without, and arsync_pool_info says why. */
#define ARSYNC_POOL_IOPOLL (1u << 1)

/* Ask for the buffers in huge pages that the administrator has set aside (MAP_HUGETLB). Where there
 * are none, ordinary memory with transparent huge pages is used, and arsync_pool_info says so. */
#define ARSYNC_POOL_HUGE_PAGES (1u << 2)

/* workers, buffer_count and buffer_size are upper bounds, their defaults too: all buffers and
 * threads together take at most about a quarter of the memory that the process may have (the
 * machine's, that of its control groups, a part of RLIMIT_AS and RLIMIT_DATA), but there is at
 * least one worker with one buffer. arsync_pool_info tells what is in force. */
typedef struct arsync_pool_options {
    uint32_t struct_size;  /* sizeof(arsync_pool_options) */
    uint32_t flags;        /* ARSYNC_POOL_* */
    uint32_t backend;      /* enum arsync_backend */
    uint32_t workers;      /* threads that run copies, 1 to ARSYNC_WORKERS_MAX; default: the CPUs
                              this process may use, at most ARSYNC_WORKERS_DEFAULT_MAX. One starts
                              when there is work for it. As many again may start for each
                              filesystem that may hang, while it is in use. */
    uint32_t buffer_count; /* buffers a worker, 1 to ARSYNC_BUFFER_COUNT_MAX; default
                              ARSYNC_BUFFER_COUNT_DEFAULT. A buffer is memory of one chunk in
                              flight; copies wait for one when all are in use. */
    uint32_t buffer_size;  /* bytes a buffer, a multiple of ARSYNC_BUFFER_SIZE_MIN up to
                              ARSYNC_BUFFER_SIZE_MAX, 64 MiB; default ARSYNC_BUFFER_SIZE_DEFAULT,
                              2 MiB. The largest single read or write of a buffer. Up to 4 helper
                              threads a worker, 16 with ARSYNC_BACKEND_THREADS, have 256 KiB each
                              beside it. */
    uint32_t queue_depth;  /* submission queue entries a worker, 1 to ARSYNC_QUEUE_DEPTH_MAX,
                              rounded up to a power of two; default ARSYNC_QUEUE_DEPTH_DEFAULT. */
    uint32_t job_limit;    /* jobs submitted and not yet polled, 1 to ARSYNC_JOB_LIMIT_MAX; default
                              ARSYNC_JOB_LIMIT_DEFAULT. At the limit a submit returns -EAGAIN. */
    uint64_t byte_rate;    /* bytes a second that all copies of the pool together may move; default
                              0: no limit. Blocks shared by reflink do not count. */
    uint32_t reserved[6];  /* 0 */
} arsync_pool_options;
/* Its size in version 0.1, for ever. */
#define ARSYNC_POOL_OPTIONS_SIZE_0_1 64

/* Open a pool. options may be NULL for all defaults. On success *pool is the caller's, to be given
 * back by arsync_pool_close. Cheap: it starts one thread, and more of them, rings and buffers are
 * made when first needed. Does not block.
 *
 * Where not even that thread can be started (pthread_create(3) fails: a limit, a filter), all works
 * without: copies run inside arsync_poll, with the rights of the thread that polls, and
 * arsync_pool_info says so. Whenever a copy has to wait for a FIFO or the like on a thread of its
 * own, as where there is no io_uring, and none can be started, it fails with the error of that.
 *
 * Errors: -EINVAL, -E2BIG (conventions above), -ENOMEM, -EMFILE, -ENFILE; with ARSYNC_BACKEND_URING
 * also what io_uring_setup(2) gives, as -EPERM or -ENOSYS, or pthread_create(3), for a ring needs a
 * thread (-ENOMEM where the limit on threads is reached); and -EOPNOTSUPP under valgrind, which
 * cannot see what a ring does. */
ARSYNC_API int arsync_pool_open(const arsync_pool_options* options, arsync_pool** pool);

enum arsync_shutdown {
    ARSYNC_SHUTDOWN_DRAIN = 1, /* let all jobs end as they would */
    ARSYNC_SHUTDOWN_CANCEL = 2 /* cancel all jobs; also after DRAIN */
};

/* Let a pool come to its end: from now on a submit is -ESHUTDOWN, and arsync_poll gives what there
 * is yet to come, questions too, until every job's completion has been polled; then it is
 * -ESHUTDOWN at once, and the descriptor of arsync_pool_event_fd stays readable. Does not block. A
 * job that is paused stays so until it is resumed. Errors: -EINVAL: no such way. */
ARSYNC_API int arsync_pool_shutdown(arsync_pool* pool, uint32_t how);

/* Stop: no more submissions, all jobs cancelled, every operation in the kernel waited for, then all
 * freed. Blocks until the operations under way end. Completions not polled are dropped; partial
 * output is removed as for any cancelled job. Memory that was locked for registered buffers no
 * longer counts against RLIMIT_MEMLOCK when it returns. A process may also call exit(3) with a pool
 * open and jobs running. NULL is allowed. In a forked child it frees nothing,
 * and closes only the pool's own descriptors, those of its event and its rings; those of files
 * under way stay open there until exec or exit. Returns 0, or -EINVAL if it was closed before.
 * Every other function gives -EINVAL for a closed pool too. */
ARSYNC_API int arsync_pool_close(arsync_pool* pool);

/* A descriptor that is readable while completions wait to be polled, after arsync_pool_wake, and in
 * a pool without a thread while jobs wait for a poll to run them: for poll(2), epoll(7) and event
 * loops. The pool's own: only wait on it; do not read, write or close it. Level-triggered. Returns
 * the descriptor. */
ARSYNC_API int arsync_pool_event_fd(arsync_pool* pool);

/* Have the thread that waits in arsync_poll return what there is, 0 if that is nothing; if none
 * waits, the next arsync_poll does not. However often it is called before, one poll heeds it. Does
 * not block. */
ARSYNC_API int arsync_pool_wake(arsync_pool* pool);

/* What the pool uses, and why. Lengths of the texts include the NUL. */
typedef struct arsync_info {
    uint32_t struct_size;        /* in: sizeof(arsync_info) */
    uint32_t backend;            /* enum arsync_backend: URING or THREADS */
    uint32_t workers;            /* most threads there will be for local filesystems */
    uint32_t workers_started;    /* started so far, for all filesystems; 0 too where none can be */
    uint32_t buffer_count;       /* most buffers a worker will have */
    uint32_t buffer_size;        /* bytes of each that are used at most */
    uint32_t queue_depth;        /* entries, rounded up to a power of two */
    uint32_t buffers_registered; /* over all workers, so far; a worker registers a buffer when a
                                    large copy first uses it */
    uint32_t buffers_refused;    /* over all workers: buffers the kernel would not register; they
                                    are used all the same, unregistered */
    uint32_t flags;              /* ARSYNC_POOL_* that were asked for and are in force so far */
    char backend_reason[128];    /* why this backend, or that io_uring was denied since */
    char buffers_reason[128];    /* why buffers were refused or are not in huge pages, else "" */
    char sqpoll_reason[128];     /* why SQPOLL was asked for and is not in force, else "" */
    char iopoll_reason[128];     /* why IOPOLL was asked for and is not in force, else "" */
    char kernel_features[128];   /* io_uring features in use, words separated by spaces */
} arsync_info;
/* Its size in version 0.1, for ever. */
#define ARSYNC_INFO_SIZE_0_1 680

/* Fill info. Decides the backend if no copy has needed it yet. Errors: -EINVAL (struct_size). */
ARSYNC_API int arsync_pool_info(arsync_pool* pool, arsync_info* info);

/* Counters since the pool was opened, over all workers. Each is exact; they are not read at one
 * instant. Queue depth is the number of reads, writes and other queued operations in flight, waits
 * for streams and pauses among them. */
typedef struct arsync_stats {
    uint32_t struct_size;                /* in: sizeof(arsync_stats) */
    uint32_t queue_depth_max;            /* most operations in flight on one worker */
    uint64_t jobs_submitted;             /* accepted by a submit */
    uint64_t jobs_completed;             /* ended, whatever their result */
    uint64_t jobs_failed;                /* ended with a result other than 0 and -ECANCELED */
    uint64_t jobs_cancelled;             /* ended with -ECANCELED */
    uint64_t bytes_read;                 /* bytes that reads brought into buffers */
    uint64_t bytes_written;              /* bytes that writes took from buffers */
    uint64_t bytes_reflinked;            /* bytes shared by reflink */
    uint64_t bytes_offloaded;            /* bytes moved by copy_file_range(2) */
    uint64_t bytes_copied_in_user_space; /* bytes this library moved from memory to memory */
    uint64_t reads;                      /* read operations of any kind */
    uint64_t reads_fixed;                /* of these, into registered buffers (READ_FIXED) */
    uint64_t reads_inline;               /* of these, plain calls that did not need the queue */
    uint64_t writes;                     /* write operations of any kind */
    uint64_t writes_fixed;               /* of these, from registered buffers (WRITE_FIXED) */
    uint64_t writes_inline;              /* of these, plain calls that did not need the queue */
    uint64_t short_transfers; /* reads and writes that moved less than asked and went on */
    uint64_t submissions;     /* operations queued to io_uring (SQEs) */
    uint64_t enters;          /* io_uring_enter(2) calls, made or asked for: with SQPOLL some need
                                 not be made; submissions / enters is the batch */
    uint64_t helper_calls;    /* blocking calls for helper threads, also those made without one
                                 because none could be started */
    uint64_t buffer_waits;    /* times a copy waited for a free buffer */
    uint64_t busy_ns;         /* time with at least one operation in flight, waits included */
    uint64_t queue_depth_ns;  /* sum over time of operations in flight; divided by busy_ns
                                 it is the time-weighted mean queue depth */
} arsync_stats;
/* Its size in version 0.1, for ever. */
#define ARSYNC_STATS_SIZE_0_1 184

/* Fill stats. Errors: -EINVAL (struct_size). */
ARSYNC_API int arsync_pool_stats(arsync_pool* pool, arsync_stats* stats);

/* ---- Copying ------------------------------------------------------------------------------ */

/* How the data is moved. A completion says which method ran. AUTO takes, for each file, the first
 * of these that fits:
 *
 *   inline            a source without a size: a stream, a file in /proc
 *   reflink           unless the options' reflink is NEVER or sparse not AUTO: the filesystem can
 *   copy_file_range   on the same conditions: the filesystem or its server copies by itself
 *   direct            cache DIRECT, and both ends can
 *   inline            at most 256 KiB
 *   direct            cache AUTO, at least 4 MiB, not cached, both ends can, and it is faster there
 *   buffered-direct   cache AUTO, at least 4 MiB, to be durable, the destination can, and it is
 *                     faster there
 *   inline            most of it cached; unless cache is DROP, sparse is ALWAYS, it is to be
 *                     verified, or the pool has a byte_rate
 *   fixed             all else */
enum arsync_method {
    ARSYNC_METHOD_AUTO = 0,            /* chosen for each file */
    ARSYNC_METHOD_INLINE = 1,          /* plain calls: streams, small files on the worker's thread,
                                          and of larger ones what is cached on its helpers'; what
                                          is not is read through the queue */
    ARSYNC_METHOD_REFLINK = 2,         /* share the blocks (FICLONE); no data is moved */
    ARSYNC_METHOD_COPY_FILE_RANGE = 3, /* copy_file_range(2): the server or filesystem copies */
    ARSYNC_METHOD_FIXED = 4,           /* READ_FIXED, WRITE_FIXED of one buffer; page cache */
    ARSYNC_METHOD_DIRECT = 5,          /* as fixed, O_DIRECT at both ends; no CPU copies data */
    ARSYNC_METHOD_BUFFERED_DIRECT = 6, /* read through the page cache, write O_DIRECT */
#ifdef ARSYNC_MEASURING
    /* Slower on purpose, for the others to be measured against. Not a part of the contract: a later
     * version may refuse them (-EINVAL), but gives their numbers to no other method. */
    ARSYNC_METHOD_HEAP = 7,    /* fresh heap memory a chunk */
    ARSYNC_METHOD_MANAGED = 8, /* READ_FIXED, clone, write */
#endif
};

/* Whether blocks may be shared with the source. */
enum arsync_reflink {
    ARSYNC_REFLINK_AUTO = 0,   /* share where the filesystem can, else copy */
    ARSYNC_REFLINK_ALWAYS = 1, /* share or fail with the filesystem's error; sparse must be AUTO */
    ARSYNC_REFLINK_NEVER = 2   /* always give the destination blocks of its own */
};

/* What the copy leaves in the page cache. */
enum arsync_cache {
    ARSYNC_CACHE_AUTO = 0,   /* whatever is fastest; large files that were not cached stay so */
    ARSYNC_CACHE_KEEP = 1,   /* through the page cache; both files are cached afterwards */
    ARSYNC_CACHE_DIRECT = 2, /* O_DIRECT where both ends can, else as KEEP and the completion's
                                method says so */
    ARSYNC_CACHE_DROP = 3    /* through the page cache, leaving nothing there that was not there
                                before (RWF_DONTCACHE, else written back and dropped at the end) */
};

/* What happens to a destination that exists. */
enum arsync_replace {
    ARSYNC_REPLACE_IN_PLACE = 0,  /* overwrite its content, as cp does: same inode, symbolic link
                                     followed. What is made anew, as links and FIFOs are, takes the
                                     place of a file as cp says too: where symbolic links are kept
                                     and the source is no regular file, or by ARSYNC_COPY_FORCE and
                                     ARSYNC_PRESERVE_LINKS; else it is -EEXIST. */
    ARSYNC_REPLACE_EXCLUSIVE = 1, /* fail with -EEXIST */
    ARSYNC_REPLACE_ATOMIC = 2,    /* at every instant the name shows the old file or the complete
                                     new one. A symbolic link is itself replaced, in a tree a
                                     FIFO, socket or device too. The new file
                                     keeps the old one's mode (and owner, where permitted) unless
                                     preserve says otherwise. */
    ARSYNC_REPLACE_REMOVE = 3     /* remove it first, whatever it is but a directory, and make the
                                     new one in its place */
};

/* Which of the files that exist at the destination are replaced at all. Not asked of directories.
 * What is not replaced counts as skipped, not as an error. */
enum arsync_update {
    ARSYNC_UPDATE_ALL = 0,   /* every one, as replace says */
    ARSYNC_UPDATE_NONE = 1,  /* none: what is there stays as it is */
    ARSYNC_UPDATE_OLDER = 2, /* what is older than its source, by modification time */
    ARSYNC_UPDATE_CHANGED =
        3,                 /* what differs from its source in kind, size or modification time, or
                             for a symbolic link in what it holds. What does not keeps its
                             content, and each attribute that preserve names is brought up to
                             date: what differs is written, what the source does not have is
                             removed (ACLs, capabilities, "user." and "trusted." attributes).
                             So are those of what is overwritten in place, and of directories.
                             What is copied as a stream (ARSYNC_COPY_SPECIAL) always differs.
                             Times are compared as the destination's filesystem can keep them;
                             on FAT and FUSE a file's own is changed for a moment to find out. */
    ARSYNC_UPDATE_ASK = 4, /* each is asked about, see "Questions" below; not with MIRROR */
    ARSYNC_UPDATE_ASK_OLDER = 5 /* what is older is asked about, and the others stay as with OLDER;
                                   not with MIRROR */
};

/* What becomes of symbolic links in the source. A link that is kept is made anew, with the same
 * text; a link that is followed is copied as what it leads to. */
enum arsync_symlinks {
    ARSYNC_SYMLINKS_AUTO = 0,       /* FOLLOW without ARSYNC_COPY_RECURSIVE, KEEP with it */
    ARSYNC_SYMLINKS_KEEP = 1,       /* keep every one */
    ARSYNC_SYMLINKS_FOLLOW_TOP = 2, /* follow the path given to submit, keep those below it */
    ARSYNC_SYMLINKS_FOLLOW = 3      /* follow every one; one that leads to a directory on the way
                                       to it is -ELOOP */
};

/* Which entries of a job of ARSYNC_COPY_RECURSIVE get a completion of their own. */
enum arsync_report {
    ARSYNC_REPORT_ERRORS = 0, /* those that failed, and those with SOURCE_CHANGED, SOURCE_SHRANK,
                                 OWNER_LOST or KEPT_BOTH in their flags */
    ARSYNC_REPORT_ALL = 1,    /* every one; directories when they are made, and again if something
                                 fails at their end */
    ARSYNC_REPORT_NONE = 2    /* none: the job's completion has the first error and the count */
};

/* What becomes of an existing file in the way of a new one: it is renamed; with
 * ARSYNC_REPLACE_ATOMIC it gets a second name, and keeps its own until the new file has that: where
 * there are no hard links (FAT, many servers), that is link(2)'s error at ARSYNC_STAGE_BACKUP. */
enum arsync_backup {
    ARSYNC_BACKUP_NONE = 0,
    ARSYNC_BACKUP_SIMPLE = 1,   /* to its name with backup_suffix, in place of what has that name:
                                   where a tree holds both "x" and "x~", as with cp, this may be
                                   the copy of the latter */
    ARSYNC_BACKUP_NUMBERED = 2, /* to NAME.~N~, one more than the highest there is */
    ARSYNC_BACKUP_EXISTING = 3  /* NUMBERED where there are such backups of it, else SIMPLE */
};

/* What is on stable storage when the completion arrives. */
enum arsync_durability {
    ARSYNC_DURABILITY_NONE = 0, /* nothing is promised */
    ARSYNC_DURABILITY_FILE = 1, /* the file's data and size (fdatasync) */
    ARSYNC_DURABILITY_FULL = 2  /* also its name: fdatasync, publish, fsync of the directory */
};

/* Holes: ranges that read as zeros and have no blocks. */
enum arsync_sparse {
    ARSYNC_SPARSE_AUTO = 0,   /* the source's holes stay holes. Where a filesystem may show data as
                                 a hole that is not on the disk yet (ext4 without extents, FUSE),
                                 a file in which it shows one is written back first. */
    ARSYNC_SPARSE_ALWAYS = 1, /* every aligned 4 KiB block of zeros becomes a hole */
    ARSYNC_SPARSE_NEVER = 2   /* no holes: zeros are written */
};

#define ARSYNC_PRESERVE_MODE (1u << 0)  /* permission bits, setuid, setgid, sticky, POSIX ACL */
#define ARSYNC_PRESERVE_OWNER (1u << 1) /* user and group */
#define ARSYNC_PRESERVE_TIMES (1u << 2) /* access and modification time, nanoseconds */
#define ARSYNC_PRESERVE_XATTR (1u << 3) /* extended attributes but for ACLs and SELinux labels */
/* Names of one file become names of one file, within a tree or a link set. */
#define ARSYNC_PRESERVE_LINKS (1u << 4)
#define ARSYNC_PRESERVE_CONTEXT (1u << 5) /* SELinux label */

/* Read the destination back, past the page cache where the device allows it, and compare 128-bit
 * hashes of what was read and what is there now. A difference is -EILSEQ at ARSYNC_STAGE_VERIFY.
 * Holes of the source are read too, and kept as holes only if they are zeros. What this process has
 * not seen on its way (reflink, copy_file_range(2)) is compared with the source as it is
 * afterwards; of a source that changed meanwhile or shrank, which the completion's flags tell, what
 * was written is compared with itself: as it is in memory, and as it is on the device. */
#define ARSYNC_COPY_VERIFY (1u << 0)
/* Copy from FIFOs and character devices, and to existing ones, as streams of bytes. Without this
 * flag they are refused with -EOPNOTSUPP and never opened. Block devices need no flag. Each worker
 * has 64 places for jobs, and a stream that waits, for data or for a reader, keeps its place. */
#define ARSYNC_COPY_SPECIAL (1u << 1)
/* Copy no data: create the destination if it is not there, and give it what preserve names. */
#define ARSYNC_COPY_ATTRIBUTES_ONLY (1u << 2)
/* Follow no symbolic link in the last component of either path: -ELOOP. */
#define ARSYNC_COPY_NOFOLLOW (1u << 3)
/* Give a new file mode 0666 less the umask, a socket 0777. By default it has the source's
 * permission bits less the umask, as with cp. Not together with ARSYNC_PRESERVE_MODE. */
#define ARSYNC_COPY_DEFAULT_MODE (1u << 4)
/* Copy a directory with all that is in it; see "Trees" below. Without this flag a directory is
 * -EISDIR. Anything else is copied all the same; FIFOs, sockets and devices are then made anew,
 * unless ARSYNC_COPY_SPECIAL says to copy what comes out of them. */
#define ARSYNC_COPY_RECURSIVE (1u << 5)
/* Do not go into directories that lie on another filesystem than the source: they are made, and
 * stay empty. So a destination inside the source will do if it is on another filesystem. */
#define ARSYNC_COPY_ONE_FILE_SYSTEM (1u << 6)
/* Remove from every destination directory what its source directory does not have. What the filter
 * excludes stays; where the source could not be listed in full, all does. A directory gives way to
 * a file or a link, and these to a directory, unless what is excluded or mounted is in the way
 * (-EISDIR, -ENOTDIR, -EBUSY), or replace is EXCLUSIVE or update NONE. What is extra is decided by
 * the listing that the copy went by: what was in the source then, or has come since, or was written
 * by the job, stays. A directory whose source, or one above that, is not what is at its name any
 * more keeps all, which is -ESTALE at ARSYNC_STAGE_REMOVE; so does one in which names fold and that
 * is listed by names of which it is not known whose they are: -EEXIST. What other jobs are to read
 * is not known to the library: do not mirror to where it lies. Only with
 * ARSYNC_COPY_RECURSIVE; not with backup or KEEP_DIRECTORY_SYMLINK. Where source and destination
 * share a directory, one below the other or through mounts, it is -ELOOP and nothing is removed. */
#define ARSYNC_COPY_MIRROR (1u << 7)
/* Change nothing; report what would be done. */
#define ARSYNC_COPY_DRY_RUN (1u << 8)
/* End the job at the first entry that fails. By default the others are copied. Directories that
 * were made by then get their attributes, as they do after a cancel. */
#define ARSYNC_COPY_STOP_ON_ERROR (1u << 9)
/* Make hard links to the source's files in place of copies of them. */
#define ARSYNC_COPY_HARD_LINK (1u << 10)
/* Make symbolic links to the source's files in place of copies of them; their text is the source's
 * path as it was given, and the entry's path below it. Of what preserve names they get the times.
 * Not together with ARSYNC_COPY_HARD_LINK. */
#define ARSYNC_COPY_SYMBOLIC_LINK (1u << 11)
/* Where the destination has a symbolic link to a directory in the place of a directory, go into
 * that. By default it is -ENOTDIR. */
#define ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK (1u << 12)
/* Remove a destination file that cannot be opened for writing, and try again; and one that is in
 * the way of a link. */
#define ARSYNC_COPY_FORCE (1u << 13)
/* Make the directories on the way to dst that are missing, each with the attributes that preserve
 * names of the directory at the same place on the way to src; those that are there get these
 * attributes too. dst must end with the components of src, else it is -EINVAL. While the job runs
 * both directories of each level are open. */
#define ARSYNC_COPY_PARENTS (1u << 14)
/* With ARSYNC_COPY_PARENTS: treat src as an entry of the tree at src_dirfd, so that no symbolic
 * link on the way to src or dst is followed (-ENOTDIR), no ".." and no absolute path
 * (-EXDEV), and a link at dst is replaced, not written through. ARSYNC_SYMLINKS_FOLLOW follows
 * those on the way to src all the same, ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK those on the way to dst.
 * Not together with ARSYNC_COPY_SYMBOLIC_LINK. */
#define ARSYNC_COPY_BENEATH (1u << 15)
/* Only of a range: use the caller's descriptors themselves, which must stay open until the job's
 * completion, and neither open nor close another one of either file. So the locks stay that the
 * process has on them by fcntl(2) (F_SETLK); see "Locks" above. But there are no holes to be found
 * without moving the caller's file position, and no O_DIRECT without a second description: holes of
 * the source are read as zeros, the data goes through the page cache, and if it stays there in part
 * verifying says so (ARSYNC_COMPLETION_VERIFIED_CACHED). A descriptor open with O_DIRECT, or any
 * other job than a range, is -EINVAL. */
#define ARSYNC_COPY_KEEP_LOCKS (1u << 16)
/* src_dirfd is the source itself, an open file, and src is NULL or "". It has to be open for
 * reading (-EBADF). It is read from its beginning, whatever its position, which stays as it is. A
 * directory will do with ARSYNC_COPY_RECURSIVE. Not with PARENTS, HARD_LINK, SYMBOLIC_LINK, a link
 * set or ARSYNC_UPDATE_CHANGED. Opened again through /proc/self/fd where that can be, else shared.
 */
#define ARSYNC_COPY_SRC_FD (1u << 17)
/* The same of dst_dirfd and dst. It has to be open for writing, without O_APPEND (-EBADF), and is
 * overwritten in place: emptied, written, and given what preserve names. Nothing is known of its
 * name, so durability FULL is FILE, and replace, update and backup have to be 0. Not with PARENTS,
 * HARD_LINK, SYMBOLIC_LINK, FORCE, DRY_RUN, a link set or ARSYNC_SYMLINKS_KEEP; with RECURSIVE it
 * has to be a directory (-ENOTDIR). */
#define ARSYNC_COPY_DST_FD (1u << 21)
/* src_dirfd and dst_dirfd stay open, and the same, until the job's completion has been polled, so
 * they are used as they are: a job then holds no descriptors while it is queued, and takes two
 * system calls less for each. One that is not open is -EBADF in the completion. */
#define ARSYNC_COPY_BORROW_DIRFDS (1u << 20)

/* With ARSYNC_COPY_RECURSIVE: make a directory, and copy nothing of what is in it. Of a list of
 * ARSYNC_COPY_BENEATH that is for other items to name. Not with ARSYNC_COPY_MIRROR alone in mind:
 * what is extra in a directory that is not listed stays. */
#define ARSYNC_COPY_SHALLOW (1u << 18)
/* Where the destination is a symbolic link that leads nowhere, and is to be written through, make
 * the file that it names, as POSIX has it of cp. By default it is -ENOENT, for it may be an
 * accident or an attack. */
#define ARSYNC_COPY_DANGLING (1u << 19)

/* What a completion's details are to have beside what belongs to its flags: see arsync_details.
 * What is not wanted costs nothing, and is NULL or 0. */
#define ARSYNC_WANT_TOTALS (1u << 0)      /* of a job of ARSYNC_COPY_RECURSIVE: its totals */
#define ARSYNC_WANT_ERROR_PATH (1u << 1)  /* of the same: where it failed first */
#define ARSYNC_WANT_SOURCE (1u << 2)      /* what is known of the source, */
#define ARSYNC_WANT_DESTINATION (1u << 3) /* and of the destination */
#define ARSYNC_WANT_DIGEST (1u << 4)      /* a hash of the content */
#define ARSYNC_WANT_TIMES (1u << 5)       /* when the copy began and ended */
#define ARSYNC_WANT_FD                                                                             \
    (1u << 6) /* a file's copy, still open, for arsync_take_fd; not with                           \
                 ARSYNC_COPY_RECURSIVE */

typedef struct arsync_copy_options {
    uint32_t struct_size; /* sizeof(arsync_copy_options) */
    uint32_t flags;       /* ARSYNC_COPY_* */
    uint32_t method;      /* enum arsync_method; one that cannot be used falls back, and the
                             completion carries ARSYNC_COMPLETION_FALLBACK; REFLINK is the same as
                             reflink = ALWAYS, and not allowed with reflink = NEVER */
    uint32_t reflink;     /* enum arsync_reflink */
    uint32_t cache;       /* enum arsync_cache */
    uint32_t replace;     /* enum arsync_replace */
    uint32_t durability;  /* enum arsync_durability */
    uint32_t preserve;    /* ARSYNC_PRESERVE_* */
    uint32_t sparse;      /* enum arsync_sparse */
    uint32_t chunks;      /* most chunks of one file in flight, 1 to ARSYNC_CHUNKS_MAX; default: by
                             method, and never more than the worker has buffers */
    uint32_t update;      /* enum arsync_update */
    uint32_t symlinks;    /* enum arsync_symlinks */
    uint32_t report;      /* enum arsync_report */
    uint32_t backup;      /* enum arsync_backup; not with EXCLUSIVE */
    const char* backup_suffix; /* of SIMPLE and EXISTING backups, not empty, without a slash;
                                  NULL: "~" */
    const char* filter;        /* what to leave out of a tree, see "Trees" below; NULL: nothing;
                                  only with ARSYNC_COPY_RECURSIVE */
    arsync_link_set link_set; /* with ARSYNC_PRESERVE_LINKS: hard links are kept between all jobs of
                                 this set, see arsync_link_set_open; 0: within this job only; one
                                 that is not open: -EINVAL */
    uint32_t want;            /* ARSYNC_WANT_*: what completions are to tell in their details */
    uint32_t reserved[3];     /* 0 */
} arsync_copy_options;
/* Its size in version 0.1, for ever. */
#define ARSYNC_COPY_OPTIONS_SIZE_0_1 96

/* What a submit would say to these options: 0, or an error and why, as "backup_suffix: has a
 * slash", in English, cut to size bytes with its NUL; "" with 0. why may be NULL if size is 0. What
 * depends on the pool, as whether link_set is open, is not looked at, nor what a range does not
 * allow, or alone does. The same rules as a submit's: -EINVAL, -E2BIG. */
ARSYNC_API int arsync_options_check(const arsync_copy_options* options, char* why, size_t size);

/* Trees
 *
 * With ARSYNC_COPY_RECURSIVE, src may be a directory. dst then is the name of its copy: made if
 * nothing is there, else a directory that what is copied is added to. All workers of the pool work
 * on it. Every file, link and directory below is an entry, copied as a job of its own would be,
 * with these differences.
 *
 *   Errors     An entry that fails does not stop the others. Its completion says what failed, with
 *              its path; the job's has the first error as its result, and how many there were.
 *   Waiting    Completions of entries wait to be polled. When ARSYNC_ENTRIES_WAITING_MAX do,
 *              copying waits too.
 *   Links      Below src and dst no symbolic link is followed, unless the options say so: one at
 *              the destination is replaced, never written through, and one that takes the place of
 *              a directory meanwhile leads nowhere. With ARSYNC_COPY_ATTRIBUTES_ONLY it stays:
 *              -ELOOP.
 *   Specials   A FIFO, a socket or a device at the destination is not overwritten in place by a
 *              file, unless ARSYNC_COPY_SPECIAL says to write into it.
 *   Names      Two names may be one at the destination, where case or the way to write an accent
 *              makes no difference. The second of them is -EEXIST, whatever the options say of
 *              what exists, and the first is kept. In a directory that was there before, the one
 *              that its listing spells comes first.
 *   Order      Any. A directory's own owner, mode and times are set after all in it is done.
 *   Durable    Names and data are written out once, at the end of the job, by syncfs(2); if that
 *              tells of a loss, which may be another program's, each file and directory in dst is
 *              synced, and the loss is the job's if one of them fails or cannot be opened. On
 *              FUSE and servers, and where syncfs(2) is denied, each is synced as it is done in
 *              any case, which leaves out the attributes of symbolic links and special files:
 *              nothing syncs those. With ARSYNC_REPLACE_ATOMIC each file's data also before it
 *              gets its name.
 *   Filter     Lines of patterns as in gitignore(5): a leading "!" takes back in, a leading or
 *              inner "/" ties to src, a trailing "/" means directories only, "*" and "?" stop at
 *              "/", "**" does not, "[a-z]" is one of these characters and "[!a-z]" one that is not;
 *              the last pattern that matches decides, and below a directory that is left out, all
 *              is. Lines that are empty or begin with "#" mean nothing; "\\" makes the next
 *              character an ordinary one.
 *   Memory     Bounded by the depth of the tree and the options above, not by the number of its
 *              entries. Where names may fold, and with ARSYNC_COPY_MIRROR, also by the names in the
 *              directories that are under way, eight bytes each; with ARSYNC_PRESERVE_LINKS by the
 *              number of files that have names not seen yet, which with ARSYNC_SYMLINKS_FOLLOW any
 *              file may have.
 *   Limits     Where descriptors run out, fewer entries are under way at once.
 */

/* Submit the copy of one file, or of a tree. options may be NULL for all defaults. job may be NULL.
 * user_data comes back in the completion and means nothing to the library.
 *
 * Success means exactly one completion will arrive. An error means nothing was queued.
 *
 * The source may be a regular file, a block device, or with ARSYNC_COPY_SPECIAL a stream; a
 * directory without ARSYNC_COPY_RECURSIVE is -EISDIR, one copied into itself -ELOOP. What is copied
 * is the content up to the source's size when it was opened, or to its end if that comes first.
 * Where sizes may not be true (FUSE, network file systems, overlayfs, /proc, streams: anything but
 * the known local file systems) it is all that read(2) gives, whatever the size says, as with cp;
 * one that ends before its size is no error there. A size or modification time that changed
 * meanwhile is reported in the completion's flags.
 *
 * A destination that takes a file only from its beginning to its end, as mounted object stores do,
 * gets it so, without holes; one that refuses to be truncated is opened with O_TRUNC.
 *
 * A destination that was not there before is there afterwards only if the copy succeeded, or lost
 * no more than an attribute (ARSYNC_COMPLETION_COPIED). A destination overwritten in place by a
 * copy that fails is left incomplete, as with cp; use ARSYNC_REPLACE_ATOMIC where that matters.
 *
 * Errors: -EINVAL, -E2BIG, -EFAULT, -ENAMETOOLONG (a path of 4096 bytes or more), -ENOENT (an empty
 * path), -EBADF, -EMFILE, -EAGAIN (job_limit reached, here and in all functions nothing else:
 * poll), -ENOMEM, -ESHUTDOWN (shut down, or being closed). */
ARSYNC_API int arsync_submit_copy(arsync_pool* pool, int src_dirfd, const char* src, int dst_dirfd,
                                  const char* dst, const arsync_copy_options* options,
                                  uint64_t user_data, arsync_job* job);

/* Open a set of jobs between which hard links are kept: names of one file that are copied by
 * different jobs with link_set = *set and ARSYNC_PRESERVE_LINKS become names of one copy, as within
 * one tree. The jobs may run side by side and one after another; a name whose file is just being
 * copied by another job waits for that. A file is remembered, by its copy's path from that job's
 * dst_dirfd, until the set is closed; a copy that is not found there any more, or has changed, or
 * to which no link can be made, is made anew. A set belongs to its pool and is closed with it. Does
 * not block. Errors: -EFAULT, -ENOMEM, -ESHUTDOWN, -EINVAL (the pool is not open). Since 0.1. */
ARSYNC_API int arsync_link_set_open(arsync_pool* pool, arsync_link_set* set);

/* Close it. Jobs that were submitted with it still use it. -ENOENT: no such set, or closed. Since
 * 0.1. */
ARSYNC_API int arsync_link_set_close(arsync_pool* pool, arsync_link_set set);

/* Submit the copy of length bytes between two open files, from src_offset to dst_offset; UINT64_MAX
 * means to the source's end. The destination grows as needed and is otherwise left as it is; holes
 * are punched where the source has them. Of the options, replace, preserve, update, symlinks,
 * backup, filter, link_set and the flags other than VERIFY and KEEP_LOCKS must be 0 (-EINVAL);
 * durability FULL is the same as FILE. The descriptors are duplicated (but with KEEP_LOCKS), their
 * file positions not used. Ranges of one file that overlap are -EINVAL in the completion. Success
 * and errors as for arsync_submit_copy; also -EINVAL for a range past INT64_MAX, and -EBADF for a
 * source that is not open for reading, a destination that is not open for writing (with VERIFY: and
 * reading) or is open with O_APPEND, and either with O_PATH. Of a source without a size (/proc)
 * length bytes are read, or all there are. An error in closing the duplicate of dst_fd, as NFS may
 * give, is the job's: ARSYNC_STAGE_CLOSE.
 * The files may be opened a second time through /proc/self/fd, with the O_SYNC, O_DSYNC and
 * O_NOATIME of the descriptor that was given. What is copied to one open with O_SYNC or O_DSYNC is
 * durable when the job completes, holes included. To one open with O_DIRECT whole blocks go past
 * the page cache, if cache and method are AUTO, and what is less than a block goes through it;
 * where the file may not be opened a second time (no /proc, no permission) that is -EINVAL at
 * ARSYNC_STAGE_WRITE. */
ARSYNC_API int arsync_submit_copy_range(arsync_pool* pool, int src_fd, uint64_t src_offset,
                                        int dst_fd, uint64_t dst_offset, uint64_t length,
                                        const arsync_copy_options* options, uint64_t user_data,
                                        arsync_job* job);

/* Lists
 *
 * A list is one job over many things, which are copied side by side, and come out as if they had
 * been copied one after the other: an item that would touch what an earlier one has in flight (its
 * destination, a source that it writes, a backup's name, names of one file) waits for that.
 *
 *   Items      Each is copied as by arsync_submit_copy, with the list's options, and has an ITEM
 *              completion with its user_data. With ARSYNC_COPY_RECURSIVE an item may be a tree;
 *              completions of its entries have kind ENTRY and the item's user_data, as questions
 *              have. An item that fails does not stop the others, unless STOP_ON_ERROR says so.
 *   Once       What an earlier item has made is not overwritten: -EEXIST with JUST_CREATED, unless
 *              numbered backups are made or the options let it stay anyway; nor is a file written
 *              through a link that an earlier item has made, or was copied through: -ELOOP with
 *              JUST_CREATED. An item that came before, with the same paths (and without backup, if
 *              it is no directory), is skipped, with REPEATED.
 *   Ways       With ARSYNC_COPY_PARENTS each directory on the way is made once, stays writable
 *              until the list has ended, and then gets its attributes. With REPORT_ALL one that is
 *              made has a completion of kind WAY, whose path is the source's; one that cannot be
 *              made has it whatever the report (but NONE), and the items below it fail with the
 *              same error and ON_THE_WAY. An attribute that cannot be kept in the end has one with
 *              the list's own user_data. The directory that dst begins with must be there.
 *   One tree   With ARSYNC_COPY_BENEATH the items are entries of one tree: none is copied twice,
 *              neither by itself nor within a directory that is another item.
 *   Links      ARSYNC_PRESERVE_LINKS holds over all items.
 *   Order      Any; but with REPORT_ALL trees come one after the other, and so do those whose
 *              destination is there, or holds the source, or the reverse.
 *   Memory     At most ARSYNC_LIST_WAITING_MAX items wait to be begun; some bytes are kept of each
 *              that has ended, with BENEATH its path, and the directories on the way.
 */

/* Frozen layout: 32 bytes. Paths as for arsync_submit_copy; they are copied. */
typedef struct arsync_item {
    const char* src;
    const char* dst;
    uint64_t user_data; /* comes back in the item's completions */
    uint64_t reserved;  /* 0 */
} arsync_item;

/* Most items of a list that wait to be begun. */
#define ARSYNC_LIST_WAITING_MAX 16384

/* Submit a list of count items, any number. Success means exactly one completion of kind JOB will
 * arrive, after one of kind ITEM for each item that was begun; those that were not, because the job
 * was cancelled or stopped, have none. Errors as for arsync_submit_copy, of any item: then nothing
 * was queued. SRC_FD, DST_FD and ARSYNC_WANT_FD are -EINVAL: a list is of names. */
ARSYNC_API int arsync_submit_list(arsync_pool* pool, int src_dirfd, int dst_dirfd,
                                  const arsync_item* items, uint64_t count,
                                  const arsync_copy_options* options, uint64_t user_data,
                                  arsync_job* job);

/* The same for lists that are not known as a whole, or do not fit into memory: open one, add items
 * as they come, and end it. The job runs meanwhile. arsync_list_add takes the first ones of those
 * given and returns how many; less than count, 0 at worst, when as many as may are waiting: poll,
 * and add the others. job may not be NULL. Errors: those of arsync_submit_copy; -ENOENT: no such
 * job, or it was cancelled; -EINVAL: it is no list, or was ended. */
ARSYNC_API int arsync_list_open(arsync_pool* pool, int src_dirfd, int dst_dirfd,
                                const arsync_copy_options* options, uint64_t user_data,
                                arsync_job* job);
ARSYNC_API int arsync_list_add(arsync_pool* pool, arsync_job job, const arsync_item* items,
                               uint32_t count);
ARSYNC_API int arsync_list_end(arsync_pool* pool, arsync_job job);

/* Ask a job to stop. Its completion still arrives: with -ECANCELED, or with its ordinary result if
 * it was quicker. Does not wait. Errors: -ENOENT: no such job, or already polled. */
ARSYNC_API int arsync_job_cancel(arsync_pool* pool, arsync_job job);

/* What is to be adjusted of a job. */
#define ARSYNC_ADJUST_PAUSE (1u << 0)     /* let it wait */
#define ARSYNC_ADJUST_RESUME (1u << 1)    /* let it go on; not with PAUSE */
#define ARSYNC_ADJUST_BYTE_RATE (1u << 2) /* as byte_rate says */
#define ARSYNC_ADJUST_PRIORITY (1u << 3)  /* as priority says */

typedef struct arsync_adjustment {
    uint32_t struct_size; /* sizeof(arsync_adjustment) */
    uint32_t what;        /* ARSYNC_ADJUST_*: of what is not named all stays as it was */
    uint64_t byte_rate;   /* bytes a second that the job may move, beside the pool's limit; 0: no
                             limit. Blocks shared by reflink do not count. */
    int32_t priority;     /* 0 for every job at first. Queued jobs of a higher priority are begun
                             first. Chunks of a higher one are the first to get a buffer of their
                             worker, and while they wait for the pool's byte_rate the others wait
                             too. */
    uint32_t reserved[3]; /* 0 */
} arsync_adjustment;
/* Its size in version 0.1, for ever. */
#define ARSYNC_ADJUSTMENT_SIZE_0_1 32

/* Change on what terms a job runs: a file, a range or a tree with all its workers, queued or
 * running. Does not wait. A job that is paused finishes the chunks, the names and the reflinks that
 * it is at, and does nothing more until it is resumed or cancelled. It keeps its files open and, if
 * it had begun, its place among the 64 jobs that a worker has; if it had not, it is queued behind
 * others of its priority when it is resumed. Errors: -EINVAL; -ENOENT as arsync_job_cancel. */
ARSYNC_API int arsync_job_adjust(arsync_pool* pool, arsync_job job,
                                 const arsync_adjustment* adjustment);

enum arsync_job_state {
    ARSYNC_JOB_QUEUED = 1,
    ARSYNC_JOB_RUNNING = 2,
    ARSYNC_JOB_COMPLETED = 3 /* its completion waits to be polled */
};

/* More entries may yet be found; bytes_total and entries_total will grow. */
#define ARSYNC_PROGRESS_WALKING (1u << 0)
/* It is paused, see arsync_job_adjust. */
#define ARSYNC_PROGRESS_PAUSED (1u << 1)

typedef struct arsync_progress {
    uint32_t struct_size;   /* in: sizeof(arsync_progress) */
    uint32_t state;         /* enum arsync_job_state */
    uint32_t stage;         /* enum arsync_stage: what it does now; of a tree NONE */
    uint32_t method;        /* enum arsync_method, AUTO until chosen; of a tree AUTO */
    uint64_t bytes_total;   /* size of the source, 0 until known or where it has none; in the end
                               what was copied, if that is another; of a tree, of the entries found
                               so far */
    uint64_t bytes_done;    /* bytes at the destination so far, holes included */
    uint64_t entries_total; /* of a tree: entries found so far; else 1 */
    uint64_t entries_done;  /* of these, entries that have ended, whatever came of them */
    uint64_t errors;        /* of these, entries that failed */
    uint32_t flags;         /* ARSYNC_PROGRESS_* */
    uint32_t reserved;      /* 0 */
} arsync_progress;
/* Its size in version 0.1, for ever. */
#define ARSYNC_PROGRESS_SIZE_0_1 64

/* How far a job is. Errors: -ENOENT as arsync_job_cancel; -EINVAL (struct_size). */
ARSYNC_API int arsync_job_progress(arsync_pool* pool, arsync_job job, arsync_progress* progress);

/* ---- Completions -------------------------------------------------------------------------- */

/* What a job was doing when it failed. */
enum arsync_stage {
    ARSYNC_STAGE_NONE = 0,             /* nothing failed */
    ARSYNC_STAGE_QUEUE = 1,            /* waiting for its turn: -ECANCELED, or the error for which
                                          there was no ring (ARSYNC_BACKEND_URING) */
    ARSYNC_STAGE_OPEN_SOURCE = 2,      /* opening the source, asking for its size and kind */
    ARSYNC_STAGE_OPEN_DESTINATION = 3, /* opening or creating the destination */
    ARSYNC_STAGE_CHECK = 4,           /* same file (-EINVAL), kind of file (-EISDIR, -EOPNOTSUPP) */
    ARSYNC_STAGE_ALLOCATE = 5,        /* reserving space */
    ARSYNC_STAGE_READ = 6,            /* reading the source */
    ARSYNC_STAGE_WRITE = 7,           /* writing the destination */
    ARSYNC_STAGE_REFLINK = 8,         /* sharing blocks */
    ARSYNC_STAGE_COPY_FILE_RANGE = 9, /* copying inside the kernel */
    ARSYNC_STAGE_TRUNCATE = 10,       /* setting the destination's size */
    ARSYNC_STAGE_OWNER = 11,          /* preserving user and group */
    ARSYNC_STAGE_XATTR = 12,          /* preserving extended attributes */
    ARSYNC_STAGE_MODE = 13,           /* preserving permissions and ACL */
    ARSYNC_STAGE_TIMES = 14,          /* preserving times */
    ARSYNC_STAGE_SYNC = 15,           /* making data or name durable */
    ARSYNC_STAGE_VERIFY = 16,         /* reading back and comparing */
    ARSYNC_STAGE_PUBLISH = 17,        /* giving the finished file its name */
    ARSYNC_STAGE_CLOSE = 18,          /* closing the destination */
    ARSYNC_STAGE_MEMORY = 19,         /* the library had no memory */
    ARSYNC_STAGE_LIST = 20,           /* listing a source directory */
    ARSYNC_STAGE_MAKE_DIRECTORY = 21, /* making or opening a destination directory: -ENOTDIR if what
                                         is there is not a directory */
    ARSYNC_STAGE_READ_LINK = 22,      /* reading a symbolic link */
    ARSYNC_STAGE_LINK = 23,           /* making a hard or symbolic link */
    ARSYNC_STAGE_MAKE_SPECIAL = 24,   /* making a FIFO, socket or device */
    ARSYNC_STAGE_REMOVE = 25,         /* removing what is in the way, or extra (MIRROR) */
    ARSYNC_STAGE_BACKUP = 26,         /* giving what is in the way its backup's name */
    ARSYNC_STAGE_CONTEXT = 27,        /* preserving the SELinux label */
    ARSYNC_STAGE_ASK = 28             /* waiting for an answer (ARSYNC_UPDATE_ASK) */
};

/* In the completion of a job of ARSYNC_COPY_RECURSIVE, SOURCE_CHANGED, SOURCE_SHRANK, OWNER_LOST
 * and VERIFIED_CACHED say that they hold of any entry. */
/* The source's size or modification time changed between the start of the copy and its end. Of what
 * is made up as it is asked for (it has no blocks, as files in /sys or of lxcfs) it is not told. */
#define ARSYNC_COMPLETION_SOURCE_CHANGED (1u << 0)
/* The source ended before the size it had at the start; the destination ends there too. Where sizes
 * may not be true, only if its size is now where it ended. */
#define ARSYNC_COMPLETION_SOURCE_SHRANK (1u << 1)
/* The method, or the cache policy DIRECT, that was asked for could not be used; method says what
 * ran. */
#define ARSYNC_COMPLETION_FALLBACK (1u << 2)
/* User or group could not be kept for lack of privilege; setuid and setgid were dropped. For a
 * process whose effective user is root it is also an error, at ARSYNC_STAGE_OWNER. */
#define ARSYNC_COMPLETION_OWNER_LOST (1u << 3)
/* What was at the destination had to be removed, or was by ARSYNC_REPLACE_REMOVE. */
#define ARSYNC_COMPLETION_REPLACED (1u << 4)
/* What was at the destination has been backed up; see enum arsync_backup. */
#define ARSYNC_COMPLETION_BACKED_UP (1u << 5)
/* The source is a directory, or what was removed was one. */
#define ARSYNC_COMPLETION_DIRECTORY (1u << 6)
/* What was at the destination stays, and the copy has another name, by ARSYNC_ANSWER_KEEP_BOTH; in
 * a dry run it would have. details has the name. */
#define ARSYNC_COMPLETION_KEPT_BOTH (1u << 9)
/* Of a file, a link or a special file, as an entry or a job: it is complete at its name, whatever
 * else failed. With an error at stage OWNER, XATTR, CONTEXT, MODE or TIMES an attribute could not
 * be kept; of several, one is told: the times', the owner's, the mode's, then of the others.
 * Without /proc a symbolic link or a special file loses its extended attributes and ACL: -ENOSYS if
 * it has any, or before Linux 6.13, where that is not to be known, nothing. */
#define ARSYNC_COMPLETION_COPIED (1u << 8)
/* ARSYNC_COPY_VERIFY has compared, but some of what it read may have come from the page cache:
 * there is no O_DIRECT, and somebody maps the file, or it is not to be known what is cached. */
#define ARSYNC_COMPLETION_VERIFIED_CACHED (1u << 7)

/* Of an item: what is at the destination an earlier item has made, or was copied through; see
 * "Lists". */
#define ARSYNC_COMPLETION_JUST_CREATED (1u << 12)
/* Of an item that was skipped because its source had come before; see "Lists". */
#define ARSYNC_COMPLETION_REPEATED (1u << 13)
/* Of an item: the error is of a directory on the way, which a completion of kind WAY names. */
#define ARSYNC_COMPLETION_ON_THE_WAY (1u << 14)

/* At which end it failed, if it was of one: reading the source, its attributes or its directory, */
#define ARSYNC_COMPLETION_AT_SOURCE (1u << 10)
/* or at the destination. What the process is short of (-ENOMEM, -EMFILE, -ENFILE) is of neither,
 * nor is a cancel, nor what both have to do with (-EXDEV). */
#define ARSYNC_COMPLETION_AT_DESTINATION (1u << 11)
/* With AT_DESTINATION: it failed because of what is there, as with -EEXIST, -EISDIR, -ENOTDIR, or
 * -EINVAL where that is the source itself. */
#define ARSYNC_COMPLETION_CONFLICT (1u << 15)

/* No value of it is one of the flags above. */
enum arsync_completion_kind {
    ARSYNC_COMPLETION_JOB = 33,      /* a job has ended; its id is no longer valid */
    ARSYNC_COMPLETION_ENTRY = 34,    /* an entry of a job of ARSYNC_COPY_RECURSIVE has ended */
    ARSYNC_COMPLETION_QUESTION = 35, /* something is at the destination; see "Questions" */
    ARSYNC_COMPLETION_ITEM = 36,     /* an item of a list has ended */
    ARSYNC_COMPLETION_WAY = 37       /* a directory on the way to an item; see "Lists" */
};

/* What was done for an entry or a job, or would have been but for a dry run or an error. */
enum arsync_action {
    ARSYNC_ACTION_NONE = 0,
    ARSYNC_ACTION_COPY = 1,            /* a file's content was copied */
    ARSYNC_ACTION_MAKE_DIRECTORY = 2,  /* a directory was made */
    ARSYNC_ACTION_ENTER_DIRECTORY = 3, /* a directory was there */
    ARSYNC_ACTION_SYMBOLIC_LINK = 4,
    ARSYNC_ACTION_HARD_LINK = 5,
    ARSYNC_ACTION_MAKE_SPECIAL = 6, /* a FIFO, socket or device was made */
    ARSYNC_ACTION_SKIP = 7,         /* what was there stays, by the options' update or an answer, or
                                       because it is that link already */
    ARSYNC_ACTION_REMOVE = 8,       /* an extra entry was removed (MIRROR), with all in it */
    ARSYNC_ACTION_TREE = 9,         /* of a job or item: a directory was copied; see details */
    ARSYNC_ACTION_LIST = 10         /* of a job: a list; see details */
};

/* What a job of ARSYNC_COPY_RECURSIVE did. Owned by the library, valid until the next poll. Grows
 * at its end only: fields past struct_size are not there. */
typedef struct arsync_totals {
    uint32_t struct_size; /* sizeof(arsync_totals) in the library that runs */
    uint32_t reserved;    /* 0 */
    uint64_t entries;     /* files, links, directories and others, src itself included; without
                             those that the filter left out, and removed ones */
    uint64_t files;       /* of these, copied with their content */
    uint64_t directories; /* made, or there before */
    uint64_t symlinks;    /* made */
    uint64_t hard_links;  /* made */
    uint64_t specials;    /* made */
    uint64_t skipped;     /* left as they were */
    uint64_t removed;     /* extra entries removed, all in them included */
    uint64_t errors;      /* errors of entries, of removing, and of directories' ends */
    uint64_t bytes;       /* of files, holes included */
    uint64_t hole_bytes;  /* of these, bytes in holes */
    uint64_t files_by_method[16]; /* files, by enum arsync_method */
} arsync_totals;
/* Its size in version 0.1, for ever. */
#define ARSYNC_TOTALS_SIZE_0_1 224

/* What statx(2) tells of a file. Frozen layout: 40 bytes. */
typedef struct arsync_facts {
    uint64_t size;
    int64_t mtime_s;   /* modification time, seconds, */
    uint32_t mtime_ns; /* and nanoseconds */
    uint32_t mode;     /* kind and permissions, as st_mode; 0: these facts are not filled in */
    uint32_t device_major;
    uint32_t device_minor;
    uint64_t inode;
} arsync_facts;

/* What a completion has no room for: what belongs to its flags, and what the options' want asks
 * for. Owned by the library, as all that it points to, and valid until the next poll. Grows at its
 * end only: fields past struct_size are not there. */
typedef struct arsync_details {
    uint32_t struct_size;        /* sizeof(arsync_details) in the library that runs */
    uint32_t has;                /* ARSYNC_WANT_*: of what was wanted, what is here */
    const arsync_totals* totals; /* TOTALS: of a job of ARSYNC_COPY_RECURSIVE; else NULL */
    const char* backup;          /* with BACKED_UP: the name that what was at the destination has
                                    now, or in a dry run would have, in the same directory */
    const char* name;            /* with KEPT_BOTH: the name of the copy, in the same directory */
    arsync_question question;    /* of a QUESTION: what arsync_answer takes; else 0 */
    arsync_facts source;         /* SOURCE: what was copied, as it was when the copy began; of a
                                    QUESTION: what is to be copied */
    arsync_facts destination;    /* DESTINATION: the copy, as it was left, or what stays; of a
                                    QUESTION: what is there */
    const char* error_path;      /* ERROR_PATH: of a job of ARSYNC_COPY_RECURSIVE, the path of the
                                    entry whose error is the job's result, "" for src itself */
    uint64_t digest[2];          /* DIGEST: lower and higher half of a hash of a file's content, if
                                    ARSYNC_COPY_VERIFY has compared it, or the data passed through
                                    this process (not by reflink or copy_file_range(2)): the sums,
                                    modulo 2^64, of the halves of the XXH3-128 hashes of all blocks
                                    of 4096 bytes that are not all zeros, each with its number,
                                    from 0, as the seed. The last block may be shorter. */
    uint64_t begin_ns;           /* TIMES: by CLOCK_MONOTONIC, when a worker began with it, */
    uint64_t end_ns;             /* and when it ended */
} arsync_details;
/* Its size in version 0.1, for ever. */
#define ARSYNC_DETAILS_SIZE_0_1 160

/* Frozen layout: 64 bytes, no padding. */
typedef struct arsync_completion {
    arsync_job job;
    uint64_t user_data;  /* as given at submit */
    uint64_t bytes;      /* bytes of the source that are at the destination, holes included */
    uint64_t hole_bytes; /* of these, bytes in holes */
    const char* path;    /* of an entry, or a question about one: its path below src and dst, "" for
                            src itself, any length; NULL for a job; valid until the next poll */
    int32_t result;      /* 0, -ECANCELED, or what failed as a negative errno; of a tree, what
                            failed first */
    uint16_t kind;       /* enum arsync_completion_kind */
    uint16_t action;     /* enum arsync_action */
    uint32_t flags;      /* ARSYNC_COMPLETION_* */
    uint16_t stage;      /* enum arsync_stage: where it failed */
    uint16_t method;     /* enum arsync_method that ran, the last if another one had to go on; AUTO
                            if none did */
    const arsync_details* details; /* NULL: there are none */
} arsync_completion;

/* Take up to max finished completions, oldest end first. Blocks up to timeout_ms until there is at
 * least one; 0 does not block, -1 waits for ever, for jobs that other threads may yet submit too.
 * In a pool that could start no thread it runs the jobs, until one ends: whatever timeout_ms is, it
 * may take as long as a copy.
 * Returns how many; 0 after the timeout, or by arsync_pool_wake. Errors: -ESHUTDOWN: there will be
 * none, see arsync_pool_shutdown; -EBUSY: another thread
 * polls; -EINVAL: max is 0 or timeout_ms below -1. */
ARSYNC_API int arsync_poll(arsync_pool* pool, arsync_completion* completions, uint32_t max,
                           int timeout_ms);

/* The copy that a completion of kind JOB tells of, still open: a descriptor for reading and writing
 * (or writing alone, where its filesystem or its giver allows no more), close-on-exec, at its
 * beginning. It is the caller's then; what is not taken is closed at the next poll, or by
 * arsync_details_free. There is one if ARSYNC_WANT_FD asked for it and COPIED is in the flags. pool
 * is NULL for a completion of arsync_copy. Errors: -ENOENT: there is none, or not any more. */
ARSYNC_API int arsync_take_fd(arsync_pool* pool, const arsync_completion* completion);

/* ---- Questions ---------------------------------------------------------------------------- */

/* Questions
 *
 * With ARSYNC_UPDATE_ASK, where something is at the destination, a completion of kind
 * ARSYNC_COMPLETION_QUESTION comes: with the path of an entry, or NULL for the job's own source if
 * that is no directory; and with details, which have the question's id and what is known of both
 * sides. It comes whatever the options' report says, also in a dry run, and about whatever is
 * there: a directory in the place of a file too, though that cannot be replaced. A directory that
 * is added to is not asked about, nor is what the copy would destroy by copying it onto itself:
 * -EINVAL.
 *
 *   Waiting    The entry waits, and all else goes on. A question holds no buffer, no descriptor
 *              and no place among what a worker has under way; a tree that only waits keeps its
 *              roots open. When ARSYNC_QUESTIONS_WAITING_MAX of a job wait, it begins nothing more
 *              until some are answered. Trees that only wait, past one for each 32 descriptors that
 * the process may have, take a place among the 64 that a worker has. Replace    The copy goes on as
 * with ARSYNC_UPDATE_ALL, beneath the directories in which it was when it asked: another at the
 * name of one is -ESTALE. It replaces only what was asked about; if something else is there by
 * then, by its device, inode and kind, another question comes. If nothing is, the copy is made.
 *   Keep both  The copy gets the first free name of "NAME (1).EXT", "NAME (2).EXT" and so on. EXT
 *              is what comes after the last dot, if that is neither the first byte nor the last,
 *              with a ".tar" before it. A name that would be too long is cut. It is made with
 *              O_EXCL, or linked, so that it takes the place of nothing; backups are not made. If
 *              nothing is there any more, the copy is made at its own name.
 *   Stop       Ends the job as arsync_job_cancel does, and with it all its questions. */
enum arsync_answer_kind {
    ARSYNC_ANSWER_SKIP = 1,      /* what is there stays */
    ARSYNC_ANSWER_REPLACE = 2,   /* it is replaced, as the options' replace and backup say */
    ARSYNC_ANSWER_KEEP_BOTH = 3, /* it stays, and the copy gets another name */
    ARSYNC_ANSWER_STOP = 4       /* the job ends */
};

/* Answer a question. Does not wait; what comes of it the entry's completion says, or the job's.
 * Answers may be given in any order, and at any time before the job's end. Errors: -ENOENT: no such
 * question, or it was answered before, or its job was cancelled or has ended; -EINVAL: no such
 * answer. */
ARSYNC_API int arsync_answer(arsync_pool* pool, arsync_question question, uint32_t answer);

/* ---- Names -------------------------------------------------------------------------------- */

/* What an errno value means, as "No space left on device", sign ignored. A static string in
 * English; "Unknown error" for any other number. -EILSEQ, -EINVAL and the like have meanings
 * of their own at some stages: see enum arsync_stage. */
ARSYNC_API const char* arsync_strerror(int error);

/* A stage as "open source", a method as "buffered-direct", a backend as "uring", an action as
 * "make directory", a kind of completion as "entry". Static strings, "unknown" for any other
 * number. */
ARSYNC_API const char* arsync_stage_name(uint32_t stage);
ARSYNC_API const char* arsync_method_name(uint32_t method);
ARSYNC_API const char* arsync_backend_name(uint32_t backend);
ARSYNC_API const char* arsync_action_name(uint32_t action);
ARSYNC_API const char* arsync_completion_kind_name(uint32_t kind);

#ifdef __cplusplus
}
#endif

#endif /* ARSYNC_H */
