//! A job: its end, its events, and what can be done with it meanwhile.

use std::collections::VecDeque;
use std::future::Future;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arsync_sys as sys;

use crate::buffer::Buffer;
use crate::completion::{Completion, Held};
use crate::error::{EOWNERDEAD, Error, Result, Side};
use crate::event::{Event, EventStream, Events, Told};
use crate::names::{Method, Stage};
use crate::place::{Parts, Place, path_of};
use crate::pool::Handle;
use crate::shared::Shared;

/// A copy under way: a file, a range, a list or a tree.
///
/// It is a future of its result, which needs no runtime and works in each; [`wait`](Self::wait) is
/// the same for those who block. A job that is dropped is cancelled; [`detach`](Self::detach) lets it
/// go on. Jobs keep their pool open.
///
/// Before its end a tree or a list has events: [`events`](Self::events) or
/// [`stream`](Self::stream). Who waits for the end, or awaits it, gives up what events there are, and
/// [questions](crate::Question) are answered by skipping. When 4096 events wait to be taken, the job
/// is paused until they are.
#[derive(Debug)]
#[must_use = "a job that is dropped is cancelled"]
pub struct Job {
    id: sys::arsync_job,
    events: VecDeque<Told>,
    ends: Option<Ends>,
    state: Phase,
    handle: Arc<Handle>,
}

#[derive(Debug, PartialEq)]
enum Phase {
    Running,
    Waited, // for its end, so nobody asks for events
    Over,   // its result has been given
}

impl Job {
    pub(crate) fn new(handle: &Arc<Handle>, id: sys::arsync_job, ends: Option<Ends>) -> Self {
        let handle = Arc::clone(handle);
        Self { id, events: VecDeque::new(), ends, state: Phase::Running, handle }
    }

    /// Block until the job has ended.
    ///
    /// While it waits it does the polling for all jobs of the pool, if no other thread does.
    pub fn wait(mut self) -> Result<Completion> {
        self.give_up_events()?;
        let done = self.shared().wait_result(self.id);
        self.finish(done)
    }

    /// Its buffer must not be touched before its end.
    pub(crate) fn keep(&self, buffer: Arc<Buffer>) {
        if !self.shared().is_forked() {
            self.shared().keep(self.id, buffer);
        }
    }

    /// Block until the next event; `None` when there will be no more.
    pub fn next_event(&mut self) -> Option<Event> {
        if self.events.is_empty() && !self.has_events_to_come() {
            return None;
        }
        if self.events.is_empty() && !self.handle.shared.wait_events(self.id, &mut self.events) {
            return None;
        }
        self.take_event()
    }

