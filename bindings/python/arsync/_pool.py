"""Pools: who takes completions from the library, and how everything else waits."""

import contextlib
import ctypes
import errno
import os
import select
import struct
import threading
import time
import weakref
from collections import deque
from functools import partial
from itertools import islice
from operator import itemgetter
from types import SimpleNamespace

from . import _library as c
from ._buffers import Buffer, File, give_back
from ._completion import Descriptors
from ._enums import Backend, Flags, PoolFlags, Shutdown, Want
from ._errors import closed, failure, text_of
from ._job import Job, List
from ._lists import items_of
from ._options import check, descriptor_of, ends_of, options_of

_BATCH = 256
_raw = struct.Struct(c.COMPLETION_FORMAT)
TO_END = 2**64 - 1
_LIST_ITSELF = 2**64 - 1
_WAIT_MAX = 1 << 20  # seconds at a time: poll(2) takes some 24 days
_ENTERED = "a signal's handler or a finalizer has interrupted a call of this pool"


_pools = weakref.WeakSet()


def _after_fork():
    for pool in list(_pools):
        pool._after_fork()


os.register_at_fork(after_in_child=_after_fork)


class Pool:
    """Worker threads of the library, to which copies are submitted. It is a context manager.

    The options are the fields of arsync_pool_options: flags, backend, workers, buffer_count, buffer_size,
    queue_depth, job_limit, byte_rate, lease_count. Any thread may use it, and so may coroutines of any event loop.

    How it hangs together: _lock is held for every call of the library on the pool. There is no thread for
    completions: of the threads that wait for one, one at a time (_sleeper) waits for the pool's descriptor,
    without the lock, takes what there is, and wakes the others; an event loop in which a coroutine waits
    watches the descriptor too. Whoever takes completions hands them to their jobs.

    A signal's handler, or a finalizer, runs on top of whatever its thread is doing. It may call everything; but it
    can neither wait nor close where that thread is inside of this pool, for what it would wait for may be in the
    hands of the frame below, which goes on only after it: that is a RuntimeError.
    """

    def __init__(self, **options):
        made = c.PoolOptions(struct_size=ctypes.sizeof(c.PoolOptions))
        names = {name for name, _ in c.PoolOptions._fields_} - {"struct_size", "reserved"}
        for name, value in options.items():
            if name not in names:
                raise TypeError(f"there is no option {name!r}")
            setattr(made, name, value)
        self._handle = handle = ctypes.c_void_p()  # false until the library stores what it has opened
        result = c.library.arsync_pool_open(ctypes.byref(made), ctypes.byref(handle))
        if result < 0:
            raise failure(result)
        self._opened = handle  # by which buffers are known after the close
        self._lock = threading.RLock()
        self._told = threading.Condition(self._lock)
        self._sleeper = None  # the thread
        self._news = False  # something was taken since that one went to sleep
        self._over = False  # there will be no more completions
        self._jobs = {}
        self._watched = {}  # of an event loop: its descriptor, and how many coroutines wait
        self._memory = ctypes.create_string_buffer(_BATCH * _raw.size)  # what the library polls into
        self._batch = _Batch()
        self._touched = {}  # jobs whose coroutines have not been woken since they were told something
        self._event_fd = c.library.arsync_pool_event_fd(handle)
        self._is_forked = False
        _pools.add(self)

    # ---- its life ----

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        # Nobody waits any more: what is outstanding is cancelled, and told to nobody.
        if getattr(self, "_handle", None):
            c.library.arsync_pool_close(self._handle)

    def close(self):
        """Cancel all jobs, wait until they have ended, and free everything. May be called again.

        RuntimeError: it was called in a signal's handler, or a finalizer, that has interrupted a call of this pool.
        There, shutdown does not wait; close it elsewhere. In a forked child it only closes the pool's descriptors.
        """
        if self._handle and self._is_entered():
            raise RuntimeError(f"{_ENTERED}, which cannot be closed here: shutdown does not wait")
        with self._lock:
            if not self._handle:
                return
            if self._is_forked:
                c.library.arsync_pool_close(self._handle)
                self._handle = None
                return
            self.shutdown(Shutdown.CANCEL)
        self._wait(lambda: self._over)
        with self._lock:
            while self._sleeper:  # it is about to wake: the descriptor stays readable
                self._told.wait()
            if self._handle:
                c.library.arsync_pool_close(self._handle)
                self._handle = None

    def shutdown(self, how):
        """Let it come to its end in one of the ways of Shutdown, without waiting."""
        self._call("pool_shutdown", how)
        if self._lock._is_owned():  # by a frame that may be taking: the descriptor stays readable
            return
        with self._lock:  # a loop may have nothing to wait for any more
            self._take()

    def fileno(self):
        """A descriptor that is readable while completions wait to be taken: only wait on it."""
        return self._event_fd

    def info(self):
        """What it uses, and why: the fields of arsync_info."""
        info = c.Info(struct_size=ctypes.sizeof(c.Info))
        self._call("pool_info", ctypes.byref(info))
        told = {name: getattr(info, name) for name, _ in c.Info._fields_[1:]}
        told = {name: v.decode() if isinstance(v, bytes) else v for name, v in told.items()}
        told["backend"], told["flags"] = Backend(info.backend), PoolFlags(info.flags)
        return SimpleNamespace(**told)

    def stats(self):
        """What it has done: the fields of arsync_stats."""
        stats = c.Stats(struct_size=ctypes.sizeof(c.Stats))
        self._call("pool_stats", ctypes.byref(stats))
        return SimpleNamespace(**{name: getattr(stats, name) for name, _ in c.Stats._fields_[1:]})

    def describe(self):
        """What info tells, as lines of text for a log."""
        return self._text("pool_describe")

    def json(self):
        """What info and stats tell, as a JSON object in one line; see arsync_pool_json."""
        return self._text("pool_json")

    def _text(self, function):
        return text_of(lambda text, size: self._call(function, text, size)).decode()

    def _after_fork(self):
        """In the child: the threads that held the lock or waited are not there."""
        self._lock = threading.RLock()
        self._told = threading.Condition(self._lock)
        self._sleeper = None
        self._is_forked = True

    # ---- copies ----

    def submit(self, src, dst, *, src_dir=None, dst_dir=None, user_data=None, **options):
        """Submit the copy of one file, or with Flags.RECURSIVE of a tree: a Job.

        src and dst are paths, from src_dir and dst_dir if these are given; or open files, or descriptors of
        such, that are the ends themselves. Each option is a field of arsync_copy_options.
        """
        made = options_of(options, self)
        if made.flags & Flags.RECURSIVE:
            made.want |= Want.ERROR_PATH  # to tell where
        ends = ends_of(src, src_dir, dst, dst_dir, made)
        job = Job(self, src, dst, user_data, keeps=(src, dst, src_dir, dst_dir))
        if made.want & Want.FD:
            job._descriptors = Descriptors()
        return self._submit("submit_copy", job, made, *ends)

    def submit_tree(self, src, dst, *, flags=0, **options):
        """Submit the copy of a directory with all that is in it: submit with Flags.RECURSIVE."""
        return self.submit(src, dst, flags=flags | Flags.RECURSIVE, **options)

    def submit_range(
        self, src, src_offset, dst, dst_offset, length=TO_END, *, user_data=None, **options
    ):
        """Submit the copy of length bytes between two open files, or to the source's end."""
        made = options_of(options, self)
        ends = (descriptor_of(src), src_offset, descriptor_of(dst), dst_offset, length)
        job = Job(self, None, None, user_data, keeps=(src, dst))
        return self._submit("submit_copy_range", job, made, *ends)

    def submit_list(self, items, *, src_dir=None, dst_dir=None, user_data=None, **options):
        """Submit the copy of many things as one job. Each item is (src, dst) or (src, dst, user_data)."""
        made = options_of(options, self)
        made.want |= Want.ERROR_PATH
        items = list(items)
        job = Job(self, None, None, user_data, dict(enumerate(items)), (src_dir, dst_dir))
        array = items_of(items, range(len(items)))
        ends = (descriptor_of(src_dir), descriptor_of(dst_dir), array.address, len(items))
        return self._submit("submit_list", job, made, *ends, token=_LIST_ITSELF)

    def open_list(self, *, src_dir=None, dst_dir=None, user_data=None, **options):
        """Begin a list that is not known as a whole: a List, to add to and to end."""
        made = options_of(options, self)
        made.want |= Want.ERROR_PATH
        job = List(self, None, None, user_data, {}, (src_dir, dst_dir))
        ends = (descriptor_of(src_dir), descriptor_of(dst_dir))
        return self._submit("list_open", job, made, *ends, token=_LIST_ITSELF)

    def copy(self, src, dst, **options):
        """Copy one file, and return its Completion when that is done.

        What interrupts the wait, as ^C does, ends the copy before it is raised.

        RuntimeError: it was called in a signal's handler, or a finalizer, that has interrupted a call of this pool;
        nothing is copied. There, submit it, and wait for the job elsewhere.
        """
        if self._is_entered():  # before anything is copied
            raise RuntimeError(f"{_ENTERED}, which cannot be waited for here")
        job = self.submit(src, dst, **options)
        try:
            return job.wait()
        except BaseException:
            try:
                if not job.done():  # nobody has it, to end it or to wait for it
                    job.cancel()
                    self._wait(job.done)
            finally:
                if job._descriptors is not None:  # it was copied all the same, and an exception has no room for it
                    job._descriptors.close()
            raise

    def link_set(self):
        """Open a set of jobs between which hard links are kept: the option link_set of each."""
        return self._opened_as(LinkSet, "link_set", ctypes.c_uint64())

    # ---- buffers ----

    def acquire(self, count=1):
        """Lease buffers that are free: a list of Buffer. BlockingIOError: there are not as many."""
        leased = (c.Buffer * count)()
        try:
            self._call("buffer_acquire", count, leased)
            buffers = [Buffer(self, each) for each in leased]
            for buffer in buffers:
                buffer._own()
            return buffers
        except BaseException:
            for each in leased:  # if an exception comes after the call, nobody else knows them
                if each.id:
                    give_back(self, each.id)
            raise

    def submit_acquire(self, count=1, *, user_data=None):
        """Submit a job that waits for buffers. Its completion has them."""
        return self._submit_plain("submit_acquire", user_data, count)

    def open_file(self, file):
        """Give the pool an open file, or a descriptor, which may be closed then: a File."""
        return self._opened_as(File, "file", ctypes.c_uint64(), descriptor_of(file), 0)

    def _opened_as(self, kind, name, made, *arguments):
        """What the library opens and stores the number of. Nobody could close what an exception comes after."""
        try:
            self._call(name + "_open", *arguments, ctypes.byref(made))
            return kind(self, made.value)
        except BaseException:
            if made.value:
                with self._lock:
                    getattr(c.library, f"arsync_{name}_close")(self._opened, made.value)
            raise

    # ---- calls ----

    def _submit(self, function, job, options, *arguments, token=0):
        check(self._begin(function, job, *arguments, ctypes.byref(options), token), options, job._path)
        return job

    def _submit_plain(self, function, user_data, *arguments):
        job = Job(self, None, None, user_data)
        check(self._begin(function, job, *arguments, 0))
        return job

    def _begin(self, function, job, *arguments):
        """Make the call that a job begins with.

        An exception may come as soon as it has begun: then nobody will ask for it, so it is cancelled. But its end
        is told to it all the same, for that may bring what has to be given back.
        """
        with self._lock:
            try:
                result = self._result_of(function, *arguments, ctypes.byref(job._made))
                if result >= 0:
                    self._jobs[job._id] = job
                return result
            except BaseException:
                if job._id:
                    self._jobs[job._id] = job
                    c.library.arsync_job_cancel(self._handle, job._id)
                raise

    def _call(self, function, *arguments):
        with self._lock:
            result = self._result_of(function, *arguments)
        if result < 0:
            raise failure(result)
        return result

    def _result_of(self, function, *arguments):
        if not self._handle:
            raise closed("the pool is closed")
        return c.call(function, self._handle, *arguments)

    def _store(self, results, function, *arguments):
        """Make a call of which no exception loses what it returns: the library's own call appends that to a list."""
        if not self._handle:
            raise closed("the pool is closed")
        call = getattr(c.library, "arsync_" + function)
        results.extend(map(call, (self._handle,), *((argument,) for argument in arguments)))

    # ---- waiting ----

    def _take(self):
        """Take what there is, with the lock held, and hand it on.

        An exception may come anywhere in here, for KeyboardInterrupt does: what was taken is in _batch until it
        has been handed on, and whoever takes next goes on with it.
        """
        try:
            self._hand_on()
            self._batch = _Batch()
            n = self._batch.poll(self._handle, self._memory)
            if n == -errno.ESHUTDOWN:
                self._over = True
            elif n < 0:
                raise failure(n)
            self._hand_on()
            if self._touched or self._over:
                self._told.notify_all()
                self._news = True
            if self._sleeper and self._news:
                # It may be what it waits for. Any loop that watches the descriptor may take this wake for its
                # own, so it is given again until the sleeper is up.
                c.library.arsync_pool_wake(self._handle)
            self._touched.clear()
        except BaseException:
            # The others go on with the rest.
            self._told.notify_all()
            c.library.arsync_pool_wake(self._handle)
            raise

    def _hand_on(self):
        """Hand on what is in the batch. To begin again where an exception has come changes nothing."""
        taken = self._batch.unpacked(self._memory)
        while taken:
            told = taken[0]
            raw = told if type(told) is tuple else told._raw
            job = self._jobs.get(raw[0])
            if job is None:  # its end was handed on, or an exception took it from whoever submitted it
                taken.popleft()
                continue
            if told is raw:
                taken[0] = told = job._turned(raw)
            self._touched[job] = None
            if raw[6] == 33:  # Kind.JOB
                job._end(told)
                del self._jobs[raw[0]]
                taken.popleft()
            else:
                job._forget_item(raw)
                # From one queue to the other in one call of C's, which no signal comes between.
                job._unread.extend(map(itemgetter(0), zip((told,), iter(taken.popleft, None))))
        for job in self._touched:
            job._wake_coroutines()

    def _wait(self, holds, timeout=None):
        """Wait until something holds that completions bring about. Returns whether it does."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._is_entered():
            if holds():
                return True
            raise RuntimeError(f"{_ENTERED}, which cannot be waited for here")
        with self._lock:
            has = self._wait_until(holds, deadline)
        return has

    def _wait_until(self, holds, deadline):
        """The same with the lock held. Its loop is not in the `with`, which in Python 3.13 an exception that comes as
        it jumps back would leave without the lock's release."""
        while not holds():
            if not self._handle:
                return holds()
            if self._is_forked:
                raise failure(-errno.EOWNERDEAD)
            left = _WAIT_MAX if deadline is None else min(deadline - time.monotonic(), _WAIT_MAX)
            if left <= 0:  # so it is where nobody was to wait: what there is counts all the same
                self._take()
                return holds()
            if self._batch.is_pending():  # the descriptor does not tell of that
                self._take()
            elif self._sleeper:
                self._told.wait(left)
            else:
                self._sleep(left)
        return True

    def _is_entered(self):
        """Whether this thread is inside of the pool already: then it was interrupted there, as by a signal."""
        return self._lock._is_owned() or self._sleeper == threading.get_ident()

    def _sleep(self, left):
        """Wait for the descriptor, where signals and so KeyboardInterrupt get through, and take."""
        readable = select.poll()
        readable.register(self._event_fd, select.POLLIN)
        released, me = [], threading.get_ident()
        take_again = partial(any, map(self._lock._acquire_restore, released))
        try:
            self._sleeper, self._news = me, False
            # Released and noted in one call of C's, which no signal comes between.
            released.extend(islice(iter(self._lock._release_save, None), 1))
            readable.poll(left * 1000)
        finally:
            # A handler that raises may come with each call, branch and loop. So there is none of them before the lock
            # is taken again, by a call of C's that nothing interrupts: nobody else can put right what it guards.
            try:
                take_again()
            finally:
                self._sleeper = None
                try:
                    self._told.notify_all()  # another one may wait for the descriptor
                except BaseException:
                    self._told.notify_all()
                    raise
        if self._handle:
            self._take()

    def _watch(self, loop):
        """From now on a coroutine of this loop waits."""
        if self._is_entered():
            raise RuntimeError(f"{_ENTERED}, which cannot be waited for here")
        with self._lock:
            if not self._handle:
                return
            if self._is_forked:
                raise failure(-errno.EOWNERDEAD)
            if loop not in self._watched:
                # Of the loop's own, for the pool may be closed before it stops watching.
                fd = os.dup(self._event_fd)
                try:
                    loop.add_reader(fd, self._on_readable)
                    self._watched[loop] = [fd, 0]
                except BaseException:  # as of a loop that watches no descriptors
                    self._watched.pop(loop, None)
                    with contextlib.suppress(Exception):  # the loop may have it, and not know of the close
                        loop.remove_reader(fd)
                    os.close(fd)
                    raise
            self._watched[loop][1] += 1

    def _unwatch(self, loop):
        with self._lock:
            watch = self._watched.get(loop)
            if watch is None:
                return
            watch[1] -= 1
            if watch[1] == 0:
                del self._watched[loop]
                try:
                    loop.remove_reader(watch[0])
                finally:
                    os.close(watch[0])

    def _on_readable(self):
        with self._lock:
            if self._handle:
                self._take()


