"""The directory of small files that a run leaves, and that the same command goes on from.

    plan       what the run is, as JSON: another command is refused
    lock       held by the one command that runs; so is DST itself
    settings   for unit.sh: source, destination, what they are, arsync_cp
    unit.sh    what runs a unit
    units/N    a unit, as sh reads it: its id, its kind, how much it is, the arguments of arsync-cp
    parts/N    the names that a unit is about, each with its NUL
    records/N  what came of it, as JSON; only status 0 is done, and only the unit with that id
    running/N  who is at it, since when
    locks/N    held by who is at it
    logs/N.*   of a unit that failed: what arsync-cp said, and the objects of what failed
    walked     all units are there; what could not be listed
    closed     the last unit has begun once, so directories may have their modes
    walk, slurm, fpsync   what these programs need

Always true: a file is written as *.new, synced and renamed, so what has its name is whole; a unit is there
only after its part, and a range only after the unit that finishes its file and names it; no file is ever
changed but by replacing it. So a run may be cut off after any of them. A number may be given anew, but not
an id: what an old unit still writes is nobody's record.
"""
import errno
import fcntl
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import stat
import sys


class Refused(Exception):
    """Why there can be no run, in words."""

    def __init__(self, message, status=3):
        super().__init__(message)
        self.status = status


END = "end"  # the unit of the directories, which comes after all others
FOLDERS = ("units", "parts", "records", "running", "logs", "locks", "walk", "slurm", "fpsync")
FILES = ("walked", "closed", "plan", "lock", "settings", "unit.sh")


# What a plan says, and as what.
PLAN = {"source": str, "destination": str, "chunk": (int, type(None)), "mirror": bool, "one_file_system": bool,
        "options": list, "identity of SRC": str, "identity of DST": str}


def is_plan(plan):
    return isinstance(plan, dict) and plan.keys() == PLAN.keys() \
        and all(isinstance(plan[key], PLAN[key]) for key in PLAN) and not isinstance(plan["chunk"], bool) \
        and all(isinstance(option, str) for option in plan["options"])


def write_file(path, content):
    """Whole or not at all."""
    try:
        with open(path + ".new", "wb") as out:
            out.write(os.fsencode(content))
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        error.filename = path  # of a full disk it has none
        raise
    os.rename(path + ".new", path)


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def quoted(word):
    return shlex.quote(os.fsdecode(word))


class Unit:
    """As its file says. phase: units of a later one begin when all of those before have ended."""

    def __init__(self, name, kind, phase, size, files, extra=None):
        self.name, self.kind, self.phase = name, kind, phase
        self.bytes, self.files = size, files
        self.extra = extra or {}
        self.id = secrets.token_hex(8)


