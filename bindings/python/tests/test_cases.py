"""The cases of test/bindings/cases.md, in their order."""

import asyncio
import errno
import json
import os
import stat
import subprocess
import threading
import time
from itertools import islice

import pytest

import arsync
from arsync import Answer, Flags, Kind, Outcome, Preserve, Replace, Report, Update, Want
from conftest import FILE_SIZE


def fails(error_number, call, *arguments, **options):
    with pytest.raises(OSError) as caught:
        call(*arguments, **options)
    assert caught.value.errno == error_number, caught.value
    return caught.value


# ---- One copy ----


def test_copies_a_file(work):
    done = arsync.copy_one(work.path("from"), work.path("to"))
    assert work.same("to", "from")
    assert done.bytes == FILE_SIZE and done.method != arsync.Method.AUTO and done.details is None


def test_tells_what_failed(work):
    with pytest.raises(FileNotFoundError) as caught:
        arsync.copy_one(work.path("missing"), work.path("to"))
    error = caught.value
    assert error.stage == arsync.Stage.OPEN_SOURCE and error.side == "source"
    assert error.filename == work.path("missing")
    assert not work.exists("to")


def test_hands_on_options(work):
    work.write("to", 10)
    error = fails(
        errno.EEXIST, arsync.copy_one, work.path("from"), work.path("to"), replace=Replace.EXCLUSIVE
    )
    assert isinstance(error, FileExistsError) and error.conflict
    assert error.side == "destination" and error.filename == work.path("to")
    os.chmod(work.path("from"), 0o640)
    os.utime(work.path("from"), ns=(1000000000123456789, 1000000000123456789))
    arsync.copy_one(
        work.path("from"),
        work.path("to"),
        replace=Replace.ATOMIC,
        preserve=Preserve.MODE | Preserve.TIMES,
        durability=arsync.Durability.FULL,
        flags=Flags.VERIFY,
    )
    st = os.stat(work.path("to"))
    assert work.same("to", "from")
    assert st.st_mtime_ns == 1000000000123456789 and stat.S_IMODE(st.st_mode) == 0o640


def test_refuses_mistaken_options(work):
    for call in (arsync.copy_one, work.pool().submit):
        error = fails(
            errno.EINVAL,
            call,
            work.path("from"),
            work.path("to"),
            backup=arsync.Backup.SIMPLE,
            backup_suffix="/",
        )
        assert error.reason.startswith("backup_suffix")
    with pytest.raises(TypeError):
        arsync.copy_one(work.path("from"), work.path("to"), recursive=True)
    assert not work.exists("to")


def test_refuses_bad_paths(work):
    pool = work.pool()
    fails(errno.ENOENT, pool.submit, "", work.path("to"))
    fails(errno.ENAMETOOLONG, pool.submit, "x" * 4096, work.path("to"))
    for src, dst in ((work.path("from\0"), work.path("to")), (work.path("from"), work.path("to\0"))):
        with pytest.raises(ValueError):
            pool.submit(src, dst)
        with pytest.raises(ValueError):
            pool.submit_list([(src, dst)])
        with pytest.raises(ValueError):
            arsync.copy_one(src, dst)
    with pytest.raises(ValueError):
        pool.submit(work.path("from"), work.path("to"), filter="a\0", flags=Flags.RECURSIVE)
    assert not work.exists("to")


def test_copies_names_that_are_not_utf_8(work):
    name = os.fsdecode(b"\xff\xfe x")
    work.write("tree/" + name)
    arsync.copy_one(work.path("tree/" + name), work.path(name))
    arsync.copy_one(os.fsencode(work.path("tree/" + name)), os.fsencode(work.path("as bytes")))
    assert work.same(name, "tree/" + name) and work.same("as bytes", "tree/" + name)
    job = work.pool().submit_tree(work.path("tree"), work.path("copy"), report=Report.ALL)
    assert os.fsencode(name) in [os.fsencode(entry.path) for entry in job]
    assert work.same("copy/" + name, "tree/" + name)


