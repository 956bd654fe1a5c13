"""The library, its structs and its functions, as ctypes sees them."""

import ctypes
import os
from ctypes import POINTER, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t
from ctypes import c_uint16, c_uint32, c_uint64, c_void_p

VERSION_NUMBER = 1000  # of the header that this was written for: 0.1.0
AT_FDCWD = -100


def _load():
    """The library that $ARSYNC_LIBRARY names, else the one in the package, else the installed one."""
    named = os.environ.get("ARSYNC_LIBRARY")
    if named:
        return ctypes.CDLL(named)
    inside = os.path.join(os.path.dirname(__file__), "lib")
    if os.path.exists(os.path.join(inside, "libarsync.so.0")):
        # What it needs must be there before it is, as nothing tells the loader of this directory.
        for name in sorted(os.listdir(inside)):
            if not name.startswith("libarsync."):
                ctypes.CDLL(os.path.join(inside, name))
        return ctypes.CDLL(os.path.join(inside, "libarsync.so.0"))
    try:
        return ctypes.CDLL("libarsync.so.0")
    except OSError as error:
        raise ImportError(
            "there is no libarsync.so.0: install libarsync, or name it by ARSYNC_LIBRARY"
        ) from error


library = _load()

_NUMBERS = (c_int, c_uint16, c_uint32, c_int64, c_uint64)


def _fitting(kind, value):
    """The number, if C's type has it: ctypes would cut it."""
    if isinstance(value, int) and kind(value).value != value:
        raise ValueError(f"{int(value)} is out of range: there is room for {8 * ctypes.sizeof(kind)} bits")
    return value


class _Struct(ctypes.Structure):
    """One whose fields take no number that they have no room for."""

    def __setattr__(self, name, value):
        kind = self._kinds.get(name)
        super().__setattr__(name, value if kind is None else _fitting(kind, value))

    def __init_subclass__(cls):
        cls._kinds = {name: kind for name, kind in cls._fields_ if kind in _NUMBERS}


def call(name, *arguments):
    """Call arsync_NAME with numbers that fit: for all that has numbers of the program's own."""
    function = getattr(library, "arsync_" + name)
    for kind, value in zip(function.argtypes, arguments):
        if kind in _NUMBERS:
            _fitting(kind, value)
    return function(*arguments)


class PoolOptions(_Struct):
    _fields_ = [
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("backend", c_uint32),
        ("workers", c_uint32),
        ("buffer_count", c_uint32),
        ("buffer_size", c_uint32),
        ("queue_depth", c_uint32),
        ("job_limit", c_uint32),
        ("byte_rate", c_uint64),
        ("lease_count", c_uint32),
        ("reserved", c_uint32 * 5),
    ]


class CopyOptions(_Struct):
    _fields_ = [
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("method", c_uint32),
        ("reflink", c_uint32),
        ("cache", c_uint32),
        ("replace", c_uint32),
        ("durability", c_uint32),
        ("preserve", c_uint32),
        ("sparse", c_uint32),
        ("chunks", c_uint32),
        ("update", c_uint32),
        ("symlinks", c_uint32),
        ("report", c_uint32),
        ("backup", c_uint32),
        ("backup_suffix", c_char_p),
        ("filter", c_char_p),
        ("link_set", c_uint64),
        ("want", c_uint32),
        ("required", c_uint32),
        ("reserved", c_uint32 * 2),
        ("range_offset", c_uint64),
        ("range_length", c_uint64),
        ("user_map", c_char_p),
        ("group_map", c_char_p),
    ]


class Info(_Struct):
    _fields_ = [
        ("struct_size", c_uint32),
        ("backend", c_uint32),
        ("workers", c_uint32),
        ("workers_started", c_uint32),
        ("buffer_count", c_uint32),
        ("buffer_size", c_uint32),
        ("queue_depth", c_uint32),
        ("buffers_registered", c_uint32),
        ("buffers_refused", c_uint32),
        ("flags", c_uint32),
        ("backend_reason", c_char * 128),
        ("buffers_reason", c_char * 128),
        ("sqpoll_reason", c_char * 128),
        ("iopoll_reason", c_char * 128),
        ("kernel_features", c_char * 128),
    ]


