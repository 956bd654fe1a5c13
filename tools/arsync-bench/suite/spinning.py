"""A disk with an arm, in place of one: test/fuse/spinning_disk.cpp, with a loop device on it.

A source on it is cold when it has been mounted anew. What is copied goes to the image that other
rows are measured on, which does not seek.
"""

import os
import random
import subprocess
import time

from . import table, works
from .disk import run
from .problems import Unusable
from .stats import median

SIZE = 4 << 30


class SpinningDisk:
    """A context: an ext4 on it, mounted."""

    def __init__(self, driver):
        self._server = None
        self._loop = None
        self._program = os.path.join(driver.names["build"], "test", "spinning_disk")
        if not os.access(self._program, os.X_OK):
            raise Unusable("no spinning_disk: it needs libfuse3")
        self._image = driver.disk.path("spinning")
        self._served = driver.disk.path("served")
        self._told = driver.disk.path("told")
        self.point = driver.disk.path("spinning-mnt")
        self.source = os.path.join(self.point, "source")
        for folder in (self._served, self.point):
            os.makedirs(folder, exist_ok=True)
        run("truncate", "-s", SIZE, self._image)
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", self._image)

    def fill(self, make):
        """As fast as the image is: `make` gets this, as works do a Disk."""
        run("mount", "-o", "loop", self._image, self.point)
        try:
            make(self)
        finally:
            run("umount", self.point)

    def __enter__(self):
        self._server = subprocess.Popen(
            [self._program, self._image, self._served, f"told_by={self._told}"]
        )
        disk = os.path.join(self._served, "disk")
        while not os.path.exists(disk):
            if self._server.poll() is not None:
                raise Unusable("FUSE cannot be mounted here")
            time.sleep(0.01)
        self._loop = run(
            "losetup", "--show", "-f", "--direct-io=on", disk, text=True, stdout=subprocess.PIPE
        ).stdout.strip()
        self._queue("scheduler", "mq-deadline")
        self.mount(True)
        return self

    def __exit__(self, *_):
        if os.path.ismount(self.point):
            run("umount", self.point)
        if self._loop:
            run("losetup", "-d", self._loop)
        for _ in range(100):
            if subprocess.run(["umount", self._served], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        self._server.wait()

    def _queue(self, what, text):
        with open(f"/sys/block/{os.path.basename(self._loop)}/queue/{what}", "w") as file:
            file.write(text)

    def mount(self, rotational):
        """Anew, and so cold. `rotational`: what the device says of itself."""
        if os.path.ismount(self.point):
            run("umount", self.point)
        self._queue("rotational", "1" if rotational else "0")
        run("mount", "-o", "noatime", self._loop, self.point)

    def counts(self):
        """Of its whole life: seeks for reads, and milliseconds in which it was busy."""
        os.path.exists(os.path.join(self._served, "told"))
        with open(self._told) as file:
            reads, seeks, _, _, _, busy = (int(word) for word in file.read().split())
        return seeks, busy


def _shuffled(count, size):
    """Files whose names, inodes and blocks are in three orders."""

    def make(disk, _):
        choice = random.Random(1)
        os.mkdir(disk.source)
        names = [f"{choice.getrandbits(32):08x}" for _ in range(count)]
        for name in names:
            open(os.path.join(disk.source, name), "w").close()
        os.sync()
        choice.shuffle(names)
        for name in names:
            with open(os.path.join(disk.source, name), "wb") as file:
                file.write(choice.randbytes(size))

    return make


def _large(count, size):
    def make(disk, _):
        os.mkdir(disk.source)
        for number in range(count):
            with open(os.path.join(disk.source, f"{number * 17 % count:03}"), "wb") as file:
                file.write(os.urandom(size))

    return make


WORKS = [
    works.Work("2,000 files of 4 KiB", "tree", 2000, 2000 * 4096, _shuffled(2000, 4096)),
    works.Work("40 files of 10 MiB", "tree", 40, 400 << 20, _large(40, 10 << 20)),
    works.tree(2000),
]


def row(driver, rounds):
    for work in WORKS:
        driver.disk.fresh("ext4")
        spinning = SpinningDisk(driver)
        spinning.fill(lambda disk, work=work: work.make(disk, driver.names["build"]))
        with spinning:
            trials, counts = _contest(driver, spinning, rounds)
        text = f"{work.title}, seeking disk: -r : cp -r, seconds"
        _verdict(text, trials, "cp")
        _verdict("    : the same if the disk does not tell, seconds", trials, "unknown")
        for name in ("ours", "unknown", "cp"):
            seeks, busy = (median(each) for each in zip(*counts[name]))
            table.note(f"{name + ':':<9}{seeks:5.0f} seeks, disk busy for {busy / 1000:.2f} s")


def _verdict(text, trials, theirs):
    ours, others = (median([each.seconds for each in trials[name]]) for name in ("ours", theirs))
    table.verdict(text, None, ours, others)


def _contest(driver, spinning, rounds):
    commands = {
        "cp": f"cp -r {spinning.source} {{dst}}",
        "ours": f"{{ours}} -r {spinning.source} {{dst}}",
        "unknown": f"{{ours}} -r {spinning.source} {{dst}}",
    }
    trials = {name: [] for name in commands}
    counts = {name: [] for name in commands}
    for _ in range(rounds):
        for name in driver.in_new_order(commands):
            spinning.mount(name != "unknown")
            before = spinning.counts()
            trials[name].append(driver.trial(name, commands[name]))
            counts[name].append([now - then for now, then in zip(spinning.counts(), before)])
    return trials, counts
