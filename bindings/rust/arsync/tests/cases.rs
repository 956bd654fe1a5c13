//! The cases of test/bindings/cases.md, in their order.

mod support;

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use arsync::{
    Action, Adjustment, Answer, Backend, Backup, CopyOptions, Durability, Event, Flags, Job,
    JobState, Kind, Method, Place, Pool, PoolFile, Preserve, Quoting, Reflink, Replace, Report,
    Shutdown, Side, Stage, Update, Want,
};
use support::{FILE_SIZE, Work, block_on, content, holds_in_a_child, name, slow};

const ENOENT: i32 = 2;
const EBADF: i32 = 9;
const EAGAIN: i32 = 11;
const EEXIST: i32 = 17;
const EISDIR: i32 = 21;
const EINVAL: i32 = 22;
const ENAMETOOLONG: i32 = 36;
const ESHUTDOWN: i32 = 108;
const ECANCELED: i32 = 125;
const EOWNERDEAD: i32 = 130;

fn options() -> CopyOptions {
    CopyOptions::new()
}

fn tree() -> CopyOptions {
    options().recursive(true)
}

// ---- One copy -----------------------------------------------------------------------------------

#[test]
fn copies_a_file() {
    let work = Work::new();
    let done = arsync::copy(work.join("from"), work.join("to")).unwrap();
    assert!(work.has("to", FILE_SIZE));
    assert_eq!(done.bytes, FILE_SIZE as u64);
    assert_ne!(done.method, Method::AUTO);
    assert!(done.is_ok() && done.details.is_none());
}

#[test]
fn tells_what_failed() {
    let work = Work::new();
    let error = arsync::copy(work.join("missing"), work.join("to")).unwrap_err();
    assert_eq!(error.raw_os_error(), ENOENT);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.stage(), Some(Stage::OPEN_SOURCE));
    assert_eq!(error.side(), Some(Side::Source));
    assert_eq!(error.path(), Some(&*work.join("missing")));
    let shown = work.join("missing").display().to_string();
    assert_eq!(error.to_string(), format!("open source: {shown}: No such file or directory"));
    assert!(!work.exists("to"));
}

#[test]
fn hands_on_options() {
    let work = Work::new();
    work.make("to", 10);
    let exclusive = options().replace(Replace::Exclusive);
    let error = exclusive.copy(work.join("from"), work.join("to")).unwrap_err();
    assert_eq!(error.raw_os_error(), EEXIST);
    assert_eq!(error.side(), Some(Side::Destination));
    assert_eq!(error.path(), Some(&*work.join("to")));
    assert!(error.is_conflict());
    assert!(work.has("to", 10));

    let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    File::open(work.join("from")).unwrap().set_modified(time).unwrap();
    fs::set_permissions(work.join("from"), Permissions::from_mode(0o640)).unwrap();
    options()
        .replace(Replace::Atomic)
        .preserve(Preserve::MODE | Preserve::TIMES)
        .durability(Durability::Full)
        .verify(true)
        .copy(work.join("from"), work.join("to"))
        .unwrap();
    assert!(work.has("to", FILE_SIZE));
    let made = fs::metadata(work.join("to")).unwrap();
    assert_eq!(made.mode() & 0o7777, 0o640);
    assert_eq!(made.modified().unwrap(), time);
}

#[test]
fn refuses_mistaken_options() {
    let work = Work::new();
    let mistaken = options().backup(Backup::Simple).backup_suffix("/");
    let error = mistaken.copy(work.join("from"), work.join("to")).unwrap_err();
    assert_eq!(error.raw_os_error(), EINVAL);
    assert!(error.reason().unwrap().contains("backup_suffix"), "{error}");
    assert!(mistaken.check().is_err());
    let pool = Pool::open().unwrap();
    let error = pool.copy(work.join("from"), work.join("to"), &mistaken).unwrap_err();
    assert!(error.reason().unwrap().contains("backup_suffix"), "{error}");
    assert!(!work.exists("to"));
}

#[test]
fn refuses_bad_paths() {
    let work = Work::new();
    let refused = |from: &Path, to: &Path| arsync::copy(from, to).unwrap_err().raw_os_error();
    let (from, to) = (work.join("from"), work.join("to"));
    assert_eq!(refused("".as_ref(), &to), ENOENT);
    assert_eq!(refused(&from, "".as_ref()), ENOENT);
    assert_eq!(refused("x".repeat(4096).as_ref(), &to), ENAMETOOLONG);
    let error = arsync::copy(&from, "a\0b").unwrap_err();
    assert_eq!(error.raw_os_error(), EINVAL);
    assert!(error.reason().unwrap().contains("NUL"));
    let pool = Pool::open().unwrap();
    let error = pool.copy_list([(&*from, Path::new("a\0b"))], &options()).unwrap_err();
    assert!(error.reason().unwrap().contains("NUL"));
    let error = options().filter("a\0b").check().unwrap_err();
    assert_eq!(error.reason(), Some("filter: has a NUL"));
}

