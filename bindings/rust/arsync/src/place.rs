//! Where a source or destination is: a path, a path below an open directory, or an open file.

use std::ffi::{CString, c_char, c_int};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use crate::error::{EINVAL, Error, Result};

/// `AT_FDCWD`, which is the same on all machines.
pub(crate) const AT_WORKING_DIRECTORY: c_int = -100;

/// A source or destination.
///
/// A descriptor is borrowed while the copy is submitted, and duplicated by the library.
#[derive(Debug)]
pub struct Place<'a> {
    directory: c_int,
    path: Option<Result<CString>>, // None: the descriptor is the file itself
    borrowed: PhantomData<BorrowedFd<'a>>,
}

impl<'a> Place<'a> {
    /// A path, relative to the working directory that the process has when the copy runs.
    pub fn path(path: impl AsRef<Path>) -> Self {
        Self {
            directory: AT_WORKING_DIRECTORY,
            path: Some(c_path(path.as_ref())),
            borrowed: PhantomData,
        }
    }

    /// A path, relative to an open directory, as in openat(2).
    pub fn at(directory: BorrowedFd<'a>, path: impl AsRef<Path>) -> Self {
        Self { path: Some(c_path(path.as_ref())), ..Self::file(directory) }
    }

    /// An open file or, of a tree, directory: read from its beginning, or overwritten in place.
    pub fn file(file: BorrowedFd<'a>) -> Self {
        Self { directory: file.as_raw_fd(), path: None, borrowed: PhantomData }
    }

    pub(crate) fn into_parts(self) -> Result<Parts> {
        let path = self.path.transpose()?;
        Ok(Parts { directory: self.directory, path })
    }
}

/// The same, as the library takes it.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) directory: c_int,
    pub(crate) path: Option<CString>,
}

impl Parts {
    /// NULL for an open file.
    pub(crate) fn pointer(&self) -> *const c_char {
        self.path.as_ref().map_or(ptr::null(), |path| path.as_ptr())
    }

    /// `flag` for an open file, else 0.
    pub(crate) fn flag_if_file(&self, flag: u32) -> u32 {
        if self.path.is_none() { flag } else { 0 }
    }
}

pub(crate) fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| has_nul())
}

pub(crate) fn has_nul() -> Error {
    Error::with_reason(EINVAL, "path: has a NUL")
}

pub(crate) fn path_of(text: &CString) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(text.as_bytes()))
}
