"""Jobs: what one waits for."""

import asyncio
import contextlib
import ctypes
import errno
from collections import deque
from itertools import count, islice
from types import SimpleNamespace

from . import _library as c
from ._buffers import leased_from
from ._completion import Completion
from ._enums import Action, Adjust, JobState, Kind, Method, ProgressFlags, Stage
from ._errors import error_of, failure, name_of_end
from ._lists import items_of

_ADD_MAX = 1024


class Job:
    """A copy that was submitted: of a file, a range, a tree or a list.

    wait() waits for it, as does await; a loop over it, or async for, gives what it tells of entries and
    items, and asks, until it has ended. A coroutine that is cancelled while it awaits the job cancels the
    job, and ends when that has ended.
    """

    def __init__(self, pool, src, dst, user_data, items=None, keeps=None):
        self._pool = pool
        self._made = ctypes.c_uint64()  # its number, which the library stores here
        self._src, self._dst = src, dst
        self._path = name_of_end(src)
        self.user_data = user_data
        self._items = items  # by the place that the library knows them by
        self._keeps = keeps  # what it may use until the end
        self._descriptors = None  # with Want.FD: where it goes
        self._unread = deque()
        self._futures = []  # of coroutines, and whether they wait for the end alone
        self.completion = None  # when it has ended

    @property
    def _id(self):
        return self._made.value

    # ---- what it is told, with the pool's lock held ----

    def _turned(self, raw):
        """A completion in Python. Whatever is wrong with it, the job goes on and has its end."""
        try:
            return self._end_of(raw) if raw[6] == Kind.JOB else self._entry_of(raw)
        except Exception as error:
            told = Completion.unreadable(raw, self.user_data, error)
            told._descriptors = self._descriptors
            return told

    def _entry_of(self, raw):
        item, data = None, self.user_data
        if self._items is not None:
            item = self._items.get(raw[1])
            if item is not None:
                data = item[2] if len(item) > 2 else None
        told = Completion(raw, data, self._pool, self._items)
        if raw[5] < 0:
            src, dst = (self._src, self._dst) if item is None else item[:2]
            if raw[6] == Kind.WAY:
                told.error = error_of(raw, told.path, told.path)
            else:
                told.error = error_of(raw, src, dst, told.path)
        return told

    def _end_of(self, raw):
        done = Completion(raw, self.user_data, self._pool)
        if self._descriptors is not None:
            self._take_fd(raw)
            done._descriptors = self._descriptors
        if raw[5] < 0:
            below = done.details.error_path if done.details else None
            done.error = error_of(raw, self._src, self._dst, below)
        if raw[7] == Action.ACQUIRE and done.details is not None:
            done.buffers = leased_from(self._pool, c.Details.from_address(raw[11]))
        return done

    def _take_fd(self, raw):
        if not self._descriptors.taken:
            # The call stores what it returns itself, and so loses none to a signal.
            given = ctypes.byref(c.Completion(*raw))
            self._descriptors.taken.extend(map(c.library.arsync_take_fd, (self._pool._handle,), (given,)))

    def _forget_item(self, raw):
        if raw[6] == Kind.ITEM and self._items is not None:  # it is the item's last one
            self._items.pop(raw[1], None)

    def _end(self, done):
        if self.completion is not None:
            return
        for buffer in done.buffers or ():
            buffer._own()
        self._keeps = None
        self.completion = done

    def _wake_coroutines(self):
        for future, until_end in self._futures:
            if self.completion is not None or not until_end:
                with contextlib.suppress(RuntimeError):  # the loop was closed: there nobody waits any more
                    future.get_loop().call_soon_threadsafe(_set, future)

    # ---- for everybody ----

    def wait(self, timeout=None):
        """Wait for the end: the job's Completion, or its error is raised. TimeoutError: it goes on.

        The timeout is in seconds; with 0 it only takes what there is. RuntimeError: it was called in a signal's
        handler, or a finalizer, that has interrupted a call of this pool, and the job has not ended. It goes on: wait
        for it elsewhere. So it is with await and loops.
        """
        if not self._pool._wait(lambda: self.completion is not None, timeout):
            raise TimeoutError
        return self._result()

    def done(self):
        """Whether it has ended, as far as anybody who waits has been told."""
        return self.completion is not None

    def _result(self):
        if self.completion.error is not None:
            raise self.completion.error
        return self.completion

    def __iter__(self):
        unread = self._unread
        while self._pool._wait(lambda: unread or self.completion is not None):
            if self.completion is not None and not unread:
                return  # in this order: nothing is added once it has ended
            with contextlib.suppress(IndexError):  # there are no more: another loop may have taken them
                # From the queue to the loop in one call of C's, which no signal comes between.
                yield from iter(unread.popleft, None)

    def __await__(self):
        return self._wait_here().__await__()

    async def _wait_here(self):
        cancelled = None
        while self.completion is None:
            try:
                await self._news(until_end=True)
            except asyncio.CancelledError as error:
                cancelled = error
                self.cancel()
        if cancelled is None:
            return self._result()
        try:
            raise cancelled
        finally:
            del cancelled  # or it would keep itself, and so the job and what that has

    async def __aiter__(self):
        unread = self._unread
        while True:
            has_ended = self.completion is not None  # before the last look: then nothing is added any more
            with contextlib.suppress(IndexError):
                for entry in iter(unread.popleft, None):
                    yield entry
            if has_ended:
                return
            await self._news(until_end=False)

    async def _news(self, until_end):
        loop = asyncio.get_running_loop()
        pool = self._pool
        pool._watch(loop)
        waits = (loop.create_future(), until_end)
        try:
            with pool._lock:
                if self.completion is not None or (self._unread and not until_end):
                    return
                self._futures.append(waits)
            try:
                await waits[0]
            finally:
                with pool._lock:
                    self._futures.remove(waits)
        finally:
            pool._unwatch(loop)

    def cancel(self):
        """Ask it to stop. Whoever waits for it waits until it has."""
        try:
            self._pool._call("job_cancel", self._id)
        except OSError as error:  # that it has ended is no news
            if error.errno not in (errno.ENOENT, errno.ESHUTDOWN):
                raise

    def adjust(self, *, pause=False, resume=False, byte_rate=None, priority=None):
        """Change on what terms it runs; see arsync_job_adjust. FileNotFoundError: it has ended."""
        change = c.Adjustment(struct_size=ctypes.sizeof(c.Adjustment))
        if pause:
            change.what |= Adjust.PAUSE
        if resume:
            change.what |= Adjust.RESUME
        if byte_rate is not None:
            change.what |= Adjust.BYTE_RATE
            change.byte_rate = byte_rate
        if priority is not None:
            change.what |= Adjust.PRIORITY
            change.priority = priority
        self._pool._call("job_adjust", self._id, ctypes.byref(change))

    def progress(self):
        """How far it is: the fields of arsync_progress. FileNotFoundError: it has ended."""
        told = c.Progress(struct_size=ctypes.sizeof(c.Progress))
        self._pool._call("job_progress", self._id, ctypes.byref(told))
        fields = {name: getattr(told, name) for name, _ in c.Progress._fields_[1:]}
        del fields["reserved"]
        fields.update(
            state=JobState(told.state),
            stage=Stage(told.stage),
            method=Method(told.method),
            flags=ProgressFlags(told.flags),
        )
        return SimpleNamespace(**fields)


