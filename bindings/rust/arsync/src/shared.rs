//! What a pool's handles, jobs and questions share: the C pool, and what its completions became.
//!
//! One thread at a time polls the C pool, whichever needs a completion: it takes `State::polling`,
//! polls without the lock, hands each completion to the slot of its job, gives `polling` back and
//! wakes those that wait. Who waits in a blocking call polls itself, or sleeps on `changed` while
//! another one does. For futures and for jobs that were detached there is a thread, the driver, which
//! begins when the first of them needs it, and polls only while a future waits or such a job runs.
//!
//! A slot belongs to the job's id from its first completion, or the submit, whichever is noticed
//! first, until both the job has ended and its `Job` has gone or has taken the result.
//!
//! No code of the program's runs under the lock: wakers are cloned, woken and dropped without it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::mem::{self, MaybeUninit};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use arsync_sys as sys;

use crate::buffer::Buffer;
use crate::completion::{Completion, Held};
use crate::error::{self, EOWNERDEAD, ESHUTDOWN, Error, Result};
use crate::event::Told;
use crate::job::taken_file;

/// Most completions that are taken at once.
const BATCH: usize = 256;
/// Most events of one job that wait here; with more of them it is paused, as the library lets a tree
/// wait whose completions nobody polls.
const EVENTS_WAITING_MAX: usize = sys::ARSYNC_ENTRIES_WAITING_MAX as usize;

pub(crate) struct Shared {
    pool: *mut sys::arsync_pool,
    opener: u32,        // the process
    open: RwLock<bool>, // read while the C pool is used, written to close it
    state: Mutex<State>,
    changed: Condvar,
}

// SAFETY: any thread may call any function of the C pool; that one alone polls, and none while it is
// closed, is seen to by `polling` and `open`.
unsafe impl Send for Shared {}
// SAFETY: the same.
unsafe impl Sync for Shared {}

#[derive(Default)]
pub(crate) struct State {
    slots: HashMap<sys::arsync_job, Slot>,
    polling: bool,
    followers: usize,   // threads that wait for the one that polls
    wakers: usize,      // slots with a waker
    abandoned: usize,   // slots without a Job that have not ended
    detached: usize,    // of these, jobs that nobody has cancelled
    ended: Option<i32>, // there will be no more completions: why
    driver: Driver,
}

#[derive(Default)]
enum Driver {
    #[default]
    None,
    Running(JoinHandle<()>),
    Leaving,
}

#[derive(Default)]
pub(crate) struct Slot {
    events: VecDeque<Told>,
    result: Option<Completion>,
    waker: Option<Waker>,
    abandoned: bool,            // there is no Job
    detached: bool,             // and it goes on
    drops_events: bool,         // nobody will ask for them
    keeps: Option<Arc<Buffer>>, // what is written from, by an operation that nobody waits for
    paused_here: bool,          // for its events are too many
    paused_by_caller: bool,
}

/// What is to be done after the lock has been given back.
#[derive(Default)]
struct Afterwards {
    wakers: Vec<Waker>,
    skip: Vec<sys::arsync_question>,
    gone: Vec<Slot>, // with buffers to be released, and files to be closed
}

