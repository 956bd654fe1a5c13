//! The constants of `arsync.h`. What each means in full the header says.
//!
//! A value is written as an expression that is the same in C: `tests/header.rs` compares them.

/// The major version of the header that these declarations follow.
pub const ARSYNC_VERSION_MAJOR: u32 = 0;
/// Its minor version.
pub const ARSYNC_VERSION_MINOR: u32 = 1;
/// Its patch level.
pub const ARSYNC_VERSION_PATCH: u32 = 0;
/// The same as one number, which grows with each version: 0.1.0 is 1000, 1.2.3 is 1002003.
pub const ARSYNC_VERSION_NUMBER: u32 =
    ARSYNC_VERSION_MAJOR * 1000000 + ARSYNC_VERSION_MINOR * 1000 + ARSYNC_VERSION_PATCH;
/// Most workers of a pool.
pub const ARSYNC_WORKERS_MAX: u32 = 256;
/// Most workers that a pool has by default.
pub const ARSYNC_WORKERS_DEFAULT_MAX: u32 = 8;
/// Most buffers a worker.
pub const ARSYNC_BUFFER_COUNT_MAX: u32 = 1024;
/// Buffers a worker by default.
pub const ARSYNC_BUFFER_COUNT_DEFAULT: u32 = 16;
/// Fewest bytes a buffer, and of this a multiple.
pub const ARSYNC_BUFFER_SIZE_MIN: u32 = 4096;
/// Most bytes a buffer.
pub const ARSYNC_BUFFER_SIZE_MAX: u32 = 64 << 20;
/// Bytes a buffer by default.
pub const ARSYNC_BUFFER_SIZE_DEFAULT: u32 = 2 << 20;
/// Most buffers that a program may lease at a time.
pub const ARSYNC_LEASE_COUNT_MAX: u32 = 1024;
/// How many it may lease by default.
pub const ARSYNC_LEASE_COUNT_DEFAULT: u32 = 16;
/// Most entries of a queue.
pub const ARSYNC_QUEUE_DEPTH_MAX: u32 = 4096;
/// Entries of a queue by default.
pub const ARSYNC_QUEUE_DEPTH_DEFAULT: u32 = 64;
/// The highest limit on jobs.
pub const ARSYNC_JOB_LIMIT_MAX: u32 = 1 << 20;
/// The limit on jobs by default.
pub const ARSYNC_JOB_LIMIT_DEFAULT: u32 = 65536;
/// Most chunks of one file in flight.
pub const ARSYNC_CHUNKS_MAX: u32 = 1024;
/// Completions of entries that wait at most.
pub const ARSYNC_ENTRIES_WAITING_MAX: u32 = 4096;
/// A job's questions that wait at most.
pub const ARSYNC_QUESTIONS_WAITING_MAX: u32 = 256;

// enum arsync_backend
/// io_uring, or threads where io_uring is denied; `arsync_pool_info` says which and why. A worker
/// that could not get a ring, as for lack of memory, uses threads in a pool of rings too.
pub const ARSYNC_BACKEND_AUTO: u32 = 0;
/// io_uring or nothing: `arsync_pool_open` fails with io_uring_setup(2)'s error, as -EPERM; a job
/// whose worker can get no ring later on fails at `ARSYNC_STAGE_QUEUE`.
pub const ARSYNC_BACKEND_URING: u32 = 1;
/// Plain system calls on helper threads.
pub const ARSYNC_BACKEND_THREADS: u32 = 2;
/// Let a kernel thread pick up submissions, so that submitting needs no system call.
pub const ARSYNC_POOL_SQPOLL: u32 = 1 << 0;
/// Poll the device for the end of O_DIRECT reads and writes in place of interrupts. Where the
/// device has no polling queues the pool goes on without, and `arsync_pool_info` says why.
pub const ARSYNC_POOL_IOPOLL: u32 = 1 << 1;
/// Ask for the buffers in huge pages that the administrator has set aside (MAP_HUGETLB). Where
/// there are none, ordinary memory with transparent huge pages is used, and `arsync_pool_info`
/// says so.
pub const ARSYNC_POOL_HUGE_PAGES: u32 = 1 << 2;
/// The size of `arsync_pool_options` in version 0.1, for ever.
pub const ARSYNC_POOL_OPTIONS_SIZE_0_1: u32 = 64;

