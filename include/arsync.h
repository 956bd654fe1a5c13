/*
 * arsync.h - copy files on Linux, fast and safely.
 *
 * This header is the whole public contract of libarsync. The simplest thing first:
 *
 *     int error = arsync_copy(AT_FDCWD, "from", AT_FDCWD, "to", NULL, NULL);
 *
 * A program that has more to copy, or more to do meanwhile, opens a pool, submits copies to it and
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
 * The sections below are in the order in which a program needs them: one copy, pools, jobs,
 * completions, lists, trees, ranges, questions, buffers, options, control, figures, names.
 *
 * Conventions
 *
 *   Errors     A function returns 0 or a count when it succeeds, and a negative errno value when
 *              it fails, as liburing does. It does not set errno, and there is no message to free.
 *              A required pointer that is NULL gives -EFAULT. Every function that takes a pool,
 *              except arsync_pool_close, returns -EOWNERDEAD in a child of the process that opened
 *              the pool. (A child of vfork(2) cannot be told from its parent, but it may call
 *              nothing except exec and _exit anyway.)
 *   Structs    The first field of every struct that may grow is struct_size. Set it to the sizeof
 *              of the struct. A struct grows only at its end, from one version to the next, and
 *              struct_size must be one of the sizes that it had, such as
 *              ARSYNC_COPY_OPTIONS_SIZE_0_1, or a larger one; any other size gives -EINVAL. Zero
 *              in any other field of an options struct is that field's default. Unknown flags,
 *              unknown values and non-zero reserved fields give -EINVAL. A program that is newer
 *              than the library gets -E2BIG if it asks for something that the library does not
 *              know. When the library fills a struct, struct_size tells it how much room there is,
 *              and it sets to 0 what it does not know. A struct without struct_size never changes.
 *   Threads    Any thread may call any function, with two exceptions: only one thread at a time
 *              polls a pool, and nothing may overlap arsync_pool_close. The library never calls
 *              back into the program.
 *   Blocking   A function waits neither for a disk nor for another thread's I/O unless its comment
 *              says so.
 *   Paths      A path is a NUL-terminated string of bytes, relative to a directory descriptor as
 *              in openat(2). Paths and options are copied before a function returns. Descriptors
 *              are duplicated, unless ARSYNC_COPY_BORROW_DIRFDS says that they need not be. But
 *              AT_FDCWD means the working directory at the time when the copy runs: do not change
 *              it while jobs with relative paths are outstanding.
 *   Rights     A copy has the user, the groups, the capabilities and the CPU affinity that the
 *              thread that opened the pool had then, whichever thread submits it. (setuid(2) and
 *              its relatives, as libc has them, change all threads, the library's too.) To copy for
 *              users with different rights, open a pool for each. The threads that use one pool
 *              must share their namespaces and filters (unshare(2), seccomp(2)).
 *   Locks      A copy takes no locks and respects none. But when a process closes any descriptor
 *              of a file, the kernel drops the record locks that the process has on that file by
 *              fcntl(2) (F_SETLK). A copy opens and closes both its files, or closes its duplicates
 *              of a range's descriptors, so a copy within the process releases such locks on what
 *              it copies and on what it overwrites. Locks of an open file description (F_OFD_SETLK)
 *              and of flock(2) stay. A program that needs F_SETLK, as some databases do, copies
 *              ranges with ARSYNC_COPY_KEEP_LOCKS, or copies in another process.
 *   Hanging    Some filesystems depend on a server or on another process (NFS, SMB, FUSE, 9p), and
 *              these may never answer. Then the jobs on that filesystem stop, and with them the
 *              trees that have it mounted below their roots and the jobs that have their other end
 *              there. Other jobs, and cancels of other jobs, go on, in threads of their own. A
 *              cancel of a job that has stopped like this waits for the answer, and so does
 *              arsync_pool_close. The library finds in /proc/thread-self/mountinfo what is not
 *              local; an overlay is wherever its layers are, if they can be seen from here. No job
 *              waits for another one that frees a huge file.
 *   Cancelling A thread that is cancelled by pthread_cancel(3) inside a function goes on until the
 *              function returns. Only a wait in arsync_poll ends at once: no completion is lost,
 *              and another thread may poll as soon as the cancelled one has been joined.
 *   Signals    The library's threads are named "arsync/N", and "arsync/spare" while they have
 *              nothing to do yet. They block all signals except those that a thread brings upon
 *              itself: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP and SIGSYS.
 *   Machines   The library runs on 64-bit Linux.
 *
 * Everything here exists since version 0.1 unless its comment says otherwise.
 */
#ifndef ARSYNC_H
#define ARSYNC_H

#include <stddef.h>
#include <stdint.h>

/* This stands before each function. A program that needs something else defines it first. */
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

/* These structs are declared in their sections below. */
struct arsync_buffer;
struct arsync_completion;
struct arsync_copy_options;
struct arsync_details;

/* ---- One copy ----------------------------------------------------------------------------- */

/* Copy one file or one tree, and wait until that is done.
 *
 * A directory is copied if ARSYNC_COPY_RECURSIVE is among the options. options may be NULL for all
 * defaults, and completion may be NULL. What arsync_submit_copy says of the copy holds here too,
 * with these differences:
 *
 *   Threads    The calling thread itself copies a file of at most 4 MiB, with its own rights and
 *              with about as many system calls as a plain loop makes. So it does a larger one
 *              whose blocks are to be shared in any case (ARSYNC_REFLINK_ALWAYS or
 *              ARSYNC_METHOD_REFLINK), unless all of it is to be read besides, to verify it or for
 *              a digest; and one that can share them with a new file, if no more is asked. Another
 *              larger file or a tree gets a pool with all defaults for the time of the call, and
 *              so does what has another method than AUTO, INLINE and REFLINK, a cache of DIRECT or
 *              DROP, or the flag SPECIAL, PARENTS or BENEATH.
 *   Blocking   The call waits for the disk or for a server, and it cannot be cancelled.
 *   Signals    A write by the calling thread may raise SIGXFSZ in it, as write(2) may.
 *   Options    Nobody could answer a question and there is no pool to have a link set, so asking
 *              for either gives -EINVAL. The entries of a tree have no completions; with
 *              ARSYNC_WANT_ERROR_PATH the details say which entry failed first.
 *
 * *completion is filled in whether the copy succeeds or not: its stage says where the copy failed,
 * and its job and user_data are 0. Its details belong to the caller, who gives them back by
 * arsync_details_free. There are details only if the options' want asks for some, or if a backup
 * was made.
 *
 * Returns 0, an error of the arguments as from arsync_submit_copy, or the result of the copy. */
ARSYNC_API int arsync_copy(int src_dirfd, const char* src, int dst_dirfd, const char* dst,
                           const struct arsync_copy_options* options,
                           struct arsync_completion* completion);

/* Give back the details of a completion of arsync_copy.
 *
 * NULL is allowed. The details of a pool's completion belong to the pool: do not pass them here. */
ARSYNC_API void arsync_details_free(const struct arsync_details* details);

/* ---- Pools -------------------------------------------------------------------------------- */

/* A pool has worker threads, their rings and buffers, and a queue of completions. It is opaque. */
typedef struct arsync_pool arsync_pool;

/* How operations reach the kernel. */
enum arsync_backend {
    /* io_uring, or threads where io_uring is denied. arsync_pool_info says which one runs, and why.
     * A worker that cannot get a ring, for example for lack of memory, uses threads even if the
     * other workers have rings. */
    ARSYNC_BACKEND_AUTO = 0,
    /* io_uring or nothing. arsync_pool_open fails with the error of io_uring_setup(2), such as
     * -EPERM. A job whose worker cannot get a ring later on fails at ARSYNC_STAGE_QUEUE. */
    ARSYNC_BACKEND_URING = 1,
    /* Plain system calls on helper threads. */
    ARSYNC_BACKEND_THREADS = 2
};

/* A kernel thread picks up submissions, so that a submission needs no system call. This costs up to
 * one core for each worker while it copies; `make bench` shows what it gains. Where it is denied,
 * the pool goes on without it, and arsync_pool_info says why. It has no effect on the threads
 * backend, which has nothing to poll. Files that the ring opens are opened with the credentials
 * that the process had when the worker started. */
#define ARSYNC_POOL_SQPOLL (1u << 0)

/* The kernel polls the device for the end of O_DIRECT reads and writes and needs no interrupts.
 * Where the device has no polling queues, the pool goes on without, and arsync_pool_info says so
 * and why. */
#define ARSYNC_POOL_IOPOLL (1u << 1)

/* The buffers lie in huge pages that the administrator has set aside (MAP_HUGETLB). Where there are
 * none, the pool uses ordinary memory with transparent huge pages, and arsync_pool_info says so. */
#define ARSYNC_POOL_HUGE_PAGES (1u << 2)

/* The limits and defaults of the fields of arsync_pool_options. The least value of a field is 1
 * where no other is given; 0 in a field means its default. */
#define ARSYNC_WORKERS_MAX 256
#define ARSYNC_WORKERS_DEFAULT_MAX 8
#define ARSYNC_BUFFER_COUNT_MAX 1024
#define ARSYNC_BUFFER_COUNT_DEFAULT 16
#define ARSYNC_BUFFER_SIZE_MIN 4096 /* buffer_size is a multiple of this */
#define ARSYNC_BUFFER_SIZE_MAX (64 << 20)
#define ARSYNC_BUFFER_SIZE_DEFAULT (2 << 20)
#define ARSYNC_LEASE_COUNT_MAX 1024
#define ARSYNC_LEASE_COUNT_DEFAULT 16
#define ARSYNC_QUEUE_DEPTH_MAX 4096
#define ARSYNC_QUEUE_DEPTH_DEFAULT 64
#define ARSYNC_JOB_LIMIT_MAX (1 << 20)
#define ARSYNC_JOB_LIMIT_DEFAULT 65536

/* What a pool may use.
 *
 * workers, buffer_count and buffer_size are upper bounds, and so are their defaults: all buffers
 * and threads together take at most about a quarter of the memory that the process may have (by the
 * machine, by its control groups, by RLIMIT_AS and RLIMIT_DATA). But there is always at least one
 * worker with one buffer. arsync_pool_info tells what is in force. */
typedef struct arsync_pool_options {
    uint32_t struct_size;  /* sizeof(arsync_pool_options) */
    uint32_t flags;        /* ARSYNC_POOL_* */
    uint32_t backend;      /* enum arsync_backend */
    uint32_t workers;      /* threads that run copies, from 1 to ARSYNC_WORKERS_MAX. The default is
                              one for each CPU that this process may use, at most
                              ARSYNC_WORKERS_DEFAULT_MAX. A worker starts when there is work for it.
                              As many again may start for each filesystem that may hang, while it is
                              in use. */
    uint32_t buffer_count; /* buffers that a worker has, from 1 to ARSYNC_BUFFER_COUNT_MAX. The
                              default is ARSYNC_BUFFER_COUNT_DEFAULT. A buffer is the memory of one
                              chunk in flight. Copies wait for one when all are in use. */
    uint32_t buffer_size;  /* bytes in a buffer: a multiple of ARSYNC_BUFFER_SIZE_MIN, at most
                              ARSYNC_BUFFER_SIZE_MAX (64 MiB). The default is
                              ARSYNC_BUFFER_SIZE_DEFAULT (2 MiB). It is also the largest single
                              read or write of a buffer. Up to 4 helper threads of a worker, 16 with
                              ARSYNC_BACKEND_THREADS, have 256 KiB each besides. */
    uint32_t queue_depth;  /* entries in a worker's submission queue, from 1 to
                              ARSYNC_QUEUE_DEPTH_MAX, rounded up to a power of two. The default is
                              ARSYNC_QUEUE_DEPTH_DEFAULT. */
    uint32_t job_limit;    /* jobs that are submitted and not yet polled, from 1 to
                              ARSYNC_JOB_LIMIT_MAX. The default is ARSYNC_JOB_LIMIT_DEFAULT. At the
                              limit a submit returns -EAGAIN. */
    uint64_t byte_rate;    /* bytes a second that all copies of the pool together may move, with all
                              reads and writes of leased buffers. The default is 0, no limit.
                              Blocks shared by reflink do not count. */
    uint32_t lease_count;  /* buffers of buffer_size bytes that the program may have at a time, see
                              "Buffers", from 1 to ARSYNC_LEASE_COUNT_MAX. The default is
                              ARSYNC_LEASE_COUNT_DEFAULT. They are not those of the copies. Each is
                              mapped when it is first needed; neither their number nor their size
                              is reduced where there is little memory. */
    uint32_t reserved[5];  /* 0 */
} arsync_pool_options;
/* The size of arsync_pool_options in version 0.1, for ever. */
#define ARSYNC_POOL_OPTIONS_SIZE_0_1 64

/* Open a pool of workers.
 *
 * options may be NULL for all defaults. On success *pool belongs to the caller, who gives it back
 * by arsync_pool_close. The call is cheap and does not block: it starts one thread; the other
 * threads, the rings and the buffers are made when they are first needed.
 *
 * If not even that thread can be started (pthread_create(3) fails because of a limit or a filter),
 * the pool works without one: copies run inside arsync_poll, with the rights of the thread that
 * polls, and arsync_pool_info says so. A copy that would have to wait for a FIFO or the like on a
 * thread of its own, as it does where there is no io_uring, then fails with that error.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      A field of the options is out of its limits, or unknown; see "Structs" above.
 *   -E2BIG       The options ask for what this version of the library does not know.
 *   -ENOMEM, -EMFILE, -ENFILE
 *                There is too little memory, or there are too few descriptors.
 *   -EPERM, -ENOSYS and others of io_uring_setup(2)
 *                With ARSYNC_BACKEND_URING: there is no io_uring. Also any error of
 *                pthread_create(3), because a ring needs a thread (-ENOMEM at the limit of
 *                threads).
 *   -EOPNOTSUPP  With ARSYNC_BACKEND_URING under valgrind, which cannot see what a ring does. */
ARSYNC_API int arsync_pool_open(const arsync_pool_options* options, arsync_pool** pool);

/* The ways in which a pool can be shut down. */
enum arsync_shutdown {
    ARSYNC_SHUTDOWN_DRAIN = 1, /* all jobs end as they would */
    ARSYNC_SHUTDOWN_CANCEL = 2 /* all jobs are cancelled; this may also follow a DRAIN */
};

