//! The structs of `arsync.h`. Zero is the default of every field of an options struct.

use core::ffi::{c_char, c_void};
use core::mem::{offset_of, size_of};

/// One submitted copy. Never 0, never used again.
pub type arsync_job = u64;
/// Jobs between which hard links are kept. Never 0, never used again.
pub type arsync_link_set = u64;
/// A question that waits for its answer. Never 0, never used again.
pub type arsync_question = u64;

/// An open file of a pool. Never 0, never used again.
pub type arsync_file = u64;

/// Worker threads, their rings and buffers, and the queue of completions. Opaque.
#[repr(C)]
pub struct arsync_pool {
    _opaque: [u8; 0],
    _neither_send_nor_sync: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
}

/// How a pool is opened. All zeros but struct_size are the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_pool_options {
    /// The size of this struct.
    pub struct_size: u32,
    /// `ARSYNC_POOL_*`.
    pub flags: u32,
    /// `ARSYNC_BACKEND_*`.
    pub backend: u32,
    /// Threads that run copies, 1 to `ARSYNC_WORKERS_MAX`.
    pub workers: u32,
    /// Buffers a worker.
    pub buffer_count: u32,
    /// Bytes a buffer, a multiple of `ARSYNC_BUFFER_SIZE_MIN`.
    pub buffer_size: u32,
    /// Submission queue entries a worker, 1 to `ARSYNC_QUEUE_DEPTH_MAX`, rounded up to a power of
    /// two.
    pub queue_depth: u32,
    /// Jobs submitted and not yet polled, 1 to `ARSYNC_JOB_LIMIT_MAX`.
    pub job_limit: u32,
    /// Bytes a second that all copies of the pool together may move.
    pub byte_rate: u64,
    /// Buffers that the program may have at a time.
    pub lease_count: u32,
    /// 0.
    pub reserved: [u32; 5],
}

/// What a pool uses, and why.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_info {
    /// The size of this struct, to be set before it is filled in.
    pub struct_size: u32,
    /// `ARSYNC_BACKEND_*`: URING or THREADS.
    pub backend: u32,
    /// Most threads there will be for local filesystems.
    pub workers: u32,
    /// Started so far, for all filesystems.
    pub workers_started: u32,
    /// Most buffers a worker will have.
    pub buffer_count: u32,
    /// Bytes of each that are used at most.
    pub buffer_size: u32,
    /// Entries of a queue, rounded up to a power of two.
    pub queue_depth: u32,
    /// Buffers that are registered with the kernel, over all workers, so far.
    pub buffers_registered: u32,
    /// Over all workers: buffers the kernel would not register.
    pub buffers_refused: u32,
    /// `ARSYNC_POOL_*` that were asked for and are in force so far.
    pub flags: u32,
    /// Why this backend, or that io_uring was denied since.
    pub backend_reason: [c_char; 128],
    /// Why buffers were refused or are not in huge pages, else "".
    pub buffers_reason: [c_char; 128],
    /// Why SQPOLL was asked for and is not in force, else "".
    pub sqpoll_reason: [c_char; 128],
    /// Why IOPOLL was asked for and is not in force, else "".
    pub iopoll_reason: [c_char; 128],
    /// io_uring features in use, words separated by spaces.
    pub kernel_features: [c_char; 128],
}