#[test]
fn copies_names_that_are_not_utf_8() {
    let work = Work::new();
    work.make_dir("tree");
    let (odd, other) = (name(b"\xff\xfe x"), name(b"\xff\xfe y"));
    work.make(Path::new("tree").join(odd), 10);
    arsync::copy(work.join("tree").join(odd), work.join(other)).unwrap();
    assert!(work.has(other, 10));

    let pool = Pool::open().unwrap();
    let all = tree().report(Report::All);
    let mut job = pool.copy(work.join("tree"), work.join("copy"), &all).unwrap();
    let told = job.events().any(|event| match event {
        Event::Entry(entry) => entry.path.as_deref() == Some(Path::new(odd)),
        _ => false,
    });
    assert!(told);
    job.wait().unwrap();
    assert!(work.has(Path::new("copy").join(odd), 10));
}

#[test]
fn tells_details_on_request() {
    let work = Work::new();
    let wants =
        options().want(Want::SOURCE | Want::DESTINATION | Want::TIMES | Want::DIGEST).verify(true);
    let digests = [("from", "to"), ("to", "again")].map(|(from, to)| {
        let done = wants.copy(work.join(from), work.join(to)).unwrap();
        let details = done.details.unwrap();
        let (source, destination) = (details.source.unwrap(), details.destination.unwrap());
        assert_eq!(source.size, FILE_SIZE as u64);
        assert_eq!(destination.size, FILE_SIZE as u64);
        assert!(source.is_file() && !source.is_dir());
        let metadata = fs::metadata(work.join(from)).unwrap();
        assert_eq!(source.inode, metadata.ino());
        assert_eq!(source.modified(), metadata.modified().ok());
        assert_ne!(source.inode, destination.inode);
        let times = details.times.unwrap();
        assert!(times.begin_ns > 0 && times.duration() > Duration::ZERO);
        details.digest.unwrap()
    });
    assert_eq!(digests[0], digests[1]);
}

// ---- Jobs of a pool -----------------------------------------------------------------------------

fn copy_in(pool: &Pool, work: &Work, from: &str, to: &str) -> Job {
    pool.copy(work.join(from), work.join(to), &options()).unwrap()
}

#[test]
fn copies_through_a_pool() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let done = copy_in(&pool, &work, "from", "to").wait().unwrap();
    assert_eq!(done.bytes, FILE_SIZE as u64);
    assert_eq!(done.action, Action::COPY);
    assert!(work.has("to", FILE_SIZE));
}

#[test]
fn wakes_its_waiter() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let done = block_on(copy_in(&pool, &work, "from", "to")).unwrap();
    assert_eq!(done.bytes, FILE_SIZE as u64);
    assert!(work.has("to", FILE_SIZE));
    // By an event loop of one's own, too.
    let job = copy_in(&pool, &work, "from", "to-2");
    assert!(pool.event_fd().unwrap() >= 0);
    let start = Instant::now();
    while !job.is_finished() && start.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(1));
        pool.dispatch();
    }
    job.wait().unwrap();
}

#[test]
fn reports_progress() {
    let work = Work::new();
    work.make_dir("tree");
    fs::rename(work.join("from"), work.join("tree/from")).unwrap();
    work.make("tree/asked", 10);
    work.make_dir("to");
    work.make("to/asked", 20);
    let pool = Pool::open().unwrap();
    let asks = tree().update(Update::Ask);
    let mut job = pool.copy(work.join("tree"), work.join("to"), &asks).unwrap();
    let control = job.control();
    let (mut before, mut speed) = (0, 0);
    let start = Instant::now();
    while before < FILE_SIZE as u64 {
        let progress = control.progress().unwrap();
        assert!(progress.bytes_done >= before && progress.bytes_done <= progress.bytes_total);
        assert_ne!(progress.state, JobState::Completed);
        before = progress.bytes_done;
        speed = speed.max(progress.bytes_per_second);
        assert!(start.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(1));
    }
    assert!(speed > 0);
    let Some(Event::Question(question)) = job.next_event() else { panic!() };
    question.answer(Answer::Skip).unwrap();
    job.wait().unwrap();
    assert!(control.progress().is_none());
}

#[test]
fn cancels_a_job() {
    let work = Work::new();
    let pool = slow().open().unwrap();
    let job = copy_in(&pool, &work, "from", "to");
    job.cancel();
    job.cancel();
    let error = job.wait().unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.raw_os_error(), ECANCELED);
    assert!(error.completion().is_some());
    assert!(!work.exists("to"));
}

