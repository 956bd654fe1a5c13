"""The directory of small files that a run leaves, and that the same command goes on from.

    plan       what the run is, as JSON: another command is refused
    lock       held by the one command that runs
    settings   for unit.sh: source, destination, arsync_cp
    unit.sh    what runs a unit
    units/N    a unit, as sh reads it: its kind, how much it is, its requirements, its arguments
    parts/N    the names that a unit is about, each with its NUL
    records/N  what came of it, as JSON; only status 0 is done
    running/N  who is at it, since when
    locks/N    held by who is at it
    logs/N.*   of a unit that failed: what arsync-cp said, and the objects of what failed
    walked     all units are there; what could not be listed

Always true: a file is written under another name and renamed, so what is there is whole; a unit is there
only after its part; no file is ever changed but by replacing it.
"""
import errno
import fcntl
import json
import os
import re
import shlex
import socket


class Refused(Exception):
    """Why there can be no run, in words."""

    def __init__(self, message, status=3):
        super().__init__(message)
        self.status = status


END = "end"  # the unit of the directories, which comes after all others
FOLDERS = ("units", "parts", "records", "running", "locks", "logs")


def write_file(path, content):
    """Whole or not at all."""
    if isinstance(content, str):
        content = content.encode(errors="surrogateescape")
    with open(path + ".new", "wb") as out:
        out.write(content)
    os.rename(path + ".new", path)


def quoted(word):
    return shlex.quote(os.fsdecode(word))


class Unit:
    """As its file says. phase: units of a later one begin when all of those before have ended."""

    def __init__(self, name, kind, phase, size, files, extra=None):
        self.name, self.kind, self.phase = name, kind, phase
        self.bytes, self.files = size, files
        self.extra = extra or {}


class State:
    def __init__(self, path):
        self.path = path
        self.lock = None

    def at(self, *names):
        return os.path.join(self.path, *names)

    # ---- its beginning ----

    def exists(self):
        return os.path.exists(self.at("plan"))

    def take_lock(self):
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            self.lock = os.open(self.at("lock"), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES) and self.lock is not None:
                who = os.read(self.lock, 200).decode(errors="replace").strip()
                raise Refused(f"another arsync-spread is at this copy: {who}") from None
            raise Refused(f"cannot use the state directory {self.path}: {error.strerror}") from None
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def open(self, plan):
        """Begin, or go on with, what plan says."""
        if self.exists():
            with open(self.at("plan"), encoding="utf-8") as file:
                before = json.load(file)
            other = [key for key in plan if plan[key] != before.get(key)]
            if other:
                raise Refused(
                    f"the copy in {self.path} was begun with another {other[0]}: "
                    f"{before.get(other[0])}; finish it, or begin anew with --restart", 2)
        for folder in FOLDERS:
            os.makedirs(self.at(folder), mode=0o700, exist_ok=True)
        if not self.exists():
            write_file(self.at("plan"), json.dumps(plan, indent=1) + "\n")

    def install(self, settings, script):
        """What units need of this version and this command."""
        write_file(self.at("unit.sh"), script)
        write_file(self.at("settings"),
                   "".join(f"{key}={quoted(value)}\n" for key, value in settings.items()))
        for name in os.listdir(self.at("running")):  # whoever wrote these runs no more
            os.unlink(self.at("running", name))

    # ---- units ----

    def add(self, unit, arguments, names=None, requirements="true"):
        """names: with which its part is written; None: it has none, or another's."""
        if names is not None:
            write_file(self.at("parts", unit.name), b"".join(name + b"\0" for name in names))
        text = f"kind={unit.kind}\nphase={unit.phase}\nbytes={unit.bytes}\nfiles={unit.files}\n"
        text += "".join(f"{key}={quoted(value)}\n" for key, value in unit.extra.items())
        text += f"requirements() {{\n    {requirements}\n}}\n"
        text += "set -- " + " ".join(quoted(argument) for argument in arguments) + "\n"
        write_file(self.at("units", unit.name), text)

    def unit(self, name):
        with open(self.at("units", name), "rb") as file:
            text = os.fsdecode(file.read())
        head = text[: text.index("requirements()")]
        values = {}
        for word in shlex.split(head):
            key, _, value = word.partition("=")
            values[key] = value
        return Unit(name, values.pop("kind"), int(values.pop("phase")), int(values.pop("bytes")),
                    int(values.pop("files")), values)

    def names(self):
        """Of the units but for the last, in the order in which they were made."""
        there = (name for name in os.listdir(self.at("units")) if re.fullmatch("[0-9]+", name))
        return sorted(there, key=int)

    def part(self, name):
        with open(self.at("parts", name), "rb") as file:
            return file.read().split(b"\0")[:-1]

    def forget(self, name):
        for folder in ("records", "units", "parts"):
            try:
                os.unlink(self.at(folder, name))
            except FileNotFoundError:
                pass

    def record(self, name):
        """None: there is none."""
        try:
            with open(self.at("records", name), encoding="utf-8", errors="replace") as file:
                return json.load(file)
        except FileNotFoundError:
            return None
        except ValueError:  # a disk was full
            return {"unit": name, "kind": "", "status": 3, "host": "", "began": 0, "ended": 0,
                    "message": "its record cannot be read", "summary": None}

    def status(self, name):
        record = self.record(name)
        return None if record is None else record["status"]

    def running(self):
        """{unit: (host, since)}"""
        found = {}
        for name in os.listdir(self.at("running")):
            if "." in name:
                continue
            try:
                with open(self.at("running", name), encoding="utf-8") as file:
                    host, _, since = file.read().split()
            except (FileNotFoundError, ValueError):
                continue
            found[name] = (host, int(since))
        return found

    # ---- the walk ----

    def is_walked(self):
        """As far as it could be."""
        return os.path.exists(self.at("walked"))

    def problems(self):
        """What could not be listed; the next run tries again."""
        try:
            with open(self.at("walked"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def set_walked(self, problems):
        write_file(self.at("walked"), problems)