/// Counters since a pool was opened.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_stats {
    /// The size of this struct, to be set before it is filled in.
    pub struct_size: u32,
    /// Most operations in flight on one worker.
    pub queue_depth_max: u32,
    /// Accepted by a submit.
    pub jobs_submitted: u64,
    /// Ended, whatever their result.
    pub jobs_completed: u64,
    /// Ended with a result other than 0 and -ECANCELED.
    pub jobs_failed: u64,
    /// Ended with -ECANCELED.
    pub jobs_cancelled: u64,
    /// Bytes that reads brought into buffers.
    pub bytes_read: u64,
    /// Bytes that writes took from buffers.
    pub bytes_written: u64,
    /// Bytes shared by reflink.
    pub bytes_reflinked: u64,
    /// Bytes moved by copy_file_range(2).
    pub bytes_offloaded: u64,
    /// Bytes this library moved from memory to memory.
    pub bytes_copied_in_user_space: u64,
    /// Read operations of any kind.
    pub reads: u64,
    /// Of these, into registered buffers (READ_FIXED).
    pub reads_fixed: u64,
    /// Of these, plain calls that did not need the queue.
    pub reads_inline: u64,
    /// Write operations of any kind.
    pub writes: u64,
    /// Of these, from registered buffers (WRITE_FIXED).
    pub writes_fixed: u64,
    /// Of these, plain calls that did not need the queue.
    pub writes_inline: u64,
    /// Reads and writes that moved less than asked and went on.
    pub short_transfers: u64,
    /// Operations queued to io_uring (SQEs).
    pub submissions: u64,
    /// io_uring_enter(2) calls, made or asked for: with SQPOLL some need not be made.
    pub enters: u64,
    /// Blocking calls for helper threads, also those made without one because none could be
    /// started.
    pub helper_calls: u64,
    /// Times a copy waited for a free buffer.
    pub buffer_waits: u64,
    /// Time with at least one operation in flight, waits included.
    pub busy_ns: u64,
    /// Sum over time of operations in flight.
    pub queue_depth_ns: u64,
}

/// How to copy. All zeros but struct_size are the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_copy_options {
    /// The size of this struct.
    pub struct_size: u32,
    /// `ARSYNC_COPY_*`.
    pub flags: u32,
    /// `ARSYNC_METHOD_*`; one that cannot be used falls back.
    pub method: u32,
    /// `ARSYNC_REFLINK_*`.
    pub reflink: u32,
    /// `ARSYNC_CACHE_*`.
    pub cache: u32,
    /// `ARSYNC_REPLACE_*`.
    pub replace: u32,
    /// `ARSYNC_DURABILITY_*`.
    pub durability: u32,
    /// `ARSYNC_PRESERVE_*`.
    pub preserve: u32,
    /// `ARSYNC_SPARSE_*`.
    pub sparse: u32,
    /// Most chunks of one file in flight.
    pub chunks: u32,
    /// `ARSYNC_UPDATE_*`.
    pub update: u32,
    /// `ARSYNC_SYMLINKS_*`.
    pub symlinks: u32,
    /// `ARSYNC_REPORT_*`.
    pub report: u32,
    /// `ARSYNC_BACKUP_*`.
    pub backup: u32,
    /// Of SIMPLE and EXISTING backups; NULL: "~".
    pub backup_suffix: *const c_char,
    /// What to leave out of a tree, as in gitignore(5); NULL: nothing.
    pub filter: *const c_char,
    /// Hard links are kept between all jobs of this set; 0: within this job.
    pub link_set: arsync_link_set,
    /// `ARSYNC_WANT_*`.
    pub want: u32,
    /// `ARSYNC_PRESERVE_*`: what of preserve is not to be lost.
    pub required: u32,
    /// 0.
    pub reserved: [u32; 2],
    /// Where the part begins that is copied.
    pub range_offset: u64,
    /// If not 0, only so many bytes of a file are copied.
    pub range_length: u64,
    /// Whose copies are whose: "FROM:TO[,FROM:TO...]"; NULL: everyone's are their own.
    pub user_map: *const c_char,
    /// The same of groups.
    pub group_map: *const c_char,
}

/// An item of a list.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_item {
    /// The source.
    pub src: *const c_char,
    /// The destination.
    pub dst: *const c_char,
    /// Comes back in the item's completions.
    pub user_data: u64,
    /// 0.
    pub reserved: u64,
}

/// What to change of a job.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_adjustment {
    /// The size of this struct.
    pub struct_size: u32,
    /// `ARSYNC_ADJUST_*`: of what is not named all stays as it was.
    pub what: u32,
    /// Bytes a second that the job may move; 0: no limit.
    pub byte_rate: u64,
    /// 0 for every job at first; higher ones go first.
    pub priority: i32,
    /// 0.
    pub reserved: [u32; 3],
}

