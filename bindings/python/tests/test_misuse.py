"""What nobody should do to the module, and what happens to whoever does."""

import asyncio
import contextlib
import copy
import dataclasses
import errno
import gc
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import deque

import pytest

import arsync
from arsync import Flags, Update, _library, _shutil
from arsync._errors import error_of
from test_cases import fails


def test_an_interrupt_stops_a_wait(work):
    pool = work.pool(byte_rate=64 << 10)
    job = pool.submit(work.path("from"), work.path("to"))
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        job.wait()
    assert not job.done()
    job.cancel()
    fails(errno.ECANCELED, job.wait)


def test_an_interrupt_ends_a_copy_that_nobody_has(work):
    pool = work.pool(byte_rate=64 << 10)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        pool.copy(work.path("from"), work.path("to"))
    assert not pool._jobs
    assert not work.exists("to")


def test_an_interrupt_stops_a_tree(work):
    # In a process of its own: the module's pool has no limit on bytes, so it waits for a FIFO.
    os.mkfifo(work.path("fifo"))
    program = """
import arsync, sys
from arsync._shutil import _wait, own_pool
job = own_pool().submit(sys.argv[1], sys.argv[2], flags=arsync.Flags.SPECIAL)
print("ready", flush=True)
_wait(job)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program, work.path("fifo"), work.path("to")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout.readline() == b"ready\n"
    time.sleep(0.1)  # it waits by now, most likely; if not, it is interrupted all the same
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert b"KeyboardInterrupt" in told
    assert not work.exists("to")


def test_an_interrupt_stops_a_copytree(work):
    os.makedirs(work.path("tree"))
    os.rename(work.path("from"), work.path("tree/from"))
    program = """
import arsync, sys
from arsync import _shutil
_shutil._own.append(arsync.Pool(byte_rate=64 << 10))
print("ready", flush=True)
arsync.copytree(sys.argv[1], sys.argv[2])
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program, work.path("tree"), work.path("to")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout.readline() == b"ready\n"
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=20)  # the copy would take longer
    assert b"KeyboardInterrupt" in told


def test_an_interrupt_while_another_thread_has_the_lock_leaves_the_pool_whole(work):
    pool = work.pool(byte_rate=64 << 10)
    job = pool.submit(work.path("from"), work.path("to"))
    sleeper = threading.get_ident()

    def interrupt():
        while not pool._sleeper:
            time.sleep(0.001)
        with pool._lock:
            for _ in range(3):
                signal.pthread_kill(sleeper, signal.SIGINT)
                time.sleep(0.05)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts = threading.Thread(target=interrupt)
    interrupts.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            job.wait()
    finally:
        interrupts.join(30)
        signal.signal(signal.SIGINT, before)
    assert not pool._sleeper
    job.cancel()
    fails(errno.ECANCELED, job.wait)


@contextlib.contextmanager
def handled_during(wait, handler, pool):
    """Wait, with a signal for which the handler is called once the wait has begun."""
    thread = threading.get_ident()

    def send():
        while not pool._sleeper:
            time.sleep(0.001)
        signal.pthread_kill(thread, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: handler())
    sends = threading.Thread(target=send)
    sends.start()
    try:
        yield wait()
    finally:
        sends.join(30)
        signal.signal(signal.SIGUSR1, before)


def refused(call, *arguments):
    with pytest.raises(RuntimeError, match="has interrupted a call of this pool"):
        call(*arguments)


