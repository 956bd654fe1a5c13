"""Exceptions for what functions of the library say, and the texts that they write."""

import ctypes
import errno
import os

from ._enums import Outcome, Stage


def error_of(raw, src, dst, below=None):
    """The exception for what failed between src and dst, at an entry below them or at these."""
    flags = raw[8]
    path, side = src, ""
    if flags & Outcome.AT_SOURCE:
        side = "source"
    elif flags & Outcome.AT_DESTINATION:
        path, side = dst, "destination"
    if below:
        name = name_of_end(path)
        path = os.path.join(os.fsdecode(name), below) if name else below
    error = failure(raw[5], path)
    error.stage = Stage(raw[9])
    error.side = side
    error.conflict = bool(flags & Outcome.CONFLICT)
    return error


def name_of_end(end):
    """The path that an end of a copy was given as. None: it is an open file."""
    return None if isinstance(end, int) or hasattr(end, "fileno") else end


def failure(result, path=None, reason=""):
    """The exception for what a function returned."""
    text = os.strerror(-result) + (": " + reason if reason else "")
    error = OSError(-result, text, path) if path is not None else OSError(-result, text)
    error.stage, error.side, error.conflict, error.reason = Stage.NONE, "", False, reason
    return error


def closed(what):
    """The exception for a pool that was closed."""
    return failure(-errno.ESHUTDOWN, reason=what)


def text_of(write, *arguments):
    """The bytes that a function writes which takes room for them last, and tells how many they are."""
    size = 512
    while True:
        text = ctypes.create_string_buffer(size)
        length = write(*arguments, text, size)
        if length < 0:
            raise failure(length)
        if length < size:
            return text.value
        size = length + 1
