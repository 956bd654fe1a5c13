"""What is measured beside the matrix: the methods, buffers, workers, and what bounds them all.

Each part is a contest, on a work of its own; what the library counts comes from `inside.c`.
"""

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field

from . import machine, preparing, tracing, works
from .contest import Said
from .place import Place, as_json
from .problems import Unusable
from .profiling import Profile, Unavailable

INSIDE = "{bin}/inside"
FIO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fio-seconds")
EQUAL = "size=1024 depth=8"  # of all methods that are compared

METHODS = {
    "heap, 64 KiB, depth 1": "method=heap size=64 depth=1 jobs=1",
    "heap": f"method=heap {EQUAL}",
    "heap, SQPOLL": f"method=heap {EQUAL} sqpoll",
    "read only": f"method=read {EQUAL}",
    "managed": f"method=managed {EQUAL}",
    "managed, SQPOLL": f"method=managed {EQUAL} sqpoll",
    "fixed": f"method=fixed {EQUAL}",
    "fixed, SQPOLL": f"method=fixed {EQUAL} sqpoll",
    "inline": f"method=inline {EQUAL}",
    "copy_file_range": f"method=copy_file_range {EQUAL}",
    "buffered-direct": f"method=buffered-direct {EQUAL}",
    "direct-buffered": f"method=direct-buffered {EQUAL}",
    "direct": f"method=direct {EQUAL}",
    "direct, SQPOLL": f"method=direct {EQUAL} sqpoll",
    "direct, IOPOLL": f"method=direct {EQUAL} iopoll",
    "read only, direct": f"method=read direct {EQUAL}",
    "auto": "method=auto",
}
SHARING = {
    "reflink": "method=reflink",
    "copy_file_range": "method=copy_file_range",
    "auto": "method=auto",
}
HEAT_SIZES = (64, 256, 1024, 2048, 4096)
HEAT_DEPTHS = (1, 2, 4, 8, 16)
WORKERS = (1, 2, 4, 8, 16)
CHUNKS = (1, 2, 3, 4, 6, 8, 12, 16)
USUAL_CHUNKS = "3"  # what cold files begin with
BY_ITSELF = "by itself"


@dataclass
class Part:
    name: str
    kind: str
    work: works.Work
    file_system: str
    state: str
    commands: dict
    rounds: int
    counted: bool = False  # by `inside`, with a profile of each
    traced: dict = field(default_factory=dict)
    guess_seconds: float = 60

    def run(self, driver, _):
        prepare = (preparing.cold if self.state == "cold" else preparing.warm)(self.work.memory)
        place = Place(driver, self.file_system, self.work, len(self.commands) * self.rounds)
        trials = place.contest(self.commands, prepare, self.rounds)
        looked_at = self.commands if self.counted else {}
        return {
            "kind": self.kind,
            "title": self.work.title,
            "state": self.state,
            "file_system": self.file_system,
            "files": self.work.files,
            "size": self.work.size,
            "rounds": self.rounds,
            "trials": as_json(trials),
            "counts": {
                name: _count(driver, place, prepare, command) for name, command in looked_at.items()
            },
            "profiles": {
                name: _profile(driver, place, prepare, command)
                for name, command in looked_at.items()
            },
            "traces": {
                name: _trace(driver, place, prepare, command)
                for name, command in self.traced.items()
            },
        }


def _ready(driver, place, prepare, command):
    destination = place.new_name()
    driver.prepare(prepare)
    return driver.fill_in(command, dst=destination)


