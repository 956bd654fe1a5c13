"""What a command costs beside its time: one run more, by perf stat and by `peak`.

Each figure is None where it cannot be had, which is told as "not available".
"""

import shlex
import shutil
import subprocess

EVENTS = {
    "system_calls": "raw_syscalls:sys_enter",
    "submissions": "io_uring:io_uring_submit_req",
    "enters": "syscalls:sys_enter_io_uring_enter",
    # Lines of 64 bytes that no cache had: the traffic with memory, but for prefetches.
    "cache_misses": "cache-misses",
}


def count(driver, command):
    """Of one run of the command, after the trials."""
    told = driver.disk.path("counts")
    peak = [f"{driver.names['build']}/bench/peak", *shlex.split(command)]
    perf = ["perf", "stat", "-x", ",", "-o", told, "-e", ",".join(EVENTS.values()), "--"]
    said = _said(perf + peak) if shutil.which("perf") else None
    counts = dict.fromkeys(EVENTS)
    if said is not None:
        with open(told) as file:
            counts = parse(file.read())
    else:  # without the tracepoints perf runs nothing
        said = _said(peak)
    return {**counts, "peak_kib": int(said.split()[-1])} if said else counts


def _said(line):
    """None: it failed."""
    done = subprocess.run(line, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout if done.returncode == 0 else None


def parse(text):
    """The lines of perf stat -x: value,unit,event,... with <not supported> for a value."""
    values = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 2:
            values[fields[2]] = int(fields[0]) if fields[0].isdigit() else None
    return {name: values.get(event) for name, event in EVENTS.items()}