/* Let a pool come to its end without waiting for it.
 *
 * how is one of enum arsync_shutdown. From now on every submit gives -ESHUTDOWN. arsync_poll still
 * gives every completion, and the questions, until the completion of every job has been polled.
 * After that it gives -ESHUTDOWN at once, and the descriptor of arsync_pool_event_fd stays
 * readable. A paused job stays paused until it is resumed. The pool is still to be closed.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      how is not one of enum arsync_shutdown. */
ARSYNC_API int arsync_pool_shutdown(arsync_pool* pool, uint32_t how);

/* Cancel all jobs, wait for them, and free a pool.
 *
 * The call blocks until no operation of the pool is left in the kernel. Completions that were not
 * polled are dropped. Partial output is removed, as it is for any cancelled job. When the call
 * returns, memory that was locked for registered buffers no longer counts against RLIMIT_MEMLOCK.
 * NULL is allowed. A process may also call exit(3) with a pool open and jobs running.
 *
 * In a child that fork(2) made it frees nothing. It closes only the pool's own descriptors, which
 * are those of its event and its rings; the descriptors of files that were under way stay open in
 * the child until it calls exec or exits.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      The pool was closed before. Every other function gives this for it, too. */
ARSYNC_API int arsync_pool_close(arsync_pool* pool);

/* Get a descriptor that is readable when there are completions.
 *
 * It is readable while completions wait to be polled, and after arsync_pool_wake; in a pool without
 * a thread also while jobs wait for a poll to run them. It is meant for poll(2), epoll(7) and event
 * loops, and is level-triggered. It belongs to the pool: do not read, write or close it.
 *
 * Returns the descriptor or an error. */
ARSYNC_API int arsync_pool_event_fd(arsync_pool* pool);

/* Let a thread that waits in arsync_poll return.
 *
 * That arsync_poll returns what there is, which may be nothing: 0. If no thread waits, the next
 * arsync_poll does not wait. Any number of calls before a poll count as one. The call does not
 * block.
 *
 * Returns 0 or an error. */
ARSYNC_API int arsync_pool_wake(arsync_pool* pool);

/* ---- Jobs --------------------------------------------------------------------------------- */

/* A submitted copy, or a submitted operation on a buffer or a file. It is never 0, and an id is
 * never used again: after the job's completion has been polled, every function that takes the id
 * returns -ENOENT. */
typedef uint64_t arsync_job;

/* Submit the copy of one file or one tree.
 *
 * options may be NULL for all defaults. job may be NULL; otherwise *job gets the job's id, before
 * its completion can arrive. user_data comes back in the completion and means nothing to the
 * library. After success, exactly one completion of kind ARSYNC_COMPLETION_JOB arrives. After an
 * error nothing was queued.
 *
 *   Source       It may be a regular file or a block device, with ARSYNC_COPY_SPECIAL also a
 *                stream, and with ARSYNC_COPY_RECURSIVE also a directory; see "Trees" below.
 *                Otherwise a directory gives -EISDIR in the completion. A directory that would be
 *                copied into itself gives -ELOOP, by whatever links or mounts.
 *   Content      The copy has the content up to the size that the source had when it was opened,
 *                or up to its end if that comes first. Sizes may be untrue on anything but the
 *                known local filesystems (FUSE, network filesystems, overlayfs, /proc, streams).
 *                There the copy has all that read(2) gives, whatever the size says, as with cp, and
 *                a file that ends before its size is no error. If the size or the modification time
 *                changed meanwhile, the completion's flags say so.
 *   Destination  One that was not there before is there afterwards only if the copy succeeded, or
 *                lost no more than an attribute (ARSYNC_COMPLETION_COPIED). One that is overwritten
 *                in place by a copy that fails stays incomplete, as with cp; use
 *                ARSYNC_REPLACE_ATOMIC where that matters. A filesystem that takes a file only from
 *                its beginning to its end, as mounted object stores do, gets it so, without holes.
 *                A file that refuses to be truncated is opened with O_TRUNC.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      The options are invalid, or contradict each other; arsync_options_check says why.
 *   -E2BIG       The options ask for what this version of the library does not know.
 *   -ENOENT      A path is empty.
 *   -ENAMETOOLONG
 *                A path has 4096 bytes or more.
 *   -EBADF       src_dirfd or dst_dirfd is not open.
 *   -EAGAIN      The pool's job_limit is reached: poll first. Of all functions only
 *                arsync_buffer_acquire gives this for another reason.
 *   -ESHUTDOWN   The pool was shut down, or is being closed.
 *   -EMFILE, -ENOMEM
 *                There are too few descriptors, or there is too little memory. */
ARSYNC_API int arsync_submit_copy(arsync_pool* pool, int src_dirfd, const char* src, int dst_dirfd,
                                  const char* dst, const struct arsync_copy_options* options,
                                  uint64_t user_data, arsync_job* job);

/* Submit the copy of a range between two open files.
 *
 * length bytes are copied from src_offset to dst_offset; a length of UINT64_MAX means up to the
 * source's end. The destination grows as needed and is otherwise left as it is, but where the
 * source has holes, holes are punched. The file positions are neither used nor moved. The
 * descriptors are duplicated, unless ARSYNC_COPY_KEEP_LOCKS is set. job and user_data are as for
 * arsync_submit_copy.
 *
 *   Options      replace, preserve, update, symlinks, backup, filter, link_set and all flags except
 *                ARSYNC_COPY_VERIFY and ARSYNC_COPY_KEEP_LOCKS must be 0 (-EINVAL).
 *                ARSYNC_DURABILITY_FULL is the same as FILE.
 *   Sizes        Of a source without a size (in /proc), length bytes are read, or all there are.
 *                One without offsets is copied from its beginning alone; any other src_offset is
 *                -ESPIPE at ARSYNC_STAGE_READ. Ranges of one file that overlap give -EINVAL in the
 *                completion.
 *   Closing      If closing the duplicate of dst_fd fails, as it may on NFS, the job fails at
 *                ARSYNC_STAGE_CLOSE.
 *   Modes        The library may open the files a second time through /proc/thread-self/fd, with
 *                the O_SYNC, O_DSYNC and O_NOATIME of the descriptor given. What is copied to
 *                a descriptor with O_SYNC or O_DSYNC is durable when the job completes, holes
 *                included. To one with O_DIRECT whole pages go past the page cache, if cache and
 *                method are AUTO, and what is less, or does not begin with one, goes through it.
 *                Where such a file cannot be opened a second time (no /proc, no permission), that
 *                is -EINVAL at ARSYNC_STAGE_WRITE.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      As from arsync_submit_copy; an option is set that a range does not allow; or the
 *                range goes past INT64_MAX.
 *   -EBADF       src_fd is not open for reading; dst_fd is not open for writing (for reading too
 *                with ARSYNC_COPY_VERIFY), or is open with O_APPEND; or either is open with O_PATH.
 *   -E2BIG, -EAGAIN, -ESHUTDOWN, -EMFILE, -ENOMEM
 *                As from arsync_submit_copy. */
ARSYNC_API int arsync_submit_copy_range(arsync_pool* pool, int src_fd, uint64_t src_offset,
                                        int dst_fd, uint64_t dst_offset, uint64_t length,
                                        const struct arsync_copy_options* options,
                                        uint64_t user_data, arsync_job* job);

/* ---- Completions -------------------------------------------------------------------------- */

/* What a completion tells of. No value of it is one of the ARSYNC_COMPLETION_ flags. */
enum arsync_completion_kind {
    ARSYNC_COMPLETION_JOB = 33,      /* a job has ended, and its id is no longer valid */
    ARSYNC_COMPLETION_ENTRY = 34,    /* an entry of a tree has ended */
    ARSYNC_COMPLETION_QUESTION = 35, /* something is at the destination; see "Questions" */
    ARSYNC_COMPLETION_ITEM = 36,     /* an item of a list has ended */
    ARSYNC_COMPLETION_WAY = 37       /* a directory on the way to an item; see "Lists" */
};

/* What was done, or what would have been done but for a dry run or an error. */
enum arsync_action {
    ARSYNC_ACTION_NONE = 0,            /* nothing was done */
    ARSYNC_ACTION_COPY = 1,            /* a file's content was copied */
    ARSYNC_ACTION_MAKE_DIRECTORY = 2,  /* a directory was made */
    ARSYNC_ACTION_ENTER_DIRECTORY = 3, /* a directory was there already */
    ARSYNC_ACTION_SYMBOLIC_LINK = 4,   /* a symbolic link was made */
    ARSYNC_ACTION_HARD_LINK = 5,       /* a hard link was made */
    ARSYNC_ACTION_MAKE_SPECIAL = 6,    /* a FIFO, a socket or a device was made */
    ARSYNC_ACTION_SKIP = 7,    /* what was there stays, because of the options' update or an answer,
                                  or because it is that link already */
    ARSYNC_ACTION_REMOVE = 8,  /* an extra entry was removed (MIRROR), with all that is in it */
    ARSYNC_ACTION_TREE = 9,    /* of a job or an item: a directory was copied; see the details */
    ARSYNC_ACTION_LIST = 10,   /* of a job: a list was copied; see the details */
    ARSYNC_ACTION_READ = 11,   /* arsync_submit_read: bytes were read into a buffer */
    ARSYNC_ACTION_WRITE = 12,  /* arsync_submit_write: bytes of a buffer were written */
    ARSYNC_ACTION_SYNC = 13,   /* arsync_submit_sync: a file was made durable */
    ARSYNC_ACTION_ACQUIRE = 14 /* arsync_submit_acquire: buffers were acquired; see the details */
};

/* What a job was doing when it failed. */
enum arsync_stage {
    ARSYNC_STAGE_NONE = 0,             /* nothing failed; or a tree or a list was cancelled, or was
                                          stopped with others, which was at many things */
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
    ARSYNC_STAGE_VERIFY = 16,         /* reading back and comparing: -EILSEQ if they differ */
    ARSYNC_STAGE_PUBLISH = 17,        /* giving the finished file its name */
    ARSYNC_STAGE_CLOSE = 18,          /* closing the destination */
    ARSYNC_STAGE_MEMORY = 19,         /* getting memory */
    ARSYNC_STAGE_LIST = 20,           /* listing a source directory */
    ARSYNC_STAGE_MAKE_DIRECTORY = 21, /* making or opening a destination directory: -ENOTDIR if what
                                         is there is not a directory */
    ARSYNC_STAGE_READ_LINK = 22,      /* reading a symbolic link */
    ARSYNC_STAGE_LINK = 23,           /* making a hard or symbolic link */
    ARSYNC_STAGE_MAKE_SPECIAL = 24,   /* making a FIFO, a socket or a device */
    ARSYNC_STAGE_REMOVE = 25,         /* removing what is in the way, or extra (MIRROR) */
    ARSYNC_STAGE_BACKUP = 26,         /* giving what is in the way its backup's name */
    ARSYNC_STAGE_CONTEXT = 27,        /* preserving the SELinux label */
    ARSYNC_STAGE_ASK = 28,            /* waiting for an answer (ARSYNC_UPDATE_ASK) */
    ARSYNC_STAGE_FLAGS = 29           /* preserving file flags and the project id */
};

/* The flags of a completion follow. In the completion of a tree's job, SOURCE_CHANGED,
 * SOURCE_SHRANK, OWNER_LOST and VERIFIED_CACHED say that they are true of at least one entry. */

/* How complete the copy is: */

/* The file, link or special file is complete at its name, whatever else failed. If there is an
 * error too, then at stage OWNER, XATTR, CONTEXT, MODE, TIMES or FLAGS an attribute could not be
 * kept. Of several such errors one is told: that of the times, else of the owner, else of the mode,
 * else of the others. Without /proc a symbolic link or a special file loses its extended attributes
 * and ACL (-ENOSYS), unless Linux is 6.13 and nobody else may write to either directory; before
 * 6.13 a loss is not known, and no error. */
#define ARSYNC_COMPLETION_COPIED (1u << 8)
/* The error is that an attribute could not be kept, and the options' required names only others. It
 * counts as an error all the same, but ARSYNC_COPY_STOP_ON_ERROR does not stop at it; and of a tree
 * or a list the result is another error, if there is one. */
#define ARSYNC_COMPLETION_NOT_REQUIRED (1u << 17)
/* The source's size or modification time changed between the start and the end of the copy. This is
 * not told of files whose content the kernel makes up when it is read, such as those in /sys or of
 * lxcfs; they have no blocks. */
#define ARSYNC_COMPLETION_SOURCE_CHANGED (1u << 0)
/* The source ended before the size that it had at the start, and so does the destination. Where
 * sizes may be untrue, this is told only if the source's size is now where it ended. */
#define ARSYNC_COMPLETION_SOURCE_SHRANK (1u << 1)
/* The user or the group could not be kept for lack of privilege; setuid and setgid were dropped. If
 * the effective user of the process is root, this is also an error, at ARSYNC_STAGE_OWNER. */
#define ARSYNC_COMPLETION_OWNER_LOST (1u << 3)
/* The method that was asked for, or the cache policy DIRECT, could not be used; the completion's
 * method says what ran. */
#define ARSYNC_COMPLETION_FALLBACK (1u << 2)
/* ARSYNC_COPY_VERIFY has compared, but some of what it read may have come from the page cache:
 * there is no O_DIRECT, and a process maps the file, or the library cannot know what is cached. */
#define ARSYNC_COMPLETION_VERIFIED_CACHED (1u << 7)

/* What became of what was at the destination: */

/* It had to be removed, or it was removed because of ARSYNC_REPLACE_REMOVE. */
#define ARSYNC_COMPLETION_REPLACED (1u << 4)
/* It has been backed up; see enum arsync_backup. The details have the backup's name. */
#define ARSYNC_COMPLETION_BACKED_UP (1u << 5)
/* It stays, and the copy has another name because of ARSYNC_ANSWER_KEEP_BOTH, or would have in a
 * dry run. The details have the copy's name. */
#define ARSYNC_COMPLETION_KEPT_BOTH (1u << 9)
/* The source is a directory, or what was removed was one. */
#define ARSYNC_COMPLETION_DIRECTORY (1u << 6)

/* Where an error comes from: */

/* It comes from the source's side: from reading it, its attributes or its directory. */
#define ARSYNC_COMPLETION_AT_SOURCE (1u << 10)
/* It comes from the destination's side. Neither flag is set if the process is short of something
 * (-ENOMEM, -EMFILE, -ENFILE), if the job was cancelled, or if the error has to do with both sides
 * (-EXDEV). */
