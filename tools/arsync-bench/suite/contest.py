"""The driver: commands that do the same work take turns, each on a destination of its own.

Each round has all of them once, in a new order. hyperfine does the timing and, right before each
run, what has to be prepared (`prepare`, a shell script), see preparing.py.
"""

import json
import os
import random
import subprocess
from dataclasses import dataclass

from .problems import Failed


class Said(str):
    """A command that prints its own seconds, and is not judged by the whole of its process."""


@dataclass
class Trial:
    seconds: float
    user: float
    system: float

    @property
    def cpu(self):
        return self.user + self.system


class Driver:
    def __init__(self, disk, build, seed=1):
        self.disk = disk
        self.names = {
            "src": disk.source,
            "mnt": disk.mount_point,
            "bin": f"{build}/bench",
            "ours": f"{build}/arsync-cp",
            "build": build,
        }
        self._random = random.Random(seed)

    def fill_in(self, text, **more):
        """The paths in a command: {src}, {dst}, {mnt}, {bin}, {ours}."""
        return text.format(**self.names, **more)

    def in_new_order(self, names):
        order = list(names)
        self._random.shuffle(order)
        return order

    def contest(self, commands, prepare="", rounds=5, runs=1):
        """The trials of each command by its name, in the order of the rounds."""
        trials = {name: [] for name in commands}
        for _ in range(rounds):
            for name in self.in_new_order(commands):
                trials[name].append(self.trial(name, commands[name], prepare, runs))
        return trials

    def _script(self, prepare):
        path = self.disk.path("prepare")
        with open(path, "w") as file:
            file.write(self.fill_in(prepare))
        return path

    def prepare(self, prepare):
        """For what is not timed by a trial."""
        subprocess.run(["sh", self._script(prepare)], check=True)

    def trial(self, name, command, prepare="", runs=1, destination=None):
        result, said = self.disk.path("result"), self.disk.path("said")
        script = self._script(prepare)
        line = self.fill_in(command, dst=destination or self.disk.new_name())
        group = self.disk.control_group
        timer = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', group] if group else []
        timer += [
            "hyperfine",
            "--shell=none",
            "--style=none",
            f"--warmup={5 if runs > 1 else 0}",
            f"--runs={runs}",
            f"--prepare=sh {script}",
            f"--export-json={result}",
            f"--output={said}",
            line,
        ]
        done = subprocess.run(timer, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Failed(name, self._last_words(done.stdout, said))
        with open(result) as file:
            told = json.load(file)["results"][0]
        seconds = told["median"]
        if isinstance(command, Said):
            with open(said) as file:
                seconds = float(file.read().split()[0])
        return Trial(seconds, told["user"], told["system"])

    @staticmethod
    def _last_words(log, said):
        lines = log.strip().splitlines()[-1:]
        if os.path.exists(said):
            with open(said, errors="replace") as file:
                lines = file.read().strip().splitlines()[-1:] + lines
        return "; ".join(lines)
