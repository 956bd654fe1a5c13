"""Rows of `make bench` that are not a contest of commands."""

import json
import shlex
import shutil
import subprocess

from . import preparing, spinning as spinning_disk, table, works
from .disk import run
from .profiling import Profile, Unavailable
from .stats import median, minimum


def copies(driver, rounds):
    """The library's own count, and where a profiler saw the process copy: in the kernel, or in
    memcpy."""
    _fresh(driver, works.GIB_FILE)
    methods = ("fixed", "direct", "managed")
    for method in methods:
        command = driver.fill_in(f"{{ours}} --json --method={method} {{src}} {{mnt}}/{method}")
        said = run(*shlex.split(command), text=True, stdout=subprocess.PIPE).stdout
        summary = json.loads(said.splitlines()[-1])
        moved, copied = summary["bytes_written"], summary["bytes_copied_in_user_space"]
        # What `managed` is there for is the clone.
        judged = method != "managed"
        table.row(
            f"bytes copied in user space per byte moved, {method}",
            copied,
            moved,
            f"{copied / moved:.2f}" if moved else "-",
            0 if judged else "-",
            ("met" if copied == 0 and moved > 0 else "MISSED") if judged else "",
        )
    for method in methods:
        try:
            profile = Profile(
                driver.fill_in(f"{{ours}} --method={method} {{src}} {{mnt}}/{method}.profiled"),
                driver.disk.path("perf"),
            )
        except Unavailable as why:
            table.note(f"profile: not available ({why})")
            return
        table.note(
            f"profile of {method + ':':<9} {profile.user_copies:5.1f} % of samples in user-space "
            f"memory copies, {profile.kernel_copies:.1f} % in kernel copies, {profile.samples} samples"
        )


def memory(driver, rounds):
    """On tmpfs, which has no say in what a process has resident."""
    if _available_gib() < 4:
        table.note("peak memory: not available (2,000,000 files on tmpfs need 4 GiB)")
        return
    driver.disk.fresh("tmpfs")
    peaks = []
    for count in (10000, 1000000):
        run(*shlex.split(driver.fill_in(f"{{bin}}/corpus empty {{mnt}}/{count} {count}")))
        command = driver.fill_in(f"{{bin}}/peak {{ours}} -r {{mnt}}/{count} {{mnt}}/copy{count}")
        peaks.append(int(run(*shlex.split(command), text=True, stdout=subprocess.PIPE).stdout))
    table.verdict("peak memory, KiB: 1,000,000 empty files : 10,000", 1.3, peaks[1], peaks[0])
    table.verdict("    1,000,000 empty files : 64 MiB", 1, peaks[1], 65536)


def touch(driver, rounds):
    """What the first touch of memory costs that has been free for a while."""
    command = "{bin}/touch 1000"
    soon = driver.contest({"first": command, "again": command}, rounds=3)["again"]
    later = driver.contest({"later": command}, "sleep 10\n", rounds=2)["later"]
    table.verdict(
        "1000 MiB of memory touched, free for 10 s : just freed",
        None,
        median([trial.seconds for trial in later]),
        minimum([trial.seconds for trial in soon]),
    )


def spinning(driver, rounds):
    """Sources on a disk that has to seek, as it says; and beside that where it does not say so."""
    spinning_disk.row(driver, rounds)


def profile(driver, rounds):
    """Where the time of a cached tree and of a cached GiB goes."""
    if not shutil.which("perf"):
        table.note("profile: not available (no perf)")
        return
    data = driver.disk.path("perf")
    for work in (works.TREE, works.GIB_FILE):
        _fresh(driver, work)
        run("sh", "-c", driver.fill_in(preparing.warm()))
        run(
            "perf",
            "record",
            "-q",
            "-a",
            "-e",
            "cpu-clock",
            "-F",
            5000,
            "-o",
            data,
            "--",
            *shlex.split(driver.fill_in("{ours} -r {src} {mnt}/copy")),
            stderr=subprocess.DEVNULL,
        )
        table.note(f"profile of arsync-cp -r, {work.title}, all CPUs:")
        report = run(
            "perf",
            "report",
            "-i",
            data,
            "--sort",
            "comm,sym",
            "--stdio",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ).stdout
        lines = [line for line in report.splitlines() if line.strip() and not line.startswith("#")]
        print("\n".join(lines[:30]), flush=True)


def _fresh(driver, work):
    driver.disk.fresh("ext4")
    works.make(work, driver.disk, driver.names["build"])


def _available_gib():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) >> 20 for line in file if line.startswith("MemAvailable:"))
