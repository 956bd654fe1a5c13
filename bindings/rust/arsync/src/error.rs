//! What went wrong, where, and at which end.

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use arsync_sys as sys;

use crate::completion::Completion;
use crate::flags::Flags;
use crate::names::{Stage, static_text};

/// What the functions of this crate give.
pub type Result<T> = std::result::Result<T, Error>;

/// The end at which something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Reading the source, its attributes or its directory.
    Source,
    /// Writing the destination, its attributes or its directory.
    Destination,
}

/// An error of the operating system or of the library, as an errno value, and of a copy that failed
/// also the stage, the side and the path.
///
/// It becomes an [`io::Error`] of the same kind by `?`, which keeps it inside:
///
/// ```
/// fn copy() -> std::io::Result<()> {
///     arsync::copy("/nowhere/at/all", "/tmp/x")?;
///     Ok(())
/// }
/// let error = copy().unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// let inner = error.get_ref().unwrap().downcast_ref::<arsync::Error>().unwrap();
/// assert_eq!(inner.stage(), Some(arsync::Stage::OPEN_SOURCE));
/// assert_eq!(inner.side(), Some(arsync::Side::Source));
/// assert_eq!(inner.path().unwrap(), std::path::Path::new("/nowhere/at/all"));
/// ```
#[derive(Debug)]
pub struct Error {
    errno: i32, // positive
    context: Option<Box<Context>>,
}

#[derive(Debug, Default)]
struct Context {
    path: Option<PathBuf>,
    reason: Option<String>,
    completion: Option<Completion>,
}

// Of <errno.h> on Linux, where they are the same on all machines that libarsync is for but MIPS,
// SPARC and Alpha; these are asked for nowhere but here.
pub(crate) const EINVAL: i32 = 22;
pub(crate) const ESHUTDOWN: i32 = 108;
pub(crate) const ECANCELED: i32 = 125;
pub(crate) const EOWNERDEAD: i32 = 130;

impl Error {
    pub(crate) fn from_errno(errno: i32) -> Self {
        Self { errno: errno.abs(), context: None }
    }

    pub(crate) fn with_reason(errno: i32, reason: impl Into<String>) -> Self {
        let context = Context { reason: Some(reason.into()), ..Context::default() };
        Self { errno: errno.abs(), context: Some(Box::new(context)) }
    }

    /// Of a completion that has an error.
    pub(crate) fn from_completion(completion: Completion, path: Option<PathBuf>) -> Self {
        let errno = completion.result.abs();
        let context = Context { path, reason: None, completion: Some(completion) };
        Self { errno, context: Some(Box::new(context)) }
    }

    /// The errno value, positive.
    pub fn raw_os_error(&self) -> i32 {
        self.errno
    }

    /// Its kind, as [`io::Error`] has it.
    pub fn kind(&self) -> io::ErrorKind {
        io::Error::from_raw_os_error(self.errno).kind()
    }

    /// What a copy was doing when it failed; `None` of an error that is no copy's.
    pub fn stage(&self) -> Option<Stage> {
        self.completion().map(Completion::stage)
    }

    /// At which end it failed, if it was of one.
    pub fn side(&self) -> Option<Side> {
        self.completion().and_then(Completion::side)
    }

    /// The path at which it failed, to be shown: of an entry below the source and the destination,
    /// of a file's copy the one that was given, of a tree or a list that of what failed first, which
    /// need not be asked for. None of an item of a list, which has its number.
    pub fn path(&self) -> Option<&Path> {
        self.context.as_ref()?.path.as_deref()
    }

    /// Why options or a path were refused, in English.
    pub fn reason(&self) -> Option<&str> {
        self.context.as_ref()?.reason.as_deref()
    }

    /// Whether it failed because of what is at the destination.
    pub fn is_conflict(&self) -> bool {
        self.completion().is_some_and(|done| done.flags.contains(Flags::CONFLICT))
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.errno == ECANCELED
    }

    /// What else is known of a copy that failed: its totals, what was copied until then.
    pub fn completion(&self) -> Option<&Completion> {
        self.context.as_ref()?.completion.as_ref()
    }

    /// The same, to keep.
    pub fn into_completion(self) -> Option<Completion> {
        self.context?.completion
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stage) = self.stage().filter(|stage| *stage != Stage::NONE) {
            write!(f, "{stage}: ")?;
        }
        if let Some(path) = self.path() {
            write!(f, "{}: ", path.display())?;
        }
        // SAFETY: it takes any number, and gives a static string.
        f.write_str(unsafe { static_text(sys::arsync_strerror(self.errno)) })?;
        match self.reason() {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

/// A count that the library gave, or its error.
pub(crate) fn count(result: c_int) -> Result<c_int> {
    if result < 0 { Err(Error::from_errno(result)) } else { Ok(result) }
}
