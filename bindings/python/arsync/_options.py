"""Options of a copy: keywords in, the library's struct out."""

import ctypes
import errno
import os

from . import _library as c
from ._enums import Flags
from ._errors import failure

_NAMES = frozenset(name for name, _ in c.CopyOptions._fields_) - {"struct_size", "reserved"}
_TEXTS = ("backup_suffix", "filter", "user_map", "group_map")


def options_of(options, pool=None):
    """The struct. Each keyword is a field of arsync_copy_options, which says what it means.

    pool is the one that they are submitted to, if there is one.
    """
    made = c.CopyOptions(struct_size=ctypes.sizeof(c.CopyOptions))
    for name, value in options.items():
        if name not in _NAMES:
            raise TypeError(f"there is no option {name!r}")
        if value is None:
            continue
        if name in _TEXTS:
            value = os.fsencode(value)
            if b"\0" in value:
                raise ValueError("embedded null byte")
        elif name == "link_set":
            value = value._id_in(pool) if hasattr(value, "_id_in") else value
        setattr(made, name, value)
    return made


def check(result, options=None, path=None):
    """Raise what a submit has said; of options that are refused also why."""
    if result >= 0:
        return result
    reason = ""
    if result == -errno.EINVAL and options is not None:
        why = ctypes.create_string_buffer(256)
        c.library.arsync_options_check(ctypes.byref(options), why, len(why))
        reason = why.value.decode()
    raise failure(result, path, reason)


def set_option(options, name, value=None):
    """Set one of the keywords of a copy by its name on a command line, from text; see arsync_option_set.

    options is a dict of such keywords, and keeps what it has. It is for what has options as text:

        options = {}
        arsync.set_option(options, "replace", "atomic")
        arsync.set_option(options, "recursive")
        pool.submit("from", "to", **options)

    FileNotFoundError: there is no option of that name. OSError with EINVAL: the value is not valid, and
    reason says what is.
    """
    given = None if value is None else path_of(value)  # made may come to point to it
    made = options_of(options)
    before = _fields_of(made)
    _set_by_name(made, None, name, given)
    options.update(_fields_of(made).items() - before.items())


def set_pool_option(options, name, value=None):
    """The same of the keywords of Pool, such as "jobs" for workers."""
    made = c.PoolOptions(ctypes.sizeof(c.PoolOptions), **options)
    before = _fields_of(made)
    _set_by_name(None, made, name, None if value is None else path_of(value))
    options.update(_fields_of(made).items() - before.items())


def _fields_of(made):
    return {name: getattr(made, name) for name, _ in made._fields_ if name != "reserved"}


def _set_by_name(copy, pool, name, value):
    why = ctypes.create_string_buffer(1024)
    result = c.library.arsync_option_set(copy, pool, path_of(name), value, why, len(why))
    if result < 0:
        reason = f"there is no option {name!r}" if result == -errno.ENOENT else why.value.decode(errors="replace")
        raise failure(result, reason=reason)


def path_of(path):
    """The bytes of a path."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError("embedded null byte")
    return encoded


def descriptor_of(file):
    """A descriptor, or that of a file, or the working directory."""
    if file is None:
        return c.AT_FDCWD
    return file if isinstance(file, int) else file.fileno()


def end_of(path, directory, options, flag):
    """One end of a copy: a path from a directory, or an open file that is the end itself."""
    if isinstance(path, int) or hasattr(path, "fileno"):
        options.flags |= flag
        return descriptor_of(path), b""
    return descriptor_of(directory), path_of(path)


def ends_of(src, src_dir, dst, dst_dir, options):
    """Both, as arsync_submit_copy takes them."""
    return (
        *end_of(src, src_dir, options, Flags.SRC_FD),
        *end_of(dst, dst_dir, options, Flags.DST_FD),
    )