def _count(driver, place, prepare, command):
    line = shlex.split(_ready(driver, place, prepare, command))
    said = subprocess.run(line, text=True, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(said)


def _profile(driver, place, prepare, command):
    try:
        return Profile(_ready(driver, place, prepare, command), driver.disk.path("perf")).as_json()
    except Unavailable as why:
        return {"unavailable": str(why)}


def _trace(driver, place, prepare, command):
    try:
        events = tracing.watch(_ready(driver, place, prepare, command), driver.disk.path("events"))
    except Unusable as why:
        return {"unavailable": str(why)}
    return tracing.summarize(events)


def _commands(table):
    return {name: f"{INSIDE} {options} {{src}} {{dst}}" for name, options in table.items()}


def parts(scale, rounds):
    """Three lists: the methods and what bounds them, the rest, and what takes long."""

    def size(full):
        return max(2 * works.MIB, int(full * scale) // works.MIB * works.MIB)

    gib = works.file(size(works.GIB))
    quarter = works.file(size(works.GIB // 4))
    large = works.file(size(10 * works.GIB))
    traced = _commands({name: METHODS[name] for name in ("fixed", "direct", "heap")})

    def methods(state, guess_seconds):
        return Part(
            *(f"methods.{state}", "methods", gib, "ext4", state, _commands(METHODS), rounds),
            counted=True,
            traced=traced,
            guess_seconds=guess_seconds,
        )

    sharing = Part(
        *("methods.sharing", "methods", gib, "xfs", "cached", _commands(SHARING), rounds),
        counted=True,
        guess_seconds=30,
    )
    limits = Part(
        *("maximum", "maximum", gib, "ext4", "cold", maximum(gib), rounds), guess_seconds=90
    )
    others = [heat("fixed", "cached", quarter, rounds), heat("direct", "cold", quarter, rounds)]
    for count in (10000, 100000, 1000000):
        others.append(scaling(max(20, int(count * scale)), count, rounds))
    others += adapting(size, rounds)
    neighbour = Neighbour(
        *("neighbour", "neighbour", large, "ext4", "cold", {}, min(rounds, 3)), guess_seconds=300
    )
    return [methods("cached", 100), methods("cold", 150), sharing, limits], others, [neighbour]


def maximum(gib):
    """Past the page cache, at one depth on one file; and memory, by one CPU and by all."""
    mib, cpus = gib.size // works.MIB, machine.cpus()
    fio = {
        "fio reads": Said(f"{FIO} read {{src}} {mib} 8"),
        "fio writes": Said(f"{FIO} write {{dst}} {mib} 8"),
    }
    return {
        "memory, one thread": Said(f"{{bin}}/speed memory {mib} 1"),
        "memory, all CPUs": Said(f"{{bin}}/speed memory {mib} {cpus}"),
        **(fio if shutil.which("fio") else {}),
        "read only, direct": f"{INSIDE} method=read direct {EQUAL} {{src}} {{dst}}",
        "direct": f"{INSIDE} method=direct {EQUAL} {{src}} {{dst}}",
        "auto": f"{INSIDE} {{src}} {{dst}}",
    }


def heat(method, state, work, rounds):
    one = f"{INSIDE} method={method} jobs=1"
    commands = {
        f"{size} {depth}": f"{one} size={size} depth={depth} {{src}} {{dst}}"
        for size in HEAT_SIZES
        for depth in HEAT_DEPTHS
    }
    return Part(
        *(f"heat.{method}", "heat", work, "ext4", state, commands, min(rounds, 3)), guess_seconds=70
    )


def scaling(count, full, rounds):
    """Empty files: what a file costs apart from its data."""
    commands = {"cp": "cp -r {src} {dst}"}
    commands |= {f"{jobs}": f"{{ours}} -r --jobs={jobs} {{src}} {{dst}}" for jobs in WORKERS}
    rounds = min(rounds, {10000: 5, 100000: 3}.get(full, 1))
    return Part(
        *(f"scaling.{full}", "scaling", works.empty(count), "ext4", "cached", commands, rounds),
        guess_seconds=full * len(commands) * rounds * 5e-5 + 10,
    )


def adapting(size, rounds):
    """Cold files, with so many chunks in flight as the library finds out, and as it is told."""
    one = f"{INSIDE} recursive"
    commands = {BY_ITSELF: f"{one} {{src}} {{dst}}"}
    commands |= {f"{count}": f"{one} chunks={count} {{src}} {{dst}}" for count in CHUNKS}
    kinds = [
        ("disk", "ext4", works.file(size(works.GIB)), 40),
        ("files", "ext4", works.files(64, size(10 * works.MIB)), 60),
        ("distant", "distant", works.file(size(2 * works.GIB)), 120),
        ("throttled", "throttled", works.file(size(works.GIB // 4)), 120),
    ]
    return [
        Part(
            *(f"adapting.{name}", "adapting", work, file_system, "cold", commands, rounds),
            guess_seconds=guess_seconds,
        )
        for name, file_system, work, guess_seconds in kinds
    ]


class Neighbour(Part):
    """Another program's file, which is cached: how fast it is read after a large copy."""

    def run(self, driver, _):
        place = Place(driver, self.file_system, self.work, 4)
        again = "{bin}/speed read {mnt}/other"
        commands = {
            "undisturbed": Said(again),
            "ours": Said(f"sh -c '{{ours}} {{src}} {{dst}} && {again}'"),
            "cp": Said(f"sh -c 'cp {{src}} {{dst}} && {again}'"),
        }
        share = max(1, self.work.size // (10 * works.MIB))
        # Read twice: what was read once is the first to go.
        prepare = f"""[ -e {{mnt}}/other ] || head -c {share}M /dev/urandom > {{mnt}}/other
sync
echo 3 > /proc/sys/vm/drop_caches
cat {{mnt}}/other {{mnt}}/other > /dev/null
"""
        trials = place.contest(commands, prepare, self.rounds)
        return {
            "kind": self.kind,
            "title": self.work.title,
            "state": self.state,
            "file_system": self.file_system,
            "files": 1,
            "size": share * works.MIB,
            "rounds": self.rounds,
            "trials": as_json(trials),
        }