#define ARSYNC_COMPLETION_AT_DESTINATION (1u << 11)
/* With AT_DESTINATION: what is there is the reason, as with -EEXIST, -EISDIR and -ENOTDIR, or with
 * -EINVAL if it is the source itself. */
#define ARSYNC_COMPLETION_CONFLICT (1u << 15)

/* What is special about an item of a list: */

/* An earlier item has made what is at the destination, or was copied through it. */
#define ARSYNC_COMPLETION_JUST_CREATED (1u << 12)
/* The item was skipped because its source had come before. */
#define ARSYNC_COMPLETION_REPEATED (1u << 13)
/* The error is that of a directory on the way, and a completion of kind WAY names it. */
#define ARSYNC_COMPLETION_ON_THE_WAY (1u << 14)
/* With ARSYNC_COPY_MIRROR: what another item mirrors to, whose user_data is the details' other,
 * holds what is to be copied, or lies in that (with AT_SOURCE), or holds the place where it is to
 * be (with AT_DESTINATION). */
#define ARSYNC_COMPLETION_IN_MIRROR (1u << 16)

/* What became of a job, an entry or an item.
 *
 * The layout, of 64 bytes without padding, never changes. */
typedef struct arsync_completion {
    arsync_job job;      /* the job that it is about */
    uint64_t user_data;  /* as it was given at submit */
    uint64_t bytes;      /* bytes of the source that are at the destination, holes included; 0
                            where not all could be moved, or what was new was removed again. Of a
                            read or a write of a buffer: bytes read or written */
    uint64_t hole_bytes; /* of these, bytes in holes */
    const char* path;    /* of an entry, or of a question about one: its path below src and dst, of
                            any length, and "" for src itself; of a WAY, its path below src_dirfd;
                            NULL for a job, an item, and a question about these. It is valid until
                            the next poll. */
    int32_t result;  /* 0, -ECANCELED, or the error as a negative errno; of a tree or a list, that
                        of the sync of all it has copied, or else the first error */
    uint16_t kind;   /* enum arsync_completion_kind */
    uint16_t action; /* enum arsync_action */
    uint32_t flags;  /* ARSYNC_COMPLETION_* */
    uint16_t stage;  /* enum arsync_stage: where it failed */
    uint16_t method; /* enum arsync_method: the one that ran, or the last one if another had to
                        go on; AUTO if none did */
    const struct arsync_details* details; /* what there is no room for here, or NULL */
} arsync_completion;

/* What a job with ARSYNC_COPY_RECURSIVE, or a list, did in all.
 *
 * It belongs to the library and is valid until the next poll. Fields past struct_size are not
 * there. */
typedef struct arsync_totals {
    uint32_t struct_size;         /* sizeof(arsync_totals) in the library that runs */
    uint32_t reserved;            /* 0 */
    uint64_t entries;             /* files, links, directories and others, src itself included, but
                                     not those that the filter left out or that were removed */
    uint64_t files;               /* of these, files whose content was copied */
    uint64_t directories;         /* directories that were made, or were there before */
    uint64_t symlinks;            /* symbolic links that were made */
    uint64_t hard_links;          /* hard links that were made */
    uint64_t specials;            /* FIFOs, sockets and devices that were made */
    uint64_t skipped;             /* entries that were left as they were */
    uint64_t removed;             /* extra entries that were removed, with all that was in them */
    uint64_t errors;              /* errors of entries, of removing, and of directories' ends */
    uint64_t bytes;               /* bytes of files, holes included */
    uint64_t hole_bytes;          /* of these, bytes in holes */
    uint64_t files_by_method[16]; /* files, by enum arsync_method */
} arsync_totals;
/* The size of arsync_totals in version 0.1, for ever. */
#define ARSYNC_TOTALS_SIZE_0_1 224

/* What statx(2) says of a file.
 *
 * The layout, of 40 bytes, never changes. */
typedef struct arsync_facts {
    uint64_t size;         /* bytes */
    int64_t mtime_s;       /* modification time: seconds since 1970, */
    uint32_t mtime_ns;     /* and nanoseconds */
    uint32_t mode;         /* kind and permissions, as st_mode; 0: these facts are not filled in */
    uint32_t device_major; /* the filesystem's device, */
    uint32_t device_minor; /* major and minor number */
    uint64_t inode;        /* the file's number in it */
} arsync_facts;

/* A question that waits for its answer; see "Questions". It is never 0, and an id is never used
 * again. */
typedef uint64_t arsync_question;

/* What a completion has no room for.
 *
 * This is what belongs to the completion's flags, and what the options' want asks for. It belongs
 * to the library, with all that it points to, and is valid until the next poll. Fields past
 * struct_size are not there. */
typedef struct arsync_details {
    uint32_t struct_size;        /* sizeof(arsync_details) in the library that runs */
    uint32_t has;                /* ARSYNC_WANT_*: what was wanted and is here */
    const arsync_totals* totals; /* TOTALS: of a job with ARSYNC_COPY_RECURSIVE, else NULL */
    const char* backup;          /* with BACKED_UP: the name, in the same directory, that what was
                                    at the destination has now, or in a dry run would have */
    const char* name;            /* with KEPT_BOTH: the copy's name, in the same directory */
    arsync_question question;    /* of a QUESTION: what arsync_answer takes; else 0 */
    arsync_facts source;         /* SOURCE: what was copied, as it was when the copy began; of a
                                    QUESTION: what is to be copied */
    arsync_facts destination;    /* DESTINATION: the copy as it was left, or what stays; of a
                                    QUESTION: what is there */
    const char* error_path;      /* ERROR_PATH: of a job with ARSYNC_COPY_RECURSIVE, the path of the
                                    entry whose error is the job's result, "" for src itself. Of a
                                    list, the path at the source from its src_dirfd: an item's src,
                                    with the entry's path below that, or a directory on the way */
    uint64_t digest[2];          /* DIGEST: the lower and the higher half of a hash of a file's
                                    content. It is here if ARSYNC_COPY_VERIFY has compared it, or if
                                    the data passed through this process (not by reflink or by
                                    copy_file_range(2)). The halves are the sums, modulo 2^64, of
                                    the halves of the XXH3-128 hashes of all blocks of 4096 bytes
                                    that are not all zeros. The seed of each is the block's number,
                                    counted from 0. The last block may be shorter. */
    uint64_t begin_ns;           /* TIMES: when a worker began, by CLOCK_MONOTONIC, */
    uint64_t end_ns;             /* and when it ended */
    uint64_t other;              /* with IN_MIRROR: the user_data of the item whose mirror it is */
    const struct arsync_buffer* buffers; /* of an arsync_submit_acquire that succeeded: the buffers,
                                            which are the caller's from now on; else NULL */
    uint64_t buffer_count;               /* how many */
} arsync_details;
/* The size of arsync_details in version 0.1, for ever. */
#define ARSYNC_DETAILS_SIZE_0_1 184

/* Take the completions that there are, or wait for one.
 *
 * Up to max completions are stored in completions, in the order in which they ended. If there are
 * none, the call blocks for up to timeout_ms milliseconds until there is at least one: 0 does not
 * block, and -1 waits for ever, also for jobs that other threads may yet submit. Paths and details
 * of the completions are valid until the next poll of this pool. Only one thread at a time polls.
 *
 * In a pool that could start no thread, the call runs the jobs until one of them ends. Then it may
 * take as long as a copy, whatever timeout_ms is.
 *
 * Returns the number of completions; 0 after the timeout or because of arsync_pool_wake; or an
 * error.
 *
 * Errors:
 *   -EINVAL      max is 0, or timeout_ms is below -1.
 *   -EBUSY       Another thread polls.
 *   -ESHUTDOWN   There will be no more completions; see arsync_pool_shutdown. */
ARSYNC_API int arsync_poll(arsync_pool* pool, struct arsync_completion* completions, uint32_t max,
                           int timeout_ms);

/* Take the finished copy as an open descriptor.
 *
 * There is one if the completion is of kind JOB, its copy is a regular file, ARSYNC_WANT_FD was
 * among the options' want, and its details say so: details->has has ARSYNC_WANT_FD. COPIED among
 * the flags is not enough, because links and special files are copied without being opened, and
 * a destination of ARSYNC_COPY_DST_FD that cannot be opened again stays its owner's alone.
 *
 * The descriptor is open for reading and writing, or for writing alone where its filesystem or
 * whoever gave it allows no more. It is close-on-exec, stands at the file's beginning, and belongs
 * to the caller. What is not taken is closed by the next poll, before that waits, or by
 * arsync_details_free. pool is NULL for a completion of arsync_copy.
 *
 * Returns the descriptor or an error.
 *
 * Errors:
 *   -ENOENT      There is none, or it was taken or closed before. */
ARSYNC_API int arsync_take_fd(arsync_pool* pool, const struct arsync_completion* completion);

/* ---- Lists -------------------------------------------------------------------------------- */

/* Lists: copying many things as one job
 *
 * A list is one job over many things. They are copied side by side, but the result is as if they
 * had been copied one after the other: an item that would touch what an earlier item has in flight
 * (its destination, a source that it writes, a backup's name, names of one file) waits for that.
 *
 *   Items      Each item is copied as arsync_submit_copy would copy it, with the list's options,
 *              and has a completion of kind ITEM with its user_data. With ARSYNC_COPY_RECURSIVE an
 *              item may be a tree; the completions of its entries have kind ENTRY and the item's
 *              user_data, and so have questions. An item that fails does not stop the others,
 *              unless ARSYNC_COPY_STOP_ON_ERROR says so.
 *   Once       An item does not overwrite what an earlier item has made: it fails with -EEXIST and
 *              JUST_CREATED, unless numbered backups are made or the options let the earlier one
 *              stay anyway. (Without ARSYNC_COPY_BENEATH only paths that are spelled alike count as
 *              one place, as for cp; nor does what a tree of another source made count.) Nor is a
 *              file written through a link that an earlier item has made or was copied through:
 *              that is -ELOOP with JUST_CREATED. An item with the same paths as an earlier one, but
 *              for "." and slashes, and of one source also "..", is skipped, with REPEATED (a file
 *              only if no backups are made).
 *   Ways       With ARSYNC_COPY_PARENTS each directory on the way is made once. It stays writable
 *              until the list has ended, and then gets its attributes, as ARSYNC_COPY_PARENTS says.
 *              With ARSYNC_REPORT_ALL one that is made has a completion of kind WAY, whose path is
 *              the beginning of src. One that cannot be made has such a completion with any report
 *              except NONE, and the items below it fail with the same error and ON_THE_WAY. If an
 *              attribute cannot be kept in the end, a completion of kind WAY with the list's own
 *              user_data says so. The directory that dst begins with must be there.
 *   One tree   With ARSYNC_COPY_BENEATH the items are entries of one tree. None is copied twice,
 *              neither by itself nor within a directory that is another item: a directory that
 *              comes again is skipped, with REPEATED, and anything else that comes again is -EEXIST
 *              with JUST_CREATED.
 *   Mirrors    With ARSYNC_COPY_MIRROR, and without ARSYNC_COPY_SHALLOW, no item is begun before
 *              the list has ended, and all items are looked at first. If the mirror of one would
 *              remove what another copies or makes, nothing is done: that other item has the only
 *              completion, at ARSYNC_STAGE_CHECK with IN_MIRROR, and its error is the job's. The
 *              error is -EEXIST if two items are to be at one place, or one in the other, and
 *              -ELOOP if an item's source or destination lies in what another one mirrors to, or if
 *              its source holds that, by whatever links, mounts or "..". With ARSYNC_COPY_BENEATH
 *              an item may lie in another one, at the same place in source and destination. Where
 *              links are followed (ARSYNC_SYMLINKS_FOLLOW) one below an item may lead to what
 *              another one mirrors to: a directory is -EOPNOTSUPP beside another whose destination
 *              is there already.
 *   Links      ARSYNC_PRESERVE_LINKS holds over all items.
 *   Durable    The list's completion says that all items which succeeded are durable; an item's own
 *              completion does not say so yet. Names and data are written out once, when all items
 *              have ended, as for a tree; see "Trees". On FUSE, overlayfs and servers, and where
 *              syncfs(2) is denied, a file's data is synced when it is copied, and each directory
 *              once at the end. A file written through a symbolic link is synced by itself. So is
 *              each file in a list of at most 16 items, since syncfs(2) also writes what other
 *              programs have left to be written. If a loss is told, and more than 65536 items were
 *              copied, the loss is the list's. A list that is cancelled is not synced.
 *   Order      Items run in any order. But with ARSYNC_REPORT_ALL trees come one after the other,
 *              and so do trees whose destination is there already, or holds the source, or lies in
 *              it. A source that is newer than its list (its inode changed after the list was
 *              opened) may be what an earlier item has just made; its item waits for all earlier
 *              ones.
 *   Memory     At most ARSYNC_LIST_WAITING_MAX items wait to be begun, but all items of a list of
 *              mirrors. Some bytes are kept of each item that has ended, with ARSYNC_COPY_BENEATH
 *              also its path, and the directories on the way.
 */

/* One item of a list.
 *
 * The layout, of 32 bytes, never changes. */
typedef struct arsync_item {
    const char* src;    /* as for arsync_submit_copy; the library copies the path */
    const char* dst;    /* the same */
    uint64_t user_data; /* comes back in the item's completions */
    uint64_t reserved;  /* 0 */
} arsync_item;

/* The most items of a list that wait to be begun, if it is not a list of mirrors. */
#define ARSYNC_LIST_WAITING_MAX 16384

/* Submit a list of copies as one job.
 *
 * count is any number, also 0. The items and their paths are copied before the call returns. After
 * success exactly one completion of kind JOB arrives. A completion of kind ITEM comes before it for
 * each item that was begun, with -ECANCELED if the job was cancelled meanwhile. Items that were not
 * begun, because the job was cancelled or stopped, have none. After an error nothing was queued.
 * See "Lists" above for all else.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      As from arsync_submit_copy; or ARSYNC_COPY_SRC_FD, ARSYNC_COPY_DST_FD or
 *                ARSYNC_WANT_FD is set, for a list is of names.
 *   -EFAULT      A path of any item is NULL. One that is empty or too long is that item's failure.
 *   -E2BIG, -EBADF, -EAGAIN, -ESHUTDOWN, -EMFILE, -ENOMEM
 *                As from arsync_submit_copy. */