def test_tells_details_on_request(work):
    want = Want.SOURCE | Want.DESTINATION | Want.TIMES | Want.DIGEST
    details = [
        arsync.copy_one(work.path(src), work.path(dst), want=want, flags=Flags.VERIFY).details
        for src, dst in (("from", "to"), ("to", "again"))
    ]
    first = details[0]
    assert first.has == want and first.source.size == first.destination.size == FILE_SIZE
    st = os.stat(work.path("from"))
    assert first.source.inode == st.st_ino != first.destination.inode
    assert first.source.mtime_ns == st.st_mtime_ns and first.source.device == st.st_dev
    assert stat.S_ISREG(first.source.mode) and 0 < first.begin_ns <= first.end_ns
    assert details[1].digest == first.digest != (0, 0)


# ---- Jobs of a pool ----


def test_copies_through_a_pool(work):
    data = object()
    done = work.pool().submit(work.path("from"), work.path("to"), user_data=data).wait()
    assert done.kind == Kind.JOB and done.user_data is data and done.bytes == FILE_SIZE
    assert work.same("to", "from")


def test_wakes_its_waiter(work):
    pool = work.pool()
    ended = []

    def wait(job):
        ended.append(job.wait().bytes)

    # The second one waits behind the first, and the loop beside both.
    job = pool.submit(work.path("from"), work.path("to"))
    threads = [threading.Thread(target=wait, args=(job,)) for _ in range(2)]
    for thread in threads:
        thread.start()

    async def main():
        return (await job).bytes

    assert asyncio.run(asyncio.wait_for(main(), 60)) == FILE_SIZE
    for thread in threads:
        thread.join(60)
    assert ended == [FILE_SIZE] * 2


def test_reports_progress(work):
    os.mkdir(work.path("tree"))
    os.rename(work.path("from"), work.path("tree/from"))
    work.write("tree/asked", 10)
    work.write("to/asked", 20)
    job = work.pool().submit_tree(work.path("tree"), work.path("to"), update=Update.ASK)
    before = total = speed = 0
    deadline = time.monotonic() + 60
    while before < FILE_SIZE and time.monotonic() < deadline:
        progress = job.progress()
        assert before <= progress.bytes_done <= progress.bytes_total
        before, total = progress.bytes_done, progress.bytes_total
        speed = max(speed, progress.bytes_per_second)
        time.sleep(0.001)
    assert before >= FILE_SIZE and total >= FILE_SIZE and speed > 0
    assert not hasattr(progress, "reserved")
    for question in job:
        question.answer(Answer.SKIP)
    job.wait()
    fails(errno.ENOENT, job.progress)
    fails(errno.ENOENT, job.adjust, pause=True)


def test_cancels_a_job(work):
    pool = work.pool(byte_rate=64 << 10)
    job = pool.submit(work.path("from"), work.path("to"))
    job.cancel()
    fails(errno.ECANCELED, job.wait)

    async def main():
        await asyncio.wait_for(pool.submit(work.path("from"), work.path("to")), 0.05)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(main())
    assert not pool._jobs  # it has been waited for
    assert not work.exists("to")


def test_pauses_and_resumes(work):
    work.write("to")
    options = {"update": Update.ASK, "reflink": arsync.Reflink.NEVER}
    job = work.pool().submit(work.path("from"), work.path("to"), **options)
    question = next(iter(job))
    job.adjust(pause=True)
    assert job.progress().flags & arsync.ProgressFlags.PAUSED
    question.answer(Answer.REPLACE)
    with pytest.raises(TimeoutError):
        job.wait(1)
    job.adjust(resume=True, byte_rate=0, priority=1)
    job.wait()
    assert work.same("to", "from")


def test_survives_an_abandoned_job(work):
    pool = work.pool()
    for i in range(100):
        pool.submit(work.path("from"), work.path(f"abandoned{i}"))
    pool.copy(work.path("from"), work.path("to"))
    assert work.same("to", "from")
    pool.close()


