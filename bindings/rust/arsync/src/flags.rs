//! Sets of flags.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use arsync_sys as sys;

macro_rules! flags {
    ($(#[$about:meta])* $Set:ident { $($(#[$doc:meta])* $FLAG:ident = $value:ident;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $Set(pub(crate) u32);

        impl $Set {
            $($(#[$doc])* pub const $FLAG: Self = Self(sys::$value);)*

            /// None of them.
            pub const fn empty() -> Self {
                Self(0)
            }

            /// Whether all of `others` are in it.
            pub const fn contains(self, others: Self) -> bool {
                self.0 & others.0 == others.0
            }

            /// Whether none is in it.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// As the bits of the C interface.
            pub const fn bits(self) -> u32 {
                self.0
            }
        }

        impl BitOr for $Set {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl BitOrAssign for $Set {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl fmt::Debug for $Set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let named: &[($Set, &str)] = &[$((Self::$FLAG, stringify!($FLAG))),*];
                let mut names = named.iter().filter(|(flag, _)| self.contains(*flag));
                f.write_str(concat!(stringify!($Set), "("))?;
                if let Some((_, name)) = names.next() {
                    f.write_str(name)?;
                }
                names.try_for_each(|(_, name)| write!(f, " | {name}"))?;
                f.write_str(")")
            }
        }
    };
}

flags! {
    /// What is copied beside a file's content.
    ///
    /// ```
    /// use arsync::Preserve;
    /// let both = Preserve::MODE | Preserve::TIMES;
    /// assert!(both.contains(Preserve::TIMES));
    /// assert!(Preserve::ARCHIVE.contains(both));
    /// ```
    Preserve {
        /// Permission bits, setuid, setgid, sticky, POSIX ACL.
        MODE = ARSYNC_PRESERVE_MODE;
        /// User and group.
        OWNER = ARSYNC_PRESERVE_OWNER;
        /// Access and modification time, in nanoseconds.
        TIMES = ARSYNC_PRESERVE_TIMES;
        /// Extended attributes but for ACLs and SELinux labels.
        XATTR = ARSYNC_PRESERVE_XATTR;
        /// Names of one file become names of one file, within a tree, a list or a [`LinkSet`].
        ///
        /// [`LinkSet`]: crate::LinkSet
        LINKS = ARSYNC_PRESERVE_LINKS;
        /// The SELinux label.
        CONTEXT = ARSYNC_PRESERVE_CONTEXT;
        /// File flags, as chattr(1) sets them.
        FLAGS = ARSYNC_PRESERVE_FLAGS;
        /// The project id, by which quotas count.
        PROJECT = ARSYNC_PRESERVE_PROJECT;
    }
}

impl Preserve {
    /// All but the SELinux label, file flags and the project id: what `cp -a` keeps.
    pub const ARCHIVE: Self = Self(
        sys::ARSYNC_PRESERVE_MODE
            | sys::ARSYNC_PRESERVE_OWNER
            | sys::ARSYNC_PRESERVE_TIMES
            | sys::ARSYNC_PRESERVE_XATTR
            | sys::ARSYNC_PRESERVE_LINKS,
    );
}

flags! {
    /// What [`Details`] are to have. What is not wanted costs nothing.
    ///
    /// [`Details`]: crate::Details
    Want {
        /// Of a tree or list: what was done in all.
        TOTALS = ARSYNC_WANT_TOTALS;
        /// Of a tree or list: the path of the entry that failed first. This crate always asks for it.
        ERROR_PATH = ARSYNC_WANT_ERROR_PATH;
        /// What is known of the source.
        SOURCE = ARSYNC_WANT_SOURCE;
        /// What is known of the destination.
        DESTINATION = ARSYNC_WANT_DESTINATION;
        /// A hash of the content.
        DIGEST = ARSYNC_WANT_DIGEST;
        /// When the copy began and ended.
        TIMES = ARSYNC_WANT_TIMES;
        /// The finished file, still open: [`Completion::take_file`]. Not of trees and lists.
        ///
        /// [`Completion::take_file`]: crate::Completion::take_file
        FD = ARSYNC_WANT_FD;
    }
}

flags! {
    /// What a [`Completion`] says beside its result.
    ///
    /// [`Completion`]: crate::Completion
    Flags {
        /// The source's size or modification time changed while it was copied.
        SOURCE_CHANGED = ARSYNC_COMPLETION_SOURCE_CHANGED;
        /// The source ended before the size it had at the start.
        SOURCE_SHRANK = ARSYNC_COMPLETION_SOURCE_SHRANK;
        /// The method, or the cache policy, that was asked for could not be used.
        FALLBACK = ARSYNC_COMPLETION_FALLBACK;
        /// User or group could not be kept for lack of privilege.
        OWNER_LOST = ARSYNC_COMPLETION_OWNER_LOST;
        /// What was at the destination was removed.
        REPLACED = ARSYNC_COMPLETION_REPLACED;
        /// What was at the destination was backed up; the details have the backup's name.
        BACKED_UP = ARSYNC_COMPLETION_BACKED_UP;
        /// The source is a directory, or what was removed was one.
        DIRECTORY = ARSYNC_COMPLETION_DIRECTORY;
        /// Verified, but some of what was read may have come from the page cache.
        VERIFIED_CACHED = ARSYNC_COMPLETION_VERIFIED_CACHED;
        /// It is complete at its name, whatever else failed.
        COPIED = ARSYNC_COMPLETION_COPIED;
        /// What was there stays, and the copy has another name, which the details have.
        KEPT_BOTH = ARSYNC_COMPLETION_KEPT_BOTH;
        /// It failed at the source.
        AT_SOURCE = ARSYNC_COMPLETION_AT_SOURCE;
        /// It failed at the destination.
        AT_DESTINATION = ARSYNC_COMPLETION_AT_DESTINATION;
        /// With `AT_DESTINATION`: it failed because of what is there.
        CONFLICT = ARSYNC_COMPLETION_CONFLICT;
        /// Of an item: an earlier item has made what is at its destination.
        JUST_CREATED = ARSYNC_COMPLETION_JUST_CREATED;
        /// Of an item: it was skipped, because it came before.
        REPEATED = ARSYNC_COMPLETION_REPEATED;
        /// With [`mirror`]: another item, which [`Details::other`] names, would remove what is to be
        /// copied (with `AT_SOURCE`) or made (with `AT_DESTINATION`).
        ///
        /// [`mirror`]: crate::CopyOptions::mirror
        /// [`Details::other`]: crate::Details::other
        IN_MIRROR = ARSYNC_COMPLETION_IN_MIRROR;
        /// Of an item: the error is of a directory on the way.
        ON_THE_WAY = ARSYNC_COMPLETION_ON_THE_WAY;
        /// The error is that an attribute was lost, which [`required`] does not name.
        ///
        /// [`required`]: crate::CopyOptions::required
        NOT_REQUIRED = ARSYNC_COMPLETION_NOT_REQUIRED;
    }
}

flags! {
    /// What a pool is asked to use. Where it cannot, it goes on without, and [`Info`] says why.
    ///
    /// [`Info`]: crate::Info
    PoolFlags {
        /// A kernel thread picks up submissions.
        SQPOLL = ARSYNC_POOL_SQPOLL;
        /// The device is polled for the end of O_DIRECT transfers.
        IOPOLL = ARSYNC_POOL_IOPOLL;
        /// Buffers in huge pages that the administrator has set aside.
        HUGE_PAGES = ARSYNC_POOL_HUGE_PAGES;
    }
}