class Stats(_Struct):
    _fields_ = [("struct_size", c_uint32), ("queue_depth_max", c_uint32)] + [
        (name, c_uint64)
        for name in (
            "jobs_submitted jobs_completed jobs_failed jobs_cancelled bytes_read bytes_written "
            "bytes_reflinked bytes_offloaded bytes_copied_in_user_space reads reads_fixed "
            "reads_inline writes writes_fixed writes_inline short_transfers submissions enters "
            "helper_calls buffer_waits busy_ns queue_depth_ns"
        ).split()
    ]


class Adjustment(_Struct):
    _fields_ = [
        ("struct_size", c_uint32),
        ("what", c_uint32),
        ("byte_rate", c_uint64),
        ("priority", c_int32),
        ("reserved", c_uint32 * 3),
    ]


class Progress(_Struct):
    _fields_ = [
        ("struct_size", c_uint32),
        ("state", c_uint32),
        ("stage", c_uint32),
        ("method", c_uint32),
        ("bytes_total", c_uint64),
        ("bytes_done", c_uint64),
        ("entries_total", c_uint64),
        ("entries_done", c_uint64),
        ("errors", c_uint64),
        ("flags", c_uint32),
        ("reserved", c_uint32),
        ("bytes_per_second", c_uint64),
    ]


class Totals(_Struct):
    _fields_ = (
        [("struct_size", c_uint32), ("reserved", c_uint32)]
        + [
            (name, c_uint64)
            for name in (
                "entries files directories symlinks hard_links specials skipped removed errors "
                "bytes hole_bytes"
            ).split()
        ]
        + [("files_by_method", c_uint64 * 16)]
    )


class Facts(_Struct):
    _fields_ = [
        ("size", c_uint64),
        ("mtime_s", c_int64),
        ("mtime_ns", c_uint32),
        ("mode", c_uint32),
        ("device_major", c_uint32),
        ("device_minor", c_uint32),
        ("inode", c_uint64),
    ]


class Buffer(_Struct):
    _fields_ = [
        ("id", c_uint64),
        ("data", c_void_p),
        ("size", c_uint64),
        ("flags", c_uint32),
        ("worker", c_uint32),
    ]


class Details(_Struct):
    _fields_ = [
        ("struct_size", c_uint32),
        ("has", c_uint32),
        ("totals", POINTER(Totals)),
        ("backup", c_char_p),
        ("name", c_char_p),
        ("question", c_uint64),
        ("source", Facts),
        ("destination", Facts),
        ("error_path", c_char_p),
        ("digest", c_uint64 * 2),
        ("begin_ns", c_uint64),
        ("end_ns", c_uint64),
        ("other", c_uint64),
        ("buffers", POINTER(Buffer)),
        ("buffer_count", c_uint64),
    ]


class Completion(_Struct):
    # path and details are addresses: completions are read by struct, many at once.
    _fields_ = [
        ("job", c_uint64),
        ("user_data", c_uint64),
        ("bytes", c_uint64),
        ("hole_bytes", c_uint64),
        ("path", c_void_p),
        ("result", c_int32),
        ("kind", c_uint16),
        ("action", c_uint16),
        ("flags", c_uint32),
        ("stage", c_uint16),
        ("method", c_uint16),
        ("details", c_void_p),
    ]


COMPLETION_FORMAT = "=QQQQQiHHIHHQ"


class Item(_Struct):
    _fields_ = [("src", c_char_p), ("dst", c_char_p), ("user_data", c_uint64), ("reserved", c_uint64)]


def _declare(result, name, *arguments):
    function = getattr(library, "arsync_" + name)
    function.restype = result
    function.argtypes = arguments


_declare(c_char_p, "version")
_declare(c_uint32, "version_number")
_declare(c_char_p, "strerror", c_int)
for _name in ("stage", "method", "backend", "action", "completion_kind"):
    _declare(c_char_p, _name + "_name", c_uint32)
