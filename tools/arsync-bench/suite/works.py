"""The works: what is copied. Each is made at the `source` of a fresh file system.

A work has a kind, which decides how each contestant is called: `file`, `tree` (a directory and all
below it) or `names` (the files of a directory, each named on the command line).
"""

import dataclasses
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

    @property
    def memory(self):
        """That a copy uses: its pages, inodes and names."""
        return self.size + 2 * KIB * self.files


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
        with open(_random_file(disk, count * size), "rb") as random:
            run("split", "-b", size, "-a", 5, "-d", "-", "", stdin=random, cwd=disk.source)

    return make


def called(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"


def file(size):
    return Work(called(size), "file", 1, size, _large(size))


def files(count, size):
    return Work(
        f"{count:,} files of {called(size)}", "tree", count, count * size, _split(count, size)
    )


def sparse(piece_kib, mib=200):
    return Work(
        f"{mib} MiB in pieces of {piece_kib} KiB, with holes",
        "file",
        1,
        mib * MIB,
        _corpus("sparse", piece_kib, mib),
    )


def tree(count):
    return Work(f"tree of {count:,} files", "tree", count, count * 10600, _corpus("tree", count))


def empty(count):
    return Work(f"{count:,} empty files", "tree", count, 0, _corpus("empty", count))


def flat(count):
    return Work(
        f"{count:,} small files in one directory",
        "tree",
        count,
        count * 2048,
        _corpus("flat", count),
    )


GIB_FILE = file(GIB)
BLOCK = file(4 * KIB)
TREE = tree(40000)
FLAT = flat(100000)
LIST = files(100000, 4 * KIB)


def matrix(scale=1):
    """The works of the whole-command matrix. A scale below 1 makes all of them smaller."""

    def size(full):
        return max(64 * KIB, int(full * scale) // KIB * KIB)

    def many(full):
        return max(20, int(full * scale))

    named = files(many(5000), 4 * KIB)
    chain = many(800)
    source = many(60000)
    return {
        "1K": files(many(5000), KIB),
        "4K": files(many(5000), 4 * KIB),
        "16K": files(many(4000), 16 * KIB),
        "64K": files(many(3000), 64 * KIB),
        "256K": files(many(2000), 256 * KIB),
        "1M": files(many(1000), MIB),
        "10M": files(64, size(10 * MIB)),
        "100M": files(10, size(100 * MIB)),
        "1G": file(size(GIB)),
        "4G": file(size(4 * GIB)),
        "10G": file(size(10 * GIB)),
        "sparse": sparse(64, max(1, int(200 * scale))),
        "flat": flat(many(50000)),
        "empty": empty(many(100000)),
        "tree": tree(many(40000)),
        "source": Work(
            f"{source:,} files, as a kernel's source",
            "tree",
            source,
            source * 14000,
            _corpus("source", source),
        ),
        "named": dataclasses.replace(named, kind="names", title=f"{named.title}, each named"),
        "chain": Work(
            f"{chain} directories, each in the one before",
            "tree",
            2 * chain,  # with the directories, which are as many as the files
            chain * 2048,
            _corpus("chain", chain),
        ),
    }


def make(work, disk, build):
    """In place of any work that is there. Written out when this returns."""
    if os.path.isdir(disk.source):
        shutil.rmtree(disk.source)
    work.make(disk, build)
    os.sync()