// enum arsync_shutdown
/// Let all jobs end as they would.
pub const ARSYNC_SHUTDOWN_DRAIN: u32 = 1;
/// Cancel all jobs; also after DRAIN.
pub const ARSYNC_SHUTDOWN_CANCEL: u32 = 2;
/// The size of `arsync_info` in version 0.1, for ever.
pub const ARSYNC_INFO_SIZE_0_1: u32 = 680;
/// The size of `arsync_stats` in version 0.1, for ever.
pub const ARSYNC_STATS_SIZE_0_1: u32 = 184;

// enum arsync_method
/// Chosen for each file.
pub const ARSYNC_METHOD_AUTO: u32 = 0;
/// Plain calls: streams, small files on the worker's thread, and of larger ones what is cached on
/// its helpers'; what is not is read through the queue.
pub const ARSYNC_METHOD_INLINE: u32 = 1;
/// Share the blocks (FICLONE); no data is moved.
pub const ARSYNC_METHOD_REFLINK: u32 = 2;
/// copy_file_range(2): the server or filesystem copies.
pub const ARSYNC_METHOD_COPY_FILE_RANGE: u32 = 3;
/// READ_FIXED, WRITE_FIXED of one buffer; page cache.
pub const ARSYNC_METHOD_FIXED: u32 = 4;
/// As fixed, O_DIRECT at both ends; no CPU copies data.
pub const ARSYNC_METHOD_DIRECT: u32 = 5;
/// Read through the page cache, write O_DIRECT.
pub const ARSYNC_METHOD_BUFFERED_DIRECT: u32 = 6;
/// Read by `O_DIRECT`, written to the page cache.
pub const ARSYNC_METHOD_DIRECT_BUFFERED: u32 = 7;

// enum arsync_reflink
/// Share where the filesystem can, else copy.
pub const ARSYNC_REFLINK_AUTO: u32 = 0;
/// Share or fail with the filesystem's error; sparse must be AUTO.
pub const ARSYNC_REFLINK_ALWAYS: u32 = 1;
/// Always give the destination blocks of its own.
pub const ARSYNC_REFLINK_NEVER: u32 = 2;

// enum arsync_cache
/// Whatever is fastest; a large source that was not cached stays so, and its copy is
/// cached where there is free memory for it.
pub const ARSYNC_CACHE_AUTO: u32 = 0;
/// Through the page cache; both files are cached afterwards.
pub const ARSYNC_CACHE_KEEP: u32 = 1;
/// O_DIRECT where both ends can, else as KEEP and the completion's method says so.
pub const ARSYNC_CACHE_DIRECT: u32 = 2;
/// Through the page cache, leaving nothing there that was not there before (RWF_DONTCACHE, else
/// written back and dropped at the end).
pub const ARSYNC_CACHE_DROP: u32 = 3;

// enum arsync_replace
/// Overwrite its content, as cp does: same inode, symbolic link followed.
pub const ARSYNC_REPLACE_IN_PLACE: u32 = 0;
/// Fail with -EEXIST.
pub const ARSYNC_REPLACE_EXCLUSIVE: u32 = 1;
/// At every instant the name shows the old file or the complete new one.
pub const ARSYNC_REPLACE_ATOMIC: u32 = 2;
/// Remove it first, whatever it is but a directory, and make the new one in its place.
pub const ARSYNC_REPLACE_REMOVE: u32 = 3;

// enum arsync_update
/// Every one, as replace says.
pub const ARSYNC_UPDATE_ALL: u32 = 0;
/// None: what is there stays as it is.
pub const ARSYNC_UPDATE_NONE: u32 = 1;
/// What is older than its source, by modification time.
pub const ARSYNC_UPDATE_OLDER: u32 = 2;
/// What differs from its source in kind, size or modification time, or for a symbolic link in
/// what it holds.
pub const ARSYNC_UPDATE_CHANGED: u32 = 3;
/// Each is asked about; not with MIRROR.
pub const ARSYNC_UPDATE_ASK: u32 = 4;
/// What is older is asked about, and the others stay as with OLDER; not with MIRROR.
pub const ARSYNC_UPDATE_ASK_OLDER: u32 = 5;