class State:
    def __init__(self, path):
        self.path = path
        self.lock = self.lock_of_destination = None

    def at(self, *names):
        return os.path.join(self.path, *names)

    # ---- its beginning ----

    def exists(self):
        return os.path.exists(self.at("plan"))

    def _check(self):
        """Units are run as they stand here, so nobody else may write them; and nothing else is removed."""
        here = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        facts, there = os.fstat(here), os.listdir(here)
        os.close(here)
        if facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & 0o022:
            raise Refused(f"the state directory {self.path} is another user's, or others may write to it")
        there = [name for name in there if not name.startswith(".nfs")]
        strange = [name for name in there if re.sub(r"\.new$", "", name) not in FOLDERS + FILES]
        if strange or not self.exists() and set(there) - {"lock", "plan.new"}:
            raise Refused(f"{self.path} is no state directory: it has {(strange or there)[0]!r} in it", 2)

    def take_lock(self):
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            self._check()
            self.lock = os.open(self.at("lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES) and self.lock is not None:
                who = os.read(self.lock, 200).decode(errors="replace").strip()
                raise Refused(f"another arsync-spread is at this copy: {who}") from None
            raise Refused(f"cannot use the state directory {self.path}: {error.strerror}") from None
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def take_lock_of(self, destination):
        """Another run may have another state directory. The lock is that of the directory itself, which NFS
        has for one machine only, and some file systems not at all."""
        try:
            self.lock_of_destination = os.open(destination, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self.lock_of_destination, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another arsync-spread, with another state directory, is at {destination}") from None
        except OSError:  # it may not be read, or not be there, which is told in its place
            pass

    def plan(self):
        """What was begun: nothing, if it was not begun wholly."""
        try:
            with open(self.at("plan"), encoding="utf-8") as file:
                plan = json.load(file)
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):  # a disk was full
            raise Refused(f"{self.at('plan')} cannot be read: begin anew with --restart") from None
        if plan != {} and not is_plan(plan):
            raise Refused(f"{self.at('plan')} is no plan that this version knows: begin anew with --restart")
        return plan

    def open(self, plan, before):
        """Begin what plan says, or go on with what was there before if that is the same."""
        other = [key for key in plan if before and plan[key] != before.get(key)]
        if other:
            raise Refused(
                f"the copy in {self.path} was begun with another {other[0]}: "
                f"{before.get(other[0])}; finish it, or begin anew with --restart", 2)
        if not before:
            self._remove_all()
        for folder in FOLDERS:
            os.makedirs(self.at(folder), mode=0o700, exist_ok=True)
        if not before:
            write_file(self.at("plan"), json.dumps(plan, indent=1) + "\n")

    def _remove_all(self):
        """But the plan: it says that this is a state directory, and, while it is empty, to go on with this."""
        for name in os.listdir(self.at("locks")) if os.path.isdir(self.at("locks")) else ():
            if self._is_locked(name):
                raise Refused(f"unit {name} of the earlier run is still running")
        write_file(self.at("plan"), "{}\n")
        for name in ("walked", "closed"):
            remove(self.at(name))
        for folder in FOLDERS:
            if os.path.lexists(self.at(folder)):
                shutil.rmtree(self.at(folder))

    def install(self, settings, script):
        """What units need of this version and this command."""
        write_file(self.at("unit.sh"), script)
        write_file(self.at("settings"),
                   "".join(f"{key}={quoted(value)}\n" for key, value in settings.items()))
        for name in os.listdir(self.at("running")):
            if not self._is_locked(name.partition(".")[0]):  # whoever wrote it runs no more
                remove(self.at("running", name))

    def _is_locked(self, name):
        """Whether a unit is running, or None: it has no lock to tell by."""
        try:
            with open(self.at("locks", name), "rb+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except FileNotFoundError:
            return None
        except OSError:
            return True

    def wait_for(self, name):
        """Until nobody is at a unit: what an earlier run has begun may outlive it."""
        try:
            lock = open(self.at("locks", name), "rb+")
        except FileNotFoundError:
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"arsync-spread: waiting for unit {name} of an earlier run, which is still running",
                      file=sys.stderr, flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)

    # ---- units ----

    def add(self, unit, arguments, names=None):
        """names: with which its part is written; None: it has none, or another's."""
        if names is not None:
            write_file(self.at("parts", unit.name), b"".join(name + b"\0" for name in names))
        text = f"id={unit.id}\nkind={unit.kind}\nphase={unit.phase}\nbytes={unit.bytes}\nfiles={unit.files}\n"
        text += "".join(f"{key}={quoted(value)}\n" for key, value in unit.extra.items())
        text += "set -- " + " ".join(quoted(argument) for argument in arguments) + "\n"
        write_file(self.at("units", unit.name), text)

    def unit(self, name):
        with open(self.at("units", name), "rb") as file:
            words = shlex.split(os.fsdecode(file.read()))
        values = dict(word.split("=", 1) for word in words[: words.index("set")])
        own = [values.pop(key) for key in ("id", "kind", "phase", "bytes", "files")]
        unit = Unit(name, own[1], *map(int, own[2:]), values)
        unit.id = own[0]
        return unit

    def names(self):
        """Of the units but for the last, in the order in which they were made."""
        there = (name for name in os.listdir(self.at("units")) if re.fullmatch("[0-9]+", name))
        return sorted(there, key=int)

    def part(self, name):
        with open(self.at("parts", name), "rb") as file:
            return file.read().split(b"\0")[:-1]

    def forget(self, name):
        for folder in ("records", "units", "parts"):
            remove(self.at(folder, name))

    def forget_record(self, name):
        remove(self.at("records", name))

    def look_again(self):
        """What hosts have written, NFS sees when a directory is opened, not before it has forgotten."""
        for folder in ("records", "running"):
            os.listdir(self.at(folder))

    def record(self, name):
        """None: there is none, or that of another unit which had this number."""
        try:
            with open(self.at("units", name), "rb") as file:
                head = file.readline().decode().strip()
            with open(self.at("records", name), encoding="utf-8", errors="replace") as file:
                record = json.load(file)
            return record if head == "id=" + record.get("id", "") else None
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
            if "." in name or self._is_locked(name) is False:  # it was killed
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

    def forget_walked(self):
        remove(self.at("walked"))

    def set_walked(self, problems):
        for folder in ("parts", "units"):
            directory = os.open(self.at(folder), os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
        write_file(self.at("walked"), problems)
