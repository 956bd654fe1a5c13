#![doc = include_str!("../README.md")]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

mod buffer;
mod choice;
mod completion;
mod error;
mod event;
mod file;
mod flags;
mod items;
mod job;
mod link_set;
mod list;
mod names;
mod options;
mod place;
mod pool;
mod shared;
mod tells;
mod text;

pub use buffer::{Acquire, Buffer, Lease, SharedBuffer, Transfer};
pub use choice::{
    Answer, Backup, Cache, Durability, Quoting, Reflink, Replace, Report, Shutdown, Sparse,
    Symlinks, Update,
};
pub use completion::{Completion, Details, Facts, Times, Totals};
pub use error::{Error, Result, Side};
pub use event::{Event, EventStream, Events, Question};
pub use file::PoolFile;
pub use flags::{Flags, PoolFlags, Preserve, Want};
pub use job::{Adjustment, Control, Job, JobState, Progress};
pub use link_set::LinkSet;
pub use list::List;
pub use names::{Action, Backend, Kind, Method, Stage};
pub use options::{CopyOptions, copy};
pub use place::Place;
pub use pool::{Pool, PoolBuilder};
pub use tells::{Info, Stats, version, version_number};
pub use text::quote;
