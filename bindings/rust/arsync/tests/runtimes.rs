//! Jobs and streams under tokio, async-std, and nothing.

mod support;

use std::fs;
use std::future::poll_fn;
use std::pin::Pin;
use std::process::Command;
use std::thread;
use std::time::Duration;

use arsync::{CopyOptions, Error, Event, EventStream, Job, Pool, Report};
use futures_core::Stream;
use support::{FILE_SIZE, Work, block_on, content, slow};

async fn next(stream: &mut EventStream<'_>) -> Option<Event> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Files, a tree with its stream, an error.
async fn copies(work: &Work) -> Result<(), Error> {
    work.make_tree();
    let pool = Pool::open()?;
    let options = CopyOptions::new();
    let jobs: Vec<Job> = (0..20)
        .map(|i| pool.copy(work.join("from"), work.join(format!("to-{i}")), &options))
        .collect::<Result<_, _>>()?;
    for job in jobs {
        assert_eq!(job.await?.bytes, FILE_SIZE as u64);
    }

    let all = CopyOptions::new().recursive(true).report(Report::All);
    let mut job = pool.copy(work.join("tree"), work.join("copy"), &all)?;
    let mut entries = 0;
    let mut stream = job.stream();
    while next(&mut stream).await.is_some() {
        entries += 1;
    }
    assert_eq!(entries, 9);
    assert!(next(&mut stream).await.is_none());
    job.await?;

    let missing = pool.copy(work.join("missing"), work.join("x"), &options)?;
    assert_eq!(missing.await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
    Ok(())
}

#[test]
fn without_a_runtime() {
    block_on(copies(&Work::new())).unwrap();
}

#[test]
fn tokio_on_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(copies(&Work::new())).unwrap();
}

#[test]
fn tokio_on_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> =
        (0..4).map(|_| runtime.spawn(async { copies(&Work::new()).await.unwrap() })).collect();
    tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
}

#[test]
fn async_std() {
    async_std::task::block_on(copies(&Work::new())).unwrap();
    let task = async_std::task::spawn(async { copies(&Work::new()).await.unwrap() });
    async_std::task::block_on(task);
}

#[test]
fn a_future_that_is_dropped_cancels_its_job() {
    let work = Work::new();
    let pool = slow().open().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let job = pool.copy(work.join("from"), work.join("to"), &CopyOptions::new()).unwrap();
    let control = job.control();
    let in_time =
        runtime.block_on(async { tokio::time::timeout(Duration::from_millis(50), job).await });
    assert!(in_time.is_err());
    while control.progress().is_some_and(|progress| progress.state != arsync::JobState::Completed) {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(!work.exists("to"));
}

#[test]
fn a_job_moves_from_task_to_task() {
    let work = Work::new();
    let fifo = work.join("fifo"); // so that it cannot end before somebody has written
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let pool = Pool::open().unwrap();
    let reads = CopyOptions::new().special(true);
    let mut job = pool.copy(&fifo, work.join("to"), &reads).unwrap();
    // Polled by one waker, then by another: the last one is woken.
    let first = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let early =
        first.block_on(async { tokio::time::timeout(Duration::from_millis(20), &mut job).await });
    assert!(early.is_err());
    let writer = thread::spawn(move || fs::write(fifo, content(FILE_SIZE)).unwrap());
    assert_eq!(block_on(job).unwrap().bytes, FILE_SIZE as u64);
    writer.join().unwrap();
    assert!(work.has("to", FILE_SIZE));
}