ARSYNC_API int arsync_submit_list(arsync_pool* pool, int src_dirfd, int dst_dirfd,
                                  const arsync_item* items, uint64_t count,
                                  const struct arsync_copy_options* options, uint64_t user_data,
                                  arsync_job* job);

/* Submit a list piece by piece.
 *
 * This is for lists that are not known as a whole, or that do not fit into memory: open one, add
 * items as they come, and end it. The job runs meanwhile. job must not be NULL for
 * arsync_list_open.
 *
 * arsync_list_add takes the first ones of the items given. If it takes fewer than count, perhaps
 * none, as many as may are waiting to be begun: poll, and add the others. A list of mirrors takes
 * ARSYNC_LIST_WAITING_MAX items at each call, however many wait. After an error, which may be that
 * of any item, it has taken none.
 *
 * Returns arsync_list_open and arsync_list_end: 0 or an error. arsync_list_add: how many items it
 * took, or an error.
 *
 * Errors:
 *   -ENOENT      There is no such job, or it was cancelled.
 *   -EINVAL      The job is not a list, or was ended.
 *   Others       As from arsync_submit_list. */
ARSYNC_API int arsync_list_open(arsync_pool* pool, int src_dirfd, int dst_dirfd,
                                const struct arsync_copy_options* options, uint64_t user_data,
                                arsync_job* job);
ARSYNC_API int arsync_list_add(arsync_pool* pool, arsync_job job, const arsync_item* items,
                               uint32_t count);
ARSYNC_API int arsync_list_end(arsync_pool* pool, arsync_job job);

/* ---- Trees -------------------------------------------------------------------------------- */

/* Trees: copying a directory with all that is in it
 *
 * With ARSYNC_COPY_RECURSIVE, src may be a directory. Then dst is the name of its copy: it is made
 * if nothing is there, and otherwise it must be a directory, which what is copied is added to. All
 * workers of the pool work on one tree. Every file, link and directory below src is an entry. An
 * entry is copied as a job of its own would be, with these differences.
 *
 *   Errors     An entry that fails does not stop the others. Its completion says what failed, with
 *              its path. The job's completion has the first error as its result, and its details
 *              have the number of errors.
 *   Waiting    When ARSYNC_ENTRIES_WAITING_MAX completions of entries wait to be polled, copying
 *              waits, too.
 *   Links      Below src and dst no symbolic link is followed, unless the options say so. One at
 *              the destination is replaced and never written through. One that takes the place of a
 *              directory meanwhile leads nowhere. With ARSYNC_COPY_ATTRIBUTES_ONLY it stays, and
 *              that is -ELOOP. Where links to directories are followed, at either end, a directory
 *              that the same tree has made is not copied again: that is -ELOOP, too.
 *   Specials   A file does not overwrite a FIFO, a socket or a device in place, unless
 *              ARSYNC_COPY_SPECIAL says to write into it.
 *   Names      Two names may be one at the destination, where case or the spelling of an accent
 *              makes no difference. The second of them fails with -EEXIST, whatever the options say
 *              of what exists, and the first is kept. In a directory that was there before, the
 *              name that its listing spells comes first.
 *   Order      Entries are copied in any order. A directory gets its own owner, mode and times
 *              after all that is in it.
 *   Disks      What is not in memory of a local disk that has to seek, as it says itself
 *              (queue/rotational in sysfs), is read in the order in which it lies there, some ten
 *              thousand names of a directory at a time, by one worker at a time. It is not with
 *              questions and with backups, where blocks may be shared, where the page cache is to
 *              be passed by or left as it was, and in a directory that is there already unless
 *              all is copied (ARSYNC_UPDATE_ALL).
 *   Durable    Names and data are written out once, at the end of the job, by syncfs(2). If that
 *              tells of a loss, which may be another program's, each file and directory in dst is
 *              synced; the loss is the job's if one fails, cannot be opened, or has nothing in the
 *              page cache, when its own loss may be forgotten. On FUSE, overlayfs and servers, and
 *              where syncfs(2) is denied, each is synced as soon as it is done, but for attributes
 *              of symbolic links and special files, which have no sync. With ARSYNC_REPLACE_ATOMIC
 *              each file's data is also synced before the file gets its name.
 *   Filter     The options' filter has lines of patterns as in gitignore(5). A leading "!" takes
 *              back in. A leading or inner "/" ties a pattern to src, and a trailing "/" means
 *              directories only. "*" and "?" stop at "/", and "**" does not. "[a-z]" is one of
 *              these characters, and "[!a-z]" is any other. The last pattern that matches decides,
 *              and all that is below a directory that is left out is left out, too. Empty lines and
 *              lines that begin with "#" mean nothing. "\" makes the next character an ordinary
 *              one.
 *   Memory     The memory is bounded by the depth of the tree and the options, not by the number of
 *              entries. Where names may fold, and with ARSYNC_COPY_MIRROR, it also grows with the
 *              names in the directories that are under way, by eight bytes each. With
 *              ARSYNC_PRESERVE_LINKS it grows with the number of files that have names not seen
 *              yet, which with ARSYNC_SYMLINKS_FOLLOW any file may have. With that, and with
 *              ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK, it grows with the directories that are made.
 *   Limits     Where descriptors run out, fewer entries are under way at once.
 */

/* The most completions of a job's entries that wait to be polled; then copying waits, too. */
#define ARSYNC_ENTRIES_WAITING_MAX 4096

/* ---- Ranges ------------------------------------------------------------------------------- */

/* Ranges: copying a part of a file by its name
 *
 * With range_length, what is copied is that part of a regular file, from range_offset on, to the
 * same place in the destination. UINT64_MAX means up to the source's end, and what lies behind that
 * is nothing. Several jobs, in other processes or on other machines too, may so copy one file side
 * by side. (arsync_submit_copy_range does the same between open files.)
 *
 *   Destination  It is made if it is not there, with mode 0600. It is never truncated, only grows
 *                if the part ends behind its end, gets no attributes, and stays if the copy fails,
 *                for others may be writing to it. Where the source has holes, holes are punched.
 *                Whoever gives out the parts sets its size first, and its attributes in the end.
 *   Kinds        Anything but a regular file, on either side, gives -EISDIR or -EOPNOTSUPP at
 *                ARSYNC_STAGE_CHECK. No symbolic link is followed in the last component of the
 *                destination (-ELOOP).
 *   Options      Of the flags only VERIFY, which compares that part, NOFOLLOW, PARENTS, BENEATH,
 *                BARE_PARENTS, STOP_ON_ERROR and BORROW_DIRFDS may be set. preserve, replace,
 *                update, backup, link_set and ARSYNC_WANT_FD must be 0, and symlinks not KEEP.
 */

/* ---- Link sets ---------------------------------------------------------------------------- */

/* Jobs between which hard links are kept. It is never 0, and an id is never used again. */
typedef uint64_t arsync_link_set;

/* Open a set of jobs between which hard links are kept.
 *
 * Names of one file that are copied by different jobs, with link_set = *set and
 * ARSYNC_PRESERVE_LINKS among their options, become names of one copy, as they do within one tree.
 * The jobs may run side by side or one after another: a name whose file another job is just copying
 * waits for that. Until the set is closed it remembers each file by its copy's path from that job's
 * dst_dirfd. If the copy is no longer found there, has changed, or cannot be linked to, a new one
 * is made. A set belongs to its pool and is closed with it. The call does not block.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -ENOMEM      There is too little memory.
 *   -ESHUTDOWN   The pool was shut down, or is being closed. */
ARSYNC_API int arsync_link_set_open(arsync_pool* pool, arsync_link_set* set);

/* Close a link set.
 *
 * Jobs that were submitted with it still use it.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -ENOENT      There is no such set, or it was closed. */
ARSYNC_API int arsync_link_set_close(arsync_pool* pool, arsync_link_set set);

/* ---- Questions ---------------------------------------------------------------------------- */

/* Questions: asking before something is replaced
 *
 * With ARSYNC_UPDATE_ASK, a completion of kind ARSYNC_COMPLETION_QUESTION comes where something is
 * at the destination. Its path is that of an entry, or NULL for the job's own source if that is not
 * a directory. Its details have the question's id and what is known of both sides. It comes
 * whatever the options' report says, also in a dry run, and about whatever is there, even about a
 * directory in the place of a file, though that cannot be replaced. There is no question about a
 * directory that is added to, nor where the copy would destroy its own source: that is -EINVAL.
 *
 *   Waiting    The entry waits, and all else goes on, but for items of a list that have to wait for
 *              earlier ones to end: a tree, a link, and what an earlier item may touch. A question
 *              holds no buffer and no descriptor. It takes none of the 64 places that a worker has
 *              for jobs under way, except that a tree that only waits keeps its roots open, and
 *              that such trees take places when there are more than one for each 32 descriptors
 *              that the process may have. When ARSYNC_QUESTIONS_WAITING_MAX questions of a job
 *              wait, it begins nothing more until some are answered.
 *   Skip       What is there stays, and the entry ends with ARSYNC_ACTION_SKIP.
 *   Replace    The copy goes on as with ARSYNC_UPDATE_ALL, beneath the same directories as when it
 *              asked: if another one has the name of one of these, that is -ESTALE. It replaces
 *              only what was asked about: if by then something else is there (another device,
 *              inode or kind), another question comes. If nothing is there, the copy is made.
 *   Keep both  The copy gets the first free name of "NAME (1).EXT", "NAME (2).EXT" and so on. EXT
 *              is what comes after the last dot, if that is neither the first byte nor the last,
 *              and it includes a ".tar" before that dot. A name that would be too long is cut. The
 *              copy is made with O_EXCL, or is linked, so that it never takes the place of
 *              anything; no backup is made. If nothing is there any more, the copy gets its own
 *              name.
 *   Stop       The job ends as by arsync_job_cancel, with all its questions. */

/* The most questions of a job that wait for an answer; then the job begins nothing more. */
#define ARSYNC_QUESTIONS_WAITING_MAX 256

/* The answers to a question. */
enum arsync_answer_kind {
    ARSYNC_ANSWER_SKIP = 1,      /* what is there stays */
    ARSYNC_ANSWER_REPLACE = 2,   /* it is replaced, as the options' replace and backup say */
    ARSYNC_ANSWER_KEEP_BOTH = 3, /* it stays, and the copy gets another name */
    ARSYNC_ANSWER_STOP = 4       /* the job ends */
};

/* Answer a question.
 *
 * answer is one of enum arsync_answer_kind. The call does not wait: the completion of the entry, or
 * of the job, says what came of it. Questions may be answered in any order, and at any time before
 * the job's end.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -ENOENT      There is no such question, it was answered before, or its job was cancelled or has
 *                ended.
 *   -EINVAL      There is no such answer. */
ARSYNC_API int arsync_answer(arsync_pool* pool, arsync_question question, uint32_t answer);

/* ---- Buffers ------------------------------------------------------------------------------ */

/* Buffers: memory of a pool that a program reads files into and writes files from
 *
 * A program that wants to see or change the data on its way, or to send it to several places,
 * leases buffers of the pool and has the pool read files into them and write files from them. The
 * data is not copied in this process: io_uring reads into the very memory that the program sees
 * (READ_FIXED) and writes from it (WRITE_FIXED), and it is page-aligned, as O_DIRECT wants it. What
 * is cached, and what is written to the page cache of a local file, a worker reads and writes by
 * plain calls instead, 256 KiB at a time, as long as these do not wait.
 *
 *   Leasing    arsync_buffer_acquire takes buffers that are free; arsync_submit_acquire is a job
 *              that waits for them. They come from the lease_count of the pool's options, so no
 *              copy waits for one. arsync_buffer_release gives one back.
 *   States     A buffer is idle, or is read into by one operation, or is written from by any number
 *              of them: one read and then several writes at once send the same data to several
 *              files. A read into a buffer that is not idle gives -EBUSY, and so does a write from
 *              one that is read into. It is idle again before the completion of its last operation
 *              can be polled. While it is read into, the program must not look at the memory of
 *              that operation; while it is written from, it must not change that memory.
 *   Release    A buffer may be released at any time. If it is not idle, its operations go on, and
 *              their completions come; only then is its memory leased anew. The id is dead at once
 *              (-ENOENT), and the program must not touch the memory any more.
 *   Jobs       Each read, write and sync is a job of the pool, with one completion of kind
 *              ARSYNC_COMPLETION_JOB. It counts for job_limit, for the pool's byte_rate (with the
 *              bytes that it read or wrote) and among the 64 jobs that a worker has under way at a
 *              time; it can be cancelled, paused and adjusted as a copy can. Operations have no
 *              order among each other: what is to come after another is submitted when that has
 *              completed.
 *   Results    The completion's bytes are what was read or written. What the kernel does in several
 *              parts is one operation here: with result 0, fewer bytes than asked for mean the end
 *              of the file, and come of reads only. After an error bytes are the finished part from
 *              the beginning; the stage is ARSYNC_STAGE_READ, WRITE or SYNC, or QUEUE for what was
 *              cancelled before it began. A descriptor that is not open for what is asked gives
 *              -EBADF there.
 *   Cancel     A read or a write of a regular file that has begun is not interrupted. It ends with
 *              its ordinary result if one transfer did all of it, and otherwise, as after a short
 *              one, with -ECANCELED and the bytes so far. What waits for a stream ends at once, and
 *              so does what has read or written its bytes and waits because of a byte_rate: that is
 *              -ECANCELED with all its bytes.
 *   O_DIRECT   A descriptor with O_DIRECT is read and written so. The buffer is aligned to 4096
 *              bytes; at, offset and length are the program's to align. The library adds nothing:
 *              what the kernel refuses is -EINVAL in the completion. The last part of a file is
 *              read by asking for a whole block, and written through a descriptor without O_DIRECT.
 *   Streams    With an offset of UINT64_MAX a read or a write is one transfer, as read(2) and
 *              write(2) make it: from a pipe, a socket or a terminal when there is something, and
 *              perhaps of fewer bytes than asked for; 0 bytes are its end. A write of 0 bytes does
 *              nothing. Of a regular file it is at the file's position, which it moves. A stream
 *              that has nothing to give keeps one of its worker's 64 places. Any other offset of
 *              a file without offsets is refused with -ESPIPE.
 *   Append     With O_APPEND the kernel writes at the end of the file, whatever the offset.
 *   Fork       A forked child does not have the memory of the buffers: to touch it is a fault.
 *   Closing    arsync_pool_close cancels and waits for what is under way. A buffer that is still
 *              leased keeps its memory until it is released, which is allowed after the close, and
 *              is all that is. Files are closed with the pool.
 *   Backends   With ARSYNC_BACKEND_THREADS, and where io_uring has been denied, the operations are
 *              plain system calls on threads. Buffers that the kernel does not register, because of
 *              RLIMIT_MEMLOCK for example, are used all the same (READ and WRITE);
 *              arsync_pool_info counts them, once for each worker that uses the buffer. Files on
 *              FUSE, on servers and of the kernel's own are read by plain calls, since io_uring
 *              goes by the size that they seem to have.
 */