#[test]
fn pauses_and_resumes() {
    let work = Work::new();
    work.make("to", 10);
    let pool = Pool::open().unwrap();
    let asks = options().update(Update::Ask).reflink(Reflink::Never);
    let mut job = pool.copy(work.join("from"), work.join("to"), &asks).unwrap();
    let Some(Event::Question(question)) = job.next_event() else { panic!() };
    job.adjust(&Adjustment::pause()).unwrap();
    assert!(job.progress().unwrap().is_paused);
    question.answer(Answer::Replace).unwrap();
    thread::sleep(Duration::from_secs(1));
    assert!(!job.is_finished());
    let control = job.control();
    control.adjust(&Adjustment::resume().priority(1).byte_rate(0)).unwrap();
    job.wait().unwrap();
    assert_eq!(control.adjust(&Adjustment::pause()).unwrap_err().raw_os_error(), ENOENT);
    assert!(control.progress().is_none());
    assert!(work.has("to", FILE_SIZE));
}

#[test]
fn survives_an_abandoned_job() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    drop(copy_in(&pool, &work, "from", "dropped"));
    let mut polled = copy_in(&pool, &work, "from", "polled");
    block_on(std::future::poll_fn(|context| {
        let _ = std::pin::Pin::new(&mut polled).poll(context);
        std::task::Poll::Ready(())
    }));
    drop(polled);
    copy_in(&pool, &work, "from", "detached").detach();
    copy_in(&pool, &work, "from", "to").wait().unwrap();
    pool.shutdown(Shutdown::Drain).unwrap();
    let start = Instant::now();
    while !work.has("detached", FILE_SIZE) && start.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(work.has("detached", FILE_SIZE));

    // A pool that is leaked with its job does no harm to others.
    let leaked = slow().open().unwrap();
    std::mem::forget(copy_in(&leaked, &work, "from", "forgotten"));
    leaked.close();
    assert!(!work.exists("forgotten"));
}

#[test]
fn copies_ten_thousand_at_once() {
    let work = Work::new();
    work.make("small", 100);
    let pool = Pool::open().unwrap();
    let jobs: Vec<Job> =
        (0..10_000).map(|i| copy_in(&pool, &work, "small", &format!("to-{i}"))).collect();
    block_on(async {
        for job in jobs {
            job.await.unwrap();
        }
    });
    assert!(work.has("to-0", 100) && work.has("to-9999", 100));
    assert!(pool.info().unwrap().workers_started <= 8);
}

#[test]
fn tells_when_the_job_limit_is_reached() {
    let work = Work::new();
    let pool = Pool::builder().job_limit(1).open().unwrap();
    let job = copy_in(&pool, &work, "from", "to");
    let error = pool.copy(work.join("from"), work.join("to-2"), &options()).unwrap_err();
    assert_eq!(error.raw_os_error(), EAGAIN);
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    job.wait().unwrap();
    copy_in(&pool, &work, "from", "to-2").wait().unwrap();
}

#[test]
fn keeps_hard_links_between_jobs() {
    let work = Work::new();
    fs::hard_link(work.join("from"), work.join("from-2")).unwrap();
    let pool = Pool::open().unwrap();
    let set = pool.link_set().unwrap();
    let linked = options().preserve(Preserve::LINKS).link_set(&set);
    drop(set); // the options have it still
    for (from, to) in [("from", "to"), ("from-2", "to-2")] {
        pool.copy(work.join(from), work.join(to), &linked).unwrap().wait().unwrap();
    }
    let inode = |name| fs::metadata(work.join(name)).unwrap().ino();
    assert_eq!(inode("to"), inode("to-2"));
}

#[test]
fn copies_between_open_files() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let from = File::open(work.join("from")).unwrap();
    let to = File::create(work.join("to")).unwrap();
    let job = pool.copy_at(Place::file(from.as_fd()), Place::file(to.as_fd()), &options());
    drop(to); // the library has its own
    job.unwrap().wait().unwrap();
    assert!(work.has("to", FILE_SIZE));

    let directory = File::open(&*work).unwrap();
    let at = |name| Place::at(directory.as_fd(), name);
    options().copy_at(Place::file(from.as_fd()), at("to-2")).unwrap();
    assert!(work.has("to-2", FILE_SIZE));
    pool.copy_at(at("to-2"), at("to-3"), &options()).unwrap().wait().unwrap();
    assert!(work.has("to-3", FILE_SIZE));

    let part = File::create(work.join("part")).unwrap();
    let job = pool.copy_range(&from, 1000, &part, 0, Some(50_000), &options()).unwrap();
    assert_eq!(job.wait().unwrap().bytes, 50_000);
    assert_eq!(fs::read(work.join("part")).unwrap(), content(51_000)[1000..]);
}

