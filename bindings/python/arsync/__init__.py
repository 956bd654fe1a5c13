"""Copies of files and trees on Linux, fast and safely: libarsync, for Python programs.

Drop-ins for shutil's, with the same signatures and exceptions:

    arsync.copytree("from", "to")
    arsync.copy2("from", "to")

What else libarsync can, pools do. A job is waited for by wait() or await, and tells of its entries:

    with arsync.Pool() as pool:
        job = pool.submit_tree("from", "to", report=arsync.Report.ALL)
        for entry in job:
            print(entry.path, entry.action.name, entry.error)
        job.wait()

Options are keywords named for the fields of arsync_copy_options, and mean what arsync.h says of them.
"""

import os as _os

from . import _library
from ._buffers import Buffer, File
from ._completion import Completion, Details, Facts
from ._enums import (
    Action,
    Answer,
    Backend,
    Backup,
    Cache,
    Durability,
    Flags,
    JobState,
    Kind,
    Method,
    Outcome,
    PoolFlags,
    Preserve,
    ProgressFlags,
    Quoting,
    Reflink,
    Replace,
    Report,
    Shutdown,
    Sparse,
    Stage,
    Symlinks,
    Sync,
    Update,
    Want,
)
from ._errors import text_of as _text_of
from ._job import Job, List
from ._options import set_option, set_pool_option
from ._pool import TO_END, LinkSet, Pool
from ._shutil import copy, copy2, copy_one, copyfile, copytree

VERSION_NUMBER = _library.VERSION_NUMBER


def library_version():
    """The version of the library that runs, as "0.1.0", and as one number: 0.1.0 is 1000."""
    return _library.library.arsync_version().decode(), _library.library.arsync_version_number()


def strerror(error):
    """What an errno value means, in the library's words."""
    return _library.call("strerror", error).decode()


def name_of(value):
    """The library's name of a Stage, Method, Backend, Action or Kind, as "open source"."""
    kinds = {
        Stage: "stage",
        Method: "method",
        Backend: "backend",
        Action: "action",
        Kind: "completion_kind",
    }
    return _library.call(kinds[type(value)] + "_name", value).decode()


def quote(name, quoting=Quoting.SHELL):
    """A file's name, of any bytes, so that it can be shown: for a shell, or as a word in a sentence.

    What the locale cannot print is escaped, so that a terminal gets nothing that it would obey. See
    arsync_quote.
    """
    name = _os.fsencode(name)
    return _os.fsdecode(_text_of(_library.call, "quote", name, len(name), quoting))


__all__ = [name for name in dir() if not name.startswith("_")]
