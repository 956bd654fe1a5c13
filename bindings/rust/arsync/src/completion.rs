//! What came of a job, an entry or an item, in memory of its own.

use std::ffi::{CStr, OsStr, OsString, c_char};
use std::fs::File;
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arsync_sys as sys;

use crate::buffer::Buffer;
use crate::error::{Error, Side};
use crate::flags::{Flags, Want};
use crate::names::{Action, Kind, Method, Stage};

/// What came of a job, or of an entry or item of one.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Completion {
    /// What it tells of.
    pub kind: Kind,
    /// Of an item of a list, and of all below it: its number, or what it was given. Else 0.
    pub user_data: u64,
    /// Bytes of the source that are at the destination, holes included.
    pub bytes: u64,
    /// Of these, bytes in holes.
    pub hole_bytes: u64,
    /// Of an entry: its path below source and destination, "" for the source itself.
    pub path: Option<PathBuf>,
    /// What was done.
    pub action: Action,
    /// By which method data was moved.
    pub method: Method,
    /// What else is to be said.
    pub flags: Flags,
    /// What belongs to the flags, and what [`CopyOptions::want`] asked for.
    ///
    /// [`CopyOptions::want`]: crate::CopyOptions::want
    pub details: Option<Box<Details>>,
    pub(crate) result: i32,
    pub(crate) stage: Stage,
    pub(crate) held: Held,
}

/// What a completion owns.
#[derive(Debug, Default)]
pub(crate) enum Held {
    #[default]
    Nothing,
    File(OwnedFd),
    Buffers(Vec<Buffer>),
}

impl Completion {
    /// The error, if there is one.
    pub fn error(&self) -> Option<Error> {
        if self.result == 0 {
            return None;
        }
        let told = Self {
            kind: self.kind,
            user_data: self.user_data,
            bytes: self.bytes,
            hole_bytes: self.hole_bytes,
            path: self.path.clone(),
            action: self.action,
            method: self.method,
            flags: self.flags,
            details: self.details.clone(),
            result: self.result,
            stage: self.stage,
            held: Held::Nothing,
        };
        Some(Error::from_completion(told, self.path.clone()))
    }

    /// Whether nothing failed.
    pub fn is_ok(&self) -> bool {
        self.result == 0
    }

    /// Where it failed; [`Stage::NONE`] if nothing did.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// At which end it failed, if it was of one.
    pub fn side(&self) -> Option<Side> {
        if self.flags.contains(Flags::AT_SOURCE) {
            Some(Side::Source)
        } else if self.flags.contains(Flags::AT_DESTINATION) {
            Some(Side::Destination)
        } else {
            None
        }
    }

    /// With [`Want::FD`], the finished copy, open for reading and writing, at its beginning. Once.
    /// A copy that failed may have it too, if only an attribute was lost: see
    /// [`Error::into_completion`]. What is not taken is closed with the completion.
    pub fn take_file(&mut self) -> Option<File> {
        match mem::take(&mut self.held) {
            Held::File(fd) => Some(File::from(fd)),
            _ => None,
        }
    }

    /// What a tree or list did, if it was wanted.
    pub fn totals(&self) -> Option<&Totals> {
        self.details.as_ref()?.totals.as_ref()
    }

    /// # Safety
    /// What `raw` points to is still valid.
    pub(crate) unsafe fn from_raw(raw: &sys::arsync_completion) -> Self {
        Self {
            kind: Kind(raw.kind.into()),
            user_data: raw.user_data,
            bytes: raw.bytes,
            hole_bytes: raw.hole_bytes,
            // SAFETY: a NUL-terminated path or NULL, valid as the caller says.
            path: unsafe { bytes(raw.path) }.map(path_of),
            action: Action(raw.action.into()),
            method: Method(raw.method.into()),
            flags: Flags(raw.flags),
            // SAFETY: NULL, or details that are valid as the caller says.
            details: unsafe { raw.details.as_ref() }.map(|details| {
                // SAFETY: the same.
                Box::new(unsafe { Details::from_raw(details) })
            }),
            result: raw.result,
            stage: Stage(raw.stage.into()),
            held: Held::Nothing,
        }
    }

    /// Of a job that has ended without a word, as all do when their pool is not there any more.
    pub(crate) fn lost(errno: i32) -> Self {
        Self { kind: Kind::JOB, result: -errno.abs(), stage: Stage::QUEUE, ..Self::default() }
    }
}

/// What belongs to a completion's flags, and what was wanted.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Details {
    /// [`Want::TOTALS`]: of a tree or list.
    pub totals: Option<Totals>,
    /// With [`Flags::BACKED_UP`]: the name of the backup, in the same directory.
    pub backup: Option<OsString>,
    /// With [`Flags::KEPT_BOTH`]: the name of the copy, in the same directory.
    pub name: Option<OsString>,
    /// [`Want::SOURCE`]: what was copied; of a question: what is to be copied.
    pub source: Option<Facts>,
    /// [`Want::DESTINATION`]: the copy, or what stays; of a question: what is there.
    pub destination: Option<Facts>,
    /// Of a tree, the path of the entry whose error is the job's; of a list, the path at the source.
    /// It need not be asked for: [`Error::path`] is made of it.
    pub error_path: Option<PathBuf>,
    /// [`Want::DIGEST`]: lower and higher half of a hash of the content.
    pub digest: Option<[u64; 2]>,
    /// [`Want::TIMES`].
    pub times: Option<Times>,
    /// With [`Flags::IN_MIRROR`]: the `user_data` of the item whose mirror it is.
    pub other: u64,
    /// Which of these were told: [`Want`]'s bits.
    pub(crate) has: u32,
}

