//! What a program may do that it should not, and what is left out of the common cases.

mod support;

use std::future::Future;
use std::mem;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use arsync::{CopyOptions, Event, Job, Place, Pool, Report, Update};
use support::{FILE_SIZE, Work, block_on};

fn copy_in(pool: &Pool, work: &Work, from: &str, to: &str) -> Job {
    pool.copy(work.join(from), work.join(to), &CopyOptions::new()).unwrap()
}

#[test]
fn jobs_keep_their_pool_open() {
    let work = Work::new();
    let job = copy_in(&Pool::open().unwrap(), &work, "from", "to");
    assert_eq!(job.wait().unwrap().bytes, FILE_SIZE as u64);
}

#[test]
fn events_nobody_takes_pause_their_job_and_no_other() {
    let work = Work::new();
    work.make_dir("many");
    (0..6000).for_each(|i| work.make(format!("many/{i}"), 0));
    let pool = Pool::open().unwrap();
    let all = CopyOptions::new().recursive(true).report(Report::All);
    let mut job = pool.copy(work.join("many"), work.join("copy"), &all).unwrap();
    // Others have their events polled meanwhile, and this job's with them.
    let start = Instant::now();
    while !job.progress().unwrap().is_paused {
        assert!(start.elapsed() < Duration::from_secs(60));
        copy_in(&pool, &work, "many/0", "to").wait().unwrap();
    }
    assert_eq!(job.events().count(), 6001);
    job.wait().unwrap();
}

#[test]
fn pause_of_the_caller_is_not_undone_by_taking_events() {
    let work = Work::new();
    work.make_dir("many");
    (0..6000).for_each(|i| work.make(format!("many/{i}"), 0));
    let pool = Pool::open().unwrap();
    let all = CopyOptions::new().recursive(true).report(Report::All);
    let mut job = pool.copy(work.join("many"), work.join("copy"), &all).unwrap();
    while !job.progress().unwrap().is_paused {
        copy_in(&pool, &work, "many/0", "to").wait().unwrap();
    }
    job.adjust(&arsync::Adjustment::pause()).unwrap();
    (0..4096).for_each(|_| drop(job.next_event()));
    assert!(job.progress().unwrap().is_paused);
    job.adjust(&arsync::Adjustment::resume()).unwrap();
    assert_eq!(job.events().count(), 6001 - 4096);
    job.wait().unwrap();
}

#[test]
fn events_end_when_the_job_was_waited_for() {
    let work = Work::new();
    work.make_tree();
    let pool = Pool::open().unwrap();
    let all = CopyOptions::new().recursive(true).report(Report::All);
    let mut job = pool.copy(work.join("tree"), work.join("copy"), &all).unwrap();
    block_on(&mut job).unwrap();
    assert!(job.next_event().is_none());
    assert!(job.progress().is_none());
    job.cancel();
    assert!(panic::catch_unwind(AssertUnwindSafe(|| block_on(&mut job))).is_err());
}

#[test]
fn a_job_that_only_waits_has_its_questions_skipped() {
    let work = Work::new();
    work.make("to", 10);
    let pool = Pool::open().unwrap();
    let asks = CopyOptions::new().update(Update::Ask);
    let job = pool.copy(work.join("from"), work.join("to"), &asks).unwrap();
    job.wait().unwrap();
    let mut job = pool.copy(work.join("from"), work.join("to"), &asks).unwrap();
    let Some(Event::Question(question)) = job.next_event() else { panic!() };
    drop(question);
    job.wait().unwrap();
    assert!(work.has("to", 10));
    // One that outlives its job and its pool.
    let mut job = pool.copy(work.join("from"), work.join("to"), &asks).unwrap();
    let Some(Event::Question(question)) = job.next_event() else { panic!() };
    drop(job);
    pool.close();
    assert!(question.answer(arsync::Answer::Replace).is_err());
    assert!(work.has("to", 10));
}

#[test]
fn forgotten_handles_leak_and_no_more() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    (0..100).for_each(|i| mem::forget(copy_in(&pool, &work, "from", &format!("to-{i}"))));
    mem::forget(pool.link_set().unwrap());
    mem::forget(pool.list(&CopyOptions::new()).unwrap());
    copy_in(&pool, &work, "from", "to").wait().unwrap();
    pool.close();
}

