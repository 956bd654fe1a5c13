"""Options of a copy: keywords in, the library's struct out."""

import ctypes
import errno
import os

from . import _library as c
from ._completion import failure
from ._enums import Flags

_NAMES = frozenset(name for name, _ in c.CopyOptions._fields_) - {"struct_size", "reserved"}
_TEXTS = ("backup_suffix", "filter", "user_map", "group_map")


def options_of(options):
    """The struct. Each keyword is a field of arsync_copy_options, which says what it means."""
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
            value = getattr(value, "id", value)
        setattr(made, name, value)
    return made


def check(result, options, path=None):
    """Raise what a submit has said; of options that are refused also why."""
    if result >= 0:
        return result
    reason = ""
    if result == -errno.EINVAL:
        why = ctypes.create_string_buffer(256)
        c.library.arsync_options_check(ctypes.byref(options), why, len(why))
        reason = why.value.decode()
    raise failure(result, path, reason)


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
