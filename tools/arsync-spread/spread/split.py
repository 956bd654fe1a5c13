"""The source's names as units, while fpart is still finding them.

fpart walks the tree and makes lists of about as many bytes and files as are asked for. What it cannot do
is done here: a file with several names goes with all of them into one unit, or they would become several
files; and one that is larger than a chunk becomes many units (big.py). Directories are nobody's work but
the last unit's.
"""
import hashlib
import os
import re
import shutil
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from .big import BigFiles
from .engines import terminate
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


class Group:
    """The names of one file: those that earlier units have, and the others."""

    def __init__(self, facts):
        self.known, self.new = [], []
        self.size = facts.st_size if stat.S_ISREG(facts.st_mode) else 0


class Splitter:
    """Iterate over it: each unit, as soon as it is there."""

    def __init__(self, state, plan, commands, limits, before):
        self.state, self.commands, self.limits = state, commands, limits
        self.source = os.fsencode(plan["source"])
        self.destination = os.fsencode(plan["destination"])
        self.one_file_system = plan["one_file_system"]
        self.next = max(map(int, state.names()), default=0) + 1
        self.big = BigFiles(self, plan, before)
        self.files, self.linked = Bundle(), Bundle()
        self.groups = {}  # (device, inode): a Group, as far as it is known
        self.walk = None
        self.problems = ""

    def new_name(self):
        self.next += 1
        return str(self.next - 1)

    def stop(self):
        if self.walk:
            terminate(self.walk)

    def units(self):
        """Of a walk from its beginning. What earlier units have is left out."""
        had = self._had()
        self.problems = ""
        self.state.forget_walked()
        root = os.open(self.source, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with ThreadPoolExecutor(LOOKING) as pool:
                for names in self._lists():
                    known = [digest(name) in had for name in names] if had else [False] * len(names)
                    yield from self._sort(zip(names, known, pool.map(look_from(root), names)))
            for group in self.groups.values():  # of which other names lie outside
                yield from self._add_group(group)
            yield from self._flush(0)
        finally:
            os.close(root)
        # What an fpart that failed has not listed was not tried; some files of it are missing, or many.
        if self.walk.returncode == 0:
            self.state.set_walked(self.problems)

    def _had(self):
        """The names that units have, of a walk that was cut off. A large file is its last unit's."""
        had = set()
        for name in self.state.names():
            kind = self.state.unit(name).kind
            if kind == "hidden":
                self.state.forget(name)
            elif kind != "range":
                had.update(map(digest, self.state.part(name)))
        return had

    def _lists(self):
        raw = self.state.at("walk")
        shutil.rmtree(raw, ignore_errors=True)
        os.mkdir(raw, 0o700)
        # -z: directories that are empty, or look so to fpart as their names may not be looked at.
        command = ["fpart", "-L", "-0", "-z", "-f", str(self.limits.files), "-s", str(self.limits.bytes),
                   "-o", os.path.join(raw, "list"), "-W", 'echo "$FPART_PARTNUMBER $FPART_PARTNUMFILES"']
        command += ["-b"] if self.one_file_system else []
        try:
            self.walk = subprocess.Popen(command + ["."], cwd=self.source, stderr=subprocess.PIPE,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         start_new_session=True)
        except FileNotFoundError:
            raise Refused("fpart is not installed; it makes the lists of names") from None
        complaints = []  # not in a file, which a full disk would not take
        listener = threading.Thread(target=lambda: complaints.extend(self.walk.stderr), daemon=True)
        listener.start()
        for line in self.walk.stdout:
            number, count = line.decode().split()
            yield names_in(os.path.join(raw, "list." + number), int(count))
        # A directory that may not be read is the last unit's error too, and told there.
        listener.join()
        if self.walk.wait() < 0:
            raise Refused(f"fpart was killed by signal {-self.walk.returncode}")
        for name in os.listdir(raw):  # of which it could not tell
            if re.fullmatch("list\\.[0-9]+", name):
                yield names_in(os.path.join(raw, name))
        self.problems += b"".join(complaints).decode(errors="replace")
        if self.walk.returncode > 0:
            self.problems += f"its exit status is {self.walk.returncode}"

    # found: names, whether earlier units have them, and what they are; None: they have vanished.
    def _sort(self, found):
        for name, known, facts in found:
            if facts is None:
                continue
            if stat.S_ISDIR(facts.st_mode):  # fpart names what it could not list
                yield from self._hidden(name)
            elif facts.st_nlink > 1:
                yield from self._take_linked(name, known, facts)
            elif known:
                continue
            elif self.big.is_one(facts):
                yield from self.big.units(name)
            else:
                self.files.add([name], facts.st_size if stat.S_ISREG(facts.st_mode) else 0)
        yield from self._flush(0.5)

    def _hidden(self, directory):
        """Names in a directory that may be read but not searched: a unit to say so, until the next walk."""
        path = os.path.join(self.source, directory)
        if os.access(path, os.X_OK):
            return
        try:
            names = os.listdir(path)
        except OSError:  # fpart or the last unit has told
            return
        self.problems += f"{os.fsdecode(directory)}: may not be searched\n"
        unit = Unit(self.new_name(), "hidden", 1, 0, len(names))
        self.state.add(unit, self.commands.files(unit.name), [os.path.join(directory, name) for name in names])
        yield unit

    def _take_linked(self, name, known, facts):
        key = facts.st_dev, facts.st_ino
        group = self.groups.setdefault(key, Group(facts))
        (group.known if known else group.new).append(name)
        if len(group.known) + len(group.new) == facts.st_nlink:
            del self.groups[key]
            yield from self._add_group(group)

    def _add_group(self, group):
        if not group.new:
            return
        size = group.size
        if group.known:  # and copied by an earlier unit, from a list that was not whole
            yield self.big.add_links(group.known + group.new)
            return
        group = group.new
        if self.big.is_large(size):
            units = self.big.units(group[0])
            finish = next(units)
            yield finish
            yield from units
            yield self.big.add_links(group, finish)
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


def names_in(path, count=None):
    """count: how many fpart has counted, where it has told. A disk that was full for a moment has fewer."""
    with open(path, "rb") as file:
        *names, rest = file.read().split(b"\0")
    if rest or count not in (None, len(names)):
        raise Refused(f"{path} is not whole: fpart could not write it")
    os.unlink(path)
    return [name[2:] if name.startswith(b"./") else name for name in names]


# Of what cannot be looked at; the unit that has it will say why.
UNKNOWN = os.stat_result((0o100000, 0, 0, 1, 0, 0, 0, 0, 0, 0))


def look_from(root):
    """A function: what a name is. None: it is not there any more."""

    def look(name):
        try:
            return os.stat(name, dir_fd=root, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return UNKNOWN

    return look