impl Details {
    /// # Safety
    /// What `raw` points to is still valid.
    unsafe fn from_raw(raw: &sys::arsync_details) -> Self {
        let has = |want: Want| raw.has & want.bits() != 0;
        Self {
            // SAFETY: NULL, or totals that are valid as the caller says.
            totals: unsafe { raw.totals.as_ref() }.map(Totals::from_raw),
            // SAFETY: NUL-terminated names or NULL, valid as the caller says.
            backup: unsafe { bytes(raw.backup) }.map(name_of),
            // SAFETY: the same.
            name: unsafe { bytes(raw.name) }.map(name_of),
            source: Facts::from_raw(&raw.source),
            destination: Facts::from_raw(&raw.destination),
            // SAFETY: the same.
            error_path: unsafe { bytes(raw.error_path) }.map(path_of),
            digest: has(Want::DIGEST).then_some(raw.digest),
            times: has(Want::TIMES).then_some(Times { begin_ns: raw.begin_ns, end_ns: raw.end_ns }),
            other: raw.other,
            has: raw.has,
        }
    }
}

/// When a copy began and ended, in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When a worker began with it.
    pub begin_ns: u64,
    /// When it ended.
    pub end_ns: u64,
}

impl Times {
    /// How long it took.
    pub fn duration(self) -> Duration {
        Duration::from_nanos(self.end_ns.saturating_sub(self.begin_ns))
    }
}

/// What statx(2) tells of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Its size in bytes.
    pub size: u64,
    /// Its kind and permissions, as `st_mode`.
    pub mode: u32,
    /// Its modification time, in seconds since 1970.
    pub mtime_s: i64,
    /// And nanoseconds.
    pub mtime_ns: u32,
    /// Major and minor number of its filesystem's device.
    pub device: (u32, u32),
    /// Its inode number.
    pub inode: u64,
}

impl Facts {
    fn from_raw(raw: &sys::arsync_facts) -> Option<Self> {
        (raw.mode != 0).then_some(Self {
            size: raw.size,
            mode: raw.mode,
            mtime_s: raw.mtime_s,
            mtime_ns: raw.mtime_ns,
            device: (raw.device_major, raw.device_minor),
            inode: raw.inode,
        })
    }

    pub(crate) fn to_raw(self) -> sys::arsync_facts {
        sys::arsync_facts {
            size: self.size,
            mode: self.mode,
            mtime_s: self.mtime_s,
            mtime_ns: self.mtime_ns,
            device_major: self.device.0,
            device_minor: self.device.1,
            inode: self.inode,
        }
    }

    /// Its modification time; `None` where this program's clock cannot express it.
    pub fn modified(&self) -> Option<SystemTime> {
        let whole = Duration::from_secs(self.mtime_s.unsigned_abs());
        let second = match self.mtime_s {
            0.. => UNIX_EPOCH.checked_add(whole),
            _ => UNIX_EPOCH.checked_sub(whole),
        };
        second?.checked_add(Duration::from_nanos(self.mtime_ns.into()))
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.mode & 0o170000 == 0o040000
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170000 == 0o100000
    }
}

/// What a tree or a list did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Files, links, directories and others.
    pub entries: u64,
    /// Of these, copied with their content.
    pub files: u64,
    /// Made, or there before.
    pub directories: u64,
    /// Symbolic links made.
    pub symlinks: u64,
    /// Hard links made.
    pub hard_links: u64,
    /// FIFOs, sockets and devices made.
    pub specials: u64,
    /// Left as they were.
    pub skipped: u64,
    /// Extra entries removed.
    pub removed: u64,
    /// Errors.
    pub errors: u64,
    /// Bytes of files, holes included.
    pub bytes: u64,
    /// Of these, bytes in holes.
    pub hole_bytes: u64,
    files_by_method: [u64; 16],
}

impl Totals {
    fn from_raw(raw: &sys::arsync_totals) -> Self {
        Self {
            entries: raw.entries,
            files: raw.files,
            directories: raw.directories,
            symlinks: raw.symlinks,
            hard_links: raw.hard_links,
            specials: raw.specials,
            skipped: raw.skipped,
            removed: raw.removed,
            errors: raw.errors,
            bytes: raw.bytes,
            hole_bytes: raw.hole_bytes,
            files_by_method: raw.files_by_method,
        }
    }

    pub(crate) fn to_raw(&self) -> sys::arsync_totals {
        sys::arsync_totals {
            entries: self.entries,
            files: self.files,
            directories: self.directories,
            symlinks: self.symlinks,
            hard_links: self.hard_links,
            specials: self.specials,
            skipped: self.skipped,
            removed: self.removed,
            errors: self.errors,
            bytes: self.bytes,
            hole_bytes: self.hole_bytes,
            files_by_method: self.files_by_method,
            ..sys::arsync_totals::default()
        }
    }

    /// How many files were copied by this method.
    pub fn files_by(&self, method: Method) -> u64 {
        self.files_by_method.get(method.0 as usize).copied().unwrap_or(0)
    }
}

/// # Safety
/// `text` is NULL or NUL-terminated, and valid as long as the result is used.
unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: as above.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}

fn path_of(bytes: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(bytes)).to_path_buf()
}

fn name_of(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}
