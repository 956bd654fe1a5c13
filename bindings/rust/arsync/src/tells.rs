//! What a pool tells about itself.

use std::ffi::{CStr, c_char};

use arsync_sys as sys;

use crate::flags::PoolFlags;
use crate::names::{Backend, static_text};

/// The version of the library that runs, as "0.1.0".
pub fn version() -> &'static str {
    // SAFETY: it takes nothing, and gives a static string.
    unsafe { static_text(sys::arsync_version()) }
}

/// The same as one number, which grows with each version: 0.1.0 is 1000.
pub fn version_number() -> u32 {
    // SAFETY: it takes nothing.
    unsafe { sys::arsync_version_number() }
}

/// What a pool uses, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// [`Backend::URING`] or [`Backend::THREADS`].
    pub backend: Backend,
    /// Most threads there will be for local filesystems.
    pub workers: u32,
    /// Started so far, for all filesystems.
    pub workers_started: u32,
    /// Most buffers a worker will have.
    pub buffer_count: u32,
    /// Bytes of each.
    pub buffer_size: u32,
    /// Entries of a worker's queue.
    pub queue_depth: u32,
    /// Buffers that are registered with the kernel, so far.
    pub buffers_registered: u32,
    /// Buffers that the kernel would not register.
    pub buffers_refused: u32,
    /// What was asked for and is in force.
    pub flags: PoolFlags,
    /// Why this backend.
    pub backend_reason: String,
    /// Why buffers were refused, or are not in huge pages; else "".
    pub buffers_reason: String,
    /// Why SQPOLL was asked for and is not in force; else "".
    pub sqpoll_reason: String,
    /// Why IOPOLL was asked for and is not in force; else "".
    pub iopoll_reason: String,
    /// io_uring features in use, words separated by spaces.
    pub kernel_features: String,
}

impl Info {
    pub(crate) fn from_raw(raw: &sys::arsync_info) -> Self {
        Self {
            backend: Backend(raw.backend),
            workers: raw.workers,
            workers_started: raw.workers_started,
            buffer_count: raw.buffer_count,
            buffer_size: raw.buffer_size,
            queue_depth: raw.queue_depth,
            buffers_registered: raw.buffers_registered,
            buffers_refused: raw.buffers_refused,
            flags: PoolFlags(raw.flags),
            backend_reason: text(&raw.backend_reason),
            buffers_reason: text(&raw.buffers_reason),
            sqpoll_reason: text(&raw.sqpoll_reason),
            iopoll_reason: text(&raw.iopoll_reason),
            kernel_features: text(&raw.kernel_features),
        }
    }
}

/// Up to the NUL.
fn text(field: &[c_char]) -> String {
    let bytes: Vec<u8> = field.iter().map(|&c| c as u8).collect();
    CStr::from_bytes_until_nul(&bytes)
        .map_or(String::new(), |text| text.to_string_lossy().into_owned())
}

macro_rules! stats {
    ($($(#[$doc:meta])* $field:ident: $Type:ty;)*) => {
        /// Counters since a pool was opened, over all its workers.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $field: $Type,)*
        }

        impl Stats {
            pub(crate) fn from_raw(raw: &sys::arsync_stats) -> Self {
                Self { $($field: raw.$field,)* }
            }
        }
    };
}

stats! {
    /// Most operations in flight on one worker.
    queue_depth_max: u32;
    /// Accepted by a submit.
    jobs_submitted: u64;
    /// Ended, whatever their result.
    jobs_completed: u64;
    /// Ended with an error other than a cancel.
    jobs_failed: u64;
    /// Ended by a cancel.
    jobs_cancelled: u64;
    /// Bytes that reads brought into buffers.
    bytes_read: u64;
    /// Bytes that writes took from buffers.
    bytes_written: u64;
    /// Bytes shared by reflink.
    bytes_reflinked: u64;
    /// Bytes moved by copy_file_range(2).
    bytes_offloaded: u64;
    /// Bytes that the library moved from memory to memory.
    bytes_copied_in_user_space: u64;
    /// Read operations of any kind.
    reads: u64;
    /// Of these, into registered buffers.
    reads_fixed: u64;
    /// Of these, plain calls that did not need the queue.
    reads_inline: u64;
    /// Write operations of any kind.
    writes: u64;
    /// Of these, from registered buffers.
    writes_fixed: u64;
    /// Of these, plain calls that did not need the queue.
    writes_inline: u64;
    /// Reads and writes that moved less than asked and went on.
    short_transfers: u64;
    /// Operations queued to io_uring.
    submissions: u64;
    /// io_uring_enter(2) calls.
    enters: u64;
    /// Blocking calls for helper threads.
    helper_calls: u64;
    /// Times a copy waited for a free buffer.
    buffer_waits: u64;
    /// Time with at least one operation in flight.
    busy_ns: u64;
    /// Sum over time of operations in flight.
    queue_depth_ns: u64;
}