class List(Job):
    """A list that is not known as a whole when it begins."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._places = count()  # none is given twice, whatever an exception has left of the last ones

    def add(self, items):
        """Add items, as submit_list takes them, and wait while too many wait to be begun.

        FileNotFoundError: the list was cancelled, or has ended. RuntimeError: it was to wait in a signal's handler,
        or a finalizer, that has interrupted a call of this pool; some of the items may have been added. Submit them
        there as a list of their own, by submit_list, and wait for that elsewhere.
        """
        items = list(items)
        while items:
            taken = self._add_some(items[:_ADD_MAX])
            del items[:taken]

    def _add_some(self, items):
        taken = []
        places = list(islice(self._places, len(items)))
        array = items_of(items, places)  # which calls paths of the program's, and they may wait for the pool
        with self._pool._lock:
            try:
                self._items.update(zip(places, items))
                # What the library returns is stored by the call, so that it is known whenever an exception comes.
                self._pool._store(taken, "list_add", self._id, array.address, len(items))
            finally:
                for place in places[max(taken[0], 0) if taken else 0 :]:
                    self._items.pop(place, None)
            if taken[0] < 0:
                raise failure(taken[0])
            before = len(self._items)
        if taken[0] == 0:
            self._pool._wait(lambda: len(self._items) != before or self.completion is not None)
        return taken[0]

    def end(self):
        """There will be no more items."""
        self._pool._call("list_end", self._id)


def _set(future):
    if not future.done():
        future.set_result(None)
