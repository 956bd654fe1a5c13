//! Files that buffers are read from and written to.

use std::ops::{Bound, RangeBounds};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use arsync_sys as sys;

use crate::buffer::{Buffer, Lease, Transfer};
use crate::error::{EINVAL, Error, Result};
use crate::job::Job;
use crate::pool::Handle;

/// The offset of a stream: whatever comes next.
const STREAM: u64 = u64::MAX;

/// A file of a pool, to read into its buffers and write from them, see
/// [`Pool::file`](crate::Pool::file). It has a descriptor of its own, which is closed when it is
/// dropped, or when the last operation on it has ended.
///
/// Operations have no order among each other: what is to come after another is begun when that has
/// ended. A descriptor with `O_DIRECT` is read and written so; then range and offset are the program's
/// to align.
#[derive(Debug)]
pub struct PoolFile {
    handle: Arc<Handle>,
    id: sys::arsync_file,
}

type Submit = unsafe extern "C" fn(
    *mut sys::arsync_pool,
    sys::arsync_file,
    u64,
    u64,
    u64,
    u64,
    u32,
    u64,
    *mut sys::arsync_job,
) -> i32;

impl PoolFile {
    pub(crate) fn open(handle: &Arc<Handle>, fd: impl AsFd) -> Result<Self> {
        let fd = fd.as_fd().as_raw_fd();
        let mut id = 0;
        // SAFETY: an open descriptor, which is duplicated, and where the id goes.
        handle.shared.call(|pool| unsafe { sys::arsync_file_open(pool, fd, 0, &mut id) })?;
        Ok(Self { handle: Arc::clone(handle), id })
    }

    /// Read into this part of the buffer what the file has from the offset on.
    pub fn read_at(
        &self,
        buffer: Buffer,
        range: impl RangeBounds<usize>,
        offset: u64,
    ) -> Transfer<Buffer> {
        self.begin(sys::arsync_submit_read, buffer, range, not_stream(offset))
    }

    /// Write this part of the buffer to the file, from the offset on.
    pub fn write_at<B: Lease>(
        &self,
        buffer: B,
        range: impl RangeBounds<usize>,
        offset: u64,
    ) -> Transfer<B> {
        self.begin(sys::arsync_submit_write, buffer, range, not_stream(offset))
    }

    /// Read what a stream gives next, or a file has at its position: one transfer, as read(2) makes
    /// it. 0 bytes are the end.
    pub fn read_next(&self, buffer: Buffer, range: impl RangeBounds<usize>) -> Transfer<Buffer> {
        self.begin(sys::arsync_submit_read, buffer, range, Ok(STREAM))
    }

    /// Write what a stream takes next: one transfer, as write(2) makes it.
    pub fn write_next<B: Lease>(&self, buffer: B, range: impl RangeBounds<usize>) -> Transfer<B> {
        self.begin(sys::arsync_submit_write, buffer, range, Ok(STREAM))
    }

    fn begin<B: Lease>(
        &self,
        submit: Submit,
        buffer: B,
        range: impl RangeBounds<usize>,
        offset: Result<u64>,
    ) -> Transfer<B> {
        let job = offset.and_then(|offset| {
            let lease = buffer.buffer();
            let id = lease.id_in(&self.handle.shared)?;
            let (at, length) = part(range, lease.len())?;
            // SAFETY: the buffer is the transfer's until the operation has ended.
            self.submit(|pool, job| unsafe {
                submit(pool, self.id, offset, id, at, length, 0, 0, job)
            })
        });
        Transfer::new(job, buffer)
    }

    /// Make durable what was written by operations that have ended, as fsync(2) does.
    pub fn sync(&self) -> Result<Job> {
        self.submit_sync(0)
    }

    /// The data, and what is needed to read it, as fdatasync(2) does.
    pub fn sync_data(&self) -> Result<Job> {
        self.submit_sync(sys::ARSYNC_SYNC_DATA)
    }

    fn submit_sync(&self, flags: u32) -> Result<Job> {
        // SAFETY: any numbers will do.
        self.submit(|pool, job| unsafe { sys::arsync_submit_sync(pool, self.id, flags, 0, job) })
    }

    fn submit(
        &self,
        f: impl FnOnce(*mut sys::arsync_pool, *mut sys::arsync_job) -> i32,
    ) -> Result<Job> {
        let id = self.handle.shared.submit(f)?;
        Ok(Job::new(&self.handle, id, None))
    }

    /// Close it, with what close(2) says if no operation is under way. Dropping it does the same, and
    /// says nothing.
    pub fn close(mut self) -> Result<()> {
        self.close_now()
    }

    fn close_now(&mut self) -> Result<()> {
        let id = std::mem::replace(&mut self.id, 0);
        if id == 0 {
            return Ok(());
        }
        // SAFETY: any number will do.
        self.handle.shared.call(|pool| unsafe { sys::arsync_file_close(pool, id) })?;
        Ok(())
    }
}

impl Drop for PoolFile {
    fn drop(&mut self) {
        let _ = self.close_now();
    }
}

fn not_stream(offset: u64) -> Result<u64> {
    if offset == STREAM {
        return Err(Error::with_reason(EINVAL, "offset: past the largest"));
    }
    Ok(offset)
}

/// Where the range begins in a buffer of that size, and its length. Past the end is for the library
/// to refuse.
fn part(range: impl RangeBounds<usize>, size: usize) -> Result<(u64, u64)> {
    let start = match range.start_bound() {
        Bound::Included(&start) => Some(start),
        Bound::Excluded(&before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.checked_add(1),
        Bound::Excluded(&end) => Some(end),
        Bound::Unbounded => Some(size),
    };
    match (start, end) {
        (Some(start), Some(end)) if start <= end => Ok((start as u64, (end - start) as u64)),
        _ => Err(Error::with_reason(EINVAL, "range: ends before it begins")),
    }
}