#[test]
fn gives_the_finished_file() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let wants = options().want(Want::FD);
    let job = pool.copy(work.join("from"), work.join("to"), &wants).unwrap();
    let mut done = job.wait().unwrap();
    let mut data = Vec::new();
    done.take_file().unwrap().read_to_end(&mut data).unwrap();
    assert_eq!(data, content(FILE_SIZE));
    assert!(done.take_file().is_none());
    let mut done = wants.copy(work.join("from"), work.join("to-2")).unwrap();
    assert_eq!(done.take_file().unwrap().metadata().unwrap().len(), FILE_SIZE as u64);
}

// ---- Lists and trees ----------------------------------------------------------------------------

#[test]
fn copies_a_list() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let items = [("from", "to-0"), ("missing", "to-1"), ("from", "to-2")];
    let paths = items.map(|(from, to)| (work.join(from), work.join(to)));
    let mut job = pool.copy_list(paths, &options()).unwrap();
    let mut results = [None; 3];
    for event in job.events() {
        let Event::Item(item) = event else { panic!("{event:?}") };
        let errno = item.error().map_or(0, |error| error.raw_os_error());
        results[item.user_data as usize] = Some(errno);
    }
    assert_eq!(results, [Some(0), Some(ENOENT), Some(0)]);
    assert_eq!(job.wait().unwrap_err().raw_os_error(), ENOENT);
    assert!(work.has("to-0", FILE_SIZE) && work.has("to-2", FILE_SIZE));
}

#[test]
fn adds_to_an_open_list() {
    let work = Work::new();
    work.make("small", 100);
    let pool = Pool::open().unwrap();
    let mut list = pool.list(&options()).unwrap();
    let mut ended = 0;
    for i in 0..1000 {
        while !list.add(work.join("small"), work.join(format!("to-{i}")), i).unwrap() {
            ended += usize::from(list.next_event().is_some());
        }
    }
    let mut job = list.finish().unwrap();
    ended += job.events().count();
    assert_eq!(ended, 1000);
    assert_eq!(job.wait().unwrap().action, Action::LIST);
    assert!(work.has("to-999", 100));
}

#[test]
fn copies_a_tree() {
    let work = Work::new();
    work.make_tree();
    let pool = Pool::open().unwrap();
    let all = tree().report(Report::All).want(Want::TOTALS);
    let mut job = pool.copy(work.join("tree"), work.join("copy"), &all).unwrap();
    let mut paths = Vec::new();
    for event in job.events() {
        let Event::Entry(entry) = event else { panic!("{event:?}") };
        assert!(entry.is_ok());
        paths.push(entry.path.unwrap().display().to_string());
    }
    paths.sort();
    assert_eq!(paths, ["", "a", "a/0", "a/1", "a/2", "b", "b/0", "b/1", "b/2"]);
    let done = job.wait().unwrap();
    let totals = done.totals().unwrap();
    assert_eq!((totals.files, totals.directories, totals.bytes), (6, 3, 30_000));
    assert!(work.has("copy/b/2", 5000));
}

#[test]
fn tells_entries_that_fail() {
    let work = Work::new();
    work.make_tree();
    work.make_dir("copy/a/1");
    let pool = Pool::open().unwrap();
    let wants = tree().want(Want::TOTALS | Want::ERROR_PATH);
    let mut job = pool.copy(work.join("tree"), work.join("copy"), &wants).unwrap();
    let events: Vec<Event> = job.events().collect();
    let [Event::Entry(entry)] = &events[..] else { panic!("{events:?}") };
    let error = entry.error().unwrap();
    assert_eq!(error.path(), Some(Path::new("a/1")));
    assert_eq!(error.raw_os_error(), EISDIR);
    let error = job.wait().unwrap_err();
    assert_eq!(error.raw_os_error(), EISDIR);
    assert_eq!(error.path(), Some(&*work.join("copy/a/1")));
    let totals = error.completion().unwrap().totals().unwrap();
    assert_eq!((totals.errors, totals.files), (1, 5));
}

#[test]
fn answers_questions() {
    let work = Work::new();
    work.make_tree();
    work.make_dir("copy/a");
    (0..3).for_each(|i| work.make(format!("copy/a/{i}"), 10));
    let pool = Pool::open().unwrap();
    let asks = tree().update(Update::Ask).report(Report::All);
    let mut job = pool.copy(work.join("tree"), work.join("copy"), &asks).unwrap();
    let mut kept = None;
    for event in job.events() {
        match event {
            Event::Question(question) => {
                assert_eq!((question.source().size, question.destination().size), (5000, 10));
                let answer = match question.path().unwrap().to_str().unwrap() {
                    "a/0" => Answer::Skip,
                    "a/1" => Answer::Replace,
                    _ => Answer::KeepBoth,
                };
                question.answer(answer).unwrap();
            }
            Event::Entry(entry) if entry.flags.contains(Flags::KEPT_BOTH) => {
                kept = entry.details.unwrap().name;
            }
            _ => {}
        }
    }
    job.wait().unwrap();
    assert!(work.has("copy/a/0", 10) && work.has("copy/a/1", 5000) && work.has("copy/a/2", 10));
    assert_eq!(kept.unwrap(), "2 (1)");
    assert!(work.has("copy/a/2 (1)", 5000));
}