def test_a_handler_that_interrupts_a_wait_does_not_wait_for_the_same_pool(work):
    work.write("small")
    pool = work.pool(byte_rate=2 << 20)
    done, came = pool.copy(work.path("small"), work.path("done")), []
    before = pool.submit(work.path("small"), work.path("before"))
    before.wait()

    def handler():
        job = pool.submit(work.path("small"), work.path("to small"))
        refused(job.wait, 20)
        refused(job.wait, 0)
        refused(list, job)
        refused(asyncio.run, waits_for(job))
        refused(pool.close)
        submitted = pool.stats().jobs_submitted
        refused(pool.copy, work.path("small"), work.path("refused"))
        assert pool.stats().jobs_submitted == submitted  # nor is it copied later
        assert before.wait() and done.bytes == 10  # what has ended is not waited for
        job.cancel()
        came.append(job)

    job = pool.submit(work.path("from"), work.path("to"))
    with handled_during(lambda: job.wait(60), handler, pool) as done:
        assert done.bytes == len(work.read("from"))
    (late,) = came
    with contextlib.suppress(OSError):
        late.wait(20)
    assert late.done() and not work.exists("refused")


def test_a_handler_that_interrupts_a_wait_may_shut_the_pool_down(work):
    pool = work.pool(byte_rate=64 << 10)
    job = pool.submit(work.path("from"), work.path("to"))

    def handler():
        pool.shutdown(arsync.Shutdown.CANCEL)

    with handled_during(lambda: fails(errno.ECANCELED, job.wait, 20), handler, pool):
        pass
    with pool._lock:  # a frame of this thread that may be taking
        pool.shutdown(arsync.Shutdown.CANCEL)
    other = work.pool()
    with other._lock:
        refused(other.submit(work.path("from"), work.path("to")).wait, 20)
        other.shutdown(arsync.Shutdown.DRAIN)
        assert not other._over


def test_a_handler_that_interrupts_a_drop_in_may_use_one(work, monkeypatch):
    work.write("small")
    own = work.pool(byte_rate=2 << 20)
    monkeypatch.setattr(_shutil, "_own", [own])
    monkeypatch.setattr(_shutil, "_ALONE_MAX", 0)

    opened, failed = [], []

    class Recorded(arsync.Pool):
        def __init__(self):
            super().__init__()
            opened.append(self)

    monkeypatch.setattr(_shutil, "Pool", Recorded)

    def handler():
        arsync.copyfile(work.path("small"), work.path("to small"))
        arsync.copytree(work.path("tree"), work.path("to tree"))
        failed.append(fails(errno.ENOENT, arsync.copyfile, work.path("small"), work.path("none/to")))  # with its frames
        with pytest.raises(shutil.Error):
            arsync.copytree(work.path("dangling"), work.path("to dangling"))

    work.tree("tree")
    os.mkdir(work.path("dangling"))
    os.symlink("none", work.path("dangling/link"))
    with handled_during(lambda: arsync.copyfile(work.path("from"), work.path("to")), handler, own):
        assert work.same("to small", "small") and work.same("to", "from")
        assert work.same("to tree/a", "tree/a")
    assert len(opened) == 4 and not any(pool._handle for pool in opened) and own._handle
    opens = threading.Thread(target=opens_while_it_is_opened, daemon=True)
    opens.start()
    opens.join(20)
    assert not opens.is_alive()


def opens_while_it_is_opened():
    with _shutil._own_lock:
        _shutil.own_pool()