/* A leased buffer.
 *
 * The layout, of 32 bytes, never changes. */
typedef struct arsync_buffer {
    uint64_t id;    /* what the functions below take. It is never 0, and no other lease of the pool
                       ever has it. */
    void* data;     /* the memory, aligned to 4096 bytes; zeros or what a lease before left in it */
    uint64_t size;  /* bytes: the pool's buffer_size */
    uint32_t flags; /* 0 */
    uint32_t worker; /* 0: any worker serves any buffer */
} arsync_buffer;

/* Acquire buffers that are free.
 *
 * out gets count buffers, or none. Each belongs to the caller until arsync_buffer_release. The call
 * does not block, and takes none that an arsync_submit_acquire waits for.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      count is 0 or larger than the pool's lease_count.
 *   -EAGAIN      Fewer are free, or somebody else waits for some.
 *   -ENOMEM      There is too little memory.
 *   -ESHUTDOWN   The pool was shut down. */
ARSYNC_API int arsync_buffer_acquire(arsync_pool* pool, uint32_t count, arsync_buffer* out);

/* Submit a job that waits for buffers.
 *
 * It ends when all count buffers are there. Jobs of this kind are served in the order in which they
 * were submitted, whatever the number that each waits for. The completion has the buffers in its
 * details, which are valid until the next poll; the buffers are the caller's from the poll on that
 * gives the completion. The job holds none while it waits, and takes no place on a worker. It may
 * be cancelled (-ECANCELED at ARSYNC_STAGE_QUEUE), but not adjusted (-EINVAL). If the pool is
 * closed before the poll, the buffers are released.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      count is 0 or larger than the pool's lease_count.
 *   -EAGAIN, -ESHUTDOWN
 *                As from arsync_submit_copy.
 *   -ENOMEM      There is too little memory. The completion may have this too, at
 *                ARSYNC_STAGE_MEMORY. */
ARSYNC_API int arsync_submit_acquire(arsync_pool* pool, uint32_t count, uint64_t user_data,
                                     arsync_job* job);

/* Release a buffer.
 *
 * See "Release" and "Closing" above. In a child of fork(2) it gives -EOWNERDEAD, also after the
 * pool was closed.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -ENOENT      There is no such buffer, or it was released. */
ARSYNC_API int arsync_buffer_release(arsync_pool* pool, uint64_t buffer);

/* An open file of a pool. It is never 0, and an id is never used again. */
typedef uint64_t arsync_file;

/* Give a pool an open file to read and write.
 *
 * fd is any open descriptor but that of a directory, and not of O_PATH. It is duplicated, once for
 * all operations on the file; the caller may close its own. flags is 0.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EBADF       fd is not open, or is open with O_PATH.
 *   -EISDIR      It is a directory.
 *   -EINVAL      flags is not 0.
 *   -EMFILE, -ENOMEM, -ESHUTDOWN
 *                As from arsync_submit_copy. */
ARSYNC_API int arsync_file_open(arsync_pool* pool, int fd, uint32_t flags, arsync_file* file);

/* Close a file of a pool.
 *
 * The id is dead at once. If no operation is under way, the duplicate is closed by the call, which
 * may wait as close(2) may. Otherwise it is closed when the last operation has ended; what that
 * close(2) says is lost, so sync first what must not be.
 *
 * Returns 0 or an error, which may be that of close(2).
 *
 * Errors:
 *   -ENOENT      There is no such file, or it was closed. */
ARSYNC_API int arsync_file_close(arsync_pool* pool, arsync_file file);

/* Submit a read into a buffer, or a write from one.
 *
 * length bytes of the file, from offset on, are read into the buffer's memory from data + at on, or
 * written from there. flags is 0. job may be NULL, and user_data comes back in the completion; both
 * are as for arsync_submit_copy. See "Buffers" above for all else.
 *
 * Returns 0 or an error, after which nothing was queued.
 *
 * Errors:
 *   -ENOENT      There is no such buffer, or no such file.
 *   -EBUSY       Of a read: the buffer is not idle. Of a write: it is being read into.
 *   -ESPIPE      The file is a stream, and offset is not UINT64_MAX.
 *   -EINVAL      at + length is larger than the buffer, offset + length is larger than INT64_MAX
 *                (but offset may be UINT64_MAX), or flags is not 0.
 *   -EAGAIN, -ESHUTDOWN, -ENOMEM
 *                As from arsync_submit_copy. */
ARSYNC_API int arsync_submit_read(arsync_pool* pool, arsync_file file, uint64_t offset,
                                  uint64_t buffer, uint64_t at, uint64_t length, uint32_t flags,
                                  uint64_t user_data, arsync_job* job);
ARSYNC_API int arsync_submit_write(arsync_pool* pool, arsync_file file, uint64_t offset,
                                   uint64_t buffer, uint64_t at, uint64_t length, uint32_t flags,
                                   uint64_t user_data, arsync_job* job);

/* Of arsync_submit_sync: only the data and what is needed to read it, as fdatasync(2) does. */
#define ARSYNC_SYNC_DATA (1u << 0)

/* Submit a sync of a file.
 *
 * It makes durable, as fsync(2) does, what has been written to the file by operations that had
 * completed when it was submitted. flags is 0 or ARSYNC_SYNC_DATA. An error that it has is told
 * once: do not take a second one that succeeds for a repair.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -ENOENT      There is no such file.
 *   -EINVAL      flags is something else.
 *   -EAGAIN, -ESHUTDOWN, -ENOMEM
 *                As from arsync_submit_copy. */
ARSYNC_API int arsync_submit_sync(arsync_pool* pool, arsync_file file, uint32_t flags,
                                  uint64_t user_data, arsync_job* job);

/* ---- Options: what is copied -------------------------------------------------------------- */

/* The flags of arsync_copy_options are here by what they are about. Their numbers are in the order
 * in which they came to be. */

/* A directory is copied with all that is in it; see "Trees". Without this flag a directory gives
 * -EISDIR. Anything else is copied with this flag, too; FIFOs, sockets and devices are then made at
 * the destination, unless ARSYNC_COPY_SPECIAL says to copy what comes out of them. */
#define ARSYNC_COPY_RECURSIVE (1u << 5)
/* With ARSYNC_COPY_RECURSIVE: a directory is made, but nothing that is in it is copied. In a list
 * with ARSYNC_COPY_BENEATH, other items name that. With ARSYNC_COPY_MIRROR, what is extra in a
 * directory that is not listed stays. */
#define ARSYNC_COPY_SHALLOW (1u << 18)
/* With ARSYNC_COPY_RECURSIVE: the directories alone are copied, and nothing else is looked at. They
 * are made where they are missing, and each gets the attributes that preserve names, the root's
 * included. Of anything else that src names, or an item of a list, nothing is done
 * (ARSYNC_ACTION_SKIP). It is for a tree whose files are copied by other jobs, in other processes
 * or on other machines, and whose directories get their times when all of them have ended. With
 * ARSYNC_COPY_MIRROR, what is extra is removed too. */
#define ARSYNC_COPY_DIRECTORIES_ONLY (1u << 22)
/* Directories that lie on another filesystem than the source are made, but stay empty. So the
 * destination may lie inside the source if it is on another filesystem. What counts is st_dev of
 * stat(2), as with cp -x and rsync -x: a bind mount within the filesystem is gone into, and a
 * subvolume of btrfs, which has a device number of its own, is not. */
#define ARSYNC_COPY_ONE_FILE_SYSTEM (1u << 6)
/* FIFOs and character devices are read, and existing ones are written, as streams of bytes. Without
 * this flag they give -EOPNOTSUPP and are never opened. Block devices need no flag. Each worker has
 * 64 places for jobs, and a stream that waits for data or for a reader keeps its place. */
#define ARSYNC_COPY_SPECIAL (1u << 1)
/* No data is copied. The destination is created if it is not there, and it gets the attributes that
 * preserve names. What ARSYNC_COPY_FORCE, ARSYNC_REPLACE_REMOVE or ARSYNC_PRESERVE_LINKS has
 * removed first is empty then, or a link, as by cp. A symbolic link or a special file that is
 * there, and is not removed, gives -EEXIST. Of files ARSYNC_REPLACE_ATOMIC means
 * ARSYNC_REPLACE_IN_PLACE then, but that a symbolic link is not followed (-ELOOP). */
#define ARSYNC_COPY_ATTRIBUTES_ONLY (1u << 2)
/* Hard links to the source's files are made in place of copies. */
#define ARSYNC_COPY_HARD_LINK (1u << 10)
/* Symbolic links to the source's files are made in place of copies. Their text is the source's path
 * as it was given, with the entry's path below it. One that is relative leads there from the
 * directory alone that it is relative to, src_dirfd or the working directory: elsewhere no link is
 * made, which is -EINVAL. Of what preserve names, they get the times. Not together with
 * ARSYNC_COPY_HARD_LINK. */
#define ARSYNC_COPY_SYMBOLIC_LINK (1u << 11)
/* A new file has mode 0666 less the umask, and a socket 0777 less the umask. By default it has the
 * source's permission bits less the umask, as with cp. Not together with ARSYNC_PRESERVE_MODE. */
#define ARSYNC_COPY_DEFAULT_MODE (1u << 4)

/* Which attributes the copy keeps: the bits of the options' preserve. */
#define ARSYNC_PRESERVE_MODE (1u << 0)  /* permission bits, setuid, setgid, sticky, POSIX ACL */
#define ARSYNC_PRESERVE_OWNER (1u << 1) /* user and group */
#define ARSYNC_PRESERVE_TIMES (1u << 2) /* access and modification time, in nanoseconds */
#define ARSYNC_PRESERVE_XATTR (1u << 3) /* extended attributes except ACLs and SELinux labels */
/* Names of one file become names of one copy, within a tree, a list or a link set. So a further
 * name replaces another file that is there also with ARSYNC_REPLACE_IN_PLACE, and also one that is
 * newer with ARSYNC_UPDATE_OLDER or ASK_OLDER, unasked. And in place, a file that has several names
 * there loses this one before it is copied to, for the others are not to change with it: if the
 * copy fails, nothing is left at the name. All this is as cp has it. */
#define ARSYNC_PRESERVE_LINKS (1u << 4)
#define ARSYNC_PRESERVE_CONTEXT (1u << 5) /* SELinux label */
/* File flags, as chattr(1) sets them: immutable, append-only, no copy-on-write, compression, case
 * folding, synchronous updates and so on. The copy has exactly those of the source that a program
 * may set. cp does not keep them, and what is immutable cannot be removed, so nothing but this bit
 * asks for them.
 *
 *   Order       How data is stored is set while the file is empty, so that a file without
 *               copy-on-write can be shared by reflink. Immutable and append-only come last, when
 *               the file has its name, and of a directory when all that is in it is done. A file
 *               that is to get one more name (LINKS) loses both for that moment.
 *   Lost        Each flag that the destination does not take is an error at ARSYNC_STAGE_FLAGS, and
 *               costs nothing else: without CAP_LINUX_IMMUTABLE the two of above are -EPERM; what
 *               the filesystem does not have is -EOPNOTSUPP, and so is fs-verity, of which the copy
 *               has the content without the protection. Of a filesystem that tells of no flags none
 *               are copied. Encryption is the destination directory's own.
 *   Existing    What is immutable or append-only at the destination is not overwritten, replaced or
 *               removed (-EPERM), as with cp. What UPDATE_CHANGED finds up to date gets the
 *               source's flags.
 *   Limits      Links and special files need Linux 6.17. Of XFS, extent size hints and the like are
 *               not copied. btrfs forgets the algorithm of a compressed file, for its default one,
 *               when it becomes immutable. */
#define ARSYNC_PRESERVE_FLAGS (1u << 6)
/* The project id, by which quotas count. A loss is told as one of FLAGS is. The id is set when the
 * file has its name, for a directory that hands its own on takes no other one. */
#define ARSYNC_PRESERVE_PROJECT (1u << 7)

/* What becomes of symbolic links in the source. A link that is kept is made again with the same
 * text; a link that is followed is copied as what it leads to. */
enum arsync_symlinks {
    ARSYNC_SYMLINKS_AUTO = 0,       /* FOLLOW without ARSYNC_COPY_RECURSIVE, KEEP with it */
    ARSYNC_SYMLINKS_KEEP = 1,       /* every link is kept */
    ARSYNC_SYMLINKS_FOLLOW_TOP = 2, /* the path given to submit is followed; links below are kept */
    ARSYNC_SYMLINKS_FOLLOW = 3      /* every link is followed; one that leads to a directory on the
                                       way to it gives -ELOOP */
};

/* What becomes of holes, which are ranges that read as zeros and have no blocks. */
enum arsync_sparse {
    ARSYNC_SPARSE_AUTO = 0,   /* the source's holes stay holes. A file with as many blocks as its
                                 size is taken to have none. Where a filesystem may show data as
                                 a hole because it is not on the disk yet (ext4 without extents,
                                 FUSE), a file in which it shows one is written back first. */
    ARSYNC_SPARSE_ALWAYS = 1, /* every aligned 4 KiB block of zeros becomes a hole */
    ARSYNC_SPARSE_NEVER = 2   /* there are no holes: zeros are written */
};

/* ---- Options: from where, to where -------------------------------------------------------- */