// enum arsync_symlinks
/// FOLLOW without `ARSYNC_COPY_RECURSIVE`, KEEP with it.
pub const ARSYNC_SYMLINKS_AUTO: u32 = 0;
/// Keep every one.
pub const ARSYNC_SYMLINKS_KEEP: u32 = 1;
/// Follow the path given to submit, keep those below it.
pub const ARSYNC_SYMLINKS_FOLLOW_TOP: u32 = 2;
/// Follow every one; one that leads to a directory on the way to it is -ELOOP.
pub const ARSYNC_SYMLINKS_FOLLOW: u32 = 3;

// enum arsync_report
/// Those that failed, and those with SOURCE_CHANGED, SOURCE_SHRANK, OWNER_LOST or KEPT_BOTH in
/// their flags.
pub const ARSYNC_REPORT_ERRORS: u32 = 0;
/// Every one; directories when they are made, and again if something fails at their end.
pub const ARSYNC_REPORT_ALL: u32 = 1;
/// None: the job's completion has the first error and the count.
pub const ARSYNC_REPORT_NONE: u32 = 2;

// enum arsync_backup
/// No backup.
pub const ARSYNC_BACKUP_NONE: u32 = 0;
/// To its name with backup_suffix, in place of what has that name: where a tree holds both "x"
/// and "x~", as with cp, this may be the copy of the latter.
pub const ARSYNC_BACKUP_SIMPLE: u32 = 1;
/// To NAME.~N~, one more than the highest there is.
pub const ARSYNC_BACKUP_NUMBERED: u32 = 2;
/// NUMBERED where there are such backups of it, else SIMPLE.
pub const ARSYNC_BACKUP_EXISTING: u32 = 3;

// enum arsync_durability
/// Nothing is promised.
pub const ARSYNC_DURABILITY_NONE: u32 = 0;
/// The file's data and size (fdatasync).
pub const ARSYNC_DURABILITY_FILE: u32 = 1;
/// Also its name: fdatasync, publish, fsync of the directory.
pub const ARSYNC_DURABILITY_FULL: u32 = 2;