/// How far a job is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_progress {
    /// The size of this struct, to be set before it is filled in.
    pub struct_size: u32,
    /// `ARSYNC_JOB_*`.
    pub state: u32,
    /// `ARSYNC_STAGE_*`: what it does now; of a tree NONE.
    pub stage: u32,
    /// `ARSYNC_METHOD_*`, AUTO until chosen.
    pub method: u32,
    /// Size of the source, 0 until known; of a tree, of the entries found so far.
    pub bytes_total: u64,
    /// Bytes at the destination so far, holes included.
    pub bytes_done: u64,
    /// Of a tree: entries found so far.
    pub entries_total: u64,
    /// Of these, entries that have ended, whatever came of them.
    pub entries_done: u64,
    /// Of these, entries that failed.
    pub errors: u64,
    /// `ARSYNC_PROGRESS_*`.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// How fast bytes_done has grown of late.
    pub bytes_per_second: u64,
}

/// What a job of `ARSYNC_COPY_RECURSIVE` did.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_totals {
    /// The size of this struct.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Files, links, directories and others.
    pub entries: u64,
    /// Of these, copied with their content.
    pub files: u64,
    /// Directories made, or there before.
    pub directories: u64,
    /// Symbolic links made.
    pub symlinks: u64,
    /// Hard links made.
    pub hard_links: u64,
    /// FIFOs, sockets and devices made.
    pub specials: u64,
    /// Left as they were.
    pub skipped: u64,
    /// Extra entries removed, all in them included.
    pub removed: u64,
    /// Errors of entries, of removing, and of directories' ends.
    pub errors: u64,
    /// Bytes of files, holes included.
    pub bytes: u64,
    /// Of these, bytes in holes.
    pub hole_bytes: u64,
    /// Files, by `ARSYNC_METHOD_*`.
    pub files_by_method: [u64; 16],
}

/// What statx(2) tells of a file.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_facts {
    /// Size in bytes.
    pub size: u64,
    /// Modification time, seconds.
    pub mtime_s: i64,
    /// And nanoseconds.
    pub mtime_ns: u32,
    /// Kind and permissions, as st_mode.
    pub mode: u32,
    /// Major number of the filesystem's device.
    pub device_major: u32,
    /// Minor number of it.
    pub device_minor: u32,
    /// Inode number.
    pub inode: u64,
}

/// What a completion has no room for.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_details {
    /// The size of this struct.
    pub struct_size: u32,
    /// `ARSYNC_WANT_*`: of what was wanted, what is here.
    pub has: u32,
    /// Of a job of `ARSYNC_COPY_RECURSIVE`, if wanted.
    pub totals: *const arsync_totals,
    /// With BACKED_UP: the name of the backup.
    pub backup: *const c_char,
    /// With KEPT_BOTH: the name of the copy.
    pub name: *const c_char,
    /// Of a question: what `arsync_answer` takes; else 0.
    pub question: arsync_question,
    /// What was copied, as it was when the copy began.
    pub source: arsync_facts,
    /// The copy, as it was left, or what stays or is there.
    pub destination: arsync_facts,
    /// Of a tree: the path of the entry whose error is the result.
    pub error_path: *const c_char,
    /// Lower and higher half of a hash of a file's content.
    pub digest: [u64; 2],
    /// By `CLOCK_MONOTONIC`, when a worker began with it.
    pub begin_ns: u64,
    /// And when it ended.
    pub end_ns: u64,
    /// With IN_MIRROR: the `user_data` of the item whose mirror it is.
    pub other: u64,
    /// Of an `arsync_submit_acquire` that succeeded: the buffers, which are the caller's.
    pub buffers: *const arsync_buffer,
    /// How many.
    pub buffer_count: u64,
}

/// A leased buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_buffer {
    /// Never 0; no other lease of the pool ever has it.
    pub id: u64,
    /// The memory, aligned to 4096 bytes.
    pub data: *mut c_void,
    /// Bytes: the pool's `buffer_size`.
    pub size: u64,
    /// 0.
    pub flags: u32,
    /// 0: any worker serves any buffer.
    pub worker: u32,
}

/// What came of a job, an entry or an item, or a question.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct arsync_completion {
    /// The job.
    pub job: arsync_job,
    /// As given at submit.
    pub user_data: u64,
    /// Bytes of the source that are at the destination, holes included.
    pub bytes: u64,
    /// Of these, bytes in holes.
    pub hole_bytes: u64,
    /// Of an entry, or a question about one: its path below src and dst; valid until the next
    /// poll.
    pub path: *const c_char,
    /// 0, -ECANCELED, or what failed as a negative errno.
    pub result: i32,
    /// `ARSYNC_COMPLETION_JOB` and the like.
    pub kind: u16,
    /// `ARSYNC_ACTION_*`.
    pub action: u16,
    /// `ARSYNC_COMPLETION_*`.
    pub flags: u32,
    /// `ARSYNC_STAGE_*`: where it failed.
    pub stage: u16,
    /// `ARSYNC_METHOD_*` that ran.
    pub method: u16,
    /// NULL: there are none.
    pub details: *const arsync_details,
}