_declare(c_int, "copy", c_int, c_char_p, c_int, c_char_p, POINTER(CopyOptions), c_void_p)
_declare(None, "details_free", c_void_p)
_declare(c_int, "options_check", POINTER(CopyOptions), c_char_p, c_size_t)
_declare(
    c_int, "option_set", POINTER(CopyOptions), POINTER(PoolOptions), c_char_p, c_char_p,
    c_char_p, c_size_t,
)
_declare(
    c_int, "describe", POINTER(Completion), POINTER(CopyOptions), c_int, c_char_p, c_int, c_char_p,
    c_char_p, c_size_t,
)
_declare(
    c_int, "completion_json", POINTER(Completion), c_char_p, c_char_p, c_char_p, c_char_p,
    c_char_p, c_size_t,
)
_declare(c_int, "quote", c_char_p, c_size_t, c_uint32, c_char_p, c_size_t)
_declare(c_int, "pool_open", POINTER(PoolOptions), POINTER(c_void_p))
_declare(c_int, "pool_shutdown", c_void_p, c_uint32)
_declare(c_int, "pool_close", c_void_p)
_declare(c_int, "pool_event_fd", c_void_p)
_declare(c_int, "pool_wake", c_void_p)
_declare(c_int, "pool_info", c_void_p, POINTER(Info))
_declare(c_int, "pool_stats", c_void_p, POINTER(Stats))
_declare(c_int, "pool_describe", c_void_p, c_char_p, c_size_t)
_declare(c_int, "pool_json", c_void_p, c_char_p, c_size_t)
_declare(
    c_int, "submit_copy", c_void_p, c_int, c_char_p, c_int, c_char_p,
    POINTER(CopyOptions), c_uint64, POINTER(c_uint64),
)
_declare(
    c_int, "submit_copy_range", c_void_p, c_int, c_uint64, c_int, c_uint64, c_uint64,
    POINTER(CopyOptions), c_uint64, POINTER(c_uint64),
)
_declare(
    c_int, "submit_list", c_void_p, c_int, c_int, c_void_p, c_uint64,
    POINTER(CopyOptions), c_uint64, POINTER(c_uint64),
)
_declare(
    c_int, "list_open", c_void_p, c_int, c_int, POINTER(CopyOptions), c_uint64, POINTER(c_uint64)
)
_declare(c_int, "list_add", c_void_p, c_uint64, c_void_p, c_uint32)
_declare(c_int, "list_end", c_void_p, c_uint64)
_declare(c_int, "link_set_open", c_void_p, POINTER(c_uint64))
_declare(c_int, "link_set_close", c_void_p, c_uint64)
_declare(c_int, "job_cancel", c_void_p, c_uint64)
_declare(c_int, "job_adjust", c_void_p, c_uint64, POINTER(Adjustment))
_declare(c_int, "job_progress", c_void_p, c_uint64, POINTER(Progress))
_declare(c_int, "poll", c_void_p, c_void_p, c_uint32, c_int)
_declare(c_int, "take_fd", c_void_p, c_void_p)
_declare(c_int, "buffer_acquire", c_void_p, c_uint32, POINTER(Buffer))
_declare(c_int, "submit_acquire", c_void_p, c_uint32, c_uint64, POINTER(c_uint64))
_declare(c_int, "buffer_release", c_void_p, c_uint64)
_declare(c_int, "file_open", c_void_p, c_int, c_uint32, POINTER(c_uint64))
_declare(c_int, "file_close", c_void_p, c_uint64)
for _name in ("read", "write"):
    _declare(
        c_int, "submit_" + _name, c_void_p, c_uint64, c_uint64, c_uint64, c_uint64, c_uint64,
        c_uint32, c_uint64, POINTER(c_uint64),
    )
_declare(c_int, "submit_sync", c_void_p, c_uint64, c_uint32, c_uint64, POINTER(c_uint64))
_declare(c_int, "answer", c_void_p, c_uint64, c_uint32)

if library.arsync_version_number() // 1000000 != VERSION_NUMBER // 1000000:
    raise ImportError(
        f"this package is for libarsync 0, and not {library.arsync_version().decode()}"
    )
