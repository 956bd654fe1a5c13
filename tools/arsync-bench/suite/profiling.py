"""Where the time of a command goes, by `perf record -e cpu-clock`, which needs no counters of the
hardware."""

import collections
import re
import shlex
import shutil
import subprocess


class Unavailable(Exception):
    """Why there is no profile."""


USER_COPY = re.compile(r"mem(cpy|move)|__memmove|__memcpy")
KERNEL_COPY = re.compile(r"copy|rep_movs|mem(cpy|move)")


class Profile:
    """Of one run. `top` has the commonest symbols with their shares."""

    def __init__(self, command, data):
        if not shutil.which("perf"):
            raise Unavailable("no perf")
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "5000", "-o", data, "--"]
        if (
            subprocess.run(
                record + shlex.split(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ).returncode
            != 0
        ):
            raise Unavailable("perf record failed")
        script = subprocess.run(
            ["perf", "script", "-i", data, "-F", "ip,sym"],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ).stdout
        self._count(script)

    def _count(self, script):
        """`script` has an address and a symbol for each sample; the kernel's begin with ffff."""
        symbols = collections.Counter()
        user = kernel = 0
        for line in script.splitlines():
            address, _, symbol = line.strip().partition(" ")
            if not address:
                continue
            in_kernel = address.startswith("ffff")
            symbols[symbol.strip() or "[unknown]"] += 1
            user += bool(not in_kernel and USER_COPY.search(symbol))
            kernel += bool(in_kernel and KERNEL_COPY.search(symbol))
        self.samples = sum(symbols.values())
        if self.samples == 0:
            raise Unavailable("no samples")
        self.user_copies = 100 * user / self.samples
        self.kernel_copies = 100 * kernel / self.samples
        self.top = [
            (symbol, 100 * count / self.samples) for symbol, count in symbols.most_common(12)
        ]

    def as_json(self):
        return {
            "samples": self.samples,
            "user_copies": self.user_copies,
            "kernel_copies": self.kernel_copies,
            "top": self.top,
        }