#[test]
fn stops_by_an_answer() {
    let work = Work::new();
    work.make("to", 10);
    let pool = Pool::open().unwrap();
    let asks = options().update(Update::Ask);
    let mut job = pool.copy(work.join("from"), work.join("to"), &asks).unwrap();
    let Some(Event::Question(question)) = job.next_event() else { panic!() };
    assert_eq!(question.path(), None);
    question.answer(Answer::Stop).unwrap();
    assert!(job.next_event().is_none());
    assert!(job.wait().unwrap_err().is_cancelled());
    assert!(work.has("to", 10));
}

#[test]
fn leaves_a_loop_early() {
    let work = Work::new();
    work.make_tree();
    work.make_dir("copy/a");
    work.make("copy/a/0", 10);
    let pool = Pool::open().unwrap();
    let asks = tree().update(Update::Ask).report(Report::All);

    let mut job = pool.copy(work.join("tree"), work.join("copy"), &asks).unwrap();
    let left = panic::catch_unwind(AssertUnwindSafe(|| {
        for event in job.events() {
            if let Event::Question(_) = event {
                panic!("out of the loop");
            }
        }
    }));
    assert!(left.is_err());
    job.wait().unwrap(); // the question was answered by its drop

    let mut job = pool.copy(work.join("tree"), work.join("copy"), &asks).unwrap();
    for event in job.events() {
        if let Event::Question(question) = event {
            std::mem::forget(question); // never answered
            break;
        }
    }
    drop(job);
    copy_in(&pool, &work, "from", "to").wait().unwrap();
    pool.close();
    assert!(work.has("copy/a/0", 10));
}

// ---- Pools --------------------------------------------------------------------------------------

#[test]
fn keeps_two_pools_apart() {
    let work = Work::new();
    let (one, other) = (Pool::open().unwrap(), slow().open().unwrap());
    let slow_job = copy_in(&other, &work, "from", "slow");
    copy_in(&one, &work, "from", "to").wait().unwrap();
    other.close();
    assert!(slow_job.wait().unwrap_err().is_cancelled());
    copy_in(&one, &work, "from", "to-2").wait().unwrap();
    // A set of links is of one pool.
    let stranger = options().preserve(Preserve::LINKS).link_set(&one.link_set().unwrap());
    let third = Pool::open().unwrap();
    let _same_number = third.link_set().unwrap();
    let error = third.copy(work.join("from"), work.join("x"), &stranger).unwrap_err();
    assert_eq!(error.raw_os_error(), EINVAL);
    assert!(!work.exists("slow"));
}

#[test]
fn closes_with_jobs_in_flight() {
    let work = Work::new();
    let pool = slow().open().unwrap();
    let jobs: Vec<Job> =
        (0..100).map(|i| copy_in(&pool, &work, "from", &format!("to-{i}"))).collect();
    let waiter = {
        let job = copy_in(&pool, &work, "from", "waited");
        thread::spawn(move || job.wait().unwrap_err().is_cancelled())
    };
    let future = {
        let job = copy_in(&pool, &work, "from", "awaited");
        thread::spawn(move || block_on(job).unwrap_err().is_cancelled())
    };
    thread::sleep(Duration::from_millis(50));
    pool.close();
    pool.close();
    assert!(waiter.join().unwrap() && future.join().unwrap());
    assert!(jobs.into_iter().all(|job| job.wait().unwrap_err().is_cancelled()));
    let error = pool.copy(work.join("from"), work.join("to"), &options()).unwrap_err();
    assert_eq!(error.raw_os_error(), ESHUTDOWN);
    assert!(pool.info().is_err() && pool.link_set().is_err());
    assert_eq!(fs::read_dir(&*work).unwrap().count(), 1);
}

#[test]
fn drains() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let jobs: Vec<Job> =
        (0..20).map(|i| copy_in(&pool, &work, "from", &format!("to-{i}"))).collect();
    pool.shutdown(Shutdown::Drain).unwrap();
    let error = pool.copy(work.join("from"), work.join("to"), &options()).unwrap_err();
    assert_eq!(error.raw_os_error(), ESHUTDOWN);
    assert!(jobs.into_iter().all(|job| job.wait().is_ok()));
}

#[test]
fn runs_commands_while_copies_run() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let jobs: Vec<Job> =
        (0..200).map(|i| copy_in(&pool, &work, "from", &format!("to-{i}"))).collect();
    for _ in 0..20 {
        let none = "! ls -l /proc/self/fd | grep -e io_uring -e eventfd -e arsync-rust";
        assert!(Command::new("sh").args(["-c", none]).status().unwrap().success());
    }
    assert!(jobs.into_iter().all(|job| job.wait().is_ok()));
}

