//! A list to which items are added as they come.

use std::path::Path;

use arsync_sys as sys;

use crate::error::Result;
use crate::event::Event;
use crate::items::Items;
use crate::job::{Control, Job};

/// A list to which items are added as they come, see [`Pool::list`](crate::Pool::list). It runs
/// meanwhile. Dropped, it is cancelled.
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("arsync-doc-list-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # std::fs::write(dir.join("from"), "some text")?;
/// let pool = arsync::Pool::open()?;
/// let mut list = pool.list(&arsync::CopyOptions::new())?;
/// for number in 0..100 {
///     let to = dir.join(format!("to-{number}"));
///     while !list.add(dir.join("from"), &to, number)? {
///         list.next_event(); // of an item that has made room
///     }
/// }
/// list.finish()?.wait()?;
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct List(pub(crate) Job);

impl List {
    /// Add an item, unless as many as may are waiting to be begun: then it is `false`, and one that
    /// ends, which is an event, makes room. `user_data` comes back in the item's events. Does not
    /// block. `NotFound`: the list has ended, as by a cancel.
    pub fn add(
        &mut self,
        source: impl AsRef<Path>,
        destination: impl AsRef<Path>,
        user_data: u64,
    ) -> Result<bool> {
        let mut items = Items::default();
        items.add(source.as_ref(), destination.as_ref(), user_data)?;
        let item = items.seal();
        let id = self.0.id();
        // SAFETY: one item, which lives.
        let added = self
            .0
            .shared()
            .call(|pool| unsafe { sys::arsync_list_add(pool, id, item.as_ptr(), 1) })?;
        Ok(added == 1)
    }

    /// Block until the next event; `None` when there will be no more.
    pub fn next_event(&mut self) -> Option<Event> {
        self.0.next_event()
    }

    /// The job, for its events.
    pub fn job(&mut self) -> &mut Job {
        &mut self.0
    }

    /// See [`Job::control`].
    pub fn control(&self) -> Control {
        self.0.control()
    }

    /// There are no more items. `NotFound`: the list was cancelled.
    pub fn finish(self) -> Result<Job> {
        let id = self.0.id();
        // SAFETY: any number will do.
        self.0.shared().call(|pool| unsafe { sys::arsync_list_end(pool, id) })?;
        Ok(self.0)
    }
}