impl Shared {
    pub(crate) fn new(pool: *mut sys::arsync_pool) -> Self {
        Self {
            pool,
            opener: std::process::id(),
            open: RwLock::new(true),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whatever panicked, each change of the state is complete by itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In a forked child the locks may be held by threads that are not there.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.opener
    }

    /// Call a function with the C pool, if it is open.
    pub(crate) fn call(&self, f: impl FnOnce(*mut sys::arsync_pool) -> i32) -> Result<i32> {
        if self.is_forked() {
            return Err(Error::from_errno(EOWNERDEAD));
        }
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if !*open {
            return Err(Error::from_errno(ESHUTDOWN));
        }
        error::count(f(self.pool))
    }

    /// Call a function that is allowed for a closed pool too, but not while it is being closed.
    pub(crate) fn call_even_closed(&self, f: impl FnOnce(*mut sys::arsync_pool) -> i32) {
        if !self.is_forked() {
            let _open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            f(self.pool);
        }
    }

    /// Nobody else may come to poll for jobs that are abandoned, and until then they take up room in
    /// the pool, and what they use.
    pub(crate) fn end_abandoned(self: &Arc<Self>) {
        if !self.is_forked() && self.lock().abandoned > 0 {
            self.dispatch();
        }
    }

    /// Submit a job by a function that stores its id.
    pub(crate) fn submit(
        self: &Arc<Self>,
        f: impl FnOnce(*mut sys::arsync_pool, *mut sys::arsync_job) -> i32,
    ) -> Result<sys::arsync_job> {
        self.end_abandoned(); // first, so that there is room for this one
        let mut job = 0;
        self.call(|pool| f(pool, &mut job))?;
        self.lock().slots.entry(job).or_default();
        Ok(job)
    }

    // ---- Polling --------------------------------------------------------------------------------

    /// Take what there is, and do not wait.
    pub(crate) fn dispatch(self: &Arc<Self>) {
        if self.is_forked() {
            return;
        }
        let mut state = self.lock();
        if !state.polling {
            state.polling = true;
            drop(state);
            self.poll(0);
        }
    }

    /// Poll until `ready` has something, or sleep while another thread polls.
    pub(crate) fn wait_for<T>(
        self: &Arc<Self>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let mut state = self.lock();
        loop {
            if let Some(value) = ready(&mut state) {
                return value;
            }
            if state.polling {
                state = self.follow(state);
            } else {
                state.polling = true;
                drop(state);
                self.poll(-1);
                state = self.lock();
            }
        }
    }

    fn follow<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.followers += 1;
        state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.followers -= 1;
        state
    }

