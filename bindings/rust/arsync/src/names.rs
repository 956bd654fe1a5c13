//! Numbers that the library tells, and its names for them. A newer library may have others.

use std::ffi::{CStr, c_char};
use std::fmt;

use arsync_sys as sys;

/// # Safety
/// `text` is a static NUL-terminated string of the library.
pub(crate) unsafe fn static_text(text: *const c_char) -> &'static str {
    // SAFETY: as above.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("unknown")
}

macro_rules! names {
    ($(#[$about:meta])* $Kind:ident by $name:ident { $($(#[$doc:meta])* $VALUE:ident = $value:ident;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Kind(pub(crate) u32);

        impl $Kind {
            $($(#[$doc])* pub const $VALUE: Self = Self(sys::$value);)*

            /// The library's name for it; "unknown" for a number that it does not know.
            pub fn name(self) -> &'static str {
                // SAFETY: it takes any number, and gives a static string.
                unsafe { static_text(sys::$name(self.0)) }
            }

            /// As the number of the C interface.
            pub const fn number(self) -> u32 {
                self.0
            }
        }

        impl fmt::Display for $Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl fmt::Debug for $Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($Kind), "({})"), self.name())
            }
        }
    };
}

names! {
    /// How data is moved. The copy takes the first of them that fits, unless the options name one.
    Method by arsync_method_name {
        /// Chosen for each file; of a result: none ran.
        AUTO = ARSYNC_METHOD_AUTO;
        /// Plain calls: streams, small files, what is cached.
        INLINE = ARSYNC_METHOD_INLINE;
        /// Blocks are shared; no data is moved.
        REFLINK = ARSYNC_METHOD_REFLINK;
        /// copy_file_range(2): the server or filesystem copies.
        COPY_FILE_RANGE = ARSYNC_METHOD_COPY_FILE_RANGE;
        /// Registered buffers, through the page cache.
        FIXED = ARSYNC_METHOD_FIXED;
        /// Registered buffers, `O_DIRECT` at both ends.
        DIRECT = ARSYNC_METHOD_DIRECT;
        /// Read through the page cache, written `O_DIRECT`.
        BUFFERED_DIRECT = ARSYNC_METHOD_BUFFERED_DIRECT;
        /// Read `O_DIRECT`, written through the page cache.
        DIRECT_BUFFERED = ARSYNC_METHOD_DIRECT_BUFFERED;
    }
}

names! {
    /// How operations reach the kernel.
    Backend by arsync_backend_name {
        /// io_uring, or threads where that is denied.
        AUTO = ARSYNC_BACKEND_AUTO;
        /// io_uring or nothing.
        URING = ARSYNC_BACKEND_URING;
        /// Plain system calls on helper threads.
        THREADS = ARSYNC_BACKEND_THREADS;
    }
}

names! {
    /// What a completion tells of.
    Kind by arsync_completion_kind_name {
        /// A job has ended.
        JOB = ARSYNC_COMPLETION_JOB;
        /// An entry of a tree has ended.
        ENTRY = ARSYNC_COMPLETION_ENTRY;
        /// Something is at the destination.
        QUESTION = ARSYNC_COMPLETION_QUESTION;
        /// An item of a list has ended.
        ITEM = ARSYNC_COMPLETION_ITEM;
        /// A directory on the way to an item.
        WAY = ARSYNC_COMPLETION_WAY;
    }
}

