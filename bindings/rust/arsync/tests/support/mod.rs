//! What the tests share: a directory of their own, files, slow pools, a block_on without a runtime.
#![allow(dead_code)] // each test uses a part

use std::ffi::OsStr;
use std::fs;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use arsync::{Pool, PoolBuilder};

/// Several chunks, and a tail that ends in the middle of a page and of a sector.
pub const FILE_SIZE: usize = 3 * 1024 * 1024 + 6789;

/// The bytes of every file, from its beginning.
pub fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i.wrapping_mul(2654435761) >> 13) as u8).collect()
}

/// A directory that is removed in the end, with a file "from" in it.
pub struct Work(PathBuf);

impl Work {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("arsync-rust-{}-{number}", std::process::id());
        let work = Self(std::env::temp_dir().join(name));
        fs::create_dir(&work.0).unwrap();
        work.make("from", FILE_SIZE);
        work
    }

    pub fn make(&self, name: impl AsRef<Path>, size: usize) {
        fs::write(self.join(name), content(size)).unwrap();
    }

    pub fn make_dir(&self, name: &str) {
        fs::create_dir_all(self.join(name)).unwrap();
    }

    /// "tree" with two directories of three files.
    pub fn make_tree(&self) {
        for directory in ["a", "b"] {
            self.make_dir(&format!("tree/{directory}"));
            (0..3).for_each(|i| self.make(format!("tree/{directory}/{i}"), 5000));
        }
    }

    pub fn has(&self, name: impl AsRef<Path>, size: usize) -> bool {
        fs::read(self.join(name)).is_ok_and(|data| data == content(size))
    }

    pub fn exists(&self, name: &str) -> bool {
        self.join(name).symlink_metadata().is_ok()
    }
}

impl Deref for Work {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// In which a copy of "from" does not end by itself.
pub fn slow() -> PoolBuilder {
    Pool::builder().byte_rate(64 << 10)
}

pub fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

pub fn errno(error: &io::Error) -> Option<i32> {
    error.get_ref()?.downcast_ref::<arsync::Error>().map(arsync::Error::raw_os_error)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Run a future with no runtime at all.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(child: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

/// Whether `check` holds in a forked child, which is this thread alone.
pub fn holds_in_a_child(check: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child does nothing but the check, with the allocator that libc mends for it.
    unsafe {
        let child = fork();
        assert!(child >= 0);
        if child == 0 {
            _exit(if check() { 0 } else { 1 });
        }
        let mut status = -1;
        waitpid(child, &mut status, 0) == child && status == 0
    }
}