    /// Poll once. The caller has set `polling`; it is not set any more afterwards.
    fn poll(self: &Arc<Self>, timeout_ms: i32) {
        let mut batch = [const { MaybeUninit::<sys::arsync_completion>::uninit() }; BATCH];
        let first = batch.as_mut_ptr().cast::<sys::arsync_completion>();
        // SAFETY: room for BATCH completions, and nobody else polls.
        let count =
            self.call(|pool| unsafe { sys::arsync_poll(pool, first, BATCH as u32, timeout_ms) });
        let mut afterwards = Afterwards::default();
        let mut state = self.lock();
        match count {
            Ok(count) => {
                // SAFETY: so many have been filled in. What they point to is valid until the next
                // poll, which nobody begins while `polling` is set.
                let told = unsafe { std::slice::from_raw_parts(first, count as usize) };
                state.take(told, self, &mut afterwards);
            }
            Err(error) => state.end(error.raw_os_error(), &mut afterwards),
        }
        state.polling = false;
        if state.followers > 0 {
            self.changed.notify_all();
        }
        drop(state);
        self.skip_all(afterwards.skip);
        for waker in afterwards.wakers {
            // A waker is its task's: that it panics must not keep others from being woken, now or, by
            // the end of this thread, ever.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// Pause or resume a job for its events' sake: under the lock, so that the last one counts.
    fn set_paused(&self, job: sys::arsync_job, paused: bool) {
        let what = if paused { sys::ARSYNC_ADJUST_PAUSE } else { sys::ARSYNC_ADJUST_RESUME };
        let change = sys::arsync_adjustment { what, ..Default::default() };
        // Where it cannot be had, the pool is being closed. Who closes it waits for those that poll,
        // which may wait for the lock that is held here.
        let Ok(open) = self.open.try_read() else { return };
        if *open {
            // SAFETY: an open pool, and a change that lives.
            unsafe { sys::arsync_job_adjust(self.pool, job, &change) };
        }
    }

    /// Questions that nobody will see: what is there stays.
    fn skip_all(&self, questions: Vec<sys::arsync_question>) {
        for question in questions {
            let _ = self.answer(question, sys::ARSYNC_ANSWER_SKIP);
        }
    }

    pub(crate) fn answer(&self, question: sys::arsync_question, answer: u32) -> Result<i32> {
        // SAFETY: any numbers will do.
        self.call(|pool| unsafe { sys::arsync_answer(pool, question, answer) })
    }

    // ---- For jobs -------------------------------------------------------------------------------

    /// Nobody will ask for the job's events.
    pub(crate) fn drop_events(&self, job: sys::arsync_job) {
        let mut state = self.lock();
        let Some(slot) = state.slots.get_mut(&job).filter(|slot| !slot.drops_events) else {
            return;
        };
        slot.drops_events = true;
        let events = mem::take(&mut slot.events);
        slot.resume(job, self);
        drop(state);
        self.skip_all(events.iter().filter_map(Told::question).collect());
    }

    /// Wait for the job's end.
    pub(crate) fn wait_result(self: &Arc<Self>, job: sys::arsync_job) -> Completion {
        self.wait_for(|state| state.result(job))
    }

    pub(crate) fn has_ended(&self, job: sys::arsync_job) -> bool {
        self.lock().slots.get(&job).is_none_or(|slot| slot.result.is_some())
    }

    /// Exchange `events`, which are empty, for those that wait. False: there will be no more.
    pub(crate) fn wait_events(
        self: &Arc<Self>,
        job: sys::arsync_job,
        events: &mut VecDeque<Told>,
    ) -> bool {
        self.wait_for(|state| state.events(job, events, self))
    }

    /// The same for a future.
    pub(crate) fn poll_events(
        self: &Arc<Self>,
        job: sys::arsync_job,
        events: &mut VecDeque<Told>,
        context: &Context<'_>,
    ) -> Poll<bool> {
        self.poll_for(job, context, |state| state.events(job, events, self))
    }

    /// The job's end, for a future.
    pub(crate) fn poll_result(
        self: &Arc<Self>,
        job: sys::arsync_job,
        context: &Context<'_>,
    ) -> Poll<Completion> {
        self.poll_for(job, context, |state| state.result(job))
    }

    /// Have the context woken when something comes for the job, unless `ready` has something now.
    fn poll_for<T>(
        self: &Arc<Self>,
        job: sys::arsync_job,
        context: &Context<'_>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Poll<T> {
        let waker = context.waker().clone();
        let mut state = self.lock();
        if let Some(value) = ready(&mut state) {
            return Poll::Ready(value);
        }
        if !self.start_driver(&mut state) {
            // As of a pool that could start no thread: who polls it does the work.
            drop(state);
            return Poll::Ready(self.wait_for(ready));
        }
        let slot = state.slots.entry(job).or_default();
        let before = slot.waker.replace(waker);
        if before.is_none() {
            state.wakers += 1;
            self.changed.notify_all(); // the driver
        }
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// Change the terms of a job, for its owner.
    pub(crate) fn adjust(
        &self,
        job: sys::arsync_job,
        change: &sys::arsync_adjustment,
    ) -> Result<()> {
        // SAFETY: a change that lives.
        self.call(|pool| unsafe { sys::arsync_job_adjust(pool, job, change) })?;
        let mut state = self.lock();
        let Some(slot) = state.slots.get_mut(&job) else { return Ok(()) };
        if change.what & sys::ARSYNC_ADJUST_PAUSE != 0 {
            slot.paused_by_caller = true;
        }
        if change.what & sys::ARSYNC_ADJUST_RESUME != 0 {
            slot.paused_by_caller = false;
        }
        // Whatever came between: what holds is what both want.
        if slot.paused_here || slot.paused_by_caller {
            self.set_paused(job, true);
        }
        Ok(())
    }

    /// Keep a buffer until the job's end.
    pub(crate) fn keep(&self, job: sys::arsync_job, buffer: Arc<Buffer>) {
        if let Some(slot) = self.lock().slots.get_mut(&job) {
            slot.keeps = Some(buffer);
        }
    }

    /// The job has no owner any more, and goes on. What it tells has to be taken, or the library has it
    /// wait; where the driver cannot be started, whoever polls for something else does that.
    pub(crate) fn detach(self: &Arc<Self>, job: sys::arsync_job) {
        self.abandon(job);
        let mut state = self.lock();
        let Some(slot) = state.slots.get_mut(&job) else { return };
        slot.detached = true;
        state.detached += 1;
        self.start_driver(&mut state);
        self.changed.notify_all();
    }

    /// The job has no owner any more.
    pub(crate) fn abandon(&self, job: sys::arsync_job) {
        self.drop_events(job);
        let mut state = self.lock();
        let Some(slot) = state.slots.get_mut(&job) else { return };
        let waker = slot.waker.take();
        let gone = if slot.result.is_some() {
            state.slots.remove(&job)
        } else {
            slot.abandoned = true;
            state.abandoned += 1;
            None
        };
        state.wakers -= usize::from(waker.is_some());
        drop(state);
        drop((waker, gone));
    }

    // ---- The driver and the end -----------------------------------------------------------------

    fn start_driver(self: &Arc<Self>, state: &mut State) -> bool {
        if matches!(state.driver, Driver::None) {
            let shared = Arc::clone(self);
            let thread = thread::Builder::new()
                .name("arsync/poll".into())
                .stack_size(256 * 1024)
                .spawn(move || shared.drive());
            match thread {
                Ok(thread) => state.driver = Driver::Running(thread),
                Err(_) => return false,
            }
        }
        true
    }

    fn drive(self: &Arc<Self>) {
        let mut state = self.lock();
        loop {
            if matches!(state.driver, Driver::Leaving) {
                return;
            }
            if (state.wakers == 0 && state.detached == 0) || state.polling {
                state = self.follow(state);
                continue;
            }
            state.polling = true;
            drop(state);
            self.poll(-1);
            state = self.lock();
        }
    }

    /// Cancel all jobs, have those that wait for them told, and close the C pool.
    pub(crate) fn close(self: &Arc<Self>) {
        if self.is_forked() {
            // SAFETY: in a child it frees nothing, and closes the pool's own descriptors.
            unsafe { sys::arsync_pool_close(self.pool) };
            return;
        }
        // SAFETY: the pool is open.
        let stopped = self
            .call(|pool| unsafe { sys::arsync_pool_shutdown(pool, sys::ARSYNC_SHUTDOWN_CANCEL) });
        if stopped.is_ok() {
            self.wait_for(|state| state.ended);
        }
        let mut state = self.lock();
        let driver = mem::replace(&mut state.driver, Driver::Leaving);
        self.changed.notify_all();
        drop(state);
        if let Driver::Running(thread) = driver {
            // It is here itself if the last handle was dropped by a waker.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if mem::replace(&mut *open, false) {
            // SAFETY: nobody uses it, as `open` is held for writing, nor will.
            unsafe { sys::arsync_pool_close(self.pool) };
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({:p})", self.pool)
    }
}

impl State {
    /// Hand each completion to the slot of its job.
    fn take(
        &mut self,
        told: &[sys::arsync_completion],
        shared: &Arc<Shared>,
        afterwards: &mut Afterwards,
    ) {
        for same_job in told.chunk_by(|one, next| one.job == next.job) {
            let id = same_job[0].job;
            let slot = self.slots.entry(id).or_default();
            let mut over = false;
            for raw in same_job {
                // SAFETY: valid until the next poll.
                let mut completion = unsafe { Completion::from_raw(raw) };
                if u32::from(raw.kind) == sys::ARSYNC_COMPLETION_JOB {
                    completion.user_data = 0;
                    // SAFETY: just polled, so that what it gives is the caller's.
                    completion.held = unsafe { given(raw, shared) };
                    slot.result = Some(completion);
                    over = slot.abandoned;
                    continue;
                }
                // SAFETY: NULL, or details that are valid as long.
                let question =
                    unsafe { raw.details.as_ref() }.map_or(0, |details| details.question);
                if !slot.drops_events {
                    slot.events.push_back(Told::new(raw.kind.into(), completion, question));
                } else if question != 0 {
                    afterwards.skip.push(question);
                }
            }
            if slot.events.len() >= EVENTS_WAITING_MAX && slot.result.is_none() && !slot.paused_here
            {
                slot.paused_here = true;
                shared.set_paused(id, true);
            }
            if let Some(waker) = slot.waker.take() {
                self.wakers -= 1;
                afterwards.wakers.push(waker);
            }
            if over {
                self.detached -= usize::from(slot.detached);
                self.abandoned -= 1;
                afterwards.gone.extend(self.slots.remove(&id));
            }
        }
    }

    /// There will be no more completions: who still waits is told.
    fn end(&mut self, errno: i32, afterwards: &mut Afterwards) {
        self.ended = Some(errno);
        for slot in self.slots.values_mut() {
            slot.result.get_or_insert_with(|| Completion::lost(errno));
            afterwards.wakers.extend(slot.waker.take());
        }
        self.wakers = 0;
        let (abandoned, owned) =
            mem::take(&mut self.slots).into_iter().partition(|(_, slot)| slot.abandoned);
        self.slots = owned;
        afterwards.gone.extend(HashMap::into_values(abandoned));
        self.abandoned = 0;
        self.detached = 0;
    }

    fn result(&mut self, job: sys::arsync_job) -> Option<Completion> {
        let ended = self.ended;
        let slot = self.slots.entry(job).or_default();
        match slot.result.take() {
            Some(result) => {
                let waker = self.slots.remove(&job).and_then(|slot| slot.waker);
                debug_assert!(waker.is_none(), "who sets a result takes the waker");
                Some(result)
            }
            None => ended.map(Completion::lost),
        }
    }

    /// Whether there are any, now in `events`, or there will be none. None: wait.
    fn events(
        &mut self,
        job: sys::arsync_job,
        events: &mut VecDeque<Told>,
        shared: &Shared,
    ) -> Option<bool> {
        let ended = self.ended.is_some();
        let slot = self.slots.entry(job).or_default();
        if !slot.events.is_empty() {
            mem::swap(&mut slot.events, events);
            slot.resume(job, shared);
            return Some(true);
        }
        (ended || slot.result.is_some()).then_some(false)
    }
}

impl Slot {
    /// Its events have been taken: if it was paused for them, it goes on.
    fn resume(&mut self, job: sys::arsync_job, shared: &Shared) {
        if mem::replace(&mut self.paused_here, false) && !self.paused_by_caller {
            shared.set_paused(job, false);
        }
    }
}

/// What a job's completion gives: an open file, or buffers.
///
/// # Safety
/// It was just polled.
unsafe fn given(raw: &sys::arsync_completion, shared: &Arc<Shared>) -> Held {
    // SAFETY: NULL, or details that are valid until the next poll.
    let Some(details) = (unsafe { raw.details.as_ref() }) else { return Held::Nothing };
    if details.buffers.is_null() {
        return taken_file(shared.pool, raw);
    }
    // SAFETY: so many leases, which are the caller's from now on.
    let leases =
        unsafe { std::slice::from_raw_parts(details.buffers, details.buffer_count as usize) };
    // SAFETY: the same.
    Held::Buffers(leases.iter().map(|raw| unsafe { Buffer::from_raw(shared, raw) }).collect())
}

/// Where a pool goes that is opened.
pub(crate) fn open(options: &sys::arsync_pool_options) -> Result<Shared> {
    let mut pool = ptr::null_mut();
    // SAFETY: options that live, and where the pool goes.
    error::count(unsafe { sys::arsync_pool_open(options, &mut pool) })?;
    Ok(Shared::new(pool))
}