#[test]
fn a_detached_tree_goes_on_though_nobody_polls() {
    let work = Work::new();
    work.make_dir("many");
    (0..9000).for_each(|i| work.make(format!("many/{i}"), 0));
    work.make_tree();
    work.make_dir("copy/a");
    work.make("copy/a/0", 10);
    let pool = Pool::open().unwrap();
    let all = CopyOptions::new().recursive(true).report(Report::All);
    let asks = CopyOptions::new().recursive(true).update(Update::Ask);
    pool.copy(work.join("many"), work.join("many copied"), &all).unwrap().detach();
    pool.copy(work.join("tree"), work.join("copy"), &asks).unwrap().detach();
    let start = Instant::now();
    while pool.stats().unwrap().jobs_completed < 2 {
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(std::fs::read_dir(work.join("many copied")).unwrap().count(), 9000);
    assert!(work.has("copy/a/0", 10) && work.has("copy/b/2", 5000));
}

#[test]
fn abandoned_jobs_make_room_for_those_that_are_submitted() {
    let work = Work::new();
    work.make("small", 10);
    let pool = Pool::builder().job_limit(16).open().unwrap();
    for i in 0..200 {
        let start = Instant::now();
        let job = loop {
            match pool.copy(work.join("small"), work.join(format!("to-{i}")), &CopyOptions::new()) {
                Ok(job) => break job,
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{i}");
            thread::yield_now();
        };
        drop(job); // detached, it would be polled for
    }
}

#[test]
fn abandoned_jobs_do_not_fill_the_pool() {
    let work = Work::new();
    work.make("small", 10);
    let pool = Pool::builder().job_limit(16).open().unwrap();
    for i in 0..200 {
        let start = Instant::now();
        loop {
            match pool.copy(work.join("small"), work.join(format!("to-{i}")), &CopyOptions::new()) {
                Ok(job) => break job.detach(),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            assert!(start.elapsed() < Duration::from_secs(60));
            pool.dispatch();
            thread::yield_now();
        }
    }
}

#[test]
fn many_threads_wait_in_one_pool() {
    let work = Work::new();
    work.make("small", 5000);
    let pool = Pool::open().unwrap();
    thread::scope(|scope| {
        for t in 0..8 {
            let (pool, work) = (&pool, &work);
            scope.spawn(move || {
                for i in 0..100 {
                    let job = copy_in(pool, work, "small", &format!("to-{t}-{i}"));
                    let done = if i % 2 == 0 { job.wait() } else { block_on(job) };
                    assert_eq!(done.unwrap().bytes, 5000);
                }
            });
        }
    });
}

/// The last handle of a pool is dropped by a waker, on the thread that polls for it.
#[test]
fn a_waker_may_drop_the_pool() {
    struct Drops {
        job: std::sync::Mutex<Option<Job>>,
        done: AtomicBool,
    }
    impl Wake for Drops {
        fn wake(self: Arc<Self>) {
            let job = self.job.lock().unwrap().take();
            drop(job);
            self.done.store(true, Ordering::Release);
        }
    }
    let work = Work::new();
    for _ in 0..10 {
        let pool = Pool::open().unwrap();
        let job = copy_in(&pool, &work, "from", "to");
        let drops = Arc::new(Drops { job: Some(job).into(), done: AtomicBool::new(false) });
        drop(pool);
        let waker = Waker::from(Arc::clone(&drops));
        let polled = {
            let mut job = drops.job.lock().unwrap();
            Pin::new(job.as_mut().unwrap()).poll(&mut Context::from_waker(&waker))
        };
        let start = Instant::now();
        while polled.is_pending() && !drops.done.load(Ordering::Acquire) {
            assert!(start.elapsed() < Duration::from_secs(60));
            thread::yield_now();
        }
    }
}

#[test]
fn a_waker_that_panics_does_not_stop_the_others() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let mut job = copy_in(&pool, &work, "from", "to");
    let waker = Waker::from(Arc::new(Panics));
    let _ = Pin::new(&mut job).poll(&mut Context::from_waker(&waker));
    thread::sleep(Duration::from_millis(100)); // the pool's thread has met it
    assert_eq!(job.wait().unwrap().bytes, FILE_SIZE as u64);
    copy_in(&pool, &work, "from", "to-2").wait().unwrap();
    assert_eq!(block_on(copy_in(&pool, &work, "from", "to-3")).unwrap().bytes, FILE_SIZE as u64);
}

#[test]
fn close_while_others_submit() {
    let work = Work::new();
    work.make("small", 10);
    for _ in 0..10 {
        let pool = Pool::open().unwrap();
        thread::scope(|scope| {
            for t in 0..3 {
                let (pool, work) = (&pool, &work);
                scope.spawn(move || {
                    for i in 0.. {
                        let to = work.join(format!("to-{t}-{i}"));
                        match pool.copy(work.join("small"), to, &CopyOptions::new()) {
                            Ok(job) if i % 2 == 0 => drop(job.wait()),
                            Ok(job) => drop(block_on(job)),
                            Err(_) => return,
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(20));
            pool.close();
        });
    }
}

#[test]
fn a_pool_that_is_dropped_with_a_slow_job_does_not_wait_for_it() {
    let work = Work::new();
    let pool = Pool::builder().byte_rate(1 << 10).open().unwrap(); // it would take an hour
    let job = copy_in(&pool, &work, "from", "to");
    let start = Instant::now();
    drop(pool);
    drop(job);
    assert!(start.elapsed() < Duration::from_secs(600));
    assert!(!work.exists("to"));
}

#[test]
fn a_shared_buffer_is_nobodys_while_it_is_written() {
    let work = Work::new();
    let pool = Pool::builder().byte_rate(6 << 20).open().unwrap();
    let from = pool.file(std::fs::File::open(work.join("from")).unwrap()).unwrap();
    let to = pool.file(std::fs::File::create(work.join("to")).unwrap()).unwrap();
    let (read, buffer) = from.read_at(pool.acquire().unwrap(), .., 0).wait();
    let length = read.unwrap();
    let buffer = buffer.share();
    drop(to.write_at(buffer.clone(), ..length, 0)); // its end is still to come
    let mut buffer = buffer;
    let start = Instant::now();
    let buffer = loop {
        match buffer.into_buffer() {
            Ok(buffer) => break buffer,
            Err(shared) => buffer = shared,
        }
        assert!(start.elapsed() < Duration::from_secs(60));
        pool.dispatch();
        thread::yield_now();
    };
    // A cancel interrupts no transfer; but of a short one, the rest is not made any more.
    let written = std::fs::read(work.join("to")).unwrap();
    assert!(buffer[..length].starts_with(&written), "{}", written.len());
    drop(buffer);
}

#[test]
fn transfers_that_are_forgotten_keep_their_buffers_from_everybody() {
    let work = Work::new();
    let pool = Pool::builder().lease_count(4).open().unwrap();
    let from = pool.file(std::fs::File::open(work.join("from")).unwrap()).unwrap();
    for _ in 0..3 {
        mem::forget(from.read_at(pool.acquire().unwrap(), .., 0));
    }
    let last = pool.acquire().unwrap();
    assert!(pool.acquire().is_err());
    let shared = last.share();
    let to = pool.file(std::fs::File::create(work.join("to")).unwrap()).unwrap();
    mem::forget(to.write_at(shared.clone(), ..10, 0));
    assert!(shared.into_buffer().is_err());
}

#[test]
fn ranges_and_files_that_are_no_more_give_the_buffer_back() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let from = pool.file(std::fs::File::open(work.join("from")).unwrap()).unwrap();
    let (backwards, forwards) = (10, 5);
    let (read, buffer) = from.read_at(pool.acquire().unwrap(), backwards..forwards, 0).wait();
    assert!(read.unwrap_err().reason().unwrap().contains("range"));
    let (read, buffer) = from.read_at(buffer, ..=usize::MAX, 0).wait();
    assert!(read.is_err());
    let (read, buffer) = block_on(from.read_at(buffer, 4..4, 0));
    assert_eq!(read.unwrap(), 0);
    assert!(pool.file(std::fs::File::open(&*work).unwrap()).is_err());
    assert!(pool.acquire_many(0).is_err());
    drop(buffer);
}

#[test]
fn buffers_of_one_pool_mean_nothing_to_another() {
    let work = Work::new();
    let (one, other) = (Pool::open().unwrap(), Pool::open().unwrap());
    let from = one.file(std::fs::File::open(work.join("from")).unwrap()).unwrap();
    // The other's lease has a number that this pool has leased, too.
    let (mine, mut theirs) = (one.acquire().unwrap(), other.acquire().unwrap());
    theirs[..10].fill(9);
    let (read, theirs) = from.read_at(theirs, ..10, 0).wait();
    assert_eq!(read.unwrap_err().raw_os_error(), 22);
    assert_eq!(theirs[..10], [9; 10]);
    drop(mine);
}

#[test]
fn an_error_below_an_open_directory_has_the_entrys_path() {
    let work = Work::new();
    work.make_tree();
    work.make_dir("to/a/0"); // in the way of a file
    let pool = Pool::open().unwrap();
    let [from, to] = ["tree", "to"].map(|name| std::fs::File::open(work.join(name)).unwrap());
    let ends = (Place::file(from.as_fd()), Place::file(to.as_fd()));
    let job = pool.copy_at(ends.0, ends.1, &CopyOptions::new().recursive(true)).unwrap();
    let error = job.wait().unwrap_err();
    assert_eq!((error.raw_os_error(), error.path()), (21, Some(Path::new("a/0"))));
}

#[test]
fn an_error_of_a_tree_or_list_has_its_path_unasked() {
    let work = Work::new();
    work.make_tree();
    work.make_dir("to/a/0"); // in the way of a file
    let pool = Pool::open().unwrap();
    let tree = CopyOptions::new().recursive(true);
    let ends = (work.join("tree"), work.join("to"));
    let at_once = tree.copy(&ends.0, &ends.1).unwrap_err();
    let by_a_job = pool.copy(&ends.0, &ends.1, &tree).unwrap().wait().unwrap_err();
    for error in [at_once, by_a_job] {
        assert_eq!(error.path(), Some(&*work.join("to/a/0")));
    }
    let missing = work.join("missing");
    let items = [(&missing, work.join("copy"))];
    let list = pool.copy_list(items, &CopyOptions::new()).unwrap().wait().unwrap_err();
    assert_eq!(list.path(), Some(&*missing));
    let mut list = pool.list(&CopyOptions::new()).unwrap();
    assert!(list.add(&missing, work.join("copy"), 0).unwrap());
    let list = list.finish().unwrap().wait().unwrap_err();
    assert_eq!(list.path(), Some(&*missing));
}
