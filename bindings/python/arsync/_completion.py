"""What came of a job, in Python's memory."""

import ctypes
import os

from . import _library as c
from ._enums import Action, Answer, Kind, Method, Outcome, Want
from ._errors import text_of
from ._options import check, ends_of, options_of, path_of

_close = os.close  # also when the interpreter ends


class Facts:
    """What statx(2) tells of a file."""

    def __init__(self, facts):
        self.size = facts.size
        self.mtime_ns = facts.mtime_s * 1000000000 + facts.mtime_ns
        self.mode = facts.mode  # kind and permissions, as st_mode; 0: nothing is known
        self.device = os.makedev(facts.device_major, facts.device_minor)
        self.inode = facts.inode

    def _laid_out(self):
        return c.Facts(
            size=self.size,
            mtime_s=self.mtime_ns // 1000000000,
            mtime_ns=self.mtime_ns % 1000000000,
            mode=self.mode,
            device_major=os.major(self.device),
            device_minor=os.minor(self.device),
            inode=self.inode,
        )


class Details:
    """What a completion tells on request, and what belongs to its flags; see arsync_details."""

    def __init__(self, address, items=None):
        details = c.Details.from_address(address)
        self.has = Want(details.has)
        self.totals = None
        if details.totals:
            totals = details.totals.contents
            self.totals = {name: getattr(totals, name) for name, _ in c.Totals._fields_[2:-1]}
            self.totals["files_by_method"] = list(totals.files_by_method)
        self.backup = _text(details.backup)
        self.name = _text(details.name)
        self.question = details.question
        self.source = Facts(details.source)
        self.destination = Facts(details.destination)
        self.error_path = _text(details.error_path)
        self.digest = tuple(details.digest)  # lower and higher half
        self.begin_ns = details.begin_ns  # by CLOCK_MONOTONIC
        self.end_ns = details.end_ns
        self.other = None  # with IN_MIRROR: the item whose mirror it is
        if items is not None:
            self.other = items.get(details.other)

    def _laid_out(self):
        made = c.Details(
            struct_size=ctypes.sizeof(c.Details),
            has=self.has,
            backup=_bytes(self.backup),
            name=_bytes(self.name),
            question=self.question,
            source=self.source._laid_out(),
            destination=self.destination._laid_out(),
            error_path=_bytes(self.error_path),
            digest=self.digest,
            begin_ns=self.begin_ns,
            end_ns=self.end_ns,
        )
        if self.totals is not None:
            fields = {**self.totals, "files_by_method": tuple(self.totals["files_by_method"])}
            totals = c.Totals(struct_size=ctypes.sizeof(c.Totals), **fields)
            made.totals = ctypes.pointer(totals)
        return made


class Descriptors:
    """What arsync_take_fd returned for a job. A descriptor is closed with the last who holds this, unless the program
    has asked for it: a job may end that nobody asks any more, as one whose wait was interrupted.

    A copy would close it a second time, so there is none: copies of a Completion share this."""

    taken = ()  # also of one that an exception has kept from having its list
    is_given = False

    def __init__(self):
        self.taken = []

    def __copy__(self):
        return self

    def __deepcopy__(self, _):
        return self

    def __reduce__(self):
        raise TypeError("a completion with a descriptor cannot be pickled")

    def give(self):
        if not self.taken or self.taken[0] < 0:
            return None
        self.is_given = True
        return self.taken[0]

    def close(self):
        if not self.is_given and self.taken and self.taken[0] >= 0:
            # Taken out and closed in one call of C's, which no signal comes between: so none is closed twice.
            any(map(_close, map(self.taken.pop, (0,))))

    __del__ = close