names! {
    /// What was done for an entry or a job, or would have been.
    Action by arsync_action_name {
        /// Nothing.
        NONE = ARSYNC_ACTION_NONE;
        /// A file's content was copied.
        COPY = ARSYNC_ACTION_COPY;
        /// A directory was made.
        MAKE_DIRECTORY = ARSYNC_ACTION_MAKE_DIRECTORY;
        /// A directory was there.
        ENTER_DIRECTORY = ARSYNC_ACTION_ENTER_DIRECTORY;
        /// A symbolic link was made.
        SYMBOLIC_LINK = ARSYNC_ACTION_SYMBOLIC_LINK;
        /// A hard link was made.
        HARD_LINK = ARSYNC_ACTION_HARD_LINK;
        /// A FIFO, socket or device was made.
        MAKE_SPECIAL = ARSYNC_ACTION_MAKE_SPECIAL;
        /// What was there stays.
        SKIP = ARSYNC_ACTION_SKIP;
        /// An extra entry was removed.
        REMOVE = ARSYNC_ACTION_REMOVE;
        /// Of a job or item: a directory was copied.
        TREE = ARSYNC_ACTION_TREE;
        /// Of a job: a list was.
        LIST = ARSYNC_ACTION_LIST;
        /// Bytes were read into a buffer.
        READ = ARSYNC_ACTION_READ;
        /// Bytes of a buffer were written.
        WRITE = ARSYNC_ACTION_WRITE;
        /// A file was made durable.
        SYNC = ARSYNC_ACTION_SYNC;
        /// Buffers were acquired.
        ACQUIRE = ARSYNC_ACTION_ACQUIRE;
    }
}

names! {
    /// What a job was doing when it failed.
    Stage by arsync_stage_name {
        /// Nothing failed.
        NONE = ARSYNC_STAGE_NONE;
        /// Waiting for its turn.
        QUEUE = ARSYNC_STAGE_QUEUE;
        /// Opening the source.
        OPEN_SOURCE = ARSYNC_STAGE_OPEN_SOURCE;
        /// Opening or creating the destination.
        OPEN_DESTINATION = ARSYNC_STAGE_OPEN_DESTINATION;
        /// Same file, kind of file.
        CHECK = ARSYNC_STAGE_CHECK;
        /// Reserving space.
        ALLOCATE = ARSYNC_STAGE_ALLOCATE;
        /// Reading the source.
        READ = ARSYNC_STAGE_READ;
        /// Writing the destination.
        WRITE = ARSYNC_STAGE_WRITE;
        /// Sharing blocks.
        REFLINK = ARSYNC_STAGE_REFLINK;
        /// Copying inside the kernel.
        COPY_FILE_RANGE = ARSYNC_STAGE_COPY_FILE_RANGE;
        /// Setting the destination's size.
        TRUNCATE = ARSYNC_STAGE_TRUNCATE;
        /// Preserving user and group.
        OWNER = ARSYNC_STAGE_OWNER;
        /// Preserving extended attributes.
        XATTR = ARSYNC_STAGE_XATTR;
        /// Preserving permissions and ACL.
        MODE = ARSYNC_STAGE_MODE;
        /// Preserving times.
        TIMES = ARSYNC_STAGE_TIMES;
        /// Making data or name durable.
        SYNC = ARSYNC_STAGE_SYNC;
        /// Reading back and comparing.
        VERIFY = ARSYNC_STAGE_VERIFY;
        /// Giving the finished file its name.
        PUBLISH = ARSYNC_STAGE_PUBLISH;
        /// Closing the destination.
        CLOSE = ARSYNC_STAGE_CLOSE;
        /// The library had no memory.
        MEMORY = ARSYNC_STAGE_MEMORY;
        /// Listing a source directory.
        LIST = ARSYNC_STAGE_LIST;
        /// Making or opening a destination directory.
        MAKE_DIRECTORY = ARSYNC_STAGE_MAKE_DIRECTORY;
        /// Reading a symbolic link.
        READ_LINK = ARSYNC_STAGE_READ_LINK;
        /// Making a hard or symbolic link.
        LINK = ARSYNC_STAGE_LINK;
        /// Making a FIFO, socket or device.
        MAKE_SPECIAL = ARSYNC_STAGE_MAKE_SPECIAL;
        /// Removing what is in the way, or extra.
        REMOVE = ARSYNC_STAGE_REMOVE;
        /// Giving what is in the way its backup's name.
        BACKUP = ARSYNC_STAGE_BACKUP;
        /// Preserving the SELinux label.
        CONTEXT = ARSYNC_STAGE_CONTEXT;
        /// Waiting for an answer.
        ASK = ARSYNC_STAGE_ASK;
        /// Preserving file flags and the project id.
        FLAGS = ARSYNC_STAGE_FLAGS;
    }
}