#[test]
fn is_told_in_a_forked_child() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let job = copy_in(&pool, &work, "from", "to");
    let mut other = copy_in(&pool, &work, "from", "to-2");
    let held = holds_in_a_child(move || {
        let told = |error: arsync::Error| error.raw_os_error() == EOWNERDEAD;
        let refused = told(pool.copy("a", "b", &options()).unwrap_err())
            && told(pool.info().unwrap_err())
            && other.next_event().is_none()
            && other.progress().is_none()
            && told(other.wait().unwrap_err());
        drop((job, pool));
        refused
    });
    assert!(held);
}

#[test]
fn tells_about_itself() {
    let number = arsync::version_number();
    assert_eq!(arsync::version(), format!("0.{}.{}", number / 1000, number % 1000));
    let work = Work::new();
    let pool = Pool::builder().workers(2).open().unwrap();
    copy_in(&pool, &work, "from", "to").wait().unwrap();
    let info = pool.info().unwrap();
    assert!(!info.backend_reason.is_empty());
    assert_eq!(info.workers, 2);
    assert_eq!(pool.stats().unwrap().jobs_completed, 1);
    assert!(["uring", "threads"].contains(&info.backend.name()));
    assert_eq!(Stage::WRITE.name(), "write");
    assert_eq!(Kind::ENTRY.name(), "entry");
    assert_eq!(Method::REFLINK.to_string(), "reflink");
}

// ---- Buffers ------------------------------------------------------------------------------------

const MIB: usize = 1 << 20;

fn open(pool: &Pool, work: &Work, name: &str) -> PoolFile {
    pool.file(File::open(work.join(name)).unwrap()).unwrap()
}

fn create(pool: &Pool, work: &Work, name: &str) -> PoolFile {
    pool.file(File::create(work.join(name)).unwrap()).unwrap()
}

#[test]
fn reads_and_writes_through_a_buffer() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let (from, to) = (open(&pool, &work, "from"), create(&pool, &work, "to"));
    let buffer = pool.acquire().unwrap();
    assert!(buffer.len() >= MIB && buffer.as_ptr().addr() % 4096 == 0);
    let (read, buffer) = from.read_at(buffer, ..MIB, 1000).wait();
    assert_eq!(read.unwrap(), MIB);
    assert_eq!(buffer[..MIB], content(FILE_SIZE)[1000..1000 + MIB]);
    let (written, _) = block_on(to.write_at(buffer, ..MIB, 0));
    assert_eq!(written.unwrap(), MIB);
    to.sync_data().unwrap().wait().unwrap();
    to.close().unwrap();
    assert_eq!(fs::read(work.join("to")).unwrap(), content(FILE_SIZE)[1000..1000 + MIB]);
}

#[test]
fn writes_one_buffer_to_three_files() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let from = open(&pool, &work, "from");
    let (read, buffer) = from.read_at(pool.acquire().unwrap(), ..MIB, 0).wait();
    assert_eq!(read.unwrap(), MIB);
    let buffer = buffer.share();
    let names = ["to-0", "to-1", "to-2"];
    let writes = names.map(|name| {
        let to = create(&pool, &work, name);
        to.write_at(buffer.clone(), ..MIB, 0)
    });
    assert_eq!(buffer[..MIB], content(MIB)); // it can be looked at meanwhile
    for write in writes {
        assert_eq!(write.wait().0.unwrap(), MIB);
    }
    assert!(names.iter().all(|name| work.has(name, MIB)));
    assert!(buffer.into_buffer().is_ok());
}

#[test]
fn tells_the_end_of_a_file() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let from = open(&pool, &work, "from");
    let end = FILE_SIZE as u64 - 10;
    let (read, buffer) = from.read_at(pool.acquire().unwrap(), ..MIB, end).wait();
    assert_eq!(read.unwrap(), 10);
    assert_eq!(buffer[..10], content(FILE_SIZE)[FILE_SIZE - 10..]);
    let too_far = buffer.len() + 1;
    let (read, buffer) = from.read_at(buffer, ..too_far, 0).wait();
    assert_eq!(read.unwrap_err().raw_os_error(), EINVAL);
    let (read, _) = from.read_at(buffer, .., u64::MAX).wait();
    assert_eq!(read.unwrap_err().raw_os_error(), EINVAL);
}

#[test]
fn gives_the_buffer_back_on_error() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let from = open(&pool, &work, "from");
    let (written, buffer) = from.write_at(pool.acquire().unwrap(), ..10, 0).wait();
    let error = written.unwrap_err();
    assert_eq!(error.raw_os_error(), EBADF);
    assert_eq!(error.stage(), Some(Stage::WRITE));
    let (read, buffer) = from.read_at(buffer, ..10, 0).wait();
    assert_eq!(read.unwrap(), 10);
    assert_eq!(buffer[..10], content(10));
}

