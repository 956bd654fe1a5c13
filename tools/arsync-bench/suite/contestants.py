"""The contestants: what copies files, and how each is called for a kind of work.

None is required but cp. `make bench-deps` installs those that a registry has, below
build/contestants; others are found on the PATH.
"""

import os
import shutil
from dataclasses import dataclass
from typing import Optional

from . import machine

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
INSTALLED = os.path.join(TOP, "build", "contestants", "bin")


@dataclass(frozen=True)
class Contestant:
    """How it copies a file, a tree, and files that are named; None: it does not."""

    name: str
    program: str
    file: str
    tree: Optional[str]
    names: Optional[str] = None
    durable: str = ""  # the option that makes it so by itself; else sync(1) follows

    def command(self, work, durable):
        line = {"file": self.file, "tree": self.tree, "names": self.names}[work.kind]
        if line is None:
            return None
        line = line.replace(
            "{program}", f"{self.program} {self.durable if durable else ''}".strip()
        )
        if work.kind == "names":
            line = "mkdir {dst} && " + line
        if durable and not self.durable:
            line += " && sync {dst}" if work.kind == "file" else " && sync -f {dst}"
        return f"sh -c '{line}'" if "&&" in line else line


TABLE = [
    Contestant(
        "ours",
        "{ours}",
        "{program} {src} {dst}",
        "{program} -r {src} {dst}",
        "{program} {src}/* {dst}/",
        durable="--durable",
    ),
    Contestant(
        "cp", "cp", "{program} {src} {dst}", "{program} -r {src} {dst}", "{program} {src}/* {dst}/"
    ),
    Contestant(
        "rsync",
        "rsync",
        "{program} {src} {dst}",
        "{program} -r {src}/ {dst}/",
        "{program} {src}/* {dst}/",
        durable="--fsync",
    ),
    Contestant(
        "xcp",
        "xcp",
        "{program} {src} {dst}",
        "{program} -r {src} {dst}",
        "{program} {src}/* {dst}/",
        durable="--fsync",
    ),
    Contestant(
        "fcp", "fcp", "{program} {src} {dst}", "{program} {src} {dst}", "{program} {src}/* {dst}"
    ),
    Contestant(
        "cpz", "cpz", "{program} {src} {dst}", "{program} {src} {dst}", "{program} {src}/* {dst}/"
    ),
    Contestant(
        "cpx",
        "cpx",
        "{program} {src} {dst}",
        "{program} -r {src} {dst}",
        "{program} {src}/* {dst}/",
    ),
    Contestant(
        "uutils",
        "coreutils",
        "{program} cp {src} {dst}",
        "{program} cp -r {src} {dst}",
        "{program} cp {src}/* {dst}/",
    ),
    Contestant(
        "rclone",
        "rclone",
        "{program} --config= copyto {src} {dst}",
        "{program} --config= copy {src} {dst}",
    ),
    Contestant("wcp", "wcp", "{program} {src} {dst}", "{program} {src} {dst}"),
]


def use_installed():
    """Those of `make bench-deps` and of cargo are found like those on the PATH."""
    os.environ["PATH"] = os.pathsep.join(
        [INSTALLED, os.environ["PATH"], os.path.expanduser("~/.cargo/bin")]
    )


def present():
    return [one for one in TABLE if one.name == "ours" or shutil.which(one.program)]


def versions():
    """Of those that are there but arsync-cp, as each tells its own."""
    return {
        one.name: machine.version_of(one.program, "--version")
        for one in present()
        if one.name != "ours"
    }