    /// The same for a future: poll for the next event.
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.events.is_empty() {
            if !self.has_events_to_come() {
                return Poll::Ready(None);
            }
            match self.handle.shared.poll_events(self.id, &mut self.events, context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => return Poll::Ready(None),
                Poll::Ready(true) => {}
            }
        }
        Poll::Ready(self.take_event())
    }

    /// The events until the job's end, blocking. Then [`wait`](Self::wait) has the result at once.
    ///
    /// A loop over them may be left early: the job goes on.
    pub fn events(&mut self) -> Events<'_> {
        Events(self)
    }

    /// The same as a stream (of the crate `futures-core`).
    pub fn stream(&mut self) -> EventStream<'_> {
        EventStream(self)
    }

    /// What can be done with the job from anywhere, while it is waited for here.
    pub fn control(&self) -> Control {
        Control { id: self.id, shared: Arc::clone(self.shared()) }
    }

    /// How far it is; `None` once it has ended and that was noticed.
    pub fn progress(&self) -> Option<Progress> {
        progress(self.shared(), self.id)
    }

    /// Ask it to stop. It still has to be waited for, and ends with [`Error::is_cancelled`], or as it
    /// would have if that was quicker.
    pub fn cancel(&self) {
        cancel(self.shared(), self.id);
    }

    /// Change on what terms it runs. `NotFound`: it has ended.
    pub fn adjust(&self, change: &Adjustment) -> Result<()> {
        self.shared().adjust(self.id, &change.0)
    }

    /// Whether it has ended, so that [`wait`](Self::wait) would not block. Does not block.
    pub fn is_finished(&self) -> bool {
        let shared = self.shared();
        if shared.is_forked() {
            return true;
        }
        shared.dispatch();
        shared.has_ended(self.id)
    }

    /// Let it go on by itself. Nobody will be told of its events or its end, and its questions are
    /// answered by skipping; it is cancelled if the pool is closed before, as when the last other job and
    /// the last [`Pool`](crate::Pool) have gone.
    ///
    /// The pool's thread for futures takes what the job tells. Where that thread cannot be started, a
    /// tree with 4096 untold events, or a question, waits until something else of the pool is waited for.
    pub fn detach(mut self) {
        self.state = Phase::Over;
        if !self.shared().is_forked() {
            self.shared().detach(self.id);
            skip_questions(&mut self.events, &self.handle);
        }
    }

    pub(crate) fn id(&self) -> sys::arsync_job {
        self.id
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    fn has_events_to_come(&self) -> bool {
        self.state == Phase::Running && !self.shared().is_forked()
    }

    fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front().map(|told| told.into_event(&self.handle))
    }

    fn give_up_events(&mut self) -> Result<()> {
        if self.shared().is_forked() {
            return Err(Error::from_errno(EOWNERDEAD));
        }
        if self.state == Phase::Running {
            self.state = Phase::Waited;
            skip_questions(&mut self.events, &self.handle);
            self.shared().drop_events(self.id);
        }
        Ok(())
    }

    fn finish(&mut self, done: Completion) -> Result<Completion> {
        self.state = Phase::Over;
        match &self.ends {
            Some(ends) => ends.result(done),
            None if done.result == 0 => Ok(done),
            None => {
                let path = done.details.as_ref().and_then(|details| details.error_path.clone());
                Err(Error::from_completion(done, path))
            }
        }
    }
}

impl Future for Job {
    type Output = Result<Completion>;

    /// # Panics
    /// If it is polled again after its end.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(self.state != Phase::Over, "a job was polled after its end");
        self.give_up_events()?;
        let polled = self.shared().poll_result(self.id, context);
        polled.map(|done| self.finish(done))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.state != Phase::Over && !self.shared().is_forked() {
            cancel(self.shared(), self.id);
            self.shared().abandon(self.id);
            skip_questions(&mut self.events, &self.handle);
        }
    }
}

/// Those that were taken with other events and never seen.
fn skip_questions(events: &mut VecDeque<Told>, handle: &Arc<Handle>) {
    events.drain(..).for_each(|told| drop(told.into_event(handle)));
}

fn cancel(shared: &Shared, id: sys::arsync_job) {
    // SAFETY: any number will do; a job that has ended is an error, which means nothing here.
    let _ = shared.call(|pool| unsafe { sys::arsync_job_cancel(pool, id) });
}

fn progress(shared: &Shared, id: sys::arsync_job) -> Option<Progress> {
    let mut raw = sys::arsync_progress::default();
    // SAFETY: any number will do, and a struct to fill.
    shared.call(|pool| unsafe { sys::arsync_job_progress(pool, id, &mut raw) }).ok()?;
    Some(Progress::from_raw(&raw))
}