class _Batch:
    """What one poll gave, until it has been handed on.

    Each step leaves it as it was or done, whenever an exception comes; until the next poll the library keeps
    what the completions point to.
    """

    def __init__(self):
        self._counts = []  # what the poll returned
        self._taken = None  # completions that are to be handed on, as they came or turned into Python

    def poll(self, handle, memory):
        # The call stores what it returns itself, and so loses none to a signal.
        self._counts.extend(map(c.library.arsync_poll, (handle,), (memory,), (_BATCH,), (0,)))
        return self._counts[0]

    def unpacked(self, memory):
        if self._counts and self._taken is None:
            view = memoryview(memory)[: max(self._counts[0], 0) * _raw.size]
            self._taken = deque(_raw.iter_unpack(view))
        return self._taken

    def is_pending(self):
        return bool(self._counts and self._counts[0] > 0 and (self._taken is None or self._taken))


class LinkSet:
    """A set of jobs between which hard links are kept."""

    def __init__(self, pool, number):
        self._pool = pool
        self.id = number

    def _id_in(self, pool):
        """Its number in that pool; in another one it may be another set's."""
        if pool is not None and self._pool is not pool:
            raise failure(-errno.EINVAL, reason="link_set: of another pool")
        return self.id

    def close(self):
        """Forget it. Jobs that were submitted with it still use it."""
        self._pool._call("link_set_close", self.id)
