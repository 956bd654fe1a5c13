//! How to copy, and the copy in one call.

use std::ffi::{CStr, CString, c_char};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use arsync_sys as sys;

use crate::choice::{
    Backup, Cache, Durability, Reflink, Replace, Report, Sparse, Symlinks, Update,
};
use crate::completion::Completion;
use crate::error::{EINVAL, Error, Result};
use crate::flags::{Preserve, Want};
use crate::job::{Ends, taken_file};
use crate::link_set::LinkSet;
use crate::names::Method;
use crate::place::Place;
use crate::shared::Shared;
use crate::text::set_by_name;

/// Copy one file with all defaults, and return when that is done.
///
/// The destination is overwritten if it is there, as by `cp`. See [`CopyOptions::copy`].
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("arsync-doc-copy-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let (from, to) = (dir.join("from"), dir.join("to"));
/// # std::fs::write(&from, "some text")?;
/// let done = arsync::copy(&from, &to)?;
/// assert_eq!(done.bytes, 9);
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy(source: impl AsRef<Path>, destination: impl AsRef<Path>) -> Result<Completion> {
    CopyOptions::new().copy(source, destination)
}

/// How to copy. What is not set has the library's default: the content, as `cp` copies it.
///
/// ```
/// use arsync::{CopyOptions, Preserve, Replace};
/// let careful = CopyOptions::new()
///     .replace(Replace::Atomic)
///     .preserve(Preserve::MODE | Preserve::TIMES)
///     .verify(true);
/// careful.check()?;
/// # Ok::<(), arsync::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CopyOptions {
    flags: u32,
    method: Method,
    reflink: Reflink,
    cache: Cache,
    replace: Replace,
    durability: Durability,
    preserve: Preserve,
    sparse: Sparse,
    chunks: u32,
    update: Update,
    symlinks: Symlinks,
    report: Report,
    backup: Backup,
    backup_suffix: Option<CString>,
    filter: Option<CString>,
    user_map: Option<CString>,
    group_map: Option<CString>,
    has_nul: Option<&'static str>,
    link_set: Option<LinkSet>,
    want: Want,
    required: Preserve,
    range_offset: u64,
    range_length: u64,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $field:ident: $Type:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, $field: $Type) -> Self {
            self.$field = $field;
            self
        }
    )*};
}

macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident = $FLAG:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(self, yes: bool) -> Self {
            self.switch(sys::$FLAG, yes)
        }
    )*};
}