def test_many_threads_submit_while_the_pool_closes(work):
    work.write("small")

    def use(pool):
        for i in range(50):
            try:
                job = pool.submit(work.path("small"), work.path(f"to{i}"))
                job.cancel()
                job.wait()
            except OSError as error:
                assert error.errno in (errno.ESHUTDOWN, errno.ECANCELED)

    for _ in range(5):
        pool = work.pool()
        threads = [threading.Thread(target=use, args=(pool,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.002)
        pool.close()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()


def test_a_pool_that_nobody_holds_is_closed(work):
    before = len(os.listdir("/proc/self/fd"))
    pool = arsync.Pool(byte_rate=64 << 10)
    pool.submit(work.path("from"), work.path("to"))
    gone = weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is None
    assert len(os.listdir("/proc/self/fd")) <= before
    assert not work.exists("to")


def test_a_process_may_end_with_jobs_in_flight(work):
    program = "import arsync, sys; pool = arsync.Pool(byte_rate=65536); pool.submit(sys.argv[1], sys.argv[2])"
    subprocess.run([sys.executable, "-c", program, work.path("from"), work.path("to")], check=True, timeout=60)


def test_a_forked_child_lets_go_of_a_pool(work):
    pool = work.pool(byte_rate=64 << 10)
    job = pool.submit(work.path("from"), work.path("to"))
    waits = threading.Thread(target=lambda: pool._wait(job.done))
    waits.start()
    while not pool._sleeper:
        time.sleep(0.001)
    with pool._lock:  # which another thread holds while the process is forked
        forks = threading.Thread(target=lambda: results.append(child_closes(pool, job)))
        results = []
        forks.start()
        forks.join(30)
    assert results == [0]
    assert not job.done()
    pool.close()
    waits.join(30)


async def waits_for(job):
    await job


def child_closes(pool, job):
    """What a forked child ends with."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(10)
            fails(errno.EOWNERDEAD, job.wait)
            fails(errno.EOWNERDEAD, pool.submit, "a", "b")
            fails(errno.EOWNERDEAD, lambda: asyncio.run(waits_for(job)))
            before = len(os.listdir("/proc/self/fd"))
            with pool:
                pass
            pool.close()
            fails(errno.ESHUTDOWN, pool.submit, "a", "b")
            status = 0 if len(os.listdir("/proc/self/fd")) < before else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_event_loops_and_a_thread_wait_at_once(work):
    pool = work.pool()
    results = []

    def in_a_loop(name):
        async def main():
            jobs = [pool.submit(work.path("from"), work.path(f"{name}{i}")) for i in range(20)]
            for done in await asyncio.gather(*jobs):
                results.append(done.bytes)

        asyncio.run(main())

    def in_a_thread():
        for i in range(20):
            results.append(pool.copy(work.path("from"), work.path(f"thread{i}")).bytes)

    threads = [threading.Thread(target=in_a_loop, args=(name,)) for name in "ab"]
    threads += [threading.Thread(target=in_a_thread)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 60 and not pool._watched


def test_a_loop_over_entries_in_a_coroutine(work):
    for i in range(50):
        work.write(f"tree/{i}")
        work.write(f"to/{i}")

    async def main():
        with arsync.Pool() as pool:
            job = pool.submit_tree(work.path("tree"), work.path("to"), update=Update.ASK)
            async for question in job:
                question.answer(arsync.Answer.REPLACE)
            return await job

    assert asyncio.run(main()).error is None


def test_loops_that_share_a_job_have_each_entry_once(work):
    class Shared(deque):
        """Another loop is quicker with the first one."""

        taken = None

        def popleft(self):
            if self.taken is None:
                self.taken = super().popleft()
                raise IndexError
            return super().popleft()

    work.tree("tree")
    job = work.pool().submit_tree(work.path("tree"), work.path("to"), report=arsync.Report.ALL)
    job._unread = Shared()
    told = [entry.path for entry in job]
    assert len(told) == 4 and len({*told, job._unread.taken.path}) == 5
    assert list(job) == []


def test_a_loop_in_a_coroutine_has_what_another_thread_takes_last(work):
    work.tree("tree")
    job = work.pool().submit_tree(work.path("tree"), work.path("to"), report=arsync.Report.ALL)
    end = job.wait()
    *first, last = job

    class Taken(deque):
        """When it has just been empty, another thread takes the last entry and the job's end."""

        def __bool__(self):
            return bool(len(self)) or self.takes()

        def popleft(self):
            if len(self) == 0:
                self.takes()
                raise IndexError
            return super().popleft()

        def takes(self):
            if job.completion is None:
                self.append(last)
                job.completion = end
            return False

    job._unread, job.completion = Taken(first), None

    async def main():
        return [entry async for entry in job]

    assert asyncio.run(main()) == [*first, last]


def test_closing_ends_what_a_coroutine_waits_for(work):
    async def main():
        pool = arsync.Pool(byte_rate=64 << 10)
        job = pool.submit(work.path("from"), work.path("to"))
        waits = asyncio.ensure_future(job._wait_here())
        await asyncio.sleep(0.01)
        await asyncio.get_running_loop().run_in_executor(None, pool.close)
        with pytest.raises(OSError) as caught:
            await waits
        assert caught.value.errno == errno.ECANCELED

    asyncio.run(main())


def test_a_long_list_is_added_while_nothing_is_read(work):
    for i in range(500):
        work.write(f"small{i}")
    jobs = work.pool().open_list()
    jobs.add((work.path(f"small{i % 500}"), work.path(f"to{i}"), i) for i in range(20000))
    jobs.end()
    assert sum(item.user_data for item in jobs) == 20000 * 19999 // 2


def test_what_belongs_to_a_closed_pool(work):
    work.write("to")
    pool = work.pool()
    links, jobs = pool.link_set(), pool.open_list()
    asks = pool.submit(work.path("from"), work.path("to"), update=Update.ASK)
    question = next(iter(asks))
    pool.close()
    for call in (lambda: question.answer(arsync.Answer.SKIP), links.close, jobs.end):
        fails(errno.ESHUTDOWN, call)
    fails(errno.ESHUTDOWN, jobs.add, [("a", "b")])
    fails(errno.ECANCELED, jobs.wait)
    assert list(jobs) == []


def test_items_that_are_in_a_mirror_of_another(work):
    work.tree("one")
    work.tree("two")
    items = [(work.path("one"), work.path("to"), "first"), (work.path("two"), work.path("to/dir"), "second")]
    job = work.pool().submit_list(items, flags=Flags.RECURSIVE | Flags.MIRROR)
    (told,) = job
    assert told.flags & arsync.Outcome.IN_MIRROR and told.error is not None
    assert {told.user_data, told.details.other[2]} == {"first", "second"}
    assert not work.exists("to")


def test_a_tree_that_fails_from_a_descriptor(work):
    work.tree("tree")
    os.makedirs(work.path("to/a"))  # in the way of a file
    with open_directory(work.path("tree")) as src, open_directory(work.path("to")) as dst:
        job = work.pool().submit_tree(src, dst)
        error = fails(errno.EISDIR, job.wait, timeout=20)
        assert error.filename == "a" and error.side == "destination"
        assert [(entry.path, entry.error.filename) for entry in job] == [("a", "a")]


@contextlib.contextmanager
def open_directory(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def is_open(path):
    """Whether a descriptor of it stays open, when the library has closed its own, for which nobody waits."""
    gc.collect()
    deadline = time.monotonic() + 5
    while is_open_now(path):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.01)
    return False


def is_open_now(path):
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(int(fd)), os.stat(path)):
                return True
    return False


def interrupted(function, at):
    """Call it with KeyboardInterrupt before its opcode of that number. Returns whether it has as many."""
    left = at

    def trace(frame, event, _):
        nonlocal left
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    gc.disable()  # whose finalizers would take it for theirs, and drop it
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
        gc.enable()
    return False


def test_an_interrupt_of_a_wait_leaves_the_pool_whole(work):
    pool = work.pool()

    def wait(at):
        left, sleeps = at, False

        def profile(*told):  # an event for each place where a signal's handler may come, but for loops
            nonlocal left, sleeps
            if told[1] in ("call", "c_return"):
                left -= 1
                if left < 0:
                    sleeps = bool(pool._sleeper)
                    raise KeyboardInterrupt

        job = pool.submit(work.path("small"), work.path("to"))
        other = threading.Lock()  # as of a thread that waits
        other.acquire()
        pool._told._waiters.append(other)
        sys.setprofile(profile)
        try:
            job.wait(20)
            came = left < 0
        except KeyboardInterrupt:
            came = True
        finally:
            sys.setprofile(None)
        assert not pool._lock._is_owned() and not pool._sleeper
        assert not other.locked() or not sleeps
        pool._told._waiters.clear()
        job.wait(20)
        return came

    work.write("small")
    at = 0
    while wait(at):
        at += 1
    assert at > 30


def unlock(pool):
    """A real interrupt does not come between a `with` and its lock, but this one does."""
    while pool._lock._is_owned():
        pool._lock.release()


def test_an_interrupt_loses_nothing_wherever_it_comes(work):
    work.tree("tree")
    work.write("small")
    items = [(work.path("small"), work.path("to list"), "first"), (work.path("none"), work.path("x"), "second")]
    before = descriptors()
    pool = work.pool(lease_count=1)

    def take(at):
        jobs = [
            pool.submit_tree(work.path("tree"), work.path("to"), report=arsync.Report.ALL),
            pool.submit_list(items),
            pool.submit(work.path("small"), work.path("to one"), want=arsync.Want.FD),
            pool.submit_acquire(),
        ]
        while not all(job.progress().state == arsync.JobState.COMPLETED for job in jobs):
            time.sleep(0.0001)
        with pool._lock:
            came = interrupted(pool._take, at)
        tree, pairs, one, lease = jobs
        assert sorted(entry.path for entry in tree) == ["", "a", "dir", "dir/b", "link"]
        tree.wait(20)
        assert sorted(item.user_data for item in pairs) == ["first", "second"]
        fails(errno.ENOENT, pairs.wait, 20)
        os.close(one.wait(20).fd)
        (buffer,) = lease.wait(20).buffers
        buffer.data[:5] = b"hello"
        buffer.release()
        with pool._lock:
            pool._take()
        assert not pool._jobs
        return came

    at = 0
    while take(at):
        at += 7
    assert at > 500
    pool.close()  # which waits for what the library closes when the jobs are done
    assert descriptors() == before


def test_an_interrupt_of_a_submit_loses_nothing_wherever_it_comes(work):
    pool = work.pool(lease_count=1)

    def submit(at):
        came = interrupted(pool.submit_acquire, at)
        unlock(pool)
        while pool.stats().jobs_completed < pool.stats().jobs_submitted:
            time.sleep(0.0001)
        with pool._lock:
            pool._take()
        assert not pool._jobs
        pool.acquire()  # its lease has been given back
        return came

    at = 0
    while submit(at):
        at += 1
    assert at > 50


def interrupted_after(call):
    def calls(*arguments):
        call(*arguments)
        raise KeyboardInterrupt

    return calls


def test_an_interrupt_leaves_nothing_open_that_nobody_has(work, monkeypatch):
    pool = work.pool(lease_count=1)
    with open(work.path("from"), "rb") as file, monkeypatch.context() as patch:
        patch.setattr(pool, "_result_of", interrupted_after(pool._result_of))
        for call in (pool.acquire, pool.link_set, lambda: pool.open_file(file)):
            with pytest.raises(KeyboardInterrupt):
                call()
    assert pool.acquire() and not is_open(work.path("from"))


def test_an_interrupt_leaves_no_pool_open(monkeypatch):
    threads = len(os.listdir("/proc/self/task"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_library.library, "arsync_pool_open", interrupted_after(_library.library.arsync_pool_open))
        arsync.Pool()
    gc.collect()
    assert len(os.listdir("/proc/self/task")) == threads


def test_a_job_whose_submit_was_interrupted_is_cancelled(work, monkeypatch):
    pool = work.pool(byte_rate=64 << 10)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pool, "_result_of", interrupted_after(pool._result_of))
        pool.submit(work.path("from"), work.path("to"))
    (job,) = pool._jobs.values()
    fails(errno.ECANCELED, job.wait, 20)


def test_an_interrupt_of_an_add_leaves_the_list_whole(work):
    work.write("small")
    jobs = work.pool().open_list()
    at = 0
    while interrupted(lambda: jobs.add([(work.path("small"), work.path(f"to {at}"), at)] * 2), at):
        unlock(jobs._pool)
        at += 1
    unlock(jobs._pool)
    jobs.end()
    told = [item.user_data for item in jobs]
    jobs.wait(20)
    assert at > 100 and told[-2:] == [at, at] and not jobs._items
    assert all(told.count(each) == 2 for each in told)  # none is taken for another, or told of as nobody's


def test_a_path_may_wait_for_the_pool_that_it_is_added_to(work):
    class Path:
        def __fspath__(self):
            pool.copy(work.path("from"), work.path("made"))
            return work.path("made")

    pool = work.pool()
    pool.submit(Path(), work.path("to 1")).wait(20)
    pool.submit_list([(Path(), work.path("to 2"))]).wait(20)
    jobs = pool.open_list()
    jobs.add([(Path(), work.path("to 3"))])
    jobs.end()
    jobs.wait(20)
    assert work.same("to 3", "from")


def test_a_copy_that_raises_leaves_no_descriptor_open(work, monkeypatch):
    pool = work.pool()
    arguments = (work.path("from"), work.path("to"))
    end_of = arsync.Job._end_of

    def with_an_attribute_lost(job, raw):
        return end_of(job, (*raw[:5], -errno.ENOSPC, *raw[6:]))

    monkeypatch.setattr(arsync.Job, "_end_of", with_an_attribute_lost)
    error = fails(errno.ENOSPC, pool.copy, *arguments, want=arsync.Want.FD)
    assert not is_open(work.path("to")) and error
    job = pool.submit(*arguments, want=arsync.Want.FD)
    fails(errno.ENOSPC, job.wait)
    os.close(job.completion.fd)  # who has the job has this
    assert not is_open(work.path("to"))
    job = pool.submit(*arguments, want=arsync.Want.FD)
    fails(errno.ENOSPC, job.wait)
    del job
    assert not is_open(work.path("to"))


def test_an_attribute_that_is_lost_leaves_no_descriptor_open(work):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as elsewhere:
        to = os.path.join(elsewhere, "to")
        try:
            os.setxattr(work.path("from"), "user.large", bytes(20000))
        except OSError as error:
            pytest.skip(f"no large attributes here: {error}")
        pool = work.pool()
        for call in (pool.copy, arsync.copy_one):
            try:
                os.close(call(work.path("from"), to, want=arsync.Want.FD, preserve=arsync.Preserve.XATTR).fd)
                pytest.skip("large attributes there, too")
            except OSError as error:
                assert error.stage == arsync.Stage.XATTR and os.path.getsize(to) == len(work.read("from"))
                assert not is_open(to)


def test_a_descriptor_that_nobody_asks_for_is_closed(work):
    pool, arguments = work.pool(), (work.path("from"), work.path("to"))
    pool.submit(*arguments, want=arsync.Want.FD)
    while pool._jobs:
        pool.copy(*arguments)
    assert not is_open(work.path("to"))
    pool.copy(*arguments, want=arsync.Want.FD)
    arsync.copy_one(*arguments, want=arsync.Want.FD)
    assert not is_open(work.path("to"))
    fd = pool.copy(*arguments, want=arsync.Want.FD).fd
    assert is_open_now(work.path("to"))
    os.close(fd)  # the caller's


def test_a_descriptor_may_be_set(work):
    arguments = (work.path("from"), work.path("to"))
    for call in (work.pool().copy, arsync.copy_one):
        done = call(*arguments, want=arsync.Want.FD)
        os.close(done.fd)
        done.fd = None
        assert done.fd is None and not is_open(work.path("to"))
        done = call(*arguments, want=arsync.Want.FD)
        done.fd = None  # nobody has asked for it
        assert done.fd is None and not is_open(work.path("to"))
        with open(work.path("from"), "rb") as file:
            done.fd = file.fileno()
            assert done.fd == file.fileno()
            del done
            gc.collect()
            assert is_open_now(work.path("from"))


def test_a_copy_of_a_completion_closes_no_descriptor_of_it(work):
    @dataclasses.dataclass
    class Record:
        done: arsync.Completion

    for clone in (copy.deepcopy, copy.copy, lambda done: dataclasses.asdict(Record(done))):
        done = arsync.copy_one(work.path("from"), work.path("to"), want=arsync.Want.FD)
        other = clone(done)
        assert other is not done
        del other
        gc.collect()
        assert is_open_now(work.path("to"))
        other = clone(done)
        del done
        gc.collect()
        assert is_open_now(work.path("to"))
        del other
        assert not is_open(work.path("to"))
    done = arsync.copy_one(work.path("from"), work.path("to"), want=arsync.Want.FD)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(done, protocol)
    gc.collect()
    assert is_open_now(work.path("to"))
    os.close(done.fd)


def test_a_loop_that_watches_no_descriptors_leaves_none_open(work):
    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, *_):
            raise NotImplementedError

    jobs = work.pool().open_list()  # which opens nothing meanwhile
    with contextlib.closing(Loop()) as loop:
        before = descriptors()
        with pytest.raises(NotImplementedError):
            loop.run_until_complete(waits_for(jobs))
        assert descriptors() == before


