"""The ring, seen by the tracepoints of io_uring: what a trace of one command says.

Two tools can watch: perf, and bpftrace. Either gives a line for each event, which become
    (seconds, kind, ring, request, operation)
of kind enter (the operation is then the number of entries to submit), submit, worker (handed to a
thread of the kernel) or complete.
"""

import collections
import math
import re
import shlex
import shutil
import subprocess

from .problems import Unusable
from .stats import median

Event = collections.namedtuple("Event", "seconds kind ring request operation")

PERF_EVENTS = (
    "io_uring:io_uring_submit_req",
    "io_uring:io_uring_queue_async_work",
    "io_uring:io_uring_complete",
    "syscalls:sys_enter_io_uring_enter",
)
PERF_LINE = re.compile(r"\s*(\d+\.\d+):\s+(?:\w+:)?(\w+): (.*)")
KINDS = {
    "io_uring_submit_req": "submit",
    "io_uring_queue_async_work": "worker",
    "io_uring_complete": "complete",
}

# The command and all its threads, those of the kernel included, bear its name or begin with iou-.
BPFTRACE = r"""
tracepoint:io_uring:io_uring_submit_req /@rings[args->ctx] || pid == cpid/ {
    @rings[args->ctx] = 1;
    printf("%lld submit %llx %llx %s\n", nsecs, args->ctx, args->req, str(args->op_str)); }
tracepoint:io_uring:io_uring_queue_async_work /@rings[args->ctx]/ {
    printf("%lld worker %llx %llx %s\n", nsecs, args->ctx, args->req, str(args->op_str)); }
tracepoint:io_uring:io_uring_complete /@rings[args->ctx]/ {
    printf("%lld complete %llx %llx -\n", nsecs, args->ctx, args->req); }
tracepoint:syscalls:sys_enter_io_uring_enter /pid == cpid/ {
    printf("%lld enter 0 0 %d\n", nsecs, args->to_submit); }
"""


def watch(command, data, tool=None):
    """The events of a command, which is run."""
    tool = tool or next((one for one in ("perf", "bpftrace") if shutil.which(one)), None)
    if tool is None:
        raise Unusable("neither perf nor bpftrace is there")
    events = (_by_perf if tool == "perf" else _by_bpftrace)(command, data)
    return sorted(events, key=lambda event: event.seconds)


def _by_perf(command, data):
    # Many pages of buffer: a small file's operations come fast.
    record = ["perf", "record", "-q", "-m", "4096", "-e", ",".join(PERF_EVENTS), "-o", data, "--"]
    _run(record + shlex.split(command), "perf")
    # Without a name of the thread, which may have blanks in it.
    script = subprocess.run(
        ["perf", "script", "-i", data, "--ns", "-F", "time,event,trace"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ).stdout
    return [event for event in map(parse_perf, script.splitlines()) if event]


def parse_perf(line):
    """None for a line that is something else."""
    found = PERF_LINE.match(line)
    if not found:
        return None
    seconds, name, rest = float(found[1]), found[2], found[3]
    if name == "sys_enter_io_uring_enter":
        number = re.search(r"to_submit: (0x[0-9a-f]+|\d+)", rest)
        return Event(seconds, "enter", "", "", int(number[1], 0)) if number else None
    fields = re.search(r"ring (\S+), req(?:uest)? (\S+),.*?(?:opcode (\w+)|result)", rest)
    if name not in KINDS or not fields:
        return None
    return Event(seconds, KINDS[name], fields[1], fields[2], fields[3] or "")


def _by_bpftrace(command, data):
    program = f"{data}.bt"
    with open(program, "w") as file:
        file.write(BPFTRACE)
    _run(["bpftrace", "-q", "-o", data, "-c", command, program], "bpftrace")
    with open(data) as file:
        return [event for event in map(parse_bpftrace, file) if event]


def parse_bpftrace(line):
    words = line.split()
    if len(words) != 5 or not words[0].isdigit():
        return None
    nanoseconds, kind, ring, request, operation = words
    if kind == "enter":
        return Event(int(nanoseconds) / 1e9, kind, "", "", int(operation))
    return Event(int(nanoseconds) / 1e9, kind, ring, request, operation if operation != "-" else "")


def _run(command, tool):
    done = subprocess.run(command, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or ["no message"]
        raise Unusable(f"{tool}: {words[-1]}")


def summarize(events):
    """Numbers of a trace: of all rings together."""
    enters = [event.operation for event in events if event.kind == "enter"]
    submits = [event for event in events if event.kind == "submit"]
    latencies, workers, series = _follow(events)
    return {
        "submissions": len(submits),
        "enters": len(enters),
        "enters_that_submit": sum(1 for count in enters if count > 0),
        "operations": {
            operation: {
                "count": sum(1 for event in submits if event.operation == operation),
                "to_workers": workers[operation],
                "median_us": 1e6 * median(of_one),
                "p99_us": 1e6 * sorted(of_one)[math.ceil(0.99 * len(of_one)) - 1],
                "max_us": 1e6 * max(of_one),
            }
            for operation, of_one in sorted(latencies.items())
        },
        "depth": _mean_depth(series),
        "depth_max": max((depth for _, depth in series), default=0),
        "series": series,
    }


def _follow(events):
    """Latencies and hand-overs by operation, and the depth after each change of it.

    A request's memory is used again, so a submission is that of the next completion at the same
    address. What is polled for ever, as an event descriptor is, never completes and does not count;
    nor do later completions of one submission.
    """
    pending, latencies, workers = {}, collections.defaultdict(list), collections.Counter()
    steps = []
    for event in events:
        place = (event.ring, event.request)
        if event.kind == "submit":
            pending[place] = event
        elif event.kind == "worker":
            workers[event.operation] += 1
        elif event.kind == "complete" and place in pending:
            submitted = pending.pop(place)
            latencies[submitted.operation].append(event.seconds - submitted.seconds)
            # What polls waits for others' wakes: it is no work in flight.
            if not submitted.operation.startswith("POLL"):
                steps += [(submitted.seconds, 1), (event.seconds, -1)]
    depth, series = 0, []
    start = min((seconds for seconds, _ in steps), default=0)
    for seconds, change in sorted(steps):
        depth += change
        series.append((seconds - start, depth))
    return latencies, workers, series


def _mean_depth(series):
    """Over the time in which anything is in flight."""
    area = busy = 0.0
    for (begin, depth), (end, _) in zip(series, series[1:]):
        area += depth * (end - begin)
        busy += (end - begin) if depth > 0 else 0
    return area / busy if busy else 0.0


def text(summary):
    """For people."""
    submitting = summary["enters_that_submit"]
    batch = summary["submissions"] / submitting if submitting else 0
    lines = [
        f"{summary['submissions']} SQEs in {submitting} of {summary['enters']} calls of "
        f"io_uring_enter: {batch:.1f} each",
        f"depth {summary['depth']:.2f} on average over the time with anything in flight, "
        f"{summary['depth_max']} at most",
        f"{'operation':<16} {'count':>8} {'to io-wq':>9} {'median us':>10} {'99 % us':>10} "
        f"{'max us':>10}",
    ]
    for operation, one in summary["operations"].items():
        lines.append(
            f"{operation:<16} {one['count']:>8} {one['to_workers']:>9} "
            f"{one['median_us']:>10.1f} {one['p99_us']:>10.1f} {one['max_us']:>10.1f}"
        )
    return "\n".join(lines)