/// The copy that a completion tells of, if there is one; see arsync_take_fd.
pub(crate) fn taken_file(pool: *mut sys::arsync_pool, raw: &sys::arsync_completion) -> Held {
    if raw.details.is_null() {
        return Held::Nothing;
    }
    // SAFETY: the completion was just given, by this pool or with NULL by arsync_copy.
    let fd = unsafe { sys::arsync_take_fd(pool, raw) };
    if fd < 0 {
        return Held::Nothing;
    }
    // SAFETY: a descriptor that was taken is the caller's alone.
    Held::File(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// What can be done with a job by those that do not own it, from any thread. It keeps neither the job
/// nor its pool; when the job has ended there is nothing to be done any more.
#[derive(Clone, Debug)]
pub struct Control {
    id: sys::arsync_job,
    shared: Arc<Shared>,
}

impl Control {
    /// See [`Job::progress`].
    pub fn progress(&self) -> Option<Progress> {
        progress(&self.shared, self.id)
    }

    /// See [`Job::cancel`].
    pub fn cancel(&self) {
        cancel(&self.shared, self.id);
    }

    /// See [`Job::adjust`].
    pub fn adjust(&self, change: &Adjustment) -> Result<()> {
        self.shared.adjust(self.id, &change.0)
    }
}

/// What to change of a job; what is not named stays as it was.
#[derive(Clone, Debug)]
pub struct Adjustment(sys::arsync_adjustment);

impl Adjustment {
    /// No change.
    pub fn new() -> Self {
        Self(sys::arsync_adjustment::default())
    }

    /// Let it wait.
    pub fn pause() -> Self {
        Self::new().set(sys::ARSYNC_ADJUST_PAUSE)
    }

    /// Let it go on.
    pub fn resume() -> Self {
        Self::new().set(sys::ARSYNC_ADJUST_RESUME)
    }

    /// Bytes a second that the job may move; 0: no limit.
    #[must_use]
    pub fn byte_rate(mut self, bytes_a_second: u64) -> Self {
        self.0.byte_rate = bytes_a_second;
        self.set(sys::ARSYNC_ADJUST_BYTE_RATE)
    }

    /// 0 for every job at first; those of a higher one go first.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.0.priority = priority;
        self.set(sys::ARSYNC_ADJUST_PRIORITY)
    }

    fn set(mut self, what: u32) -> Self {
        self.0.what |= what;
        self
    }
}

impl Default for Adjustment {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a job is between submit and poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// It waits for its turn.
    Queued,
    /// A worker is at it.
    Running,
    /// It has ended.
    Completed,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Whether it waits, runs or has ended.
    pub state: JobState,
    /// What it does now; of a tree [`Stage::NONE`].
    pub stage: Stage,
    /// By which method; [`Method::AUTO`] until that is chosen, and of a tree.
    pub method: Method,
    /// The source's size, 0 until it is known; of a tree, of what was found so far.
    pub bytes_total: u64,
    /// Bytes at the destination so far, holes included.
    pub bytes_done: u64,
    /// Entries found so far; 1 of a file.
    pub entries_total: u64,
    /// Of these, entries that have ended.
    pub entries_done: u64,
    /// Of these, entries that failed.
    pub errors: u64,
    /// How fast `bytes_done` has grown of late.
    pub bytes_per_second: u64,
    /// More entries may yet be found.
    pub is_walking: bool,
    /// It is paused.
    pub is_paused: bool,
}

impl Progress {
    fn from_raw(raw: &sys::arsync_progress) -> Self {
        Self {
            state: match raw.state {
                sys::ARSYNC_JOB_QUEUED => JobState::Queued,
                sys::ARSYNC_JOB_RUNNING => JobState::Running,
                _ => JobState::Completed,
            },
            stage: Stage(raw.stage),
            method: Method(raw.method),
            bytes_total: raw.bytes_total,
            bytes_done: raw.bytes_done,
            entries_total: raw.entries_total,
            entries_done: raw.entries_done,
            errors: raw.errors,
            bytes_per_second: raw.bytes_per_second,
            is_walking: raw.flags & sys::ARSYNC_PROGRESS_WALKING != 0,
            is_paused: raw.flags & sys::ARSYNC_PROGRESS_PAUSED != 0,
        }
    }
}

/// Both ends of a copy, for the library, and for whoever is told of an error.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) source: Parts,
    pub(crate) destination: Parts,
}

impl Ends {
    pub(crate) fn new(source: Place<'_>, destination: Place<'_>) -> Result<Self> {
        Ok(Self { source: source.into_parts()?, destination: destination.into_parts()? })
    }

    pub(crate) fn result(&self, done: Completion) -> Result<Completion> {
        if done.result == 0 {
            return Ok(done);
        }
        let path = self.path_of_error(&done);
        Err(Error::from_completion(done, path))
    }

    fn path_of_error(&self, done: &Completion) -> Option<PathBuf> {
        let end = match done.side() {
            Some(Side::Destination) => &self.destination,
            _ => &self.source,
        };
        let path = end.path.as_ref().map(path_of);
        let below = done.details.as_ref().and_then(|details| details.error_path.as_ref());
        match (path, below.filter(|below| !below.as_os_str().is_empty())) {
            (Some(path), Some(below)) => Some(path.join(below)),
            (path, below) => path.or(below.cloned()), // an open directory has no name to be put before
        }
    }
}
