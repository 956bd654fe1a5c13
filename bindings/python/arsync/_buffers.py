"""Leased buffers, and the files that are read into them and written from them."""

import ctypes
import errno
import weakref

from . import _library as c
from ._enums import Sync
from ._errors import failure

_STREAM = 2**64 - 1


class Buffer:
    """Memory of a pool, that files are read into and written from without a copy in this process.

    data is a memoryview of it, page-aligned, and size its length. The memory stays valid for as long as there
    is a view of it, or of a part: it is given back to the pool when the buffer has been released, or is
    nobody's any more, and the last view is gone. It is a context manager, which releases it. Closing the pool
    leaves it alone.
    """

    def __init__(self, pool, leased):
        self.size = leased.size
        self._pool = pool
        self._id = leased.id
        memory = (ctypes.c_char * leased.size).from_address(leased.data)
        self._data = memoryview(memory).cast("B")

    def _own(self):
        """From now on the memory is given back when nobody looks at it any more. May be called again."""
        # Every view keeps this array, so its end is that of the last one. That it may be given back twice is no
        # harm, for no two leases have one number.
        weakref.finalize(self._data.obj, give_back, self._pool, self._id).atexit = False

    @property
    def data(self):
        """The memory. While it is read into, do not look at it; while it is written from, leave it as it is."""
        if self._data is None:
            raise ValueError("the buffer has been released")
        return self._data

    def release(self):
        """Give it back, also while it is read into or written from. May be called again."""
        self._data = None

    def __len__(self):
        return self.size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def _id_in(self, pool):
        """Its number in that pool; in another one it may be another buffer's."""
        if self._pool is not pool:
            raise failure(-errno.EINVAL, reason="buffer: of another pool")
        return self._id if self._data is not None else 0  # which no buffer has


def give_back(pool, number):
    with pool._lock:
        c.library.arsync_buffer_release(pool._opened, number)


def leased_from(pool, details):
    """The buffers that a completion tells of."""
    return [Buffer(pool, details.buffers[i]) for i in range(details.buffer_count)]


class File:
    """An open file of a pool, from Pool.open_file. It is a context manager, which closes it.

    Each operation is a Job, whose completion's bytes are what was read or written: fewer than were asked for
    are the end of the file. Operations have no order among each other.
    """

    def __init__(self, pool, number):
        self._pool = pool
        self._id = number

    def submit_read(self, buffer, offset, *, at=0, length=None, user_data=None):
        """Submit a read of length bytes from offset on into the buffer, from at on; without a length, as much as
        it holds. An offset of None is one read(2) of a stream. BlockingIOError or EBUSY: see arsync.h."""
        return self._submit("submit_read", buffer, offset, at, length, user_data)

    def submit_write(self, buffer, offset, *, at=0, length=None, user_data=None):
        """Submit a write of the same kind. One buffer may be written to any number of files at once."""
        return self._submit("submit_write", buffer, offset, at, length, user_data)

    def _submit(self, function, buffer, offset, at, length, user_data):
        length = max(buffer.size - at, 0) if length is None else length
        offset = _STREAM if offset is None else offset
        arguments = (self._id, offset, buffer._id_in(self._pool), at, length, 0)
        return self._pool._submit_plain(function, user_data, *arguments)

    def submit_sync(self, flags=0, *, user_data=None):
        """Submit a sync of what has been written by then; with Sync.DATA as fdatasync(2) does it."""
        return self._pool._submit_plain("submit_sync", user_data, self._id, Sync(flags))

    def close(self):
        """Close it, when the operations that are under way have ended. FileNotFoundError: it was closed."""
        self._pool._call("file_close", self._id)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
