//! The functions of `arsync.h`. Errors are negative errno values.

use core::ffi::{c_char, c_int};

use crate::structs::*;

unsafe extern "C" {
    /// Copy one file, or a tree, and return when that is done.
    pub fn arsync_copy(
        src_dirfd: c_int,
        src: *const c_char,
        dst_dirfd: c_int,
        dst: *const c_char,
        options: *const arsync_copy_options,
        completion: *mut arsync_completion,
    ) -> c_int;
    /// Give back the details of a completion of `arsync_copy`.
    pub fn arsync_details_free(details: *const arsync_details);
    /// The version of the library that is running, a static string.
    pub fn arsync_version() -> *const c_char;
    /// The same as `ARSYNC_VERSION_NUMBER` has it.
    pub fn arsync_version_number() -> u32;
    /// Open a pool.
    pub fn arsync_pool_open(
        options: *const arsync_pool_options,
        pool: *mut *mut arsync_pool,
    ) -> c_int;
    /// Let a pool come to its end.
    pub fn arsync_pool_shutdown(pool: *mut arsync_pool, how: u32) -> c_int;
    /// Cancel all jobs, wait for what is under way, and free the pool.
    pub fn arsync_pool_close(pool: *mut arsync_pool) -> c_int;
    /// A descriptor that is readable while completions wait to be polled.
    pub fn arsync_pool_event_fd(pool: *mut arsync_pool) -> c_int;
    /// Have the thread that waits in `arsync_poll` return.
    pub fn arsync_pool_wake(pool: *mut arsync_pool) -> c_int;
    /// Fill info.
    pub fn arsync_pool_info(pool: *mut arsync_pool, info: *mut arsync_info) -> c_int;
    /// Fill stats.
    pub fn arsync_pool_stats(pool: *mut arsync_pool, stats: *mut arsync_stats) -> c_int;
    /// What a pool uses, and why, in lines. The length of all of it, or an error.
    pub fn arsync_pool_describe(pool: *mut arsync_pool, text: *mut c_char, size: usize) -> c_int;
    /// The same, with counters, as a JSON object.
    pub fn arsync_pool_json(pool: *mut arsync_pool, text: *mut c_char, size: usize) -> c_int;
    /// What a submit would say to these options.
    pub fn arsync_options_check(
        options: *const arsync_copy_options,
        why: *mut c_char,
        size: usize,
    ) -> c_int;
    /// Set an option by its name, from text.
    pub fn arsync_option_set(
        copy: *mut arsync_copy_options,
        pool: *mut arsync_pool_options,
        name: *const c_char,
        value: *const c_char,
        why: *mut c_char,
        size: usize,
    ) -> c_int;
    /// Submit the copy of one file, or of a tree.
    pub fn arsync_submit_copy(
        pool: *mut arsync_pool,
        src_dirfd: c_int,
        src: *const c_char,
        dst_dirfd: c_int,
        dst: *const c_char,
        options: *const arsync_copy_options,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// Open a set of jobs between which hard links are kept.
    pub fn arsync_link_set_open(pool: *mut arsync_pool, set: *mut arsync_link_set) -> c_int;
    /// Close it.
    pub fn arsync_link_set_close(pool: *mut arsync_pool, set: arsync_link_set) -> c_int;
    /// Submit the copy of bytes between two open files.
    pub fn arsync_submit_copy_range(
        pool: *mut arsync_pool,
        src_fd: c_int,
        src_offset: u64,
        dst_fd: c_int,
        dst_offset: u64,
        length: u64,
        options: *const arsync_copy_options,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// Submit a list of items.
    pub fn arsync_submit_list(
        pool: *mut arsync_pool,
        src_dirfd: c_int,
        dst_dirfd: c_int,
        items: *const arsync_item,
        count: u64,
        options: *const arsync_copy_options,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// Open a list, to which items are added as they come.
    pub fn arsync_list_open(
        pool: *mut arsync_pool,
        src_dirfd: c_int,
        dst_dirfd: c_int,
        options: *const arsync_copy_options,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// Add items: how many there was room for.
    pub fn arsync_list_add(
        pool: *mut arsync_pool,
        job: arsync_job,
        items: *const arsync_item,
        count: u32,
    ) -> c_int;
    /// There are no more items.
    pub fn arsync_list_end(pool: *mut arsync_pool, job: arsync_job) -> c_int;
    /// Ask a job to stop.
    pub fn arsync_job_cancel(pool: *mut arsync_pool, job: arsync_job) -> c_int;
    /// Change on what terms a job runs.
    pub fn arsync_job_adjust(
        pool: *mut arsync_pool,
        job: arsync_job,
        adjustment: *const arsync_adjustment,
    ) -> c_int;
    /// How far a job is.
    pub fn arsync_job_progress(
        pool: *mut arsync_pool,
        job: arsync_job,
        progress: *mut arsync_progress,
    ) -> c_int;
    /// Take finished completions.
    pub fn arsync_poll(
        pool: *mut arsync_pool,
        completions: *mut arsync_completion,
        max: u32,
        timeout_ms: c_int,
    ) -> c_int;
    /// The copy that a completion tells of, still open.
    pub fn arsync_take_fd(pool: *mut arsync_pool, completion: *const arsync_completion) -> c_int;
    /// Answer a question.
    pub fn arsync_answer(pool: *mut arsync_pool, question: arsync_question, answer: u32) -> c_int;
    /// Acquire buffers that are free, all or none.
    pub fn arsync_buffer_acquire(
        pool: *mut arsync_pool,
        count: u32,
        out: *mut arsync_buffer,
    ) -> c_int;
    /// Submit a job that waits for buffers.
    pub fn arsync_submit_acquire(
        pool: *mut arsync_pool,
        count: u32,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// Release a buffer.
    pub fn arsync_buffer_release(pool: *mut arsync_pool, buffer: u64) -> c_int;
    /// Give a pool an open file to read and write.
    pub fn arsync_file_open(
        pool: *mut arsync_pool,
        fd: c_int,
        flags: u32,
        file: *mut arsync_file,
    ) -> c_int;
    /// Close a file of a pool.
    pub fn arsync_file_close(pool: *mut arsync_pool, file: arsync_file) -> c_int;
    /// Submit a read into a buffer.
    pub fn arsync_submit_read(
        pool: *mut arsync_pool,
        file: arsync_file,
        offset: u64,
        buffer: u64,
        at: u64,
        length: u64,
        flags: u32,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// Submit a write from a buffer.
    pub fn arsync_submit_write(
        pool: *mut arsync_pool,
        file: arsync_file,
        offset: u64,
        buffer: u64,
        at: u64,
        length: u64,
        flags: u32,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// Submit a sync of a file.
    pub fn arsync_submit_sync(
        pool: *mut arsync_pool,
        file: arsync_file,
        flags: u32,
        user_data: u64,
        job: *mut arsync_job,
    ) -> c_int;
    /// What an errno value means. A static string.
    pub fn arsync_strerror(error: c_int) -> *const c_char;
    /// A sentence about the failure that a completion tells of, with `$s` and `$d` for names.
    pub fn arsync_describe(
        completion: *const arsync_completion,
        options: *const arsync_copy_options,
        src_dirfd: c_int,
        src: *const c_char,
        dst_dirfd: c_int,
        dst: *const c_char,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    /// A completion as a JSON object. The length of all of it, or an error.
    pub fn arsync_completion_json(
        completion: *const arsync_completion,
        src: *const c_char,
        dst: *const c_char,
        outcome: *const c_char,
        message: *const c_char,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    /// A name as it can be shown. The length of the whole of it, or an error.
    pub fn arsync_quote(
        name: *const c_char,
        length: usize,
        quoting: u32,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    /// The name of a stage. A static string.
    pub fn arsync_stage_name(stage: u32) -> *const c_char;
    /// The name of a method. A static string.
    pub fn arsync_method_name(method: u32) -> *const c_char;
    /// The name of a backend. A static string.
    pub fn arsync_backend_name(backend: u32) -> *const c_char;
    /// The name of an action. A static string.
    pub fn arsync_action_name(action: u32) -> *const c_char;
    /// The name of a kind of completion. A static string.
    pub fn arsync_completion_kind_name(kind: u32) -> *const c_char;
}
