"""The numbers of arsync.h. tests/test_header.py compares each with the header's."""

from enum import IntEnum, IntFlag


class _Told(IntEnum):
    """What the library tells. A newer one may have numbers that have no name here, and are told all the same."""

    @classmethod
    def _missing_(cls, value):
        if not isinstance(value, int) or value < 0:
            return None
        made = int.__new__(cls, value)
        made._name_, made._value_ = str(value), value
        return made


class Backend(_Told):
    """How operations reach the kernel."""

    AUTO = 0
    URING = 1
    THREADS = 2


class PoolFlags(IntFlag):
    """What a pool may use besides."""

    SQPOLL = 1 << 0
    IOPOLL = 1 << 1
    HUGE_PAGES = 1 << 2


class Shutdown(IntEnum):
    """How a pool comes to its end."""

    DRAIN = 1
    CANCEL = 2


class Method(_Told):
    """How the data is moved."""

    AUTO = 0
    INLINE = 1
    REFLINK = 2
    COPY_FILE_RANGE = 3
    FIXED = 4
    DIRECT = 5
    BUFFERED_DIRECT = 6
    DIRECT_BUFFERED = 7


class Reflink(IntEnum):
    """Whether blocks may be shared with the source."""

    AUTO = 0
    ALWAYS = 1
    NEVER = 2


class Cache(IntEnum):
    """What the copy leaves in the page cache."""

    AUTO = 0
    KEEP = 1
    DIRECT = 2
    DROP = 3


class Replace(IntEnum):
    """What happens to a destination that exists."""

    IN_PLACE = 0
    EXCLUSIVE = 1
    ATOMIC = 2
    REMOVE = 3


class Update(IntEnum):
    """Which files that exist at the destination are replaced at all."""

    ALL = 0
    NONE = 1
    OLDER = 2
    CHANGED = 3
    ASK = 4
    ASK_OLDER = 5


class Symlinks(IntEnum):
    """What becomes of symbolic links in the source."""

    AUTO = 0
    KEEP = 1
    FOLLOW_TOP = 2
    FOLLOW = 3


class Report(IntEnum):
    """Which entries of a tree are told of."""

    ERRORS = 0
    ALL = 1
    NONE = 2


class Backup(IntEnum):
    """What becomes of a file in the way of a new one."""

    NONE = 0
    SIMPLE = 1
    NUMBERED = 2
    EXISTING = 3


class Durability(IntEnum):
    """What is on stable storage when a job has ended."""

    NONE = 0
    FILE = 1
    FULL = 2


class Sparse(IntEnum):
    """What becomes of holes."""

    AUTO = 0
    ALWAYS = 1
    NEVER = 2


class Preserve(IntFlag):
    """What the copy keeps of its source's attributes."""

    MODE = 1 << 0
    OWNER = 1 << 1
    TIMES = 1 << 2
    XATTR = 1 << 3
    LINKS = 1 << 4
    CONTEXT = 1 << 5
    FLAGS = 1 << 6
    PROJECT = 1 << 7


class Flags(IntFlag):
    """What else is to be said of a copy."""

    VERIFY = 1 << 0
    SPECIAL = 1 << 1
    ATTRIBUTES_ONLY = 1 << 2
    NOFOLLOW = 1 << 3
    DEFAULT_MODE = 1 << 4
    RECURSIVE = 1 << 5
    ONE_FILE_SYSTEM = 1 << 6
    MIRROR = 1 << 7
    DRY_RUN = 1 << 8
    STOP_ON_ERROR = 1 << 9
    HARD_LINK = 1 << 10
    SYMBOLIC_LINK = 1 << 11
    KEEP_DIRECTORY_SYMLINK = 1 << 12
    FORCE = 1 << 13
    PARENTS = 1 << 14
    BENEATH = 1 << 15
    KEEP_LOCKS = 1 << 16
    SRC_FD = 1 << 17
    SHALLOW = 1 << 18
    DANGLING = 1 << 19
    BORROW_DIRFDS = 1 << 20
    DST_FD = 1 << 21
    DIRECTORIES_ONLY = 1 << 22
    BARE_PARENTS = 1 << 23
    IN_ORDER = 1 << 24


