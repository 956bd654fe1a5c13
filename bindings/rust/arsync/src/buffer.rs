//! Leased buffers: memory of the pool that the kernel reads into and writes from.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use arsync_sys as sys;

use crate::completion::Held;
use crate::error::{EINVAL, Error, Result};
use crate::job::Job;
use crate::shared::Shared;

/// A leased buffer of a pool: page-aligned memory that files are read into and written from with no
/// copy in this process. It is released when it is dropped.
///
/// A read or write moves it in, and gives it back with the result: while the kernel has it, nobody
/// can touch it. It outlives its pool, as memory.
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("arsync-doc-buffer-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # std::fs::write(dir.join("from"), "some text")?;
/// # use std::fs::File;
/// let pool = arsync::Pool::open()?;
/// let from = pool.file(&File::open(dir.join("from"))?)?;
/// let to = pool.file(&File::create(dir.join("to"))?)?;
/// let buffer = pool.acquire()?;
/// let (read, mut buffer) = from.read_at(buffer, .., 0).wait(); // or .await
/// let length = read?;
/// buffer[..length].make_ascii_uppercase();
/// let (written, _buffer) = to.write_at(buffer, ..length, 0).wait();
/// assert_eq!(written?, 9);
/// assert_eq!(std::fs::read(dir.join("to"))?, b"SOME TEXT");
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Buffer {
    shared: Arc<Shared>,
    id: u64,
    data: NonNull<u8>,
    size: usize,
}

// SAFETY: it owns its memory, and any thread may release it.
unsafe impl Send for Buffer {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// # Safety
    /// The lease is the caller's, and is handed over.
    pub(crate) unsafe fn from_raw(shared: &Arc<Shared>, raw: &sys::arsync_buffer) -> Self {
        Self {
            shared: Arc::clone(shared),
            id: raw.id,
            data: NonNull::new(raw.data.cast()).expect("a lease has memory"),
            size: raw.size as usize,
        }
    }

    /// To be written to several files at once.
    pub fn share(self) -> SharedBuffer {
        SharedBuffer(Arc::new(self))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: memory of that size, which the lease keeps mapped. The kernel writes to it only
        // while a Transfer has the buffer.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.size) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; and this is the one owner.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.size) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the lease ends here. Of one that is busy the memory is leased anew only when its
        // operation has ended.
        self.shared.call_even_closed(|pool| unsafe { sys::arsync_buffer_release(pool, self.id) });
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({}, {} bytes)", self.id, self.size)
    }
}

/// A buffer that is written to several files at once: clones are the same buffer, which can be read
/// and not changed. It is released when the last clone has gone, and the last write has ended.
#[derive(Clone, Debug)]
pub struct SharedBuffer(Arc<Buffer>);

impl SharedBuffer {
    /// The buffer again, if this is the only clone, and no write has another.
    pub fn into_buffer(self) -> std::result::Result<Buffer, Self> {
        Arc::try_unwrap(self.0).map_err(Self)
    }
}

impl Deref for SharedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// What can be written from: a [`Buffer`] or a [`SharedBuffer`].
pub trait Lease: sealed::Lease {}

impl Lease for Buffer {}
impl Lease for SharedBuffer {}

pub(crate) mod sealed {
    use std::sync::Arc;

    use super::{Buffer, SharedBuffer};

    pub trait Lease: Unpin {
        fn buffer(&self) -> &Buffer;
        /// What must not be touched by others until the operation has ended.
        fn until_the_end(self) -> Option<Arc<Buffer>>;
    }

    impl Lease for Buffer {
        fn buffer(&self) -> &Buffer {
            self
        }

        fn until_the_end(self) -> Option<Arc<Buffer>> {
            None // nobody else has it: it may be released while it is busy
        }
    }

    impl Lease for SharedBuffer {
        fn buffer(&self) -> &Buffer {
            &self.0
        }

        fn until_the_end(self) -> Option<Arc<Buffer>> {
            Some(self.0)
        }
    }
}

impl Buffer {
    /// Its number in that pool; in another one it may be another buffer's.
    pub(crate) fn id_in(&self, shared: &Arc<Shared>) -> Result<u64> {
        if Arc::ptr_eq(&self.shared, shared) {
            Ok(self.id)
        } else {
            Err(Error::with_reason(EINVAL, "buffer: of another pool"))
        }
    }
}

/// A read or write under way. It is a future of its result and the buffer;
/// [`wait`](Self::wait) is the same for those who block.
///
/// The result is how many bytes were read or written. Fewer than asked for are the end of the file.
/// After an error [`Error::completion`](crate::Error::completion) has the bytes that were.
///
/// Dropped, it is cancelled and its buffer released: the memory is used again when the kernel has let
/// go of it.
#[derive(Debug)]
#[must_use = "a transfer that is dropped is cancelled"]
pub struct Transfer<B: Lease> {
    job: Option<Result<Job>>, // None: it is over
    buffer: Option<B>,
}

impl<B: Lease> Transfer<B> {
    pub(crate) fn new(job: Result<Job>, buffer: B) -> Self {
        Self { job: Some(job), buffer: Some(buffer) }
    }

    /// Block until it has ended.
    pub fn wait(mut self) -> (Result<usize>, B) {
        let job = self.job.take().expect("it is not over");
        let result = job.and_then(Job::wait);
        self.end(result)
    }

    /// Ask it to stop; it still has to be waited for. What waits for a stream ends at once, what has
    /// begun on a file as it would have.
    pub fn cancel(&self) {
        if let Some(Ok(job)) = &self.job {
            job.cancel();
        }
    }

    fn end(&mut self, done: Result<crate::Completion>) -> (Result<usize>, B) {
        let buffer = self.buffer.take().expect("it ends once");
        (done.map(|done| done.bytes as usize), buffer)
    }
}

impl<B: Lease> Future for Transfer<B> {
    type Output = (Result<usize>, B);

    /// # Panics
    /// If it is polled again after its end.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let done = match this.job.as_mut().expect("a transfer was polled after its end") {
            Ok(job) => match Pin::new(job).poll(context) {
                Poll::Ready(done) => done,
                Poll::Pending => return Poll::Pending,
            },
            Err(_) => Err(this.job.take().and_then(Result::err).expect("an error")),
        };
        this.job = None;
        Poll::Ready(this.end(done))
    }
}

impl<B: Lease> Drop for Transfer<B> {
    fn drop(&mut self) {
        if let (Some(Ok(job)), Some(buffer)) = (&self.job, self.buffer.take()) {
            job.cancel();
            if let Some(buffer) = sealed::Lease::until_the_end(buffer) {
                job.keep(buffer);
            }
        }
    }
}

/// Buffers that are waited for, see [`Pool::acquire_many`](crate::Pool::acquire_many). A future of
/// them. Who asked first is served first. Dropped, it is cancelled.
#[derive(Debug)]
#[must_use = "who does not wait for it gets no buffers"]
pub struct Acquire(pub(crate) Job);

impl Acquire {
    /// Block until they are there.
    pub fn wait(self) -> Result<Vec<Buffer>> {
        self.0.wait().map(buffers)
    }
}

impl Future for Acquire {
    type Output = Result<Vec<Buffer>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|done| done.map(buffers))
    }
}

fn buffers(done: crate::Completion) -> Vec<Buffer> {
    match done.held {
        Held::Buffers(buffers) => buffers,
        _ => Vec::new(),
    }
}