/* src_dirfd is the source itself, an open file, and src is NULL or "". It must be open for reading
 * (-EBADF). It is read from its beginning, whatever its position, which does not move. But
 * a stream is read from where it is, and so is any character device. It may be a directory with
 * ARSYNC_COPY_RECURSIVE. Not with ARSYNC_COPY_PARENTS, HARD_LINK, SYMBOLIC_LINK, a link set or
 * ARSYNC_UPDATE_CHANGED. The library opens it again through /proc/thread-self/fd where it can, and
 * otherwise shares it. */
#define ARSYNC_COPY_SRC_FD (1u << 17)
/* dst_dirfd is the destination itself, an open file, and dst is NULL or "". It must be open for
 * writing, without O_APPEND (-EBADF), and is overwritten in place: it is emptied, written, and
 * given what preserve names. Nothing is known of its name, so that durability FULL is FILE, and
 * replace, update and backup must be 0. Not with ARSYNC_COPY_PARENTS, HARD_LINK, SYMBOLIC_LINK,
 * FORCE, DRY_RUN, a link set or ARSYNC_SYMLINKS_KEEP. With ARSYNC_COPY_RECURSIVE it must be a
 * directory (-ENOTDIR). */
#define ARSYNC_COPY_DST_FD (1u << 21)
/* No symbolic link in the last component of either path is followed: one gives -ELOOP. */
#define ARSYNC_COPY_NOFOLLOW (1u << 3)
/* Missing directories on the way to dst are made. dst must end with the components of src, or it is
 * -EINVAL. Each of these directories that is made gets the attributes that preserve names from the
 * directory at the same place on the way to src, and so does each that was there on the way to one
 * that is made, as with cp. Those that are all there, also such as a copy has left bare that was
 * killed or whose end failed, stay as they are; but with ARSYNC_COPY_BENEATH, or
 * ARSYNC_COPY_DIRECTORIES_ONLY, each that was there gets the attributes. While the job runs, both
 * directories of each level are open. */
#define ARSYNC_COPY_PARENTS (1u << 14)
/* With ARSYNC_COPY_PARENTS: the directories on the way get no attributes. One that is made stays as
 * it was made, which is for its owner alone if preserve names the mode, and its owner may always
 * write to it; one that was there stays as it is. So several jobs may copy into one directory at
 * the same time, and none takes from the others the right to write there;
 * ARSYNC_COPY_DIRECTORIES_ONLY sets the attributes in the end. A directory that is itself an item
 * of a list, as with ARSYNC_COPY_SHALLOW, is not merely on the way, and gets its own. */
#define ARSYNC_COPY_BARE_PARENTS (1u << 23)
/* With ARSYNC_COPY_PARENTS: src is an entry of the tree at src_dirfd. No symbolic link on the way
 * to src or dst is followed (-ENOTDIR), there is no ".." and no absolute path (-EXDEV), and a link
 * at dst is replaced and not written through. But ARSYNC_SYMLINKS_FOLLOW follows links on the way
 * to src, and ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK those on the way to dst. Not together with
 * ARSYNC_COPY_SYMBOLIC_LINK. */
#define ARSYNC_COPY_BENEATH (1u << 15)

/* ---- Options: what happens to what is there ----------------------------------------------- */

/* How a file that exists at the destination is replaced. */
enum arsync_replace {
    ARSYNC_REPLACE_IN_PLACE = 0,  /* its content is overwritten, as by cp: it keeps its inode, and a
                                     symbolic link is followed. Links and special files cannot be
                                     overwritten. They replace an existing file only if the options
                                     keep symbolic links and the source is not a regular file, or
                                     with both ARSYNC_COPY_FORCE and ARSYNC_PRESERVE_LINKS;
                                     otherwise they give -EEXIST. What is there by two names in a
                                     tree is then a copy of one of the two sources, whole, unless
                                     they are streams. */
    ARSYNC_REPLACE_EXCLUSIVE = 1, /* it is not: -EEXIST */
    ARSYNC_REPLACE_ATOMIC = 2,    /* at every instant the name shows either the old file or the
                                     complete new one. A symbolic link is itself replaced, and in a
                                     tree also a FIFO, a socket or a device. The new file keeps the
                                     old one's mode (and owner and group, where that is permitted;
                                     another group has of its rights what everybody has) unless
                                     preserve says otherwise. */
    ARSYNC_REPLACE_REMOVE = 3     /* it is removed first, whatever it is except a directory, and the
                                     new one is made in its place */
};

/* Which of the files that exist at the destination are replaced at all. This does not apply to
 * directories. What is not replaced counts as skipped and not as an error. */
enum arsync_update {
    ARSYNC_UPDATE_ALL = 0,   /* every one, as replace says */
    ARSYNC_UPDATE_NONE = 1,  /* none: what is there stays as it is */
    ARSYNC_UPDATE_OLDER = 2, /* those that are older than their source, by modification time */
    /* Those that differ from their source in kind, size or modification time, or in the text of a
     * symbolic link. One that does not differ keeps its content, and each attribute that preserve
     * names is brought up to date: what differs is written, and what the source does not have is
     * removed (ACLs, capabilities, "user." and "trusted." attributes). The same is done for files
     * that are overwritten in place and for directories. A file that has other names there, and
     * whose source has none, differs by its mode and owner, too, as far as they may be set, if
     * links are preserved: the others would get them with it. What is copied as a stream
     * (ARSYNC_COPY_SPECIAL) always differs, and an access time alone is no difference. Times are
     * compared with the precision of the destination's filesystem; to find it out on FAT and FUSE,
     * the library changes a file's own time for a moment. */
    ARSYNC_UPDATE_CHANGED = 3,
    /* Those that the answer to a question says; see "Questions". Not with ARSYNC_COPY_MIRROR. */
    ARSYNC_UPDATE_ASK = 4,
    /* Of those that are older, the ones that the answer says; the others stay. Not with
     * ARSYNC_COPY_MIRROR. */
    ARSYNC_UPDATE_ASK_OLDER = 5
};

/* What becomes of an existing file in the way of a new one. It is renamed. With
 * ARSYNC_REPLACE_ATOMIC it instead gets a second name, and keeps its own until the new file has it.
 * Where there are no hard links (FAT, many servers), that fails with the error of link(2) at
 * ARSYNC_STAGE_BACKUP. What comes to the name while the file is copied is backed up, too, unless it
 * comes between the library's last look and its rename(2). The completion's details have the
 * backup's name, the last one if there are two. */
enum arsync_backup {
    ARSYNC_BACKUP_NONE = 0,     /* no backup is made */
    ARSYNC_BACKUP_SIMPLE = 1,   /* the backup's name is the file's with backup_suffix, and it
                                   replaces what has that name. Where a tree holds both "x" and
                                   "x~", that may be the copy of the latter, as with cp. */
    ARSYNC_BACKUP_NUMBERED = 2, /* NAME.~N~, where N is one more than the highest that exists; in a
                                   directory that may not be listed, the first that is free */
    ARSYNC_BACKUP_EXISTING = 3  /* NUMBERED where numbered backups of the file exist, else SIMPLE */
};

/* A destination file that cannot be opened for writing (with ARSYNC_COPY_VERIFY: and for reading)
 * is removed, and the copy tries again. One that is in the way of a link is removed, too. */
#define ARSYNC_COPY_FORCE (1u << 13)
/* Where the destination is a symbolic link that leads nowhere and would be written through, the
 * file that it names is made, as POSIX requires of cp. By default this is -ENOENT, for it may be an
 * accident or an attack. */
#define ARSYNC_COPY_DANGLING (1u << 19)
/* Where the destination has a symbolic link to a directory in the place of a directory, the copy
 * goes into that directory. By default this is -ENOTDIR. */
#define ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK (1u << 12)
/* Every destination directory loses what its source directory does not have. Only with
 * ARSYNC_COPY_RECURSIVE; not with backup or ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK.
 *
 *   What stays   What the filter excludes stays. Where the source could not be listed in full, all
 *                stays. The listing that the copy went by decides what is extra: what was in the
 *                source then, whether it was copied or not, or has come since, or was written by
 *                the job, stays, by whatever spelling where names fold.
 *   Kinds        A directory gives way to a file or a link, and these to a directory, unless
 *                something that is excluded or mounted is in the way (-EISDIR, -ENOTDIR, -EBUSY),
 *                or replace is EXCLUSIVE, or update is NONE.
 *   Refused      If a source directory, or one above it, is no longer what is at its name, its
 *                destination keeps all, and that is -ESTALE at ARSYNC_STAGE_REMOVE. In a directory
 *                where names fold, if it is not known which of the listed names is whose, all stays
 *                and that is -EEXIST. If source and destination share a directory, because one is
 *                below the other or by mounts, that is -ELOOP, and nothing is removed. So it is
 *                where symlinks is FOLLOW and a link of the source's leads into the destination:
 *                then extra entries are removed when all else has been copied, and not before. Of a
 *                directory that mounts show at two places of the destination, the first that is
 *                come to is made like its source, and the other keeps what it shows: that is
 *                -EEXIST at ARSYNC_STAGE_CHECK, or -EBUSY where it is extra.
 *
 * Items of a list are compared before one is begun, see "Lists". But the library does not know what
 * other jobs are going to read. Do not mirror to where that lies. */
#define ARSYNC_COPY_MIRROR (1u << 7)

/* ---- Options: how sure -------------------------------------------------------------------- */

/* What is on stable storage when the completion of the job arrives. */
enum arsync_durability {
    ARSYNC_DURABILITY_NONE = 0, /* nothing is promised */
    ARSYNC_DURABILITY_FILE = 1, /* the file's data and size are (fdatasync) */
    ARSYNC_DURABILITY_FULL = 2  /* its name and what preserve names are, too (fsync, publish, fsync
                                   of the directory), also where UPDATE_CHANGED skips it */
};

/* The destination is read back, past the page cache where the device allows it, and 128-bit hashes
 * of what was read from the source and of what is there now are compared. A difference is -EILSEQ
 * at ARSYNC_STAGE_VERIFY. Holes of the source are read, too, and kept as holes only if they are
 * zeros. What this process has not seen on its way (reflink, copy_file_range(2)) is compared with
 * the source as it is afterwards. If the source changed meanwhile or shrank, which the completion's
 * flags tell, what was written is compared with itself: as it is in memory, and as it is on the
 * device. */
#define ARSYNC_COPY_VERIFY (1u << 0)
/* Nothing is changed; completions report what would be done. */
#define ARSYNC_COPY_DRY_RUN (1u << 8)
/* The job ends at the first entry or item that fails: what was begun before is finished, and
 * nothing is begun after it. By default the others are copied. Directories that were made by then
 * get their attributes, as they do after a cancel. */
#define ARSYNC_COPY_STOP_ON_ERROR (1u << 9)
/* Only for a range: the caller's descriptors themselves are used, and no other descriptor of either
 * file is opened or closed. So the process keeps its locks by fcntl(2) (F_SETLK); see "Locks"
 * above. The descriptors must stay open until the job's completion. Holes cannot be found without
 * moving the caller's file position, so that the source's holes are read as zeros. There is no
 * O_DIRECT without a second description, so that data goes through the page cache; if a part of it
 * stays there, verifying says so (ARSYNC_COMPLETION_VERIFIED_CACHED). A descriptor that is open
 * with O_DIRECT gives -EINVAL, and so does any other job than a range. */
#define ARSYNC_COPY_KEEP_LOCKS (1u << 16)

/* ---- Options: how fast -------------------------------------------------------------------- */

/* How the data is moved. A completion says which method ran. AUTO takes, for each file, the first
 * of these that fits (ARCHITECTURE.md says why):
 *
 *   inline           The source has no size: it is a stream, or a file in /proc.
 *   reflink          The filesystem can share blocks, unless reflink is NEVER or sparse is not
 *                    AUTO.
 *   copy_file_range  On the same conditions, the filesystem or its server copies by itself.
 *   direct           cache is DIRECT, and both ends can.
 *   inline           The file has at most 256 KiB.
 *   direct-buffered  cache is AUTO, the file has at least 4 MiB and is not cached, the source
 *                    can, and it is faster there; it is neither to be durable nor verified; the
 *                    destination is a file of a local filesystem that the library knows, not open
 *                    with O_DSYNC; there is free memory for it, and room below the kernel's limit
 *                    for dirty pages (vm.dirty_background_ratio), if that is not in memory itself.
 *   direct           cache is AUTO, the file has at least 4 MiB and is not cached, both ends can,
 *                    and it is faster there.
 *   buffered-direct  cache is AUTO, the file has at least 4 MiB and is to be durable, the
 *                    destination can, and it is faster there.
 *   copy_file_range  All of the file is cached, as far as can be told, it has more than 4 MiB, the
 *                    ends are on one local filesystem, and the pool has a file to move for each
 *                    processor, or that is an overlay: then each has one thread, and the kernel
 *                    copies the data once and not twice. On the conditions of reflink and of the
 *                    next.
 *   inline           Most of the file is cached; unless cache is DROP, sparse is ALWAYS, it is to
 *                    be verified, or the pool has a byte_rate.
 *   fixed            All else.
 *
 * Of the many files of trees and lists, new ones that are cached may take another: inline up to
 * 4096 bytes on XFS, where to share so little takes longer than to write it; copy_file_range from
 * 32 KiB to 1 MiB within one filesystem where blocks cannot be shared, as the kernel then copies
 * the data once and not twice. */
enum arsync_method {
    ARSYNC_METHOD_AUTO = 0,            /* the library chooses for each file */
    ARSYNC_METHOD_INLINE = 1,          /* plain calls: for streams and small files on the worker's
                                          thread, for what is cached of larger ones on its helper
                                          threads; the rest is read through the queue */
    ARSYNC_METHOD_REFLINK = 2,         /* blocks are shared (FICLONE); no data is moved */
    ARSYNC_METHOD_COPY_FILE_RANGE = 3, /* copy_file_range(2): the server or the filesystem copies */
    ARSYNC_METHOD_FIXED = 4,           /* READ_FIXED, WRITE_FIXED of one buffer; page cache */
    ARSYNC_METHOD_DIRECT = 5,          /* as FIXED, O_DIRECT at both ends: no CPU copies data */
    ARSYNC_METHOD_BUFFERED_DIRECT = 6, /* read through the page cache, written by O_DIRECT */
    ARSYNC_METHOD_DIRECT_BUFFERED = 7, /* read by O_DIRECT, written to the page cache by the
                                          worker's thread meanwhile */
#ifdef ARSYNC_MEASURING
    ARSYNC_METHOD_HEAP = 8,    /* fresh heap memory for each chunk; see "Measuring" below */
    ARSYNC_METHOD_MANAGED = 9, /* READ_FIXED, a clone of the buffer, write; see "Measuring" */
#endif
};