#[test]
fn a_buffer_that_nobody_took_is_free_again() {
    let pool = Pool::builder().lease_count(1).open().unwrap();
    let acquire = pool.acquire_many(1).unwrap();
    thread::sleep(Duration::from_millis(50)); // it has got it
    drop(acquire);
    let start = Instant::now();
    while let Err(error) = pool.acquire() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn waits_for_a_buffer() {
    let pool = Pool::builder().lease_count(1).open().unwrap();
    let buffer = pool.acquire().unwrap();
    assert_eq!(pool.acquire().unwrap_err().kind(), ErrorKind::WouldBlock);
    let waiter = {
        let acquire = pool.acquire_many(1).unwrap();
        thread::spawn(move || block_on(acquire).unwrap().len())
    };
    thread::sleep(Duration::from_millis(50));
    assert!(!waiter.is_finished());
    drop(buffer);
    assert_eq!(waiter.join().unwrap(), 1);
    drop(pool.acquire_many(1).unwrap()); // nobody takes what it gets
    assert_eq!(pool.acquire_many(1).unwrap().wait().unwrap().len(), 1);
    assert_eq!(pool.acquire_many(2).unwrap_err().raw_os_error(), EINVAL);
}

#[test]
fn releases_while_busy() {
    let pool = Pool::builder().lease_count(1).open().unwrap();
    let (receiver, mut sender) = UnixStream::pair().unwrap();
    let stream = pool.file(&receiver).unwrap();
    drop(stream.read_next(pool.acquire().unwrap(), ..10));
    // Its memory is leased again when the read has ended, by its cancel.
    let mut buffers = pool.acquire_many(1).unwrap().wait().unwrap();
    let mut buffer = buffers.pop().unwrap();
    buffer[..10].fill(7);
    sender.write_all(b"abcdefghij").unwrap();
    let (read, buffer) = {
        let (kept, rest) = (buffer[..10].to_vec(), stream.read_next(buffer, 10..20).wait());
        assert_eq!(kept, [7; 10]);
        rest
    };
    assert_eq!(read.unwrap(), 10);
    assert_eq!(&buffer[..20], b"\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07abcdefghij");
    std::mem::forget(stream.read_next(buffer, ..)); // leaked, and never touched
    pool.close();
}

#[test]
fn keeps_a_buffer_past_its_pool() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let from = open(&pool, &work, "from");
    let (read, buffer) = from.read_at(pool.acquire().unwrap(), ..MIB, 0).wait();
    read.unwrap();
    pool.close();
    let (read, buffer) = from.read_at(buffer, ..MIB, 0).wait();
    assert_eq!(read.unwrap_err().raw_os_error(), ESHUTDOWN);
    drop((from, pool));
    assert_eq!(buffer[..MIB], content(MIB));
}

// ---- Text ---------------------------------------------------------------------------------------

#[test]
fn sets_options_by_name() {
    let work = Work::new();
    let mut named = options();
    named.set("recursive", None).unwrap();
    named.set("filter", Some("/a")).unwrap();
    named.set("update", Some("none")).unwrap();
    let error = named.set("jobs", Some("1")).unwrap_err();
    assert_eq!(error.raw_os_error(), ENOENT);
    let error = named.set("sparse", Some("x")).unwrap_err();
    assert_eq!(error.raw_os_error(), EINVAL);
    assert!(error.reason().unwrap().starts_with("invalid argument 'x'"));
    assert!(error.reason().unwrap().contains("'always'"));
    assert_eq!(named.set("filter", Some("a\0b")).unwrap_err().raw_os_error(), EINVAL);
    let mut builder = Pool::builder();
    builder.set("jobs", Some("1")).unwrap();
    let pool = builder.open().unwrap();
    assert_eq!(pool.info().unwrap().workers, 1);
    work.make_dir("tree");
    work.make("tree/a", 10);
    work.make("tree/b", 10);
    for _ in 0..2 {
        pool.copy(work.join("tree"), work.join("to"), &named).unwrap().wait().unwrap();
    }
    assert!(!work.exists("to/a") && work.has("to/b", 10));
}

fn has_members(object: &str, members: &[&str]) {
    for member in members {
        assert!(object.contains(member), "{object} does not have {member}");
    }
}

/// A tree of which one entry fails, as a directory is in its way.
fn fails_in_part(pool: &Pool, work: &Work) -> Job {
    work.make_dir("part/dir");
    work.make("part/dir/a", 10);
    work.make("part/dir/b", 10);
    work.make_dir("copy/dir/a");
    pool.copy(work.join("part"), work.join("copy"), &tree().want(Want::TOTALS | Want::ERROR_PATH))
        .unwrap()
}

