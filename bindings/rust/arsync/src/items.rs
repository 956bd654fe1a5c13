//! Items of a list, as the library takes them: their paths in one piece of memory.

use std::ffi::c_char;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use arsync_sys as sys;

use crate::error::Result;
use crate::place::has_nul;

#[derive(Default)]
pub(crate) struct Items {
    text: Vec<u8>,
    items: Vec<sys::arsync_item>, // their paths as offsets into text, until seal()
}

impl Items {
    pub(crate) fn add(&mut self, source: &Path, destination: &Path, user_data: u64) -> Result<()> {
        let src = self.path(source)?;
        let dst = self.path(destination)?;
        self.items.push(sys::arsync_item { src, dst, user_data, reserved: 0 });
        Ok(())
    }

    fn path(&mut self, path: &Path) -> Result<*const c_char> {
        let bytes = path.as_os_str().as_bytes();
        if bytes.contains(&0) {
            return Err(has_nul());
        }
        let offset = ptr::without_provenance(self.text.len());
        self.text.extend_from_slice(bytes);
        self.text.push(0);
        Ok(offset)
    }

    /// All of them, with pointers that are valid as long as the result is used.
    pub(crate) fn seal(&mut self) -> &[sys::arsync_item] {
        let start: *const c_char = self.text.as_ptr().cast();
        for item in &mut self.items {
            item.src = start.wrapping_add(item.src.addr());
            item.dst = start.wrapping_add(item.dst.addr());
        }
        &self.items
    }
}