def test_an_interrupt_of_a_watch_leaves_nothing_watched(work):
    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, fd, *arguments):
            super().add_reader(fd, *arguments)
            added.append(fd)
            raise ZeroDivisionError

    pool, added = work.pool(), []
    jobs = pool.open_list()
    with contextlib.closing(Loop()) as loop:
        before = descriptors()
        with pytest.raises(ZeroDivisionError):
            loop.run_until_complete(waits_for(jobs))
        assert not loop.remove_reader(added[0])  # that number may be another's by now
        assert descriptors() == before and not pool._watched


def test_a_task_that_is_cancelled_too_late_leaves_no_descriptor_open(work):
    pool = work.pool()

    async def main():
        job = pool.submit(work.path("from"), work.path("to"), want=arsync.Want.FD)
        task = asyncio.ensure_future(job._wait_here())
        await asyncio.sleep(0)
        job.wait(20)
        task.cancel()
        del job
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not is_open(work.path("to"))


def test_what_cannot_be_turned_into_python_is_the_errors_of_its_job_alone(work, monkeypatch):
    work.tree("tree")
    pool = work.pool()

    def fault(raw):
        raise MemoryError("no room")

    jobs = [pool.submit_tree(work.path("tree"), work.path(f"to{i}"), report=arsync.Report.ALL) for i in range(3)]
    monkeypatch.setattr(jobs[1], "_entry_of", fault)
    monkeypatch.setattr(jobs[2], "_end_of", fault)
    jobs[0].wait(20)
    assert len(list(jobs[0])) == 5
    jobs[1].wait(20)
    assert [type(entry.error) for entry in jobs[1]] == [MemoryError] * 5
    with pytest.raises(MemoryError):
        jobs[2].wait(20)
    assert not pool._jobs