def test_copies_ten_thousand_at_once(work):
    work.write("small", 100)
    pool = work.pool()
    before = len(os.listdir("/proc/self/task"))
    jobs = [pool.submit(work.path("small"), work.path(f"to{i}")) for i in range(5000)]
    assert len(os.listdir("/proc/self/task")) - before < 100
    for job in jobs:
        job.wait()

    async def main():
        more = [pool.submit(work.path("small"), work.path(f"to{i}")) for i in range(5000, 10000)]
        await asyncio.gather(*more)

    asyncio.run(main())
    assert work.same("to0", "small") and work.same("to9999", "small")


def test_tells_when_the_job_limit_is_reached(work):
    work.write("small")
    pool = work.pool(job_limit=1, byte_rate=64 << 10)
    job = pool.submit(work.path("from"), work.path("to"))
    fails(errno.EAGAIN, pool.submit, work.path("small"), work.path("to2"))
    job.cancel()
    fails(errno.ECANCELED, job.wait)
    pool.copy(work.path("small"), work.path("to2"))


def test_keeps_hard_links_between_jobs(work):
    os.link(work.path("from"), work.path("from2"))
    pool = work.pool()
    links = pool.link_set()
    options = {"preserve": Preserve.LINKS, "link_set": links}
    for name in ("", "2"):
        pool.copy(work.path("from" + name), work.path("to" + name), **options)
    links.close()
    fails(errno.ENOENT, links.close)
    fails(errno.EINVAL, pool.copy, work.path("from"), work.path("to3"), **options)
    assert os.path.samefile(work.path("to"), work.path("to2"))


def test_copies_between_open_files(work):
    pool = work.pool()
    with open(work.path("from"), "rb") as src, open(work.path("to"), "wb") as dst:
        pool.copy(src, dst)
        assert work.same("to", "from")
        job = pool.submit_range(src, 4096, dst.fileno(), 0, 1000)
    assert job.wait().bytes == 1000
    assert work.read("to")[:1000] == work.read("from")[4096:5096]
    directory = os.open(work.dir, os.O_RDONLY)
    pool.copy("from", "to2", src_dir=directory, dst_dir=directory)
    os.close(directory)
    assert work.same("to2", "from")


def test_gives_the_finished_file(work):
    for call in (arsync.copy_one, work.pool().copy):
        done = call(work.path("from"), work.path("to"), want=Want.FD)
        with open(done.fd, "rb") as file:
            assert file.read() == work.read("from")


# ---- Lists and trees ----


def test_copies_a_list(work):
    items = [
        (work.path("from"), work.path("to1"), "one"),
        (work.path("missing"), work.path("to2"), "two"),
        (work.path("from"), work.path("to3")),
    ]
    job = work.pool().submit_list(items, user_data="list")
    told = {item.user_data: item for item in job}
    assert set(told) == {"one", "two", None} and told["one"].kind == Kind.ITEM
    assert told["one"].error is None and told[None].error is None
    assert told["two"].error.filename == work.path("missing")
    error = fails(errno.ENOENT, job.wait)
    assert error.filename == work.path("missing")
    assert job.completion.action == arsync.Action.LIST and job.completion.user_data == "list"
    assert work.same("to3", "from")
    work.pool().submit_list([]).wait()


def test_adds_to_an_open_list(work):
    work.write("small")
    jobs = work.pool().open_list()
    for i in range(1000):
        jobs.add([(work.path("small"), work.path(f"to{i}"), i)])
    jobs.end()
    fails(errno.EINVAL, jobs.add, [(work.path("small"), work.path("late"))])
    assert sorted(item.user_data for item in jobs) == list(range(1000))
    jobs.wait()
    assert work.same("to999", "small") and not jobs._items


def test_copies_a_tree(work):
    work.tree("tree")
    job = work.pool().submit_tree(
        work.path("tree"), work.path("copy"), report=Report.ALL, want=Want.TOTALS
    )
    told = {entry.path: entry.action.name for entry in job}
    assert told == {
        "": "MAKE_DIRECTORY",
        "a": "COPY",
        "dir": "MAKE_DIRECTORY",
        "dir/b": "COPY",
        "link": "SYMBOLIC_LINK",
    }
    totals = job.wait().details.totals
    assert (totals["entries"], totals["files"], totals["symlinks"], totals["bytes"]) == (5, 2, 1, 300)
    assert work.same("copy/dir/b", "tree/dir/b")


