//! A pool of workers, and all that is submitted to it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use arsync_sys as sys;

use crate::buffer::{Acquire, Buffer};
use crate::choice::Shutdown;
use crate::error::Result;
use crate::file::PoolFile;
use crate::flags::PoolFlags;
use crate::items::Items;
use crate::job::{Ends, Job};
use crate::link_set::LinkSet;
use crate::list::List;
use crate::names::Backend;
use crate::options::{CopyOptions, c_value};
use crate::place::{AT_WORKING_DIRECTORY, Place};
use crate::shared::{self, Shared};
use crate::tells::{Info, Stats};
use crate::text::{set_by_name, text_of};

/// Worker threads, their rings and buffers. Cheap to open.
///
/// Clones are the same pool. It is closed by [`close`](Self::close), or when the last clone, job, list
/// and link set has gone; that cancels what still runs, and waits until the kernel has finished what
/// it had begun.
///
/// A copy has the user, groups and capabilities of the thread that opened the pool, whichever submits
/// it. In a forked child every call is an error with errno `EOWNERDEAD`.
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("arsync-doc-pool-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # std::fs::write(dir.join("from"), "some text")?;
/// use arsync::{CopyOptions, Pool};
/// let pool = Pool::open()?;
/// let options = CopyOptions::new();
/// let jobs: Vec<_> = (0..10)
///     .map(|i| pool.copy(dir.join("from"), dir.join(format!("to-{i}")), &options))
///     .collect::<Result<_, _>>()?;
/// for job in jobs {
///     assert_eq!(job.wait()?.bytes, 9); // or job.await?
/// }
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pool(Arc<Handle>);

/// What keeps the pool open: its clones and all that was submitted share it.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Pool {
    /// Open one with all defaults.
    pub fn open() -> Result<Self> {
        Self::builder().open()
    }

    /// To open one otherwise.
    pub fn builder() -> PoolBuilder {
        PoolBuilder(sys::arsync_pool_options::default())
    }

    /// Submit the copy of a file or, with [`CopyOptions::recursive`], of a tree.
    ///
    /// Paths are relative to the working directory that the process has when the copy runs. Does not
    /// block. `WouldBlock`: as many jobs as may have been submitted and not been waited for.
    pub fn copy(
        &self,
        source: impl AsRef<Path>,
        destination: impl AsRef<Path>,
        options: &CopyOptions,
    ) -> Result<Job> {
        self.copy_at(Place::path(source), Place::path(destination), options)
    }

    /// The same between places: paths below open directories, open files.
    pub fn copy_at(
        &self,
        source: Place<'_>,
        destination: Place<'_>,
        options: &CopyOptions,
    ) -> Result<Job> {
        let ends = Ends::new(source, destination)?;
        let raw = CopyOptions::for_ends(options.raw_in(&self.0.shared)?, &ends);
        // SAFETY: paths and options live, and are copied; a place borrows its descriptor.
        let id = self.submit(options, |pool, job| unsafe {
            sys::arsync_submit_copy(
                pool,
                ends.source.directory,
                ends.source.pointer(),
                ends.destination.directory,
                ends.destination.pointer(),
                &raw,
                0,
                job,
            )
        })?;
        Ok(Job::new(&self.0, id, Some(ends)))
    }

    /// Submit the copy of `length` bytes between open files; `None`: to the source's end. File
    /// positions are not used.
    pub fn copy_range(
        &self,
        source: impl AsFd,
        source_offset: u64,
        destination: impl AsFd,
        destination_offset: u64,
        length: Option<u64>,
        options: &CopyOptions,
    ) -> Result<Job> {
        let raw = options.raw_in(&self.0.shared)?;
        let from = source.as_fd().as_raw_fd();
        let to = destination.as_fd().as_raw_fd();
        let length = length.unwrap_or(u64::MAX);
        // SAFETY: options live, and are copied; descriptors are open, and duplicated.
        let id = self.submit(options, |pool, job| unsafe {
            let (at, onto) = (source_offset, destination_offset);
            sys::arsync_submit_copy_range(pool, from, at, to, onto, length, &raw, 0, job)
        })?;
        Ok(Job::new(&self.0, id, None))
    }

    /// Submit a list: pairs of source and destination, any number, as one job. They are copied side
    /// by side, and come out as if one after the other. Each has an [`Event::Item`] with its number as
    /// `user_data`.
    ///
    /// [`Event::Item`]: crate::Event::Item
    pub fn copy_list<S: AsRef<Path>, D: AsRef<Path>>(
        &self,
        items: impl IntoIterator<Item = (S, D)>,
        options: &CopyOptions,
    ) -> Result<Job> {
        self.copy_list_at(None, None, items, options)
    }

    /// The same below open directories; `None` is the working directory.
    pub fn copy_list_at<S: AsRef<Path>, D: AsRef<Path>>(
        &self,
        source_directory: Option<BorrowedFd<'_>>,
        destination_directory: Option<BorrowedFd<'_>>,
        items: impl IntoIterator<Item = (S, D)>,
        options: &CopyOptions,
    ) -> Result<Job> {
        let mut all = Items::default();
        for (number, (source, destination)) in (0..).zip(items) {
            all.add(source.as_ref(), destination.as_ref(), number)?;
        }
        let raw = options.raw_of_list(&self.0.shared)?;
        let (from, to) = (number_of(source_directory), number_of(destination_directory));
        let items = all.seal();
        let (first, count) = (items.as_ptr(), items.len() as u64);
        // SAFETY: items and options live, and are copied; directories are open, and duplicated.
        let id = self.submit(options, |pool, job| unsafe {
            sys::arsync_submit_list(pool, from, to, first, count, &raw, 0, job)
        })?;
        Ok(Job::new(&self.0, id, None))
    }

    /// Open a list to which items are added as they come.
    pub fn list(&self, options: &CopyOptions) -> Result<List> {
        self.list_at(None, None, options)
    }

    /// The same below open directories; `None` is the working directory.
    pub fn list_at(
        &self,
        source_directory: Option<BorrowedFd<'_>>,
        destination_directory: Option<BorrowedFd<'_>>,
        options: &CopyOptions,
    ) -> Result<List> {
        let raw = options.raw_of_list(&self.0.shared)?;
        let (from, to) = (number_of(source_directory), number_of(destination_directory));
        // SAFETY: options live, and are copied; directories are open, and duplicated.
        let id = self.submit(options, |pool, job| unsafe {
            sys::arsync_list_open(pool, from, to, &raw, 0, job)
        })?;
        Ok(List(Job::new(&self.0, id, None)))
    }

    fn submit(
        &self,
        options: &CopyOptions,
        f: impl FnOnce(*mut sys::arsync_pool, *mut sys::arsync_job) -> i32,
    ) -> Result<sys::arsync_job> {
        let submitted = self.0.shared.submit(f);
        if let Err(error) = &submitted {
            options.explain(-error.raw_os_error())?;
        }
        submitted
    }

    /// Open a set of jobs between which hard links are kept: [`CopyOptions::link_set`].
    pub fn link_set(&self) -> Result<LinkSet> {
        LinkSet::open(&self.0)
    }

    /// Lease a buffer that is free. `WouldBlock`: there is none, or somebody waits for one.
    pub fn acquire(&self) -> Result<Buffer> {
        self.0.shared.end_abandoned(); // which may have the buffer
        let mut raw = sys::arsync_buffer::default();
        // SAFETY: where one lease goes.
        self.0.shared.call(|pool| unsafe { sys::arsync_buffer_acquire(pool, 1, &mut raw) })?;
        // SAFETY: it was just given to the caller.
        Ok(unsafe { Buffer::from_raw(&self.0.shared, &raw) })
    }

    /// Wait until so many buffers are free, and lease them. Who holds buffers while he waits for
    /// others may wait for ever: take what is needed at once.
    pub fn acquire_many(&self, count: u32) -> Result<Acquire> {
        // SAFETY: any number will do.
        let id = self
            .0
            .shared
            .submit(|pool, job| unsafe { sys::arsync_submit_acquire(pool, count, 0, job) })?;
        Ok(Acquire(Job::new(&self.0, id, None)))
    }

    /// Give the pool an open file to read and write by buffers. The descriptor is duplicated.
    pub fn file(&self, file: impl AsFd) -> Result<PoolFile> {
        PoolFile::open(&self.0, file)
    }

    /// Let the pool come to its end: a submit is an error from now on, with errno `ESHUTDOWN`. Does
    /// not block.
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        // SAFETY: a pool and a number.
        self.0.shared.call(|pool| unsafe { sys::arsync_pool_shutdown(pool, how as u32) })?;
        Ok(())
    }

    /// Cancel all jobs, wait until what the kernel had begun has ended, and free all. Those that wait
    /// for a job are told. Every other call is an error then; to close it again is none.
    ///
    /// It blocks as long as an operation takes; so does dropping the last handle.
    pub fn close(&self) {
        self.0.shared.close();
    }

    /// What it uses, and why.
    pub fn info(&self) -> Result<Info> {
        let mut raw = sys::arsync_info::default();
        // SAFETY: a struct to fill.
        self.0.shared.call(|pool| unsafe { sys::arsync_pool_info(pool, &mut raw) })?;
        Ok(Info::from_raw(&raw))
    }

    /// What it has done.
    pub fn stats(&self) -> Result<Stats> {
        let mut raw = sys::arsync_stats::default();
        // SAFETY: a struct to fill.
        self.0.shared.call(|pool| unsafe { sys::arsync_pool_stats(pool, &mut raw) })?;
        Ok(Stats::from_raw(&raw))
    }

    /// What [`info`](Self::info) tells, as lines of text for a log.
    pub fn describe(&self) -> Result<String> {
        text_of(|text, size| {
            // SAFETY: room with its size.
            self.0.shared.call(|pool| unsafe { sys::arsync_pool_describe(pool, text, size) })
        })
    }

    /// What [`info`](Self::info) and [`stats`](Self::stats) tell, as a JSON object in one line.
    pub fn json(&self) -> Result<String> {
        text_of(|text, size| {
            // SAFETY: room with its size.
            self.0.shared.call(|pool| unsafe { sys::arsync_pool_json(pool, text, size) })
        })
    }

    /// For an event loop of one's own: call [`dispatch`](Self::dispatch) when this descriptor is
    /// readable. It is the pool's, and open as long as that is: only wait on it.
    ///
    /// Futures and blocking calls do not need this.
    pub fn event_fd(&self) -> Result<RawFd> {
        // SAFETY: an open pool.
        self.0.shared.call(|pool| unsafe { sys::arsync_pool_event_fd(pool) })
    }

    /// Take what has ended, and wake those that wait for it. Does not block.
    pub fn dispatch(&self) {
        self.0.shared.dispatch();
    }
}