#[test]
fn writes_completions_as_json() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    work.make("to", 10);
    let keeps = options().backup(Backup::Simple);
    let done = pool.copy(work.join("from"), work.join("to"), &keeps).unwrap().wait().unwrap();
    let object = done.json(Path::new(name(b"\xff")), "d/to", None, Some("so")).unwrap();
    let bytes = format!("\"bytes\":{FILE_SIZE},");
    has_members(
        &object,
        &[
            r#""type":"file""#,
            r#""source_hex":"ff""#,
            r#""outcome":"copied""#,
            r#""backup":"d/to~""#,
            r#""message":"so""#,
            &bytes,
        ],
    );
    has_members(&done.json("a", "b", Some("done"), None).unwrap(), &[r#""outcome":"done""#]);
    assert!(done.json("a\0b", "b", None, None).is_err());

    let mut job = fails_in_part(&pool, &work);
    let entries: Vec<Event> = job.events().collect();
    let [Event::Entry(entry)] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.kind, Kind::ENTRY);
    let object = entry.json("part/dir/a", "copy/dir/a", None, None).unwrap();
    has_members(&object, &[r#""type":"file""#, r#""outcome":"failed""#, r#""errno":21,"#]);
    let error = job.wait().unwrap_err();
    let object = error.completion().unwrap().json("part", "copy", None, None).unwrap();
    has_members(
        &object,
        &[
            r#""type":"tree""#,
            r#""outcome":"failed""#,
            r#""copied":1,"#,
            r#""entries":4,"#,
            r#""errors":1,"#,
        ],
    );
}

#[test]
fn describes_what_failed() {
    let work = Work::new();
    let pool = Pool::open().unwrap();
    let place = |name: &str| Place::path(work.join(name));
    let error = pool.copy(work.join("missing"), work.join("to"), &options()).unwrap().wait();
    let done = error.unwrap_err().into_completion().unwrap();
    let said = done.describe(place("missing"), place("to"), &options()).unwrap();
    assert_eq!(said, "cannot stat $s: No such file or directory");
    let done = copy_in(&pool, &work, "from", "to").wait().unwrap();
    assert_eq!(done.describe(place("from"), place("to"), &options()).unwrap(), "");
    let asks = options().update(Update::Ask);
    let mut job = pool.copy(work.join("from"), work.join("to"), &asks).unwrap();
    let Some(Event::Question(question)) = job.next_event() else { panic!() };
    let said = question.describe(place("from"), place("to"), &asks).unwrap();
    assert_eq!(said, "overwrite $d? ");
    let mistaken = options().backup_suffix("a/b");
    let error = done.describe(place("from"), place("to"), &mistaken).unwrap_err();
    assert_eq!(error.raw_os_error(), EINVAL);
    assert_eq!(error.reason(), Some("backup_suffix: has a slash"));

    let mut job = fails_in_part(&pool, &work);
    for event in job.events() {
        let Event::Entry(entry) = event else { panic!() };
        let said = entry.describe(place("part"), place("copy"), &tree()).unwrap();
        assert!(said.starts_with("cannot overwrite directory"), "{said}");
    }
    let done = job.wait().unwrap_err().into_completion().unwrap();
    let said = done.describe(place("part"), place("copy"), &tree()).unwrap();
    assert!(said.starts_with("cannot overwrite directory"), "{said}");
}

#[test]
fn describes_a_pool() {
    let work = Work::new();
    let pool = Pool::builder().backend(Backend::THREADS).open().unwrap();
    copy_in(&pool, &work, "from", "to").wait().unwrap();
    let said = pool.describe().unwrap();
    assert!(said.contains("threads") && said.ends_with('\n'), "{said}");
    let bytes = format!("\"bytes_read\":{},", pool.stats().unwrap().bytes_read);
    has_members(&pool.json().unwrap(), &[r#"{"backend":"threads","#, &bytes]);
    pool.close();
    assert_eq!(pool.json().unwrap_err().raw_os_error(), ESHUTDOWN);
}

#[test]
fn quotes_names() {
    let long = "a".repeat(1000);
    for (text, quoting, quoted) in [
        ("a b", Quoting::Shell, "'a b'"),
        ("it's", Quoting::Shell, r#""it's""#),
        ("", Quoting::Shell, "''"),
        ("new\nline", Quoting::IfNeeded, r"'new'$'\n''line'"),
        ("plain", Quoting::IfNeeded, "plain"),
        (long.as_str(), Quoting::IfNeeded, long.as_str()),
        ("plain", Quoting::Word, "'plain'"),
    ] {
        assert_eq!(arsync::quote(text, quoting).unwrap(), quoted);
    }
    assert_eq!(arsync::quote(name(b"\xff"), Quoting::IfNeeded).unwrap(), r"''$'\377'");
}