// enum arsync_sparse
/// The source's holes stay holes.
pub const ARSYNC_SPARSE_AUTO: u32 = 0;
/// Every aligned 4 KiB block of zeros becomes a hole.
pub const ARSYNC_SPARSE_ALWAYS: u32 = 1;
/// No holes: zeros are written.
pub const ARSYNC_SPARSE_NEVER: u32 = 2;
/// Permission bits, setuid, setgid, sticky, POSIX ACL.
pub const ARSYNC_PRESERVE_MODE: u32 = 1 << 0;
/// User and group.
pub const ARSYNC_PRESERVE_OWNER: u32 = 1 << 1;
/// Access and modification time, nanoseconds.
pub const ARSYNC_PRESERVE_TIMES: u32 = 1 << 2;
/// Extended attributes but for ACLs and SELinux labels.
pub const ARSYNC_PRESERVE_XATTR: u32 = 1 << 3;
/// Names of one file become names of one file, within a tree or a link set.
pub const ARSYNC_PRESERVE_LINKS: u32 = 1 << 4;
/// SELinux label.
pub const ARSYNC_PRESERVE_CONTEXT: u32 = 1 << 5;
/// File flags, as chattr(1) sets them.
pub const ARSYNC_PRESERVE_FLAGS: u32 = 1 << 6;
/// The project id, by which quotas count.
pub const ARSYNC_PRESERVE_PROJECT: u32 = 1 << 7;
/// Read the destination back, past the page cache where the device allows it, and compare 128-bit
/// hashes of what was read and what is there now.
pub const ARSYNC_COPY_VERIFY: u32 = 1 << 0;
/// Copy from FIFOs and character devices, and to existing ones, as streams of bytes.
pub const ARSYNC_COPY_SPECIAL: u32 = 1 << 1;
/// Copy no data: create the destination if it is not there, and give it what preserve names.
pub const ARSYNC_COPY_ATTRIBUTES_ONLY: u32 = 1 << 2;
/// Follow no symbolic link in the last component of either path: -ELOOP.
pub const ARSYNC_COPY_NOFOLLOW: u32 = 1 << 3;
/// Give a new file mode 0666 less the umask, a socket 0777. By default it has the source's
/// permission bits less the umask, as with cp. Not together with `ARSYNC_PRESERVE_MODE`.
pub const ARSYNC_COPY_DEFAULT_MODE: u32 = 1 << 4;
/// Copy a directory with all that is in it.
pub const ARSYNC_COPY_RECURSIVE: u32 = 1 << 5;
/// Do not go into directories that lie on another filesystem than the source: they are made, and
/// stay empty. So a destination inside the source will do if it is on another filesystem.
pub const ARSYNC_COPY_ONE_FILE_SYSTEM: u32 = 1 << 6;
/// Remove from every destination directory what its source directory does not have.
pub const ARSYNC_COPY_MIRROR: u32 = 1 << 7;
/// Change nothing; report what would be done.
pub const ARSYNC_COPY_DRY_RUN: u32 = 1 << 8;
/// End the job at the first entry that fails. By default the others are copied. Directories that
/// were made by then get their attributes, as they do after a cancel.
pub const ARSYNC_COPY_STOP_ON_ERROR: u32 = 1 << 9;
/// Make hard links to the source's files in place of copies of them.
pub const ARSYNC_COPY_HARD_LINK: u32 = 1 << 10;
/// Make symbolic links to the source's files in place of copies of them.
pub const ARSYNC_COPY_SYMBOLIC_LINK: u32 = 1 << 11;
/// Where the destination has a symbolic link to a directory in the place of a directory, go into
/// that. By default it is -ENOTDIR.
pub const ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK: u32 = 1 << 12;
/// Remove a destination file that cannot be opened for writing, and try again; and one that is in
/// the way of a link.
pub const ARSYNC_COPY_FORCE: u32 = 1 << 13;
/// Make the directories on the way to dst that are missing.
pub const ARSYNC_COPY_PARENTS: u32 = 1 << 14;
/// With PARENTS: treat src as an entry of the tree at src_dirfd, so that no symbolic link on the
/// way is followed.
pub const ARSYNC_COPY_BENEATH: u32 = 1 << 15;
/// Only of a range: use the caller's descriptors themselves, which must stay open until the job's
/// completion.
pub const ARSYNC_COPY_KEEP_LOCKS: u32 = 1 << 16;
/// Src_dirfd is the source itself, an open file, and src is NULL or "".
pub const ARSYNC_COPY_SRC_FD: u32 = 1 << 17;
/// Dst_dirfd is the destination itself, an open file, and dst is NULL or "".
pub const ARSYNC_COPY_DST_FD: u32 = 1 << 21;
/// Src_dirfd and dst_dirfd stay open until the job's completion has been polled.
pub const ARSYNC_COPY_BORROW_DIRFDS: u32 = 1 << 20;
/// With RECURSIVE: copy the directories alone, with their attributes.
pub const ARSYNC_COPY_DIRECTORIES_ONLY: u32 = 1 << 22;
/// With PARENTS: the directories on the way get no attributes.
pub const ARSYNC_COPY_BARE_PARENTS: u32 = 1 << 23;
/// Of a list: what comes of its items comes in their order.
pub const ARSYNC_COPY_IN_ORDER: u32 = 1 << 24;
/// With RECURSIVE: make a directory, and copy nothing of what is in it.
pub const ARSYNC_COPY_SHALLOW: u32 = 1 << 18;
/// Where the destination is a symbolic link that leads nowhere, make the file that it names.
pub const ARSYNC_COPY_DANGLING: u32 = 1 << 19;
/// Of a job of `ARSYNC_COPY_RECURSIVE`: its totals.
pub const ARSYNC_WANT_TOTALS: u32 = 1 << 0;
/// Of a job of `ARSYNC_COPY_RECURSIVE`: where it failed first.
pub const ARSYNC_WANT_ERROR_PATH: u32 = 1 << 1;
/// What is known of the source.
pub const ARSYNC_WANT_SOURCE: u32 = 1 << 2;
/// What is known of the destination.
pub const ARSYNC_WANT_DESTINATION: u32 = 1 << 3;
/// A hash of the content.
pub const ARSYNC_WANT_DIGEST: u32 = 1 << 4;
/// When the copy began and ended.
pub const ARSYNC_WANT_TIMES: u32 = 1 << 5;
/// A file's copy, still open, for `arsync_take_fd`; not with `ARSYNC_COPY_RECURSIVE`.
pub const ARSYNC_WANT_FD: u32 = 1 << 6;
/// The size of `arsync_copy_options` in version 0.1, for ever.
pub const ARSYNC_COPY_OPTIONS_SIZE_0_1: u32 = 128;
/// Most items of a list that wait to be begun.
pub const ARSYNC_LIST_WAITING_MAX: u32 = 16384;
/// Let it wait.
pub const ARSYNC_ADJUST_PAUSE: u32 = 1 << 0;
/// Let it go on; not with PAUSE.
pub const ARSYNC_ADJUST_RESUME: u32 = 1 << 1;
/// As byte_rate says.
pub const ARSYNC_ADJUST_BYTE_RATE: u32 = 1 << 2;
/// As priority says.
pub const ARSYNC_ADJUST_PRIORITY: u32 = 1 << 3;
/// The size of `arsync_adjustment` in version 0.1, for ever.
pub const ARSYNC_ADJUSTMENT_SIZE_0_1: u32 = 32;

