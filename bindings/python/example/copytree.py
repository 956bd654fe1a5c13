"""copytree.py FROM TO - copy a tree, with a progress bar, and ask what to do where something is in the way."""

import asyncio
import errno
import sys
import threading

import arsync
from arsync import Answer, Kind, Outcome

WIDTH = 40
ANSWERS = {"s": Answer.SKIP, "r": Answer.REPLACE, "b": Answer.KEEP_BOTH, "t": Answer.STOP}


async def show_progress(job):
    while True:
        await asyncio.sleep(0.1)
        try:
            told = job.progress()
        except FileNotFoundError:  # it has ended
            return
        full = told.bytes_done * WIDTH // told.bytes_total if told.bytes_total else 0
        more = "+" if told.flags & arsync.ProgressFlags.WALKING else " "
        bar = "#" * full + " " * (WIDTH - full)
        print(f"\r[{bar}] {told.entries_done} of {told.entries_total}{more}", end="", file=sys.stderr)


def read_lines(loop, lines):
    """In a thread of its own, which keeps nobody from leaving; "" at the end, when there will be no more answers."""
    with open(0, closefd=False) as stdin:
        for line in stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
    loop.call_soon_threadsafe(lines.put_nowait, "")


async def ask(question, lines):
    """All else goes on while somebody thinks."""
    there = question.details.destination
    while True:
        print(
            f"\r{question.path!r} is there ({there.size} bytes): [s]kip, [r]eplace, keep [b]oth, s[t]op? ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        line = await lines.get()
        if not line:
            return Answer.STOP
        if line.strip() in ANSWERS:
            return ANSWERS[line.strip()]


async def copy_tree(src, dst):
    with arsync.Pool() as pool:
        job = pool.submit_tree(
            src,
            dst,
            update=arsync.Update.ASK,
            preserve=arsync.Preserve.MODE | arsync.Preserve.TIMES,
            want=arsync.Want.TOTALS,
        )
        bar = asyncio.ensure_future(show_progress(job))
        lines = asyncio.Queue()
        threading.Thread(target=read_lines, args=(asyncio.get_running_loop(), lines), daemon=True).start()
        async for entry in job:
            if entry.kind == Kind.QUESTION:
                entry.answer(await ask(entry, lines))
            elif entry.error is not None:
                print(f"\r{entry.error}", file=sys.stderr)
            elif entry.flags & Outcome.SOURCE_CHANGED:
                print(f"\r{entry.path!r} changed while it was copied", file=sys.stderr)
        bar.cancel()
        print("\r" + " " * (WIDTH + 30), end="\r", file=sys.stderr)
        totals = (await job).details.totals
        print(f"{totals['files']} files, {totals['bytes']} bytes, {totals['skipped']} skipped")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: copytree.py FROM TO")
    try:
        asyncio.run(copy_tree(sys.argv[1], sys.argv[2]))
    except KeyboardInterrupt:  # the pool has been closed, and what it was at is removed
        sys.exit("stopped")
    except OSError as error:
        sys.exit("stopped" if error.errno == errno.ECANCELED else str(error))


main()