/* Whether blocks may be shared with the source. */
enum arsync_reflink {
    ARSYNC_REFLINK_AUTO = 0,   /* blocks are shared where the filesystem can, else copied; see
                                  "enum arsync_method" above for small ones of trees */
    ARSYNC_REFLINK_ALWAYS = 1, /* they are shared, or the copy fails with the filesystem's error;
                                  what has no blocks to share (a stream, a device, a file of
                                  /proc) is copied all the same. sparse must be AUTO */
    ARSYNC_REFLINK_NEVER = 2   /* the destination always gets blocks of its own */
};

/* What the copy leaves in the page cache. */
enum arsync_cache {
    ARSYNC_CACHE_AUTO = 0,   /* whatever is fastest; a large source that was not cached stays so,
                                and its copy is cached where there is free memory for it */
    ARSYNC_CACHE_KEEP = 1,   /* data goes through the page cache, and both files are cached then */
    ARSYNC_CACHE_DIRECT = 2, /* O_DIRECT where both ends can; otherwise as KEEP, and the
                                completion's method says so */
    ARSYNC_CACHE_DROP = 3    /* data goes through the page cache, but stays there only if it was
                                there before (RWF_DONTCACHE; else it is written back and dropped at
                                the end) */
};

/* The most chunks of one file in flight; the least is 1. */
#define ARSYNC_CHUNKS_MAX 1024

/* src_dirfd and dst_dirfd stay open, and the same, until the job's completion has been polled. So
 * they are used as they are: a queued job holds no descriptors, and makes two system calls less for
 * each. One that is not open gives -EBADF in the completion. */
#define ARSYNC_COPY_BORROW_DIRFDS (1u << 20)

/* ---- Options: what is told ---------------------------------------------------------------- */

/* Which entries of a tree get a completion of their own. */
enum arsync_report {
    ARSYNC_REPORT_ERRORS = 0, /* those that failed, and those with SOURCE_CHANGED, SOURCE_SHRANK,
                                 OWNER_LOST or KEPT_BOTH among their flags */
    ARSYNC_REPORT_ALL = 1,    /* every one; a directory when it is made, and again if something
                                 fails at its end, or with OWNER_LOST */
    ARSYNC_REPORT_NONE = 2    /* none; the job's completion has the first error, and its details
                                 the number of errors */
};

/* Of a list: what comes of its items comes in their order. The completion of an item, those of its
 * entries and of the directories on its way, and its questions are held back until all items before
 * it have ended and their completions wait to be polled. The items themselves run side by side all
 * the same, and memory grows with what is held back. What is held back when the list is cancelled
 * comes when it has ended. Elsewhere this means nothing. */
#define ARSYNC_COPY_IN_ORDER (1u << 24)

/* What a completion's details have besides what belongs to its flags; see arsync_details. What is
 * not wanted costs nothing, and is NULL or 0. */
#define ARSYNC_WANT_TOTALS (1u << 0)      /* of a job with ARSYNC_COPY_RECURSIVE: its totals */
#define ARSYNC_WANT_ERROR_PATH (1u << 1)  /* of the same: where it failed first */
#define ARSYNC_WANT_SOURCE (1u << 2)      /* what statx(2) says of the source, */
#define ARSYNC_WANT_DESTINATION (1u << 3) /* and of the destination */
#define ARSYNC_WANT_DIGEST (1u << 4)      /* a hash of the content */
#define ARSYNC_WANT_TIMES (1u << 5)       /* when the copy began and ended */
/* A file's copy stays open for arsync_take_fd. Not with ARSYNC_COPY_RECURSIVE or a list. */
#define ARSYNC_WANT_FD (1u << 6)

/* ---- Options: all of them ----------------------------------------------------------------- */

/* How a file, a tree or a list is copied.
 *
 * Each field that is 0 has its default. A submit copies the struct with all that it points to.
 *
 * In user_map and group_map, FROM is an id, a range of ids "A-B", or "*", which is all of them. TO
 * is an id, or a range as long as FROM, whose ids are then taken in order. The first pair that has
 * an id counts, and an id that none has stays as it is. A name in the place of an id is looked up
 * in /etc/passwd or /etc/group when the options are taken; who has names elsewhere looks them up.
 * What is mapped are the owner and the group of what is copied, and the users and groups that POSIX
 * ACLs name: where two become one, it has the rights that both had. Ids are as the mounts of source
 * and destination show them, also if those are id-mapped. An id that the destination's mount cannot
 * hold is a lost owner (-EOVERFLOW or -EINVAL at ARSYNC_STAGE_OWNER). So is one that the process
 * may not give (-EPERM), which is an error also for who is not root if a map says it. */
typedef struct arsync_copy_options {
    uint32_t struct_size;      /* sizeof(arsync_copy_options) */
    uint32_t flags;            /* ARSYNC_COPY_* */
    uint32_t method;           /* enum arsync_method. One that cannot be used falls back, and the
                                  completion has ARSYNC_COMPLETION_FALLBACK. REFLINK is the same as
                                  reflink = ALWAYS, and not allowed with reflink = NEVER. */
    uint32_t reflink;          /* enum arsync_reflink */
    uint32_t cache;            /* enum arsync_cache */
    uint32_t replace;          /* enum arsync_replace */
    uint32_t durability;       /* enum arsync_durability */
    uint32_t preserve;         /* ARSYNC_PRESERVE_* */
    uint32_t sparse;           /* enum arsync_sparse */
    uint32_t chunks;           /* the most chunks of one file in flight, from 1 to
                                  ARSYNC_CHUNKS_MAX. By default a pool finds out how many, and how
                                  large, as it copies: more where more is moved by it, fewer where
                                  not. There are never more than the worker has buffers. */
    uint32_t update;           /* enum arsync_update */
    uint32_t symlinks;         /* enum arsync_symlinks */
    uint32_t report;           /* enum arsync_report */
    uint32_t backup;           /* enum arsync_backup; not with ARSYNC_REPLACE_EXCLUSIVE */
    const char* backup_suffix; /* of SIMPLE and EXISTING backups, not empty and without a slash;
                                  NULL means "~" */
    const char* filter;        /* what to leave out of a tree, see "Trees"; NULL means nothing. Only
                                  with ARSYNC_COPY_RECURSIVE. */
    arsync_link_set link_set;  /* with ARSYNC_PRESERVE_LINKS: hard links are kept between all jobs
                                  of this set, see arsync_link_set_open; 0 means within this job
                                  only. A set that is not open gives -EINVAL. */
    uint32_t want;             /* ARSYNC_WANT_*: what completions tell in their details */
    uint32_t required;         /* ARSYNC_PRESERVE_*: what of preserve is not to be lost; 0 means all
                                  of it. See ARSYNC_COMPLETION_NOT_REQUIRED. */
    uint32_t reserved[2];      /* 0 */
    uint64_t range_offset;     /* where the part begins that range_length says */
    uint64_t range_length;     /* if not 0, only so many bytes of a file are copied; see "Ranges" */
    const char* user_map;      /* whose copies are whose: "FROM:TO[,FROM:TO...]", see below; NULL:
                                  everyone's are their own. Only with ARSYNC_PRESERVE_OWNER or
                                  MODE. */
    const char* group_map;     /* the same of groups */
} arsync_copy_options;
/* The size of arsync_copy_options in version 0.1, for ever. */
#define ARSYNC_COPY_OPTIONS_SIZE_0_1 128

/* Check options, and learn what is wrong with them.
 *
 * The rules are those of arsync_submit_copy. why gets a text in English that names the field, such
 * as "backup_suffix: has a slash", or "" if nothing is wrong. The text is cut to size bytes with
 * its NUL. why may be NULL if size is 0. The call does not look at what depends on the pool, such
 * as whether link_set is open, nor at what only a range or a list forbids or allows.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      A field is invalid, or two contradict each other.
 *   -E2BIG       The options ask for what this version of the library does not know.
 *   -ENOMEM      There is too little memory. */
ARSYNC_API int arsync_options_check(const arsync_copy_options* options, char* why, size_t size);

/* Set an option by its name, from text.
 *
 * This is for command lines, configuration files and whatever else has options as text. Names and
 * values are those of arsync-cp where it has such an option. A value that is a word may be cut
 * short, as long as it can mean only one. copy and pool have their struct_size set; either may be
 * NULL, and then the options of that kind are not known.
 *
 *   Words        backup (none or off, simple or never, existing or nil, numbered or t), cache,
 *                durability, method, reflink, replace, report, sparse, symlinks (keep, follow-top,
 *                follow), and backend of a pool: the values that the field of that name may have,
 *                in small letters. update is all, none, older, or none-fail, which is all and sets
 *                replace to ARSYNC_REPLACE_EXCLUSIVE; no other update takes that back.
 *   Lists        preserve and no-preserve: mode, ownership, timestamps, links, context, xattr,
 *                flags, project and all, with commas between. All but the last two and, without
 *                SELinux, context are "all". Each is required, too, but xattr and context only if
 *                they are named by themselves. no-preserve=mode also sets ARSYNC_COPY_DEFAULT_MODE.
 *   Numbers      chunks; of a pool buffers, buffer-size, bwlimit (byte_rate), jobs (workers),
 *                job-limit, leases and queue-depth. A number may end in K, M or G, which are
 *                powers of 1024. range is OFFSET:LENGTH, or OFFSET: for all that follows.
 *   Texts        filter, suffix (of backups), map-users and map-groups, which also keep owners. The
 *                options then point to the value itself, which has to stay.
 *   Yes or no    Flags of copies: attributes-only, bare-parents, beneath, dangling,
 *                directories-only, dry-run, force, in-order, keep-directory-symlink, link, mirror,
 *                nofollow, one-file-system, parents, recursive, shallow, special, symbolic-link and
 *                verify; and continue-on-error, whose no is ARSYNC_COPY_STOP_ON_ERROR. Of pools:
 *                huge-pages, iopoll and sqpoll.
 *
 * value may be NULL for what means something without one: yes for a flag, existing for backup,
 * always for reflink, older for update, and mode,ownership,timestamps for preserve. Whether options
 * go together is not looked at; see arsync_options_check.
 *
 * If the value is not valid, why gets what is wrong, with words quoted as by arsync_quote: a line
 * such as "invalid argument 'x'", and from the second line on what is valid. Otherwise it gets "".
 * It is cut to size bytes with its NUL, and may be NULL if size is 0.
 *
 * Returns 0 or an error, after which nothing was set.
 *
 * Errors:
 *   -ENOENT      There is no option of that name.
 *   -EINVAL      The value is not valid. Or struct_size or a reserved field is wrong.
 *   -E2BIG       The options have what this version of the library does not know.
 *   -ENOMEM      There is too little memory. */
ARSYNC_API int arsync_option_set(arsync_copy_options* copy, arsync_pool_options* pool,
                                 const char* name, const char* value, char* why, size_t size);

/* ---- Control ------------------------------------------------------------------------------ */

/* Ask a job to stop.
 *
 * The call does not wait. The job's completion still arrives: with -ECANCELED, or with its ordinary
 * result if it was quicker. The library's duplicates of the job's descriptors are closed by then,
 * also those of a job that had not begun.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -ENOENT      There is no such job, or its completion was polled. */
ARSYNC_API int arsync_job_cancel(arsync_pool* pool, arsync_job job);

/* What of a job is adjusted: the bits of what in arsync_adjustment. */
#define ARSYNC_ADJUST_PAUSE (1u << 0)     /* the job waits */
#define ARSYNC_ADJUST_RESUME (1u << 1)    /* the job goes on; not together with PAUSE */
#define ARSYNC_ADJUST_BYTE_RATE (1u << 2) /* byte_rate applies */
#define ARSYNC_ADJUST_PRIORITY (1u << 3)  /* priority applies */

/* The terms on which a job runs. */
typedef struct arsync_adjustment {
    uint32_t struct_size; /* sizeof(arsync_adjustment) */
    uint32_t what;        /* ARSYNC_ADJUST_*: all that is not named stays as it was */
    uint64_t byte_rate;   /* bytes a second that the job may move, besides the pool's limit; 0 is no
                             limit. Blocks shared by reflink do not count. */
    int32_t priority;     /* 0 for every job at first. Queued jobs of a higher priority are begun
                             first. Their chunks are the first to get a turn and a buffer of their
                             worker, and while they wait for the pool's byte_rate, others wait,
                             too. */
    uint32_t reserved[3]; /* 0 */
} arsync_adjustment;
/* The size of arsync_adjustment in version 0.1, for ever. */
#define ARSYNC_ADJUSTMENT_SIZE_0_1 32

/* Pause or resume a job, or change its limit or priority.
 *
 * The job may be a file, a range, a list or a tree with all its workers, queued or running. The
 * call does not wait. A paused job finishes the chunks, the names and the reflinks that it is at,
 * and then does nothing until it is resumed or cancelled. If it had begun, it keeps its files open,
 * and its place among the 64 jobs that a worker has. If it had not, it is queued behind others of
 * its priority when it is resumed.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      what is unknown or contradicts itself, or struct_size or reserved is wrong.
 *   -ENOENT      There is no such job, or its completion was polled. */
ARSYNC_API int arsync_job_adjust(arsync_pool* pool, arsync_job job,
                                 const arsync_adjustment* adjustment);

/* Where a job is in its life. */
enum arsync_job_state {
    ARSYNC_JOB_QUEUED = 1,   /* it has not begun */
    ARSYNC_JOB_RUNNING = 2,  /* it has begun */
    ARSYNC_JOB_COMPLETED = 3 /* its completion waits to be polled */
};

/* More entries may yet be found; bytes_total and entries_total will grow. */
#define ARSYNC_PROGRESS_WALKING (1u << 0)
/* The job is paused; see arsync_job_adjust. */
#define ARSYNC_PROGRESS_PAUSED (1u << 1)