def test_a_loop_that_was_closed_holds_nothing_up(work):
    pool = work.pool(byte_rate=8 << 20)
    job = pool.submit(work.path("from"), work.path("to"))
    loop = asyncio.new_event_loop()
    task = loop.create_task(job._wait_here())
    loop.run_until_complete(asyncio.sleep(0.01))
    task._log_destroy_pending = False
    loop.close()
    assert job.wait(20).bytes == len(work.read("from"))


def test_a_wait_of_no_time_takes_what_there_is(work):
    pool = work.pool()
    job = pool.submit(work.path("from"), work.path("to"))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            job.wait(timeout=0)
            break
        except TimeoutError:
            time.sleep(0.001)
    assert job.done()
    slow = work.pool(byte_rate=64 << 10).submit(work.path("from"), work.path("to"))
    for timeout in (0, -1):
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            slow.wait(timeout)
        assert time.monotonic() - begin < 5


def test_a_wait_may_be_as_long_as_you_like(work):
    pool = work.pool()
    for timeout in (2**31 / 1000, 1e30, float("inf")):
        pool.submit(work.path("from"), work.path("to")).wait(timeout)


def test_numbers_of_a_newer_library_have_no_name_and_are_told():
    assert arsync.Stage(999) == 999 and arsync.Stage(999).name == "999"
    assert arsync.Stage(3) is arsync.Stage(3) and isinstance(arsync.name_of(arsync.Method(999)), str)
    raw = (1, 0, 0, 0, 0, -errno.EIO, 99, 99, 1 << 31, 999, 99, 0)
    told = arsync.Completion(raw, None)
    assert (told.kind, told.action, told.method) == (99, 99, 99) and repr(told)
    assert error_of(raw, "a", "b").stage == 999
    with pytest.raises(ValueError):
        arsync.Stage("3")