impl CopyOptions {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// How data is moved; one that cannot be used falls back.
        method: Method;
        /// Whether blocks may be shared.
        reflink: Reflink;
        /// What stays in the page cache.
        cache: Cache;
        /// What happens to a destination that exists.
        replace: Replace;
        /// What is on stable storage in the end.
        durability: Durability;
        /// What is copied beside the content.
        preserve: Preserve;
        /// What becomes of holes.
        sparse: Sparse;
        /// Most chunks of one file in flight; 0: by method.
        chunks: u32;
        /// Which existing files are replaced, or asked about.
        update: Update;
        /// What becomes of symbolic links.
        symlinks: Symlinks;
        /// Which entries of a tree are told of.
        report: Report;
        /// Whether what is in the way is kept under another name.
        backup: Backup;
        /// What details are to tell.
        want: Want;
        /// What of [`preserve`](Self::preserve) is not to be lost, all of it by default: the loss
        /// of anything else has [`Flags::NOT_REQUIRED`](crate::Flags::NOT_REQUIRED).
        required: Preserve;
    }

    switches! {
        /// Copy a directory with all that is in it. Without this a directory is an error.
        recursive = ARSYNC_COPY_RECURSIVE;
        /// Read the destination back and compare.
        verify = ARSYNC_COPY_VERIFY;
        /// Copy FIFOs and character devices as streams.
        special = ARSYNC_COPY_SPECIAL;
        /// Copy no data, only what [`preserve`](Self::preserve) names.
        attributes_only = ARSYNC_COPY_ATTRIBUTES_ONLY;
        /// Follow no symbolic link at the end of either path.
        nofollow = ARSYNC_COPY_NOFOLLOW;
        /// Give new files the default mode, not the source's.
        default_mode = ARSYNC_COPY_DEFAULT_MODE;
        /// Do not go into other filesystems.
        one_file_system = ARSYNC_COPY_ONE_FILE_SYSTEM;
        /// Remove from the destination what the source does not have.
        mirror = ARSYNC_COPY_MIRROR;
        /// Change nothing; tell what would be done.
        dry_run = ARSYNC_COPY_DRY_RUN;
        /// End at the first entry that fails.
        stop_on_error = ARSYNC_COPY_STOP_ON_ERROR;
        /// Make hard links in place of copies.
        hard_link = ARSYNC_COPY_HARD_LINK;
        /// Make symbolic links in place of copies.
        symbolic_link = ARSYNC_COPY_SYMBOLIC_LINK;
        /// Go into a symbolic link that is in the place of a directory.
        keep_directory_symlink = ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK;
        /// Remove a destination that cannot be opened, and try again.
        force = ARSYNC_COPY_FORCE;
        /// Make the directories on the way that are missing.
        parents = ARSYNC_COPY_PARENTS;
        /// With [`parents`](Self::parents): follow no symbolic link on the way.
        beneath = ARSYNC_COPY_BENEATH;
        /// With [`recursive`](Self::recursive): make directories, and copy nothing in them.
        shallow = ARSYNC_COPY_SHALLOW;
        /// With [`recursive`](Self::recursive): copy the directories alone, with their attributes.
        directories_only = ARSYNC_COPY_DIRECTORIES_ONLY;
        /// With [`parents`](Self::parents): the directories on the way get no attributes.
        bare_parents = ARSYNC_COPY_BARE_PARENTS;
        /// Of a list: what comes of its items comes in their order.
        in_order = ARSYNC_COPY_IN_ORDER;
        /// Write through a symbolic link that leads nowhere.
        dangling = ARSYNC_COPY_DANGLING;
    }

    fn switch(mut self, flag: u32, yes: bool) -> Self {
        self.flags = if yes { self.flags | flag } else { self.flags & !flag };
        self
    }

    /// Copy only so many bytes of a file, from `offset` on, to the same place in a file that others
    /// may be writing too.
    #[must_use]
    pub fn range(mut self, offset: u64, length: u64) -> Self {
        self.range_offset = offset;
        self.range_length = length;
        self
    }

    /// Whose copies are whose: "FROM:TO[,FROM:TO...]", ids, ranges, "*" or names.
    #[must_use]
    pub fn user_map(mut self, pairs: &str) -> Self {
        self.user_map = self.text("user_map", pairs.as_bytes());
        self
    }

    /// The same of groups.
    #[must_use]
    pub fn group_map(mut self, pairs: &str) -> Self {
        self.group_map = self.text("group_map", pairs.as_bytes());
        self
    }

    /// The suffix of a simple backup, "~" by default.
    #[must_use]
    pub fn backup_suffix(mut self, suffix: impl AsRef<Path>) -> Self {
        self.backup_suffix = self.text("backup_suffix", suffix.as_ref().as_os_str().as_bytes());
        self
    }

    /// What to leave out of a tree: lines of patterns as in gitignore(5).
    #[must_use]
    pub fn filter(mut self, patterns: impl AsRef<[u8]>) -> Self {
        self.filter = self.text("filter", patterns.as_ref());
        self
    }

    /// Keep hard links between all jobs with this set; with [`Preserve::LINKS`]. Its pool's alone.
    #[must_use]
    pub fn link_set(mut self, set: &LinkSet) -> Self {
        self.link_set = Some(set.clone());
        self
    }

    /// Set an option by its name on a command line, from text; see arsync_option_set for names and
    /// values. The value may be left out where the name alone means something. `NotFound`: there is
    /// no such option. Of a value that is not valid, [`Error::reason`] says what is.
    ///
    /// ```
    /// use arsync::CopyOptions;
    /// let mut options = CopyOptions::new();
    /// options.set("replace", Some("atomic"))?;
    /// options.set("recursive", None)?;
    /// let error = options.set("sparse", Some("x")).unwrap_err();
    /// assert!(error.reason().unwrap().starts_with("invalid argument 'x'"));
    /// # Ok::<(), arsync::Error>(())
    /// ```
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let value = value.map(c_value).transpose()?;
        let mut raw = self.raw()?;
        set_by_name(&mut raw, ptr::null_mut(), name, value.as_deref())?;
        self.take(&raw, value)
    }

    /// What is in the struct, of which texts are the value or its own ones.
    fn take(&mut self, raw: &sys::arsync_copy_options, value: Option<CString>) -> Result<()> {
        let set = Self {
            flags: raw.flags,
            method: Method(raw.method),
            reflink: Reflink::of(raw.reflink)?,
            cache: Cache::of(raw.cache)?,
            replace: Replace::of(raw.replace)?,
            durability: Durability::of(raw.durability)?,
            preserve: Preserve(raw.preserve),
            sparse: Sparse::of(raw.sparse)?,
            chunks: raw.chunks,
            update: Update::of(raw.update)?,
            symlinks: Symlinks::of(raw.symlinks)?,
            report: Report::of(raw.report)?,
            backup: Backup::of(raw.backup)?,
            required: Preserve(raw.required),
            range_offset: raw.range_offset,
            range_length: raw.range_length,
            ..mem::take(self)
        };
        *self = set;
        let texts = [
            (raw.backup_suffix, &mut self.backup_suffix),
            (raw.filter, &mut self.filter),
            (raw.user_map, &mut self.user_map),
            (raw.group_map, &mut self.group_map),
        ];
        for (pointer, text) in texts {
            if value.as_ref().is_some_and(|value| value.as_ptr() == pointer) {
                *text = value.clone();
            }
        }
        Ok(())
    }

    fn text(&mut self, field: &'static str, bytes: &[u8]) -> Option<CString> {
        let text = CString::new(bytes).ok();
        if text.is_none() {
            self.has_nul = Some(field);
        }
        text
    }

    /// Whether a copy would take these options, and if not, why: [`Error::reason`].
    pub fn check(&self) -> Result<()> {
        let raw = self.raw()?;
        let mut why = [0 as c_char; 256];
        // SAFETY: options that live, and a buffer with its size.
        let result = unsafe { sys::arsync_options_check(&raw, why.as_mut_ptr(), why.len()) };
        if result == 0 {
            return Ok(());
        }
        // SAFETY: the library ends it with a NUL.
        let why = unsafe { CStr::from_ptr(why.as_ptr()) };
        Err(Error::with_reason(result, why.to_string_lossy()))
    }

    /// Copy one file, or a tree, and return when that is done.
    ///
    /// A file of at most 4 MiB is copied by the calling thread; what is larger has a pool for the
    /// time of the call. It cannot be cancelled, and nobody can be asked ([`Update::Ask`] is an
    /// error): for that there is [`Pool`](crate::Pool).
    pub fn copy(
        &self,
        source: impl AsRef<Path>,
        destination: impl AsRef<Path>,
    ) -> Result<Completion> {
        self.copy_at(Place::path(source), Place::path(destination))
    }

    /// The same between places: paths below open directories, open files.
    pub fn copy_at(&self, source: Place<'_>, destination: Place<'_>) -> Result<Completion> {
        let ends = Ends::new(source, destination)?;
        let raw = Self::for_ends(self.raw()?, &ends);
        let mut done = sys::arsync_completion::default();
        // SAFETY: paths and options live until it returns; a place borrows its descriptor.
        let result = unsafe {
            sys::arsync_copy(
                ends.source.directory,
                ends.source.pointer(),
                ends.destination.directory,
                ends.destination.pointer(),
                &raw,
                &mut done,
            )
        };
        // SAFETY: filled in whatever came of it; its details are valid until they are freed.
        let mut completion = unsafe { Completion::from_raw(&done) };
        completion.result = result;
        completion.held = taken_file(ptr::null_mut(), &done);
        // SAFETY: of a completion of arsync_copy, and not used after this.
        unsafe { sys::arsync_details_free(done.details) };
        if result == -EINVAL {
            self.explain(result)?;
        }
        ends.result(completion)
    }

    /// An error with the reason, if these options are what was refused.
    pub(crate) fn explain(&self, result: i32) -> Result<()> {
        if result == -EINVAL { self.check() } else { Ok(()) }
    }

    /// For a job of this pool.
    pub(crate) fn raw_in(&self, shared: &Arc<Shared>) -> Result<sys::arsync_copy_options> {
        let mut raw = self.raw()?;
        raw.link_set = self.link_set.as_ref().map_or(Ok(0), |set| set.id_in(shared))?;
        Ok(raw)
    }

    /// The same for a list.
    pub(crate) fn raw_of_list(&self, shared: &Arc<Shared>) -> Result<sys::arsync_copy_options> {
        let mut raw = self.raw_in(shared)?;
        raw.want |= sys::ARSYNC_WANT_ERROR_PATH; // for Error::path
        Ok(raw)
    }

    pub(crate) fn for_ends(
        mut raw: sys::arsync_copy_options,
        ends: &Ends,
    ) -> sys::arsync_copy_options {
        raw.flags |= ends.source.flag_if_file(sys::ARSYNC_COPY_SRC_FD)
            | ends.destination.flag_if_file(sys::ARSYNC_COPY_DST_FD);
        if raw.flags & sys::ARSYNC_COPY_RECURSIVE != 0 {
            raw.want |= sys::ARSYNC_WANT_ERROR_PATH; // for Error::path
        }
        raw
    }

    /// As the library takes them. What it points to is valid as long as these options live and stay
    /// as they are.
    pub(crate) fn raw(&self) -> Result<sys::arsync_copy_options> {
        if let Some(field) = self.has_nul {
            return Err(Error::with_reason(EINVAL, format!("{field}: has a NUL")));
        }
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |t| t.as_ptr());
        Ok(sys::arsync_copy_options {
            flags: self.flags,
            method: self.method.0,
            reflink: self.reflink as u32,
            cache: self.cache as u32,
            replace: self.replace as u32,
            durability: self.durability as u32,
            preserve: self.preserve.0,
            sparse: self.sparse as u32,
            chunks: self.chunks,
            update: self.update as u32,
            symlinks: self.symlinks as u32,
            report: self.report as u32,
            backup: self.backup as u32,
            backup_suffix: pointer(&self.backup_suffix),
            filter: pointer(&self.filter),
            user_map: pointer(&self.user_map),
            group_map: pointer(&self.group_map),
            link_set: self.link_set.as_ref().map_or(0, LinkSet::id),
            want: self.want.0,
            required: self.required.0,
            range_offset: self.range_offset,
            range_length: self.range_length,
            ..sys::arsync_copy_options::default()
        })
    }
}

/// Of an option that is set by its name.
pub(crate) fn c_value(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::with_reason(EINVAL, "value: has a NUL"))
}
