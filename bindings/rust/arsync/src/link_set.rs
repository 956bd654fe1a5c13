//! Jobs between which hard links are kept.

use std::sync::Arc;

use arsync_sys as sys;

use crate::error::{EINVAL, Error, Result};
use crate::pool::Handle;
use crate::shared::Shared;

/// Jobs between which hard links are kept, see [`Pool::link_set`](crate::Pool::link_set).
///
/// Clones are the same set. It is closed when the last of them is gone, options that name it
/// included; jobs that were submitted with it still use it.
#[derive(Clone, Debug)]
pub struct LinkSet(Arc<Open>);

#[derive(Debug)]
struct Open {
    handle: Arc<Handle>,
    id: sys::arsync_link_set,
}

impl LinkSet {
    pub(crate) fn open(handle: &Arc<Handle>) -> Result<Self> {
        let mut id = 0;
        // SAFETY: an open pool, and where the id goes.
        handle.shared.call(|pool| unsafe { sys::arsync_link_set_open(pool, &mut id) })?;
        Ok(Self(Arc::new(Open { handle: Arc::clone(handle), id })))
    }

    /// Its number in that pool; in another one it may be another set's.
    pub(crate) fn id_in(&self, shared: &Arc<Shared>) -> Result<sys::arsync_link_set> {
        if Arc::ptr_eq(&self.0.handle.shared, shared) {
            Ok(self.0.id)
        } else {
            Err(Error::with_reason(EINVAL, "link_set: of another pool"))
        }
    }

    /// Where it is only looked at whether there is one.
    pub(crate) fn id(&self) -> sys::arsync_link_set {
        self.0.id
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: an open pool; an id that it does not know is an error, which means nothing here.
        let _ =
            self.handle.shared.call(|pool| unsafe { sys::arsync_link_set_close(pool, self.id) });
    }
}
