//! What `make bench` measures of this crate. Prints seconds.
//!
//! bench FROM TO   of a directory: copy its files to the directory TO as one list, from before the list is
//!                 made until each of its items has been told of; of a file: copy it past the page cache
//!                 through eight buffers, read and written by futures. Its size is a multiple of 4096.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use arsync::{Buffer, CopyOptions, Event, Pool, PoolFile};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [from, to] = &arguments[..] else {
        eprintln!("usage: bench FROM TO");
        return ExitCode::from(2);
    };
    let (from, to) = (Path::new(from), Path::new(to));
    let measured = if from.is_dir() { list(from, to) } else { buffers(from, to) };
    match measured {
        Ok(time) => {
            println!("{:.4}", time.as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list(from: &Path, to: &Path) -> io::Result<Duration> {
    let names: Vec<OsString> =
        fs::read_dir(from)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    let (from, to) = (File::open(from)?, File::open(to)?);
    let pool = Pool::open()?;
    let start = Instant::now();
    let same = names.iter().map(|name| (name, name));
    let mut job =
        pool.copy_list_at(Some(from.as_fd()), Some(to.as_fd()), same, &CopyOptions::new())?;
    let mut told = 0;
    for event in job.events() {
        if let Event::Item(item) = event {
            item.error().map_or(Ok(()), Err)?;
            told += 1;
        }
    }
    job.wait()?;
    assert_eq!(told, names.len());
    Ok(start.elapsed())
}

fn buffers(from: &Path, to: &Path) -> io::Result<Duration> {
    const SIDE_BY_SIDE: u32 = 8;
    let pool = Pool::builder().lease_count(SIDE_BY_SIDE).open()?;
    let start = Instant::now();
    let source = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(from)?;
    let size = source.metadata()?.len();
    let destination: File =
        OpenOptions::new().write(true).create(true).custom_flags(libc::O_DIRECT).open(to)?;
    // Writes that extend a file go one by one. SAFETY: an open descriptor, and numbers.
    if unsafe { libc::fallocate(destination.as_raw_fd(), 0, 0, size as i64) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let (source, destination) = (pool.file(&source)?, pool.file(&destination)?);
    let next = Cell::new(0);
    let buffers = pool.acquire_many(SIDE_BY_SIDE)?.wait()?;
    let lanes = buffers.into_iter().map(|buffer| lane(buffer, &source, &destination, &next, size));
    block_on(all(lanes.collect()))?;
    Ok(start.elapsed())
}

/// Takes the next part of the file until there is none.
async fn lane(
    mut buffer: Buffer,
    from: &PoolFile,
    to: &PoolFile,
    next: &Cell<u64>,
    size: u64,
) -> io::Result<()> {
    loop {
        let offset = next.get();
        if offset >= size {
            return Ok(());
        }
        next.set(offset + buffer.len() as u64);
        let (read, full) = from.read_at(buffer, .., offset).await;
        let (written, empty) = to.write_at(full, ..read?, offset).await;
        written?;
        buffer = empty;
    }
}

async fn all<F: Future<Output = io::Result<()>>>(lanes: Vec<F>) -> io::Result<()> {
    let mut lanes: Vec<Pin<Box<F>>> = lanes.into_iter().map(Box::pin).collect();
    poll_fn(|context| {
        let mut failed = Ok(());
        lanes.retain_mut(|lane| match lane.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(error) => {
                failed = error;
                false
            }
        });
        match failed {
            Ok(()) if !lanes.is_empty() => Poll::Pending,
            result => Poll::Ready(result),
        }
    })
    .await
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