/* How far a job is. */
typedef struct arsync_progress {
    uint32_t struct_size;   /* in: sizeof(arsync_progress) */
    uint32_t state;         /* enum arsync_job_state */
    uint32_t stage;         /* enum arsync_stage: what it does now; NONE for a tree or a list */
    uint32_t method;        /* enum arsync_method: AUTO until one is chosen, and for a tree or a
                               list */
    uint64_t bytes_total;   /* size of the source in bytes, or of all entries found so far. It is 0
                               until it is known, or if the source has none. In the end it is what
                               was copied, if that is another number. */
    uint64_t bytes_done;    /* bytes at the destination so far, holes included */
    uint64_t entries_total; /* of a tree or a list: entries found so far; else 1 */
    uint64_t entries_done;  /* of these, entries that have ended, with any result */
    uint64_t errors;        /* of these, entries that failed */
    uint32_t flags;         /* ARSYNC_PROGRESS_* */
    uint32_t reserved;      /* 0 */
    uint64_t bytes_per_second; /* how fast bytes_done has grown: in the last four seconds, as far as
                                  calls of arsync_job_progress have seen them, or since the submit
                                  if that was later. Pauses count. */
} arsync_progress;
/* The size of arsync_progress in version 0.1, for ever. */
#define ARSYNC_PROGRESS_SIZE_0_1 72

/* Get a job's progress.
 *
 * Set progress->struct_size before the call. The call does not block, and costs little enough to be
 * made many times a second.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -ENOENT      There is no such job, or its completion was polled.
 *   -EINVAL      struct_size is wrong. */
ARSYNC_API int arsync_job_progress(arsync_pool* pool, arsync_job job, arsync_progress* progress);

/* ---- Information and statistics ----------------------------------------------------------- */

/* What a pool uses, and why. The lengths of the texts include their NUL. */
typedef struct arsync_info {
    uint32_t struct_size;        /* in: sizeof(arsync_info) */
    uint32_t backend;            /* enum arsync_backend: URING or THREADS */
    uint32_t workers;            /* the most threads there will be for local filesystems */
    uint32_t workers_started;    /* threads started so far, for all filesystems; 0 also where none
                                    can be started */
    uint32_t buffer_count;       /* the most buffers a worker will have */
    uint32_t buffer_size;        /* the most bytes of each that are used */
    uint32_t queue_depth;        /* entries in a submission queue, rounded up to a power of two */
    uint32_t buffers_registered; /* over all workers, so far. A worker registers a buffer, its own
                                    or a leased one, when large work first uses it. */
    uint32_t buffers_refused;    /* over all workers: buffers that the kernel would not register.
                                    They are used all the same, unregistered. */
    uint32_t flags;              /* ARSYNC_POOL_* that were asked for and are in force so far */
    char backend_reason[128];    /* why this backend runs, or that io_uring was denied since */
    char buffers_reason[128];    /* why buffers were refused or are not in huge pages, else "" */
    char sqpoll_reason[128];     /* why SQPOLL was asked for and is not in force, else "" */
    char iopoll_reason[128];     /* why IOPOLL was asked for and is not in force, else "" */
    char kernel_features[128];   /* io_uring features in use: words separated by spaces */
} arsync_info;
/* The size of arsync_info in version 0.1, for ever. */
#define ARSYNC_INFO_SIZE_0_1 680

/* Learn what a pool uses, and why.
 *
 * Set info->struct_size before the call. If no copy has needed a backend yet, the call decides
 * which one it is. It does not block.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      struct_size is wrong. */
ARSYNC_API int arsync_pool_info(arsync_pool* pool, arsync_info* info);

/* Counters over all workers since the pool was opened.
 *
 * The library counts these itself, in the calls that it makes. Each is exact, but they are not all
 * read at one instant. An operation is in flight from when it is queued until it ends, be it a
 * read, a write, a wait for a stream or a pause. */
typedef struct arsync_stats {
    uint32_t struct_size;                /* in: sizeof(arsync_stats) */
    uint32_t queue_depth_max;            /* the most operations in flight on one worker */
    uint64_t jobs_submitted;             /* jobs that a submit accepted */
    uint64_t jobs_completed;             /* jobs that ended, with any result */
    uint64_t jobs_failed;                /* jobs that ended with neither 0 nor -ECANCELED */
    uint64_t jobs_cancelled;             /* jobs that ended with -ECANCELED */
    uint64_t bytes_read;                 /* bytes that reads brought into buffers */
    uint64_t bytes_written;              /* bytes that writes took from buffers */
    uint64_t bytes_reflinked;            /* bytes shared by reflink */
    uint64_t bytes_offloaded;            /* bytes moved by copy_file_range(2) */
    uint64_t bytes_copied_in_user_space; /* bytes that the library moved from memory to memory */
    uint64_t reads;                      /* read operations of any kind */
    uint64_t reads_fixed;                /* of these, into registered buffers (READ_FIXED) */
    uint64_t reads_inline;               /* of these, plain calls that did not need the queue */
    uint64_t writes;                     /* write operations of any kind */
    uint64_t writes_fixed;               /* of these, from registered buffers (WRITE_FIXED) */
    uint64_t writes_inline;              /* of these, plain calls that did not need the queue */
    uint64_t short_transfers; /* reads and writes that moved less than asked for, and went on */
    uint64_t submissions;     /* operations queued to io_uring (SQEs) */
    uint64_t enters;          /* calls of io_uring_enter(2), made or asked for: with SQPOLL some
                                 need not be made; submissions / enters is the mean batch */
    uint64_t helper_calls;    /* blocking calls for helper threads, also those made without one
                                 because none could be started */
    uint64_t buffer_waits;    /* times that a copy waited for a free buffer */
    uint64_t busy_ns;         /* nanoseconds with at least one operation in flight */
    uint64_t queue_depth_ns;  /* the sum over time of operations in flight; divided by busy_ns it is
                                 the time-weighted mean queue depth */
} arsync_stats;
/* The size of arsync_stats in version 0.1, for ever. */
#define ARSYNC_STATS_SIZE_0_1 184

/* Get a pool's counters.
 *
 * Set stats->struct_size before the call. It does not block.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      struct_size is wrong. */
ARSYNC_API int arsync_pool_stats(arsync_pool* pool, arsync_stats* stats);

/* Describe a pool in lines of text, or as JSON.
 *
 * Both are for logs. arsync_pool_describe writes what arsync_pool_info tells as a few lines in
 * English, each of which ends in a newline. arsync_pool_json writes an object in one line, without
 * a newline. It has members of arsync_info and arsync_stats by their names: backend,
 * backend_reason, workers_started, buffer_size, buffers_registered, buffers_refused,
 * buffers_reason, sqpoll, sqpoll_reason, iopoll, iopoll_reason, kernel_features, bytes_read,
 * bytes_written, bytes_reflinked, bytes_offloaded, bytes_copied_in_user_space. A later version may
 * add others.
 *
 * text is cut to size bytes with its NUL, and may be NULL if size is 0. The calls do not block.
 *
 * Returns the length of the whole text, without its NUL, or an error.
 *
 * Errors:
 *   -ENOMEM      There is too little memory. */
ARSYNC_API int arsync_pool_describe(arsync_pool* pool, char* text, size_t size);
ARSYNC_API int arsync_pool_json(arsync_pool* pool, char* text, size_t size);

/* ---- Names and versions ------------------------------------------------------------------- */

/* Describe an errno value.
 *
 * The sign of error is ignored. Some values have a meaning of their own at some stages, such as
 * -EILSEQ and -EINVAL; see enum arsync_stage.
 *
 * Returns a static string in English, such as "No space left on device", and "Unknown error" for
 * any other number. */
ARSYNC_API const char* arsync_strerror(int error);

/* Describe the failure that a completion tells of, or the question that it puts, in a sentence.
 *
 * The sentence is in English and in the words of cp, such as "cannot open $s for reading:
 * Permission denied". In place of names it has "$s" and "$d" for the source and the destination of
 * what failed, and "$S" and "$D" for those of the job, or of the item, that this is an entry of or
 * on the way to. So the program shows names, which may be any bytes, in its own way, such as
 * arsync_quote's. The two of them differ by the completion's path. But of a tree's job they differ
 * by the details' error_path. With ARSYNC_COMPLETION_IN_MIRROR, "$o" and "$O" are the source and
 * the destination of the item that the details' other names.
 *
 * Of a QUESTION it is what to ask, such as "overwrite $d? ", as cp asks; its details must still be
 * valid.
 *
 * options, src_dirfd, src, dst_dirfd and dst are those of the job, or of the item with its list's
 * directories. The files are looked at again where that tells more, so the call may wait for a disk
 * or for a server; src and dst may be "" with descriptors that are not open if they are not to be.
 * text is cut to size bytes with its NUL; 256 are enough. It is "" if nothing failed, and for a WAY
 * of which the sentences about the items below it say enough.
 *
 * Returns 0 or an error.
 *
 * Errors:
 *   -EINVAL      The options are invalid, or contradict each other; arsync_options_check says why.
 *   -E2BIG       The options ask for what this version of the library does not know.
 *   -ENOMEM      There is too little memory. */
ARSYNC_API int arsync_describe(const arsync_completion* completion,
                               const arsync_copy_options* options, int src_dirfd, const char* src,
                               int dst_dirfd, const char* dst, char* text, size_t size);

/* How arsync_quote quotes a name. */
enum arsync_quoting {
    ARSYNC_QUOTE_SHELL = 0,     /* so that a shell takes it for one word: 'a b', "it's",
                                   'new'$'\n''line' */
    ARSYNC_QUOTE_IF_NEEDED = 1, /* the same, but what POSIX shells take for one word stays as it
                                   is, as with cp; so does a{b,c}, which bash expands */
    ARSYNC_QUOTE_WORD = 2       /* in quotation marks, as a word in a sentence. They are those of
                                   English where the locale's encoding is UTF-8, else 'a'. */
};

/* Quote a file's name, which may be any bytes, so that it can be shown.
 *
 * A terminal gets no byte that it would obey: what is not printable in the locale of the calling
 * thread is escaped. In the C locale, which a program has until it calls setlocale(3), that is all
 * that is not ASCII.
 *
 * name has length bytes, and needs no NUL. quoting is of enum arsync_quoting. text is cut to size
 * bytes with its NUL; it may be NULL if size is 0.
 *
 * Returns the length of the whole quoted name, without its NUL, or an error.
 *
 * Errors:
 *   -EINVAL      There is no such quoting, or length is more than 16 MiB.
 *   -ENOMEM      There is too little memory. */
ARSYNC_API int arsync_quote(const char* name, size_t length, uint32_t quoting, char* text,
                            size_t size);

/* Write the completion of a copy, of an entry of one, or of a list as a JSON object.
 *
 * The object is one line, without a newline, for logs and for other programs. src and dst are the
 * names of what the completion is about, of any bytes: the program's own, with the completion's
 * path below them. outcome is what came of it in the program's own words; NULL means those below.
 * message is what is said of it, such as by arsync_describe, and NULL or "" is nothing. A later
 * version may add members.
 *
 *   type         Of an entry, or a directory on the way, what it is: "file", "directory",
 *                "symbolic-link", "special", or "extra" (what was removed). What was skipped or
 *                linked, or has failed, is a "file" without ARSYNC_WANT_SOURCE. Of a job or an item
 *                "tree", if the completion has the totals of one, else "file".
 *   source, destination
 *                The names, the latter with the copy's own if it is another (KEPT_BOTH). What is
 *                not UTF-8 in a name is U+FFFD; then source_hex or destination_hex has all its
 *                bytes, in hexadecimal. What was removed has no source.
 *   outcome      "cancelled" or "failed"; of an entry also if it has a message. Otherwise of a job
 *                or an item "copied", "linked" or "skipped", and of an entry also "made", "entered"
 *                or "removed".
 *   backup       With BACKED_UP: the backup's name.
 *   Totals       Of a tree: copied, linked, skipped, bytes, hole_bytes, entries, directories,
 *                symbolic_links, specials, removed and errors.
 *   Data         Of what was copied otherwise, and of a job or an item that failed: method, bytes,
 *                hole_bytes, fallback, source_changed, source_shrank, verified_cached and
 *                owner_lost.
 *   errno, stage
 *                If the result is not 0: its number, positive, and the name of the stage.
 *   message      If there is one.
 *
 * text is cut to size bytes with its NUL, and may be NULL if size is 0.
 *
 * Returns the length of the whole object, without its NUL, or an error.
 *
 * Errors:
 *   -ENOMEM      There is too little memory. */
ARSYNC_API int arsync_completion_json(const arsync_completion* completion, const char* src,
                                      const char* dst, const char* outcome, const char* message,
                                      char* text, size_t size);

/* Name a stage, a method, a backend, an action or a kind of completion.
 *
 * A stage is named like "open source", a method like "buffered-direct", a backend like "uring", an
 * action like "make directory", a kind of completion like "entry".
 *
 * Returns a static string in English, and "unknown" for any other number. */
ARSYNC_API const char* arsync_stage_name(uint32_t stage);
ARSYNC_API const char* arsync_method_name(uint32_t method);
ARSYNC_API const char* arsync_backend_name(uint32_t backend);
ARSYNC_API const char* arsync_action_name(uint32_t action);
ARSYNC_API const char* arsync_completion_kind_name(uint32_t kind);

/* The version of this header. The soname has the major version, also while that is 0. */
#define ARSYNC_VERSION_MAJOR 0
#define ARSYNC_VERSION_MINOR 1
#define ARSYNC_VERSION_PATCH 0
/* The same as one number, which grows with each version: 0.1.0 is 1000, 1.2.3 is 1002003. */
#define ARSYNC_VERSION_NUMBER                                                                      \
    (ARSYNC_VERSION_MAJOR * 1000000 + ARSYNC_VERSION_MINOR * 1000 + ARSYNC_VERSION_PATCH)

/* Get the version of the library that runs.
 *
 * It may differ from the version of the header that the program was built with.
 *
 * Returns arsync_version: a static string, "MAJOR.MINOR.PATCH". arsync_version_number: a number as
 * in ARSYNC_VERSION_NUMBER. */
ARSYNC_API const char* arsync_version(void);
ARSYNC_API uint32_t arsync_version_number(void);

/* ---- Measuring ---------------------------------------------------------------------------- */

/* Measuring: methods that others are measured against
 *
 * ARSYNC_METHOD_HEAP and ARSYNC_METHOD_MANAGED are there only if ARSYNC_MEASURING is defined before
 * this header is included. They are slower on purpose: the other methods are measured against them.
 * They are no part of the contract. A later version may refuse them (-EINVAL), but it gives their
 * numbers to no other method. */

#ifdef __cplusplus
}
#endif

#endif /* ARSYNC_H */