def test_tells_entries_that_fail(work):
    work.tree("tree")
    os.makedirs(work.path("copy/dir/b"))
    job = work.pool().submit_tree(work.path("tree"), work.path("copy"))
    (entry,) = job
    assert entry.path == "dir/b" and entry.error.errno == errno.EISDIR
    assert entry.error.filename == work.path("copy/dir/b") and entry.error.side == "destination"
    error = fails(errno.EISDIR, job.wait)
    assert error.filename == work.path("copy/dir/b")
    assert job.completion.details.error_path == "dir/b"
    assert work.same("copy/a", "tree/a")


def test_answers_questions(work):
    answers = {"skip": Answer.SKIP, "replace": Answer.REPLACE, "keep": Answer.KEEP_BOTH}
    for name in answers:
        work.write("tree/" + name, 10)
        work.write("to/" + name, 20)
    job = work.pool().submit_tree(
        work.path("tree"), work.path("to"), update=Update.ASK, report=Report.ALL
    )
    for entry in job:
        if entry.kind == Kind.QUESTION:
            assert entry.details.source.size == 10 and entry.details.destination.size == 20
            entry.answer(answers[entry.path])
            fails(errno.ENOENT, entry.answer, Answer.SKIP)
        elif entry.flags & Outcome.KEPT_BOTH:
            assert entry.details.name == "keep (1)"
            with pytest.raises(TypeError):
                entry.answer(Answer.SKIP)
    job.wait()
    sizes = {name: len(work.read("to/" + name)) for name in os.listdir(work.path("to"))}
    assert sizes == {"skip": 20, "replace": 10, "keep": 20, "keep (1)": 10}


def test_stops_by_an_answer(work):
    work.write("to", 10)
    job = work.pool().submit(work.path("from"), work.path("to"), update=Update.ASK)
    for question in job:
        question.answer(Answer.STOP)
    fails(errno.ECANCELED, job.wait)
    assert len(work.read("to")) == 10


def test_leaves_a_loop_early(work):
    for i in range(100):
        work.write(f"tree/{i}")
        work.write(f"to/{i}")
    pool = work.pool()
    job = pool.submit_tree(work.path("tree"), work.path("copy"), report=Report.ALL)
    seen = 0
    for _ in job:
        seen += 1
        if seen == 10:
            break
    with pytest.raises(ZeroDivisionError):
        for _ in job:
            seen += 1 + 1 // 0

    async def one():
        async for _ in job:
            break

    asyncio.run(one())
    assert 11 <= seen + 2 <= 12 and len(list(job)) == 101 - 12
    asks = pool.submit_tree(work.path("tree"), work.path("to"), update=Update.ASK)
    for _ in asks:
        break
    pool.copy(work.path("from"), work.path("to2"))
    pool.close()
    fails(errno.ECANCELED, asks.wait)


# ---- Pools ----


def test_keeps_two_pools_apart(work):
    one, two = work.pool(byte_rate=64 << 10), work.pool()
    slow = one.submit(work.path("from"), work.path("slow"))
    job = two.submit(work.path("from"), work.path("to"))
    one.close()
    fails(errno.ECANCELED, slow.wait)
    job.wait()
    two.copy(work.path("from"), work.path("to2"))
    assert work.same("to2", "from")