class Completion:
    """What came of a job, of an entry of a tree, of an item of a list; or a question.

    error is None, or an OSError, as FileNotFoundError, with the attributes stage, side ("source",
    "destination" or ""), conflict and reason. path is that of an entry, below source and destination. buffers
    are those of Pool.submit_acquire.
    """

    __slots__ = ("_raw", "path", "user_data", "error", "details", "buffers", "_descriptors", "_pool")

    def __init__(self, raw, user_data, pool=None, items=None):
        self._raw = raw
        self.user_data = user_data
        self.path = self.error = self.details = self.buffers = self._descriptors = None
        self._pool = pool
        if raw[4]:
            self.path = os.fsdecode(ctypes.string_at(raw[4]))
        if raw[11]:
            self.details = Details(raw[11], items if raw[8] & Outcome.IN_MIRROR else None)

    @classmethod
    def unreadable(cls, raw, user_data, error):
        """One that could not be turned into Python: why is its error."""
        self = cls((*raw[:4], 0, *raw[5:11], 0), user_data)
        self.error = error
        return self

    bytes = property(lambda self: self._raw[2], doc="Bytes at the destination, holes included.")
    hole_bytes = property(lambda self: self._raw[3], doc="Of these, bytes in holes.")
    kind = property(lambda self: Kind(self._raw[6]), doc="What it is about.")
    action = property(lambda self: Action(self._raw[7]), doc="What was done.")
    flags = property(lambda self: Outcome(self._raw[8]), doc="What else there is to say.")
    method = property(lambda self: Method(self._raw[10]), doc="How the data was moved.")

    @property
    def fd(self):
        """With Want.FD: the copy, still open. To read this passes the descriptor to the reader, who closes it from
        now on; if nobody reads it, it is closed with the last who holds the completion. It may be set, as to None
        by a program that has closed it.

        A job that failed may have one too, if only an attribute was lost: Job.completion tells. Pool.copy and
        copy_one, which raise the error, have closed it.
        """
        return self._descriptors.give() if self._descriptors is not None else None

    @fd.setter
    def fd(self, fd):
        made = None
        if fd is not None:
            made = Descriptors()
            made.is_given = True
            made.taken.append(fd)
        self._descriptors = made

    def answer(self, answer):
        """Answer the question, at any time before the job's end; ENOENT: it is too late."""
        if self._raw[6] != Kind.QUESTION:
            raise TypeError("this is no question")
        self._pool._call("answer", self.details.question, Answer(answer))

    def describe(self, src, dst, *, src_dir=None, dst_dir=None, **options):
        """A sentence about what failed, or what a question asks, in the words of cp; see arsync_describe.

        In place of names it has "$s" and "$d". It is "" if nothing failed. The arguments are those of the
        copy, or of the item; of a tree with Flags.RECURSIVE.
        """
        made = options_of(options)
        ends = ends_of(src, src_dir, dst, dst_dir, made)
        text = ctypes.create_string_buffer(512)
        raw = self._laid_out()
        check(c.call("describe", raw, made, *ends, text, len(text)), made)
        return text.value.decode(errors="replace")

    def json(self, src, dst, outcome=None, message=None):
        """A record of it for logs and other programs, an object in one line; see arsync_completion_json.

        src and dst are the names of what it is about: the program's own, with path below them. outcome is
        what came of it in the program's own words, and message what is said of it.
        """
        given = [None if text is None else path_of(text) for text in (outcome, message)]
        raw = self._laid_out()
        write = c.library.arsync_completion_json
        return text_of(write, raw, path_of(src), path_of(dst), *given).decode()

    def _laid_out(self):
        """As the library told it, with copies of what it pointed to."""
        raw = c.Completion(*self._raw)
        path = None if self.path is None else ctypes.create_string_buffer(os.fsencode(self.path))
        details = None if self.details is None else self.details._laid_out()
        raw.path = None if path is None else ctypes.addressof(path)
        raw.details = None if details is None else ctypes.addressof(details)
        raw._keeps = (path, details)
        return raw

    def __repr__(self):
        return f"<Completion {self.kind.name} {self.path!r} {self.action.name} {self.error}>"


def _text(chars):
    return None if chars is None else os.fsdecode(chars)


def _bytes(text):
    return None if text is None else os.fsencode(text)
