"""What a command costs beside its time: one run more, by perf stat and by `peak`.

Each figure is None where it cannot be had, which is told as "not available".
"""

import os
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
    line = [f"{driver.names['build']}/bench/peak", *shlex.split(command)]
    if shutil.which("perf"):
        line = ["perf", "stat", "-x", ",", "-o", told, "-e", ",".join(EVENTS.values()), "--", *line]
    elif os.path.exists(told):
        os.remove(told)
    done = subprocess.run(line, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        return {}
    counts = dict.fromkeys(EVENTS)
    if os.path.exists(told):
        with open(told) as file:
            counts = parse(file.read())
    words = done.stdout.split()
    counts["peak_kib"] = int(words[-1]) if words else None
    return counts


def parse(text):
    """The lines of perf stat -x: value,unit,event,... with <not supported> for a value."""
    values = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 2:
            values[fields[2]] = int(fields[0]) if fields[0].isdigit() else None
    return {name: values.get(event) for name, event in EVENTS.items()}