def test_closes_with_jobs_in_flight(work):
    pool = work.pool(byte_rate=64 << 10)
    jobs = [pool.submit(work.path("from"), work.path(f"to{i}")) for i in range(20)]
    told = []

    def wait(job):
        told.append(fails(errno.ECANCELED, job.wait))

    threads = [threading.Thread(target=wait, args=(job,)) for job in jobs]
    threads += [threading.Thread(target=pool.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    pool.close()
    assert len(told) == 20
    fails(errno.ESHUTDOWN, pool.submit, work.path("from"), work.path("late"))
    fails(errno.ESHUTDOWN, pool.info)
    fails(errno.ESHUTDOWN, jobs[0].progress)
    jobs[0].cancel()
    assert not work.exists("to0")


def test_drains(work):
    pool = work.pool()
    jobs = [pool.submit(work.path("from"), work.path(f"to{i}")) for i in range(10)]
    pool.shutdown(arsync.Shutdown.DRAIN)
    fails(errno.ESHUTDOWN, pool.submit, work.path("from"), work.path("late"))
    for job in jobs:
        job.wait()
    assert work.same("to9", "from")


def test_runs_commands_while_copies_run(work):
    pool = work.pool()
    jobs = [
        pool.submit(work.path("from"), work.path(f"to{i % 20}"), replace=Replace.ATOMIC)
        for i in range(200)
    ]
    for _ in range(20):
        ran = subprocess.run(["ls", "-l", "/proc/self/fd"], check=True, stdout=subprocess.PIPE, close_fds=False)
        assert not any(mark in ran.stdout for mark in (b"eventfd", b"io_uring", work.dir.encode()))
    for job in jobs:
        job.wait()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_is_told_in_a_forked_child(work):
    pool = work.pool()
    arsync.copytree(os.path.dirname(work.write("tree/a")), work.path("copy"))  # the module's own pool
    job = pool.submit(work.path("from"), work.path("to"))
    job.wait()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for call in (pool.info, job.progress, lambda: pool.submit(work.path("from"), work.path("x"))):
                fails(errno.EOWNERDEAD, call)
            arsync.copytree(work.path("tree"), work.path("copy of the child"))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pool.copy(work.path("from"), work.path("to2"))
    assert work.same("copy of the child/a", "tree/a")


def test_tells_about_itself(work):
    version, number = arsync.library_version()
    assert number == arsync.VERSION_NUMBER
    assert version == f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"
    pool = work.pool(workers=2, buffer_count=4, buffer_size=1 << 20, backend=arsync.Backend.THREADS)
    pool.copy(work.path("from"), work.path("to"))
    info, stats = pool.info(), pool.stats()
    assert info.backend == arsync.Backend.THREADS and info.workers <= 2 and info.backend_reason
    assert info.buffer_size == 1 << 20
    assert stats.jobs_submitted == stats.jobs_completed == 1 and stats.jobs_failed == 0
    assert arsync.name_of(arsync.Stage.OPEN_SOURCE) == "open source"
    assert arsync.name_of(arsync.Method.BUFFERED_DIRECT) == "buffered-direct"
    assert arsync.name_of(arsync.Kind.ENTRY) == "entry"
    assert arsync.strerror(errno.ENOSPC) == "No space left on device"
    with pytest.raises(TypeError):
        arsync.Pool(worker=2)
    fails(errno.EINVAL, arsync.Pool, workers=1000)


# ---- Buffers ----

MIB = 1 << 20


def pool_file(pool, path, flags=os.O_RDONLY):
    fd = os.open(path, flags, 0o644)
    try:
        return pool.open_file(fd)
    finally:
        os.close(fd)


def test_reads_and_writes_through_a_buffer(work):
    pool = work.pool()
    src = pool_file(pool, work.path("from"))
    dst = pool_file(pool, work.path("to"), os.O_WRONLY | os.O_CREAT)
    (buffer,) = pool.acquire()
    assert len(buffer) == len(buffer.data) >= MIB and not buffer.data.readonly
    done = src.submit_read(buffer, 1000, length=MIB, user_data=7).wait()
    assert (done.bytes, done.user_data, done.action) == (MIB, 7, arsync.Action.READ)
    assert buffer.data[:MIB] == work.read("from")[1000 : 1000 + MIB]
    buffer.data[0:3] = b"abc"

    async def write():
        done = await dst.submit_write(buffer, 0, length=MIB)
        await dst.submit_sync(arsync.Sync.DATA)
        return done.bytes

    assert asyncio.run(write()) == MIB
    assert work.read("to") == b"abc" + work.read("from")[1003 : 1000 + MIB]
    for file in (src, dst):
        file.close()
        fails(errno.ENOENT, file.close)
    buffer.release()
    buffer.release()
    with pytest.raises(ValueError):
        buffer.data
    fails(errno.ENOENT, src.submit_read, buffer, 0)


def test_writes_one_buffer_to_three_files(work):
    pool = work.pool()
    with pool.acquire()[0] as buffer:
        pool_file(pool, work.path("from")).submit_read(buffer, 0, length=MIB).wait()
        jobs = []
        for i in range(3):
            with pool_file(pool, work.path(f"to{i}"), os.O_WRONLY | os.O_CREAT) as file:
                jobs.append(file.submit_write(buffer, 0, length=MIB))
        assert [job.wait().bytes for job in jobs] == [MIB] * 3
    for i in range(3):
        assert work.read(f"to{i}") == work.read("from")[:MIB]


def test_tells_the_end_of_a_file(work):
    pool = work.pool()
    src = pool_file(pool, work.path("from"))
    (buffer,) = pool.acquire()
    assert src.submit_read(buffer, FILE_SIZE - 10).wait().bytes == 10
    assert buffer.data[:10] == work.read("from")[-10:]
    fails(errno.EINVAL, src.submit_read, buffer, 0, length=buffer.size + 1)
    with pytest.raises(ValueError):
        src.submit_read(buffer, -1)


def test_gives_the_buffer_back_on_error(work):
    pool = work.pool()
    src = pool_file(pool, work.path("from"))
    (buffer,) = pool.acquire()
    error = fails(errno.EBADF, src.submit_write(buffer, 0, length=10).wait)
    assert error.stage == arsync.Stage.WRITE
    assert src.submit_read(buffer, 0, length=10).wait().bytes == 10


def test_waits_for_a_buffer(work):
    pool = work.pool(lease_count=1)
    (buffer,) = pool.acquire()
    with pytest.raises(BlockingIOError):
        pool.acquire()
    job = pool.submit_acquire(user_data=7)
    with pytest.raises(TimeoutError):
        job.wait(0.05)
    buffer.release()
    done = job.wait()
    assert done.user_data == 7 and len(done.buffers) == 1 and done.buffers[0].size == buffer.size


def test_releases_while_busy(work):
    pool = work.pool(lease_count=1)
    ends = os.pipe()
    stream = pool.open_file(ends[0])
    (buffer,) = pool.acquire()
    job = stream.submit_read(buffer, None, length=10)
    buffer.release()
    fails(errno.EAGAIN, pool.acquire)  # it is still read into
    os.write(ends[1], b"abcdefghij")
    assert job.wait().bytes == 10
    pool.acquire()[0].release()
    for end in ends:
        os.close(end)


def test_keeps_a_buffer_past_its_pool(work):
    pool = work.pool(lease_count=1)
    (buffer,) = pool.acquire()
    pool_file(pool, work.path("from")).submit_read(buffer, 0, length=MIB).wait()
    pool.close()
    view = buffer.data[:MIB]
    buffer.release()
    del buffer, pool
    assert view == work.read("from")[:MIB]
    view.release()


# ---- Text ----


def test_sets_options_by_name(work):
    options, bounds = {"filter": "/b"}, {}
    arsync.set_option(options, "recursive")
    arsync.set_option(options, "filter", "/a")
    arsync.set_option(options, "update", "none")
    assert options == {"flags": Flags.RECURSIVE, "filter": b"/a", "update": Update.NONE}
    arsync.set_pool_option(bounds, "jobs", "1")
    assert bounds == {"workers": 1}
    error = fails(errno.ENOENT, arsync.set_option, options, "jobs", "1")
    assert error.reason == "there is no option 'jobs'"
    error = fails(errno.EINVAL, arsync.set_option, options, "sparse", "x")
    assert error.reason.startswith("invalid argument ") and "always" in error.reason
    with pytest.raises(ValueError):
        arsync.set_option(options, "filter", "a\0b")
    work.write("tree/a")
    work.write("tree/b")
    work.pool(**bounds).copy(work.path("tree"), work.path("to"), **options)
    assert os.listdir(work.path("to")) == ["b"]


def test_writes_completions_as_json(work):
    pool = work.pool()
    work.write("to")
    src = os.fsdecode(b"\xff")
    done = pool.copy(work.path("from"), work.path("to"), backup=arsync.Backup.SIMPLE)
    told = json.loads(done.json(src, "d/to", message="so"))
    assert told["type"] == "file" and told["source_hex"] == "ff" and told["outcome"] == "copied"
    assert told["backup"] == "d/to~" and told["bytes"] == FILE_SIZE and told["message"] == "so"
    assert json.loads(done.json("a", "b", "done"))["outcome"] == "done"

    work.write("tree/a")
    work.write("tree/b")
    os.makedirs(work.path("copy/a"))
    job = pool.submit_tree(work.path("tree"), work.path("copy"), want=Want.TOTALS)
    (entry,) = job
    told = json.loads(entry.json("tree/a", "copy/a"))
    assert (told["type"], told["outcome"], told["errno"]) == ("file", "failed", errno.EISDIR)
    assert told["stage"] == arsync.name_of(entry.error.stage)
    fails(errno.EISDIR, job.wait)
    told = json.loads(job.completion.json("tree", "copy"))
    assert (told["type"], told["outcome"]) == ("tree", "failed")
    assert (told["copied"], told["entries"], told["errors"]) == (1, 3, 1)


def test_describes_what_failed(work):
    pool = work.pool()
    src, dst = work.path("from"), work.path("to")
    job = pool.submit(work.path("missing"), dst)
    fails(errno.ENOENT, job.wait)
    said = job.completion.describe(work.path("missing"), dst)
    assert said == "cannot stat $s: No such file or directory"
    assert pool.copy(src, dst).describe(src, dst) == ""
    (question,) = islice(pool.submit(src, dst, update=Update.ASK), 1)
    assert question.describe(src, dst, update=Update.ASK) == "overwrite $d? "
    error = fails(errno.EINVAL, question.describe, src, dst, backup_suffix="a/b")
    assert error.reason == "backup_suffix: has a slash"

    work.write("tree/dir/a")
    os.makedirs(work.path("copy/dir/a"))
    tree = pool.submit_tree(work.path("tree"), work.path("copy"))
    (entry,) = tree
    ends = work.path("tree"), work.path("copy")
    assert entry.describe(*ends, flags=Flags.RECURSIVE).startswith("cannot overwrite directory")
    fails(errno.EISDIR, tree.wait)
    assert tree.completion.describe(*ends, flags=Flags.RECURSIVE).startswith("cannot overwrite directory")


def test_describes_a_pool(work):
    pool = work.pool(backend=arsync.Backend.THREADS)
    pool.copy(work.path("from"), work.path("to"))
    said = pool.describe()
    assert "threads" in said and said.endswith("\n")
    told = json.loads(pool.json())
    assert told["backend"] == "threads" and told["bytes_read"] == pool.stats().bytes_read
    pool.close()
    fails(errno.ESHUTDOWN, pool.json)


def test_quotes_names():
    quoting = arsync.Quoting
    assert arsync.quote("a b") == "'a b'" and arsync.quote("it's") == "\"it's\""
    assert arsync.quote("new\nline", quoting.IF_NEEDED) == r"'new'$'\n''line'"
    assert arsync.quote(b"\xff", quoting.IF_NEEDED) == r"''$'\377'"
    assert arsync.quote("plain", quoting.IF_NEEDED) == "plain"
    assert arsync.quote("plain", quoting.WORD) in ("'plain'", "\u2018plain\u2019", "\u201cplain\u201d")
    assert arsync.quote("a" * 1000, quoting.IF_NEEDED) == "a" * 1000
    fails(errno.EINVAL, arsync.quote, "a", 7)
