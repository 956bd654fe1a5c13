"""The cells of `make bench-full`: a work in a state on a file system.

Those of FIRST matter most; those of LAST take longest, and are left out when the hour is over.
"""

from dataclasses import dataclass

from . import works

# State, file system, works.
FIRST = [
    (
        "cached",
        "ext4",
        (
            "1G",
            "tree",
            "10M",
            "1K",
            "4K",
            "16K",
            "64K",
            "256K",
            "1M",
            "100M",
            "flat",
            "empty",
            "source",
            "named",
            "chain",
            "sparse",
        ),
    ),
    ("cold", "ext4", ("1G", "tree", "10M", "64K", "sparse")),
    ("durable", "ext4", ("1G", "tree", "4K")),
]
THEN = [
    ("cached", "xfs", ("1G", "10M", "4K", "tree", "flat", "empty")),
    ("cached", "btrfs", ("1G", "10M", "4K", "tree", "flat", "empty")),
    ("cached", "tmpfs", ("1G", "10M", "4K", "tree")),
    ("cached", "overlay", ("1G", "10M", "4K", "tree")),
    ("cold", "xfs", ("1G", "tree")),
    ("cold", "btrfs", ("1G", "tree")),
    ("cold", "overlay", ("1G",)),
    ("cold", "throttled", ("sparse", "64K")),  # ext4, the device held back by the block throttle
]
LAST = [("cached", "ext4", ("4G", "10G"))]

# Those that need minutes for a round have fewer contestants and rounds.
FEW = ("ours", "cp", "fcp", "xcp")
FEW_ROUNDS = 3


@dataclass(frozen=True)
class Cell:
    work: works.Work
    work_name: str
    state: str
    file_system: str

    @property
    def name(self):
        return f"{self.work_name}.{self.state}.{self.file_system}"

    @property
    def is_long(self):
        return self.work_name == "10G"

    @property
    def only(self):
        """The contestants, if not all."""
        return FEW if self.is_long else ()

    def rounds(self, asked_for):
        return min(asked_for, FEW_ROUNDS) if self.is_long else asked_for

    def guess_seconds(self, contestants, rounds):
        """Before anything is measured: 1 GB/s, 25 us a file; of cold trees half of that."""
        slow = 2 if self.state == "cold" and self.work.files > 1000 else 1
        slow = 5 if self.file_system == "throttled" else slow
        trial = (self.work.size / 1e9 + self.work.files * 2.5e-5) * slow
        prepared = 0.2 + self.work.size / 2e9
        trials = 2 * contestants + max(0, rounds - 2) * min(contestants, 3) + 3
        return 3 + trials * (trial + prepared)


def matrix(table, scale=1):
    of_name = works.matrix(scale)
    return [
        Cell(of_name[name], name, state, kind) for state, kind, names in table for name in names
    ]
