"""What came of a job, in Python's memory."""

import ctypes
import errno
import os

from . import _library as c
from ._enums import Action, Answer, Kind, Method, Outcome, Stage, Want


class Facts:
    """What statx(2) tells of a file."""

    def __init__(self, facts):
        self.size = facts.size
        self.mtime_ns = facts.mtime_s * 1000000000 + facts.mtime_ns
        self.mode = facts.mode  # kind and permissions, as st_mode; 0: nothing is known
        self.device = os.makedev(facts.device_major, facts.device_minor)
        self.inode = facts.inode


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


class Completion:
    """What came of a job, of an entry of a tree, of an item of a list; or a question.

    error is None, or an OSError, as FileNotFoundError, with the attributes stage, side ("source",
    "destination" or ""), conflict and reason. path is that of an entry, below source and destination. fd,
    with Want.FD, is the copy, still open: the caller's to close. buffers are those of Pool.submit_acquire.
    """

    __slots__ = ("_raw", "path", "user_data", "error", "details", "fd", "buffers", "_pool")

    def __init__(self, raw, user_data, pool=None, items=None):
        self._raw = raw
        self.user_data = user_data
        self.path = self.error = self.details = self.fd = self.buffers = None
        self._pool = pool
        if raw[4]:
            self.path = os.fsdecode(ctypes.string_at(raw[4]))
        if raw[11]:
            self.details = Details(raw[11], items if raw[8] & Outcome.IN_MIRROR else None)

    bytes = property(lambda self: self._raw[2], doc="Bytes at the destination, holes included.")
    hole_bytes = property(lambda self: self._raw[3], doc="Of these, bytes in holes.")
    kind = property(lambda self: Kind(self._raw[6]), doc="What it is about.")
    action = property(lambda self: Action(self._raw[7]), doc="What was done.")
    flags = property(lambda self: Outcome(self._raw[8]), doc="What else there is to say.")
    method = property(lambda self: Method(self._raw[10]), doc="How the data was moved.")

    def answer(self, answer):
        """Answer the question, at any time before the job's end; ENOENT: it is too late."""
        if self._raw[6] != Kind.QUESTION:
            raise TypeError("this is no question")
        self._pool._call("answer", self.details.question, Answer(answer))

    def __repr__(self):
        return f"<Completion {self.kind.name} {self.path!r} {self.action.name} {self.error}>"


def error_of(raw, src, dst, below=None):
    """The exception for what failed between src and dst, at an entry below them or at these."""
    flags = raw[8]
    path, side = src, ""
    if flags & Outcome.AT_SOURCE:
        side = "source"
    elif flags & Outcome.AT_DESTINATION:
        path, side = dst, "destination"
    if below:
        path = os.path.join(os.fsdecode(path), below) if path else below
    error = failure(raw[5], path)
    error.stage = Stage(raw[9])
    error.side = side
    error.conflict = bool(flags & Outcome.CONFLICT)
    return error


def failure(result, path=None, reason=""):
    """The exception for what a function returned."""
    text = os.strerror(-result) + (": " + reason if reason else "")
    error = OSError(-result, text, path) if path is not None else OSError(-result, text)
    error.stage, error.side, error.conflict, error.reason = Stage.NONE, "", False, reason
    return error


def closed(what):
    """The exception for a pool that was closed."""
    return failure(-errno.ESHUTDOWN, reason=what)


def _text(chars):
    return None if chars is None else os.fsdecode(chars)
