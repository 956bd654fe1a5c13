//! What a job tells before it ends: entries, items, questions.

use std::fmt;
use std::iter::FusedIterator;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arsync_sys as sys;
use futures_core::Stream;

use crate::choice::Answer;
use crate::completion::{Completion, Facts};
use crate::error::Result;
use crate::job::Job;
use crate::options::CopyOptions;
use crate::place::Place;
use crate::pool::Handle;

/// What a tree or a list tells before it ends.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// An entry of a tree has ended.
    Entry(Completion),
    /// An item of a list has ended; `user_data` is its number, or what it was given.
    Item(Completion),
    /// A directory on the way to an item.
    Way(Completion),
    /// Something is at the destination: shall it be replaced?
    Question(Question),
}

/// The same, before it has a pool to be answered to.
#[derive(Debug)]
pub(crate) enum Told {
    Entry(Completion),
    Item(Completion),
    Way(Completion),
    Question(Completion, sys::arsync_question),
}

impl Told {
    pub(crate) fn new(kind: u32, completion: Completion, question: sys::arsync_question) -> Self {
        match kind {
            sys::ARSYNC_COMPLETION_QUESTION => Self::Question(completion, question),
            sys::ARSYNC_COMPLETION_ITEM => Self::Item(completion),
            sys::ARSYNC_COMPLETION_WAY => Self::Way(completion),
            _ => Self::Entry(completion),
        }
    }

    pub(crate) fn question(&self) -> Option<sys::arsync_question> {
        match self {
            Self::Question(_, question) => Some(*question),
            _ => None,
        }
    }

    pub(crate) fn into_event(self, handle: &Arc<Handle>) -> Event {
        match self {
            Self::Entry(completion) => Event::Entry(completion),
            Self::Item(completion) => Event::Item(completion),
            Self::Way(completion) => Event::Way(completion),
            Self::Question(about, id) => {
                Event::Question(Question { about, id: Some(id), handle: Arc::clone(handle) })
            }
        }
    }
}

/// Something is at the destination. The entry waits for the answer, and all else goes on.
///
/// A question that is dropped is answered [`Answer::Skip`]: what is there stays. So are those that a
/// job had when it was waited for or dropped.
pub struct Question {
    about: Completion,
    id: Option<sys::arsync_question>,
    handle: Arc<Handle>,
}

impl Question {
    /// The path of the entry below source and destination; `None` for the job's own source.
    pub fn path(&self) -> Option<&Path> {
        self.about.path.as_deref()
    }

    /// Of an item of a list: its number, or what it was given.
    pub fn user_data(&self) -> u64 {
        self.about.user_data
    }

    /// What is to be copied.
    pub fn source(&self) -> Facts {
        self.about.details.as_ref().and_then(|details| details.source).unwrap_or_default()
    }

    /// What is there.
    pub fn destination(&self) -> Facts {
        self.about.details.as_ref().and_then(|details| details.destination).unwrap_or_default()
    }

    /// What to ask, as `cp` asks it: "overwrite $d? "; see [`Completion::describe`].
    pub fn describe(
        &self,
        source: Place<'_>,
        destination: Place<'_>,
        options: &CopyOptions,
    ) -> Result<String> {
        self.about.describe(source, destination, options)
    }

    /// Answer it. What comes of it the entry's completion says, or the job's. `NotFound`: its job
    /// has ended or was cancelled.
    pub fn answer(mut self, answer: Answer) -> Result<()> {
        let id = self.id.take().expect("it is answered once");
        self.handle.shared.answer(id, answer as u32).map(drop)
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let _ = self.handle.shared.answer(id, sys::ARSYNC_ANSWER_SKIP);
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("about", &self.about).finish_non_exhaustive()
    }
}

/// A job's events as a blocking iterator, to its end. See [`Job::events`].
#[derive(Debug)]
pub struct Events<'a>(pub(crate) &'a mut Job);

impl Iterator for Events<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.0.next_event()
    }
}

impl FusedIterator for Events<'_> {}

/// A job's events as a stream, to its end. See [`Job::stream`].
#[derive(Debug)]
pub struct EventStream<'a>(pub(crate) &'a mut Job);

impl Stream for EventStream<'_> {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_event(context)
    }
}
