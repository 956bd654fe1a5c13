//! Text of the library: names to be shown, records of copies, sentences, and options by their names.

use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use arsync_sys as sys;

use crate::choice::Quoting;
use crate::completion::Completion;
use crate::error::{EINVAL, Error, Result, count};
use crate::job::Ends;
use crate::options::CopyOptions;
use crate::place::{Place, c_path, has_nul};

/// A file's name, of any bytes, so that it can be shown: a terminal gets no byte that it would obey.
///
/// What is not ASCII is escaped too, unless the program has called setlocale(3).
///
/// ```
/// use arsync::{Quoting, quote};
/// assert_eq!(quote("new\nline", Quoting::Shell)?, r"'new'$'\n''line'");
/// assert_eq!(quote("plain", Quoting::IfNeeded)?, "plain");
/// # Ok::<(), arsync::Error>(())
/// ```
pub fn quote(name: impl AsRef<OsStr>, quoting: Quoting) -> Result<String> {
    let name = name.as_ref().as_bytes();
    text_of(|text, size| {
        // SAFETY: a name with its length, and room with its size.
        count(unsafe {
            sys::arsync_quote(name.as_ptr().cast(), name.len(), quoting as u32, text, size)
        })
    })
}

/// What a function writes that returns how long it is.
pub(crate) fn text_of(
    mut write: impl FnMut(*mut c_char, usize) -> Result<c_int>,
) -> Result<String> {
    let mut text = vec![0; 512];
    loop {
        let length = write(text.as_mut_ptr().cast(), text.len())? as usize;
        if length < text.len() {
            text.truncate(length);
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
        text.resize(length + 1, 0);
    }
}

/// Set an option of either kind; the other is NULL. It may come to point to the value.
pub(crate) fn set_by_name(
    copy: *mut sys::arsync_copy_options,
    pool: *mut sys::arsync_pool_options,
    name: &str,
    value: Option<&CStr>,
) -> Result<()> {
    let c_name = CString::new(name).map_err(|_| Error::with_reason(EINVAL, "name: has a NUL"))?;
    let value = value.map_or(ptr::null(), CStr::as_ptr);
    let mut why = [0 as c_char; 1024];
    // SAFETY: options of the caller's or NULL, texts with a NUL or NULL, and room with its size.
    let result = unsafe {
        let (why, size) = (why.as_mut_ptr(), why.len());
        sys::arsync_option_set(copy, pool, c_name.as_ptr(), value, why, size)
    };
    if result == -EINVAL {
        // SAFETY: the library ends it with a NUL.
        let why = unsafe { CStr::from_ptr(why.as_ptr()) };
        return Err(Error::with_reason(result, why.to_string_lossy()));
    }
    if result < 0 {
        return Err(Error::with_reason(result, format!("option {name}")));
    }
    Ok(())
}

impl Completion {
    /// A sentence about what failed, in the words of cp; "" if nothing did.
    ///
    /// In place of names it has "$s" and "$d" for the source and the destination of what failed, and
    /// "$S" and "$D" for those of the job or the item; see arsync_describe. Places and options are
    /// those of the copy, or of the item. The files may be looked at again.
    pub fn describe(
        &self,
        source: Place<'_>,
        destination: Place<'_>,
        options: &CopyOptions,
    ) -> Result<String> {
        let ends = Ends::new(source, destination)?;
        let raw_options = CopyOptions::for_ends(options.raw()?, &ends);
        let mut text = [0 as c_char; 512]; // twice what is enough
        let result = self.with_raw(|raw| {
            // SAFETY: all of it lives until it returns; a place borrows its descriptor.
            Ok(unsafe {
                sys::arsync_describe(
                    raw,
                    &raw_options,
                    ends.source.directory,
                    ends.source.pointer(),
                    ends.destination.directory,
                    ends.destination.pointer(),
                    text.as_mut_ptr(),
                    text.len(),
                )
            })
        })?;
        options.explain(result)?;
        count(result)?;
        // SAFETY: the library ends it with a NUL.
        Ok(unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned())
    }

    /// A record of it for logs and other programs: a JSON object in one line.
    ///
    /// Source and destination are the names of what it is about: the program's own, with
    /// [`path`](Self::path) below them. `outcome` is what came of it in the program's own words, and
    /// `message` what is said of it, such as by [`describe`](Self::describe). See
    /// arsync_completion_json for the members.
    pub fn json(
        &self,
        source: impl AsRef<Path>,
        destination: impl AsRef<Path>,
        outcome: Option<&str>,
        message: Option<&str>,
    ) -> Result<String> {
        let names = (c_path(source.as_ref())?, c_path(destination.as_ref())?);
        let c_text = |text: Option<&str>| text.map(CString::new).transpose().map_err(|_| has_nul());
        let (outcome, message) = (c_text(outcome)?, c_text(message)?);
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |t| t.as_ptr());
        self.with_raw(|raw| {
            text_of(|text, size| {
                let (outcome, message) = (pointer(&outcome), pointer(&message));
                // SAFETY: texts with a NUL or NULL, and room with its size.
                count(unsafe {
                    let (source, destination) = (names.0.as_ptr(), names.1.as_ptr());
                    sys::arsync_completion_json(
                        raw,
                        source,
                        destination,
                        outcome,
                        message,
                        text,
                        size,
                    )
                })
            })
        })
    }

    /// Call a function with the completion as the library told it.
    fn with_raw<T>(&self, f: impl FnOnce(&sys::arsync_completion) -> Result<T>) -> Result<T> {
        let text = |name: Option<&OsStr>| name.map(|n| c_path(Path::new(n))).transpose();
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |t| t.as_ptr());
        let path = text(self.path.as_deref().map(Path::as_os_str))?;
        let told = self.details.as_deref();
        let backup = text(told.and_then(|told| told.backup.as_deref()))?;
        let name = text(told.and_then(|told| told.name.as_deref()))?;
        let error_path = told.and_then(|told| told.error_path.as_deref());
        let error_path = text(error_path.map(Path::as_os_str))?;
        let totals = told.and_then(|told| told.totals.as_ref()).map(|totals| totals.to_raw());
        let details = told.map(|told| sys::arsync_details {
            totals: totals.as_ref().map_or(ptr::null(), ptr::from_ref),
            backup: pointer(&backup),
            name: pointer(&name),
            error_path: pointer(&error_path),
            source: told.source.unwrap_or_default().to_raw(),
            destination: told.destination.unwrap_or_default().to_raw(),
            has: told.has,
            ..sys::arsync_details::default()
        });
        f(&sys::arsync_completion {
            user_data: self.user_data,
            bytes: self.bytes,
            hole_bytes: self.hole_bytes,
            path: pointer(&path),
            result: self.result,
            kind: self.kind.0 as u16,
            action: self.action.0 as u16,
            flags: self.flags.0,
            stage: self.stage.0 as u16,
            method: self.method.0 as u16,
            details: details.as_ref().map_or(ptr::null(), ptr::from_ref),
            ..sys::arsync_completion::default()
        })
    }
}
