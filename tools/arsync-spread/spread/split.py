"""The source's names as units, while fpart is still finding them.

fpart walks the tree and makes lists of about as many bytes and files as are asked for. What it cannot do
is done here: a file with several names goes with all of them into one unit, or they would become several
files; and one that is larger than a chunk becomes many units (big.py). Directories are nobody's work but
the last unit's.
"""
import hashlib
import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

from .big import BigFiles
from .state import Refused, Unit

LOOKING = 16  # threads that ask for what fpart does not tell: of a server each answer takes its time


class Limits:
    """What is enough for a unit."""

    def __init__(self, files, size):
        self.files, self.bytes = files, size


class Bundle:
    """Names that will be a unit."""

    def __init__(self):
        self.names, self.bytes = [], 0

    def add(self, names, size):
        self.names.extend(names)
        self.bytes += size

    def is_full(self, limits, share=1.0):
        return len(self.names) >= limits.files * share or self.bytes >= limits.bytes * share


class Splitter:
    """Iterate over it: each unit, as soon as it is there."""

    def __init__(self, state, plan, commands, limits):
        self.state, self.commands, self.limits = state, commands, limits
        self.source = os.fsencode(plan["source"])
        self.destination = os.fsencode(plan["destination"])
        self.chunk = plan["chunk"]
        self.one_file_system = plan["one_file_system"]
        self.next = max(map(int, state.names()), default=0) + 1
        self.big = BigFiles(self, plan)
        self.files, self.linked = Bundle(), Bundle()
        self.groups = {}  # (device, inode): its names so far, and its size
        self.vanished = 0
        self.walk = None
        self.problems = ""

    def new_name(self):
        self.next += 1
        return str(self.next - 1)

    def stop(self):
        if self.walk and self.walk.poll() is None:
            self.walk.terminate()
            self.walk.wait()

    def units(self):
        """Of a walk from its beginning. What earlier units have is left out."""
        had = self._had()
        root = os.open(self.source, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with ThreadPoolExecutor(LOOKING) as pool:
                for names in self._lists():
                    names = [name for name in names if digest(name) not in had]
                    yield from self._sort(names, list(pool.map(look_from(root), names)))
            for group, size in self.groups.values():  # of which other names lie outside
                yield from self._add_group(group, size)
            yield from self._flush(0)
        finally:
            os.close(root)
        self.state.set_walked()

    def _had(self):
        """The names that units have, of a walk that was cut off."""
        had = set()
        for name in self.state.names():
            if os.path.exists(self.state.at("parts", name)):
                had.update(map(digest, self.state.part(name)))
        return had

    def _lists(self):
        raw = self.state.at("walk")
        shutil.rmtree(raw, ignore_errors=True)
        os.mkdir(raw, 0o700)
        command = ["fpart", "-L", "-0", "-f", str(self.limits.files), "-s", str(self.limits.bytes),
                   "-o", os.path.join(raw, "list"), "-W", 'echo "$FPART_PARTNUMBER"']
        command += ["-b"] if self.one_file_system else []
        complaints = os.path.join(raw, "complaints")
        try:
            with open(complaints, "wb") as err:
                self.walk = subprocess.Popen(command + ["."], cwd=self.source, stderr=err,
                                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        except FileNotFoundError:
            raise Refused("fpart is not installed; it makes the lists of names") from None
        for number in self.walk.stdout:
            path = os.path.join(raw, "list." + number.decode().strip())
            with open(path, "rb") as file:
                names = file.read().split(b"\0")[:-1]
            os.unlink(path)
            yield [name[2:] if name.startswith(b"./") else name for name in names]
        # A directory that may not be read is the last unit's error too, and told there.
        if self.walk.wait() < 0:
            raise Refused(f"fpart was killed by signal {-self.walk.returncode}")
        with open(complaints, encoding="utf-8", errors="replace") as err:
            self.problems = err.read()

    def _sort(self, names, found):
        for name, facts in zip(names, found):
            if facts is None:
                self.vanished += 1
            elif stat.S_ISDIR(facts.st_mode):  # what fpart could not read
                continue
            elif facts.st_nlink > 1:
                yield from self._take_linked(name, facts)
            elif self.big.is_one(facts):
                yield from self.big.units(name)
            else:
                self.files.add([name], facts.st_size if stat.S_ISREG(facts.st_mode) else 0)
        yield from self._flush(0.5)

    def _take_linked(self, name, facts):
        group, size = self.groups.setdefault((facts.st_dev, facts.st_ino), ([], facts.st_size))
        group.append(name)
        if len(group) == facts.st_nlink:
            del self.groups[facts.st_dev, facts.st_ino]
            yield from self._add_group(group, size if stat.S_ISREG(facts.st_mode) else 0)

    def _add_group(self, group, size):
        if size > self.chunk:
            yield from self.big.units(group[0])
            yield self.big.add_links(group)
            return
        self.linked.add(group, size)
        if self.linked.is_full(self.limits):
            yield self._finish("linked")

    # share: how much of a unit is worth one; less waits for more.
    def _flush(self, share):
        if self.files.names and self.files.is_full(self.limits, share):
            yield self._finish("files")
        if share == 0 and self.linked.names:
            yield self._finish("linked")

    def _finish(self, kind):
        bundle = self.files if kind == "files" else self.linked
        if kind == "files":
            self.files = Bundle()
        else:
            self.linked = Bundle()
        unit = Unit(self.new_name(), kind, 1, bundle.bytes, len(bundle.names))
        self.state.add(unit, self.commands.files(unit.name), bundle.names)
        return unit


def digest(name):
    return hashlib.blake2b(name, digest_size=16).digest()


def look_from(root):
    """A function: what a name is. None: it is not there any more."""

    def look(name):
        try:
            return os.stat(name, dir_fd=root, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    return look