fn number_of(directory: Option<BorrowedFd<'_>>) -> i32 {
    directory.map_or(AT_WORKING_DIRECTORY, |directory| directory.as_raw_fd())
}

/// How a pool is opened. What is not set has the library's default.
#[derive(Clone, Debug)]
#[must_use]
pub struct PoolBuilder(sys::arsync_pool_options);

impl PoolBuilder {
    /// Open it. Does not block.
    pub fn open(&self) -> Result<Pool> {
        let shared = Arc::new(shared::open(&self.0)?);
        Ok(Pool(Arc::new(Handle { shared })))
    }

    /// Set one of these by its name on a command line, from text, as [`CopyOptions::set`] does:
    /// "jobs" are workers.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let value = value.map(c_value).transpose()?;
        set_by_name(ptr::null_mut(), &mut self.0, name, value.as_deref())
    }

    /// How operations reach the kernel.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.0.backend = backend.0;
        self
    }

    /// What it is asked to use.
    pub fn flags(mut self, flags: PoolFlags) -> Self {
        self.0.flags = flags.0;
        self
    }

    /// Most threads that run copies.
    pub fn workers(mut self, workers: u32) -> Self {
        self.0.workers = workers;
        self
    }

    /// Buffers a worker.
    pub fn buffer_count(mut self, buffers: u32) -> Self {
        self.0.buffer_count = buffers;
        self
    }

    /// Bytes a buffer, a multiple of 4096.
    pub fn buffer_size(mut self, bytes: u32) -> Self {
        self.0.buffer_size = bytes;
        self
    }

    /// Submission queue entries a worker.
    pub fn queue_depth(mut self, entries: u32) -> Self {
        self.0.queue_depth = entries;
        self
    }

    /// Most jobs submitted and not waited for.
    pub fn job_limit(mut self, jobs: u32) -> Self {
        self.0.job_limit = jobs;
        self
    }

    /// Most buffers that are leased at a time; each has [`buffer_size`](Self::buffer_size) bytes.
    /// Copies have others.
    pub fn lease_count(mut self, buffers: u32) -> Self {
        self.0.lease_count = buffers;
        self
    }

    /// Bytes a second that all copies together may move; 0: no limit.
    pub fn byte_rate(mut self, bytes_a_second: u64) -> Self {
        self.0.byte_rate = bytes_a_second;
        self
    }
}