def test_what_belongs_to_another_pool(work):
    one, other = work.pool(), work.pool()
    # The other's has a number that this one knows, too.
    (mine,), (theirs,) = one.acquire(), other.acquire()
    theirs.data[:5] = b"mine!"
    with open(work.path("from"), "rb") as from_, one.open_file(from_) as file:
        error = fails(errno.EINVAL, file.submit_read, theirs, 0)
        assert error.reason == "buffer: of another pool" and theirs.data[:5] == b"mine!"
        fails(errno.EINVAL, file.submit_write, theirs, 0)
        file.submit_read(mine, 0).wait()
    my_set, their_set = one.link_set(), other.link_set()
    arguments = (work.path("from"), work.path("to"))
    error = fails(errno.EINVAL, one.submit, *arguments, link_set=their_set)
    assert error.reason == "link_set: of another pool"
    one.submit(*arguments, link_set=my_set, preserve=arsync.Preserve.LINKS).wait()


def test_numbers_that_have_no_room_are_not_cut(work):
    pool, ends = work.pool(), (work.path("from"), work.path("to"))
    (buffer,) = pool.acquire()
    with open(work.path("from"), "rb") as from_, pool.open_file(from_) as file:
        for offset, options in ((2**64, {}), (-1, {}), (0, {"at": 2**64}), (0, {"length": -1})):
            with pytest.raises(ValueError):
                file.submit_read(buffer, offset, **options)
        for number in (-1, 2**64 + 1):
            with pytest.raises(ValueError):
                pool.submit_range(from_, number, from_, 0)
    for options in ({"chunks": 2**32 + 1}, {"chunks": -1}, {"flags": 2**33}, {"range_length": 2**64 + 4096}):
        for submit in (pool.submit, arsync.copy_one):
            with pytest.raises(ValueError):
                submit(*ends, **options)
    for options in ({"workers": 2**32 + 1}, {"byte_rate": -1}):
        with pytest.raises(ValueError):
            arsync.Pool(**options)
    job = work.pool(byte_rate=64 << 10).submit(*ends)
    for options in ({"byte_rate": 2**64 + 1}, {"priority": 2**31}, {"priority": -(2**31) - 1}):
        with pytest.raises(ValueError):
            job.adjust(**options)
    job.adjust(priority=-(2**31))
    with pytest.raises(ValueError):
        pool.submit(2**32, work.path("to"))
    with pytest.raises(ValueError):
        pool.submit_acquire(2**32 + 1)
    with pytest.raises(ValueError):
        arsync.strerror(2**32 + 2)


def test_arguments_that_are_none(work):
    pool = work.pool()
    for bad in (None, 1.5, object()):
        with pytest.raises(TypeError):
            pool.submit(bad, work.path("to"))
        with pytest.raises(TypeError):
            pool.submit_list([(bad, work.path("to"))])
    with pytest.raises((TypeError, IndexError)):
        pool.submit_list([(work.path("from"),)])
    fails(errno.EBADF, pool.submit, 999, work.path("to"))
    fails(errno.EINVAL, pool.shutdown, 7)
    fails(errno.EINVAL, pool.submit, work.path("from"), work.path("to"), replace=99)
    assert not pool._jobs


def test_a_view_outlives_its_buffer(work):
    pool = work.pool(lease_count=1)
    (buffer,) = pool.acquire()
    buffer.data[:3] = b"abc"
    view = buffer.data[:3]
    buffer.release()
    fails(errno.EAGAIN, pool.acquire)  # its memory is looked at
    assert view == b"abc"
    del view
    (buffer,) = pool.acquire()
    del buffer
    pool.acquire()