class Want(IntFlag):
    """What a completion's details are to have."""

    TOTALS = 1 << 0
    ERROR_PATH = 1 << 1  # of a tree or a list: always asked for, as its error has the path
    SOURCE = 1 << 2
    DESTINATION = 1 << 3
    DIGEST = 1 << 4
    TIMES = 1 << 5
    FD = 1 << 6


class Stage(_Told):
    """What a job was doing when it failed, or does now."""

    NONE = 0
    QUEUE = 1
    OPEN_SOURCE = 2
    OPEN_DESTINATION = 3
    CHECK = 4
    ALLOCATE = 5
    READ = 6
    WRITE = 7
    REFLINK = 8
    COPY_FILE_RANGE = 9
    TRUNCATE = 10
    OWNER = 11
    XATTR = 12
    MODE = 13
    TIMES = 14
    SYNC = 15
    VERIFY = 16
    PUBLISH = 17
    CLOSE = 18
    MEMORY = 19
    LIST = 20
    MAKE_DIRECTORY = 21
    READ_LINK = 22
    LINK = 23
    MAKE_SPECIAL = 24
    REMOVE = 25
    BACKUP = 26
    CONTEXT = 27
    ASK = 28
    FLAGS = 29


class Outcome(IntFlag):
    """The flags of a completion."""

    SOURCE_CHANGED = 1 << 0
    SOURCE_SHRANK = 1 << 1
    FALLBACK = 1 << 2
    OWNER_LOST = 1 << 3
    REPLACED = 1 << 4
    BACKED_UP = 1 << 5
    DIRECTORY = 1 << 6
    VERIFIED_CACHED = 1 << 7
    COPIED = 1 << 8
    KEPT_BOTH = 1 << 9
    AT_SOURCE = 1 << 10
    AT_DESTINATION = 1 << 11
    JUST_CREATED = 1 << 12
    REPEATED = 1 << 13
    ON_THE_WAY = 1 << 14
    CONFLICT = 1 << 15
    IN_MIRROR = 1 << 16
    NOT_REQUIRED = 1 << 17


class Kind(_Told):
    """What a completion is about."""

    JOB = 33
    ENTRY = 34
    QUESTION = 35
    ITEM = 36
    WAY = 37


class Action(_Told):
    """What was done for an entry or a job."""

    NONE = 0
    COPY = 1
    MAKE_DIRECTORY = 2
    ENTER_DIRECTORY = 3
    SYMBOLIC_LINK = 4
    HARD_LINK = 5
    MAKE_SPECIAL = 6
    SKIP = 7
    REMOVE = 8
    TREE = 9
    LIST = 10
    READ = 11
    WRITE = 12
    SYNC = 13
    ACQUIRE = 14


class Answer(IntEnum):
    """What one says to a question."""

    SKIP = 1
    REPLACE = 2
    KEEP_BOTH = 3
    STOP = 4


class Quoting(IntEnum):
    """How quote quotes a name."""

    SHELL = 0
    IF_NEEDED = 1
    WORD = 2


class JobState(_Told):
    """What a job is at."""

    QUEUED = 1
    RUNNING = 2
    COMPLETED = 3


class Adjust(IntFlag):
    """What is to be adjusted of a job."""

    PAUSE = 1 << 0
    RESUME = 1 << 1
    BYTE_RATE = 1 << 2
    PRIORITY = 1 << 3


class ProgressFlags(IntFlag):
    """The flags of a job's progress."""

    WALKING = 1 << 0
    PAUSED = 1 << 1


class Sync(IntFlag):
    """How far a sync of a file goes."""

    DATA = 1 << 0