// enum arsync_job_state
/// It waits for its turn.
pub const ARSYNC_JOB_QUEUED: u32 = 1;
/// A worker is at it.
pub const ARSYNC_JOB_RUNNING: u32 = 2;
/// Its completion waits to be polled.
pub const ARSYNC_JOB_COMPLETED: u32 = 3;
/// More entries may yet be found; bytes_total and entries_total will grow.
pub const ARSYNC_PROGRESS_WALKING: u32 = 1 << 0;
/// It is paused, see `arsync_job_adjust`.
pub const ARSYNC_PROGRESS_PAUSED: u32 = 1 << 1;
/// The size of `arsync_progress` in version 0.1, for ever.
pub const ARSYNC_PROGRESS_SIZE_0_1: u32 = 72;

// enum arsync_stage
/// Nothing failed.
pub const ARSYNC_STAGE_NONE: u32 = 0;
/// Waiting for its turn: -ECANCELED, or the error for which there was no ring
/// (`ARSYNC_BACKEND_URING`).
pub const ARSYNC_STAGE_QUEUE: u32 = 1;
/// Opening the source, asking for its size and kind.
pub const ARSYNC_STAGE_OPEN_SOURCE: u32 = 2;
/// Opening or creating the destination.
pub const ARSYNC_STAGE_OPEN_DESTINATION: u32 = 3;
/// Same file (-EINVAL), kind of file (-EISDIR, -EOPNOTSUPP).
pub const ARSYNC_STAGE_CHECK: u32 = 4;
/// Reserving space.
pub const ARSYNC_STAGE_ALLOCATE: u32 = 5;
/// Reading the source.
pub const ARSYNC_STAGE_READ: u32 = 6;
/// Writing the destination.
pub const ARSYNC_STAGE_WRITE: u32 = 7;
/// Sharing blocks.
pub const ARSYNC_STAGE_REFLINK: u32 = 8;
/// Copying inside the kernel.
pub const ARSYNC_STAGE_COPY_FILE_RANGE: u32 = 9;
/// Setting the destination's size.
pub const ARSYNC_STAGE_TRUNCATE: u32 = 10;
/// Preserving user and group.
pub const ARSYNC_STAGE_OWNER: u32 = 11;
/// Preserving extended attributes.
pub const ARSYNC_STAGE_XATTR: u32 = 12;
/// Preserving permissions and ACL.
pub const ARSYNC_STAGE_MODE: u32 = 13;
/// Preserving times.
pub const ARSYNC_STAGE_TIMES: u32 = 14;
/// Making data or name durable.
pub const ARSYNC_STAGE_SYNC: u32 = 15;
/// Reading back and comparing.
pub const ARSYNC_STAGE_VERIFY: u32 = 16;
/// Giving the finished file its name.
pub const ARSYNC_STAGE_PUBLISH: u32 = 17;
/// Closing the destination.
pub const ARSYNC_STAGE_CLOSE: u32 = 18;
/// The library had no memory.
pub const ARSYNC_STAGE_MEMORY: u32 = 19;
/// Listing a source directory.
pub const ARSYNC_STAGE_LIST: u32 = 20;
/// Making or opening a destination directory: -ENOTDIR if what is there is not a directory.
pub const ARSYNC_STAGE_MAKE_DIRECTORY: u32 = 21;
/// Reading a symbolic link.
pub const ARSYNC_STAGE_READ_LINK: u32 = 22;
/// Making a hard or symbolic link.
pub const ARSYNC_STAGE_LINK: u32 = 23;
/// Making a FIFO, socket or device.
pub const ARSYNC_STAGE_MAKE_SPECIAL: u32 = 24;
/// Removing what is in the way, or extra (MIRROR).
pub const ARSYNC_STAGE_REMOVE: u32 = 25;
/// Giving what is in the way its backup's name.
pub const ARSYNC_STAGE_BACKUP: u32 = 26;
/// Preserving the SELinux label.
pub const ARSYNC_STAGE_CONTEXT: u32 = 27;
/// Waiting for an answer (`ARSYNC_UPDATE_ASK`).
pub const ARSYNC_STAGE_ASK: u32 = 28;
/// Preserving file flags and the project id.
pub const ARSYNC_STAGE_FLAGS: u32 = 29;
/// The source's size or modification time changed between the start of the copy and its end.
pub const ARSYNC_COMPLETION_SOURCE_CHANGED: u32 = 1 << 0;
/// The source ended before the size it had at the start; the destination ends there too. Where
/// sizes may not be true, only if its size is now where it ended.
pub const ARSYNC_COMPLETION_SOURCE_SHRANK: u32 = 1 << 1;
/// The method, or the cache policy DIRECT, that was asked for could not be used; method says what
/// ran.
pub const ARSYNC_COMPLETION_FALLBACK: u32 = 1 << 2;
/// User or group could not be kept for lack of privilege; setuid and setgid were dropped. For a
/// process whose effective user is root it is also an error, at `ARSYNC_STAGE_OWNER`.
pub const ARSYNC_COMPLETION_OWNER_LOST: u32 = 1 << 3;
/// What was at the destination had to be removed, or was by `ARSYNC_REPLACE_REMOVE`.
pub const ARSYNC_COMPLETION_REPLACED: u32 = 1 << 4;
/// What was at the destination has been backed up.
pub const ARSYNC_COMPLETION_BACKED_UP: u32 = 1 << 5;
/// The source is a directory, or what was removed was one.
pub const ARSYNC_COMPLETION_DIRECTORY: u32 = 1 << 6;
/// What was at the destination stays, and the copy has another name, by
/// `ARSYNC_ANSWER_KEEP_BOTH`; in a dry run it would have. details has the name.
pub const ARSYNC_COMPLETION_KEPT_BOTH: u32 = 1 << 9;
/// Of a file, a link or a special file: it is complete at its name, whatever else failed.
pub const ARSYNC_COMPLETION_COPIED: u32 = 1 << 8;
/// `ARSYNC_COPY_VERIFY` has compared, but some of what it read may have come from the page cache:
/// there is no O_DIRECT, and somebody maps the file, or it is not to be known what is cached.
pub const ARSYNC_COMPLETION_VERIFIED_CACHED: u32 = 1 << 7;
/// Of an item: what is at the destination an earlier item has made, or was copied through.
pub const ARSYNC_COMPLETION_JUST_CREATED: u32 = 1 << 12;
/// Of an item that was skipped because its source had come before.
pub const ARSYNC_COMPLETION_REPEATED: u32 = 1 << 13;
/// With MIRROR: another item would remove what is to be copied or made; the details' `other` names it.
pub const ARSYNC_COMPLETION_IN_MIRROR: u32 = 1 << 16;
/// The error is the loss of an attribute that the options' `required` does not name.
pub const ARSYNC_COMPLETION_NOT_REQUIRED: u32 = 1 << 17;
/// Of an item: the error is of a directory on the way, which a completion of kind WAY names.
pub const ARSYNC_COMPLETION_ON_THE_WAY: u32 = 1 << 14;
/// It failed at the source.
pub const ARSYNC_COMPLETION_AT_SOURCE: u32 = 1 << 10;
/// It failed at the destination.
pub const ARSYNC_COMPLETION_AT_DESTINATION: u32 = 1 << 11;
/// With AT_DESTINATION: it failed because of what is there.
pub const ARSYNC_COMPLETION_CONFLICT: u32 = 1 << 15;

