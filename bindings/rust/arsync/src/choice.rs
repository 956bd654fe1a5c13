//! Options that are one of several.

use arsync_sys as sys;

use crate::error::{EINVAL, Error, Result};

macro_rules! choice {
    ($(#[$about:meta])* $Choice:ident {
        $(#[$first_doc:meta])* $First:ident = $first:ident,
        $($(#[$doc:meta])* $Other:ident = $other:ident,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum $Choice {
            $(#[$first_doc])* #[default] $First = sys::$first,
            $($(#[$doc])* $Other = sys::$other,)*
        }

        impl $Choice {
            /// Of a number of the C interface, if it is one that this crate knows.
            #[allow(dead_code)] // of what is set by name alone
            pub(crate) fn of(number: u32) -> Result<Self> {
                match number {
                    sys::$first => Ok(Self::$First),
                    $(sys::$other => Ok(Self::$Other),)*
                    _ => Err(Error::with_reason(EINVAL, stringify!($Choice))),
                }
            }
        }
    };
}

choice! {
    /// Whether blocks may be shared with the source.
    Reflink {
        /// Share where the filesystem can, else copy.
        Auto = ARSYNC_REFLINK_AUTO,
        /// Share or fail.
        Always = ARSYNC_REFLINK_ALWAYS,
        /// Always give the destination blocks of its own.
        Never = ARSYNC_REFLINK_NEVER,
    }
}

choice! {
    /// What the copy leaves in the page cache.
    Cache {
        /// Whatever is fastest; a large source that was not cached stays so, and its copy is
        /// cached where there is free memory for it.
        Auto = ARSYNC_CACHE_AUTO,
        /// Both files are cached afterwards.
        Keep = ARSYNC_CACHE_KEEP,
        /// `O_DIRECT` where both ends can, else as `Keep`.
        Direct = ARSYNC_CACHE_DIRECT,
        /// Nothing that was not there before.
        Drop = ARSYNC_CACHE_DROP,
    }
}

choice! {
    /// What happens to a destination that exists.
    Replace {
        /// Its content is overwritten, as `cp` does.
        InPlace = ARSYNC_REPLACE_IN_PLACE,
        /// It is an error: `AlreadyExists`.
        Exclusive = ARSYNC_REPLACE_EXCLUSIVE,
        /// At every instant the name shows the old file or the complete new one.
        Atomic = ARSYNC_REPLACE_ATOMIC,
        /// It is removed first, unless it is a directory.
        Remove = ARSYNC_REPLACE_REMOVE,
    }
}

choice! {
    /// Which of the files that exist at the destination are replaced at all.
    Update {
        /// Every one.
        All = ARSYNC_UPDATE_ALL,
        /// None.
        None = ARSYNC_UPDATE_NONE,
        /// What is older than its source.
        Older = ARSYNC_UPDATE_OLDER,
        /// What differs from its source in kind, size or modification time.
        Changed = ARSYNC_UPDATE_CHANGED,
        /// Each is asked about: [`Event::Question`](crate::Event::Question).
        Ask = ARSYNC_UPDATE_ASK,
        /// What is older is asked about, and the others stay.
        AskOlder = ARSYNC_UPDATE_ASK_OLDER,
    }
}

choice! {
    /// What becomes of symbolic links in the source.
    Symlinks {
        /// Followed, but kept in a tree.
        Auto = ARSYNC_SYMLINKS_AUTO,
        /// Every one is kept.
        Keep = ARSYNC_SYMLINKS_KEEP,
        /// The path that was given is followed; those below it are kept.
        FollowTop = ARSYNC_SYMLINKS_FOLLOW_TOP,
        /// Every one is followed.
        Follow = ARSYNC_SYMLINKS_FOLLOW,
    }
}

choice! {
    /// Which entries of a tree are told of.
    Report {
        /// Those that failed, and those with something to tell.
        Errors = ARSYNC_REPORT_ERRORS,
        /// Every one.
        All = ARSYNC_REPORT_ALL,
        /// None.
        None = ARSYNC_REPORT_NONE,
    }
}

choice! {
    /// What becomes of an existing file in the way of a new one.
    Backup {
        /// None is made.
        None = ARSYNC_BACKUP_NONE,
        /// Its name with the suffix.
        Simple = ARSYNC_BACKUP_SIMPLE,
        /// `NAME.~N~`.
        Numbered = ARSYNC_BACKUP_NUMBERED,
        /// Numbered where there are such backups of it, else simple.
        Existing = ARSYNC_BACKUP_EXISTING,
    }
}

choice! {
    /// What is on stable storage when the job has ended.
    Durability {
        /// Nothing is promised.
        None = ARSYNC_DURABILITY_NONE,
        /// The file's data and size.
        File = ARSYNC_DURABILITY_FILE,
        /// Also its name.
        Full = ARSYNC_DURABILITY_FULL,
    }
}

choice! {
    /// Ranges that read as zeros and have no blocks.
    Sparse {
        /// The source's holes stay holes.
        Auto = ARSYNC_SPARSE_AUTO,
        /// Every aligned 4 KiB block of zeros becomes one.
        Always = ARSYNC_SPARSE_ALWAYS,
        /// No holes: zeros are written.
        Never = ARSYNC_SPARSE_NEVER,
    }
}

choice! {
    /// What to do about something that is at the destination.
    Answer {
        /// What is there stays.
        Skip = ARSYNC_ANSWER_SKIP,
        /// It is replaced, as the options say.
        Replace = ARSYNC_ANSWER_REPLACE,
        /// It stays, and the copy gets another name.
        KeepBoth = ARSYNC_ANSWER_KEEP_BOTH,
        /// The job ends.
        Stop = ARSYNC_ANSWER_STOP,
    }
}

choice! {
    /// How [`quote`](crate::quote) quotes a name.
    Quoting {
        /// So that a shell takes it for one word.
        Shell = ARSYNC_QUOTE_SHELL,
        /// The same, but what is such a word already stays as it is.
        IfNeeded = ARSYNC_QUOTE_IF_NEEDED,
        /// In quotation marks, as a word in a sentence.
        Word = ARSYNC_QUOTE_WORD,
    }
}

choice! {
    /// How a pool comes to its end.
    Shutdown {
        /// All jobs end as they would.
        Drain = ARSYNC_SHUTDOWN_DRAIN,
        /// All jobs are cancelled.
        Cancel = ARSYNC_SHUTDOWN_CANCEL,
    }
}