macro_rules! starts_with_its_size {
    ($($type:ident)*) => {$(
        impl Default for $type {
            /// All zeros, but for `struct_size`.
            fn default() -> Self {
                // SAFETY: integers and pointers, of which all zeros are valid values.
                let mut zeros: Self = unsafe { core::mem::zeroed() };
                zeros.struct_size = size_of::<Self>() as u32;
                zeros
            }
        }
    )*};
}

starts_with_its_size! {
    arsync_pool_options arsync_info arsync_stats arsync_copy_options arsync_adjustment
    arsync_progress arsync_totals arsync_details
}

macro_rules! is_filled_in {
    ($($type:ident)*) => {$(
        impl Default for $type {
            /// All zeros, to be filled in.
            fn default() -> Self {
                // SAFETY: integers and pointers, of which all zeros are valid values.
                unsafe { core::mem::zeroed() }
            }
        }
    )*};
}

is_filled_in! { arsync_completion arsync_buffer arsync_facts }

// Where each field is: `tests/header.rs` asks the C compiler the same.
const _: () = {
    // arsync_pool_options
    assert!(offset_of!(arsync_pool_options, struct_size) == 0);
    assert!(offset_of!(arsync_pool_options, flags) == 4);
    assert!(offset_of!(arsync_pool_options, backend) == 8);
    assert!(offset_of!(arsync_pool_options, workers) == 12);
    assert!(offset_of!(arsync_pool_options, buffer_count) == 16);
    assert!(offset_of!(arsync_pool_options, buffer_size) == 20);
    assert!(offset_of!(arsync_pool_options, queue_depth) == 24);
    assert!(offset_of!(arsync_pool_options, job_limit) == 28);
    assert!(offset_of!(arsync_pool_options, byte_rate) == 32);
    assert!(offset_of!(arsync_pool_options, lease_count) == 40);
    assert!(offset_of!(arsync_pool_options, reserved) == 44);
    assert!(size_of::<arsync_pool_options>() == 64);
    // arsync_info
    assert!(offset_of!(arsync_info, struct_size) == 0);
    assert!(offset_of!(arsync_info, backend) == 4);
    assert!(offset_of!(arsync_info, workers) == 8);
    assert!(offset_of!(arsync_info, workers_started) == 12);
    assert!(offset_of!(arsync_info, buffer_count) == 16);
    assert!(offset_of!(arsync_info, buffer_size) == 20);
    assert!(offset_of!(arsync_info, queue_depth) == 24);
    assert!(offset_of!(arsync_info, buffers_registered) == 28);
    assert!(offset_of!(arsync_info, buffers_refused) == 32);
    assert!(offset_of!(arsync_info, flags) == 36);
    assert!(offset_of!(arsync_info, backend_reason) == 40);
    assert!(offset_of!(arsync_info, buffers_reason) == 168);
    assert!(offset_of!(arsync_info, sqpoll_reason) == 296);
    assert!(offset_of!(arsync_info, iopoll_reason) == 424);
    assert!(offset_of!(arsync_info, kernel_features) == 552);
    assert!(size_of::<arsync_info>() == 680);
    // arsync_stats
    assert!(offset_of!(arsync_stats, struct_size) == 0);
    assert!(offset_of!(arsync_stats, queue_depth_max) == 4);
    assert!(offset_of!(arsync_stats, jobs_submitted) == 8);
    assert!(offset_of!(arsync_stats, jobs_completed) == 16);
    assert!(offset_of!(arsync_stats, jobs_failed) == 24);
    assert!(offset_of!(arsync_stats, jobs_cancelled) == 32);
    assert!(offset_of!(arsync_stats, bytes_read) == 40);
    assert!(offset_of!(arsync_stats, bytes_written) == 48);
    assert!(offset_of!(arsync_stats, bytes_reflinked) == 56);
    assert!(offset_of!(arsync_stats, bytes_offloaded) == 64);
    assert!(offset_of!(arsync_stats, bytes_copied_in_user_space) == 72);
    assert!(offset_of!(arsync_stats, reads) == 80);
    assert!(offset_of!(arsync_stats, reads_fixed) == 88);
    assert!(offset_of!(arsync_stats, reads_inline) == 96);
    assert!(offset_of!(arsync_stats, writes) == 104);
    assert!(offset_of!(arsync_stats, writes_fixed) == 112);
    assert!(offset_of!(arsync_stats, writes_inline) == 120);
    assert!(offset_of!(arsync_stats, short_transfers) == 128);
    assert!(offset_of!(arsync_stats, submissions) == 136);
    assert!(offset_of!(arsync_stats, enters) == 144);
    assert!(offset_of!(arsync_stats, helper_calls) == 152);
    assert!(offset_of!(arsync_stats, buffer_waits) == 160);
    assert!(offset_of!(arsync_stats, busy_ns) == 168);
    assert!(offset_of!(arsync_stats, queue_depth_ns) == 176);
    assert!(size_of::<arsync_stats>() == 184);
    // arsync_copy_options
    assert!(offset_of!(arsync_copy_options, struct_size) == 0);
    assert!(offset_of!(arsync_copy_options, flags) == 4);
    assert!(offset_of!(arsync_copy_options, method) == 8);
    assert!(offset_of!(arsync_copy_options, reflink) == 12);
    assert!(offset_of!(arsync_copy_options, cache) == 16);
    assert!(offset_of!(arsync_copy_options, replace) == 20);
    assert!(offset_of!(arsync_copy_options, durability) == 24);
    assert!(offset_of!(arsync_copy_options, preserve) == 28);
    assert!(offset_of!(arsync_copy_options, sparse) == 32);
    assert!(offset_of!(arsync_copy_options, chunks) == 36);
    assert!(offset_of!(arsync_copy_options, update) == 40);
    assert!(offset_of!(arsync_copy_options, symlinks) == 44);
    assert!(offset_of!(arsync_copy_options, report) == 48);
    assert!(offset_of!(arsync_copy_options, backup) == 52);
    assert!(offset_of!(arsync_copy_options, backup_suffix) == 56);
    assert!(offset_of!(arsync_copy_options, filter) == 64);
    assert!(offset_of!(arsync_copy_options, link_set) == 72);
    assert!(offset_of!(arsync_copy_options, want) == 80);
    assert!(offset_of!(arsync_copy_options, required) == 84);
    assert!(offset_of!(arsync_copy_options, reserved) == 88);
    assert!(offset_of!(arsync_copy_options, range_offset) == 96);
    assert!(offset_of!(arsync_copy_options, range_length) == 104);
    assert!(offset_of!(arsync_copy_options, user_map) == 112);
    assert!(offset_of!(arsync_copy_options, group_map) == 120);
    assert!(size_of::<arsync_copy_options>() == 128);
    // arsync_item
    assert!(offset_of!(arsync_item, src) == 0);
    assert!(offset_of!(arsync_item, dst) == 8);
    assert!(offset_of!(arsync_item, user_data) == 16);
    assert!(offset_of!(arsync_item, reserved) == 24);
    assert!(size_of::<arsync_item>() == 32);
    // arsync_adjustment
    assert!(offset_of!(arsync_adjustment, struct_size) == 0);
    assert!(offset_of!(arsync_adjustment, what) == 4);
    assert!(offset_of!(arsync_adjustment, byte_rate) == 8);
    assert!(offset_of!(arsync_adjustment, priority) == 16);
    assert!(offset_of!(arsync_adjustment, reserved) == 20);
    assert!(size_of::<arsync_adjustment>() == 32);
    // arsync_progress
    assert!(offset_of!(arsync_progress, struct_size) == 0);
    assert!(offset_of!(arsync_progress, state) == 4);
    assert!(offset_of!(arsync_progress, stage) == 8);
    assert!(offset_of!(arsync_progress, method) == 12);
    assert!(offset_of!(arsync_progress, bytes_total) == 16);
    assert!(offset_of!(arsync_progress, bytes_done) == 24);
    assert!(offset_of!(arsync_progress, entries_total) == 32);
    assert!(offset_of!(arsync_progress, entries_done) == 40);
    assert!(offset_of!(arsync_progress, errors) == 48);
    assert!(offset_of!(arsync_progress, flags) == 56);
    assert!(offset_of!(arsync_progress, reserved) == 60);
    assert!(offset_of!(arsync_progress, bytes_per_second) == 64);
    assert!(size_of::<arsync_progress>() == 72);
    // arsync_totals
    assert!(offset_of!(arsync_totals, struct_size) == 0);
    assert!(offset_of!(arsync_totals, reserved) == 4);
    assert!(offset_of!(arsync_totals, entries) == 8);
    assert!(offset_of!(arsync_totals, files) == 16);
    assert!(offset_of!(arsync_totals, directories) == 24);
    assert!(offset_of!(arsync_totals, symlinks) == 32);
    assert!(offset_of!(arsync_totals, hard_links) == 40);
    assert!(offset_of!(arsync_totals, specials) == 48);
    assert!(offset_of!(arsync_totals, skipped) == 56);
    assert!(offset_of!(arsync_totals, removed) == 64);
    assert!(offset_of!(arsync_totals, errors) == 72);
    assert!(offset_of!(arsync_totals, bytes) == 80);
    assert!(offset_of!(arsync_totals, hole_bytes) == 88);
    assert!(offset_of!(arsync_totals, files_by_method) == 96);
    assert!(size_of::<arsync_totals>() == 224);
    // arsync_facts
    assert!(offset_of!(arsync_facts, size) == 0);
    assert!(offset_of!(arsync_facts, mtime_s) == 8);
    assert!(offset_of!(arsync_facts, mtime_ns) == 16);
    assert!(offset_of!(arsync_facts, mode) == 20);
    assert!(offset_of!(arsync_facts, device_major) == 24);
    assert!(offset_of!(arsync_facts, device_minor) == 28);
    assert!(offset_of!(arsync_facts, inode) == 32);
    assert!(size_of::<arsync_facts>() == 40);
    // arsync_details
    assert!(offset_of!(arsync_details, struct_size) == 0);
    assert!(offset_of!(arsync_details, has) == 4);
    assert!(offset_of!(arsync_details, totals) == 8);
    assert!(offset_of!(arsync_details, backup) == 16);
    assert!(offset_of!(arsync_details, name) == 24);
    assert!(offset_of!(arsync_details, question) == 32);
    assert!(offset_of!(arsync_details, source) == 40);
    assert!(offset_of!(arsync_details, destination) == 80);
    assert!(offset_of!(arsync_details, error_path) == 120);
    assert!(offset_of!(arsync_details, digest) == 128);
    assert!(offset_of!(arsync_details, begin_ns) == 144);
    assert!(offset_of!(arsync_details, end_ns) == 152);
    assert!(offset_of!(arsync_details, other) == 160);
    assert!(offset_of!(arsync_details, buffers) == 168);
    assert!(offset_of!(arsync_details, buffer_count) == 176);
    assert!(size_of::<arsync_details>() == 184);
    // arsync_buffer
    assert!(offset_of!(arsync_buffer, id) == 0);
    assert!(offset_of!(arsync_buffer, data) == 8);
    assert!(offset_of!(arsync_buffer, size) == 16);
    assert!(offset_of!(arsync_buffer, flags) == 24);
    assert!(offset_of!(arsync_buffer, worker) == 28);
    assert!(size_of::<arsync_buffer>() == 32);
    // arsync_completion
    assert!(offset_of!(arsync_completion, job) == 0);
    assert!(offset_of!(arsync_completion, user_data) == 8);
    assert!(offset_of!(arsync_completion, bytes) == 16);
    assert!(offset_of!(arsync_completion, hole_bytes) == 24);
    assert!(offset_of!(arsync_completion, path) == 32);
    assert!(offset_of!(arsync_completion, result) == 40);
    assert!(offset_of!(arsync_completion, kind) == 44);
    assert!(offset_of!(arsync_completion, action) == 46);
    assert!(offset_of!(arsync_completion, flags) == 48);
    assert!(offset_of!(arsync_completion, stage) == 52);
    assert!(offset_of!(arsync_completion, method) == 54);
    assert!(offset_of!(arsync_completion, details) == 56);
    assert!(size_of::<arsync_completion>() == 64);
};
