"""The works: what is copied. Each is made at the `source` of a fresh file system.

A work has a kind, which decides how each contestant is called: `file`, `tree` (a directory and all
below it) or `names` (the files of a directory, each named on the command line).
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Callable

from .disk import run

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True)
class Work:
    title: str
    kind: str
    files: int
    size: int  # bytes of data
    make: Callable  # (disk, build)


def _random_file(disk, size):
    """Kept for the whole run, as making random data takes longer than copying it."""
    path = disk.path(f"random{size}")
    if not os.path.exists(path):
        with open(path, "wb") as file:
            subprocess.run(["head", "-c", str(size), "/dev/urandom"], stdout=file, check=True)
        run("sync", path)
    return path


def _large(size):
    def make(disk, build):
        block = _random_file(disk, min(size, GIB))
        with open(disk.source, "wb") as file:
            for _ in range(max(1, size // GIB)):
                run("cat", block, stdout=file)
        run("dd", f"of={block}", "oflag=nocache", "conv=notrunc", "count=0", "status=none")
    return make


def _corpus(kind, *numbers):
    def make(disk, build):
        run(f"{build}/bench/corpus", kind, disk.source, *numbers)
    return make


def _split(count, size):
    """Files 00000, 00001 and so on, of one size."""
    def make(disk, build):
        os.mkdir(disk.source)
        with subprocess.Popen(["head", "-c", str(count * size), "/dev/urandom"],
                              stdout=subprocess.PIPE) as random:
            run("split", "-b", size, "-a", 5, "-d", "-", "", stdin=random.stdout, cwd=disk.source)
    return make


def file(size, title):
    return Work(title, "file", 1, size, _large(size))


def files(count, size, title):
    return Work(title, "tree", count, count * size, _split(count, size))


def sparse(piece_kib):
    return Work(f"200 MiB in pieces of {piece_kib} KiB", "file", 1, 200 * MIB,
                _corpus("sparse", piece_kib))


GIB_FILE = file(GIB, "1 GiB")
BLOCK = file(4 * KIB, "4 KiB")
TREE = Work("tree of 40,000 files", "tree", 40000, 424 * 10**6, _corpus("tree"))
FLAT = Work("100,000 small files in one directory", "tree", 100000, 200 * MIB, _corpus("flat"))
LIST = files(100000, 4 * KIB, "100,000 files of 4 KiB")


def make(work, disk, build):
    """In place of any work that is there. Written out when this returns."""
    if os.path.isdir(disk.source):
        shutil.rmtree(disk.source)
    work.make(disk, build)
    os.sync()