// enum arsync_completion_kind
/// A job has ended; its id is no longer valid.
pub const ARSYNC_COMPLETION_JOB: u32 = 33;
/// An entry of a job of `ARSYNC_COPY_RECURSIVE` has ended.
pub const ARSYNC_COMPLETION_ENTRY: u32 = 34;
/// Something is at the destination.
pub const ARSYNC_COMPLETION_QUESTION: u32 = 35;
/// An item of a list has ended.
pub const ARSYNC_COMPLETION_ITEM: u32 = 36;
/// A directory on the way to an item.
pub const ARSYNC_COMPLETION_WAY: u32 = 37;

// enum arsync_action
/// Nothing.
pub const ARSYNC_ACTION_NONE: u32 = 0;
/// A file's content was copied.
pub const ARSYNC_ACTION_COPY: u32 = 1;
/// A directory was made.
pub const ARSYNC_ACTION_MAKE_DIRECTORY: u32 = 2;
/// A directory was there.
pub const ARSYNC_ACTION_ENTER_DIRECTORY: u32 = 3;
/// A symbolic link was made.
pub const ARSYNC_ACTION_SYMBOLIC_LINK: u32 = 4;
/// A hard link was made.
pub const ARSYNC_ACTION_HARD_LINK: u32 = 5;
/// A FIFO, socket or device was made.
pub const ARSYNC_ACTION_MAKE_SPECIAL: u32 = 6;
/// What was there stays, by the options' update or an answer, or because it is that link already.
pub const ARSYNC_ACTION_SKIP: u32 = 7;
/// An extra entry was removed (MIRROR), with all in it.
pub const ARSYNC_ACTION_REMOVE: u32 = 8;
/// Of a job or item: a directory was copied.
pub const ARSYNC_ACTION_TREE: u32 = 9;
/// Of a job: a list.
pub const ARSYNC_ACTION_LIST: u32 = 10;
/// Bytes were read into a buffer.
pub const ARSYNC_ACTION_READ: u32 = 11;
/// Bytes of a buffer were written.
pub const ARSYNC_ACTION_WRITE: u32 = 12;
/// A file was made durable.
pub const ARSYNC_ACTION_SYNC: u32 = 13;
/// Buffers were acquired.
pub const ARSYNC_ACTION_ACQUIRE: u32 = 14;
/// The size of `arsync_totals` in version 0.1, for ever.
pub const ARSYNC_TOTALS_SIZE_0_1: u32 = 224;
/// The size of `arsync_details` in version 0.1, for ever.
pub const ARSYNC_DETAILS_SIZE_0_1: u32 = 184;

// enum arsync_answer_kind
/// What is there stays.
pub const ARSYNC_ANSWER_SKIP: u32 = 1;
/// It is replaced, as the options' replace and backup say.
pub const ARSYNC_ANSWER_REPLACE: u32 = 2;
/// It stays, and the copy gets another name.
pub const ARSYNC_ANSWER_KEEP_BOTH: u32 = 3;
/// The job ends.
pub const ARSYNC_ANSWER_STOP: u32 = 4;

// enum arsync_quoting
/// So that a shell takes the name for one word.
pub const ARSYNC_QUOTE_SHELL: u32 = 0;
/// The same, but what is such a word already stays as it is.
pub const ARSYNC_QUOTE_IF_NEEDED: u32 = 1;
/// In quotation marks, as a word in a sentence.
pub const ARSYNC_QUOTE_WORD: u32 = 2;

/// Of `arsync_submit_sync`: only the data and what is needed to read it, as fdatasync(2) does.
pub const ARSYNC_SYNC_DATA: u32 = 1 << 0;
