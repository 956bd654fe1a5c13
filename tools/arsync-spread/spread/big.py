"""Files larger than a chunk: sized once, copied by units of one range each, and finished by one more.

The size is set by ftruncate(2), and no space is reserved: the source's holes stay holes, every filesystem
and server can do it, and a range job punches what has to be a hole over old content. The price is that a
full disk is met by the ranges, and not before them.

Each range is read back and compared by the job that wrote it (--verify), so that is done by all machines
together. The finishing unit begins only if all of them have ended well and copied all their bytes, source
and destination have the size and the source the time that they were begun with; then it sets the
attributes, and the time of the copy says for the first time that it is the source's.
"""
import errno
import os
import stat
import subprocess

from .state import Unit


def described(path):
    """Size and time, in the words of the command that the finishing unit uses too."""
    done = subprocess.run(["stat", "-c", "%s %y", "--", path], env={**os.environ, "TZ": "UTC"},
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode().strip()


def clear(name, directory):
    """A link gives way, as to arsync-cp; nothing else that is no file does."""
    try:
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        os.unlink(name, dir_fd=directory)
    elif not stat.S_ISREG(mode):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))


class BigFiles:
    """before: called with names that will be written to."""

    def __init__(self, splitter, plan, before):
        self.splitter = splitter
        self.state = splitter.state
        self.commands = splitter.commands
        self.chunk = plan["chunk"]
        self.skips_unchanged = "--skip-unchanged" in plan["options"]
        self.before = before
        self.made = False  # the last file whose size was set: it was not there before

    def is_one(self, facts):
        return stat.S_ISREG(facts.st_mode) and self.is_large(facts.st_size)

    def is_large(self, size):
        return self.chunk is not None and size > self.chunk

    def units(self, name):
        """The one that ends it, and then one for each range."""
        yield from self._make(name, self.splitter.new_name(), self.skips_unchanged)

    def _make(self, name, end, skips_unchanged, made=None):
        """made: what an earlier try was begun with, if what is there is of its making, not the user's."""
        self.before([name])
        was = described(os.path.join(self.splitter.source, name))
        problem, ranges, self.made = "the source is gone", [], False
        if was:
            size, problem = int(was.split()[0]), None
            if not (skips_unchanged and self._is_unchanged(name, was)):
                problem = self._set_size(name, size)
                ranges = self._ranges(size) if problem is None else []
        if problem and made:
            was = made  # it is still as large as that
        facts = {"file": name, "was": was, "ranges": " ".join(unit.name for unit, _ in ranges),
                 "problem": problem or "", "made": "yes" if self.made or made else "no"}
        # It names the ranges, so that one that is missing is noticed.
        finish = Unit(end, "finish", 2, 0, 1, facts)
        self.state.add(finish, self.commands.finish(end), [name])
        yield finish
        for unit, offset in ranges:
            self.state.add(unit, self.commands.range(unit.name, offset, unit.bytes), [name])
            yield unit

    def _ranges(self, size):
        return [(Unit(self.splitter.new_name(), "range", 1, min(self.chunk, size - offset), 0), offset)
                for offset in range(0, size, self.chunk)]

    def add_links(self, group, finish=None):
        """All names of one file: the first has its content by then, and stays. finish: the unit by which it
        has; else the whole of it would be copied here."""
        extra = {"after": finish.name} if finish else {}
        unit = Unit(self.splitter.new_name(), "linked", 3, 0, len(group), extra)
        self.state.add(unit, self.commands.links_of_finished(unit.name), group)
        return unit

    def renew(self):
        """Begin anew what cannot end otherwise: the source has changed, or an earlier run was cut off
        before all ranges were there. Ranges that are nobody's are forgotten, but none while it still writes:
        what it has read may be older than what the new ones write to its place."""
        units = [self.state.unit(name) for name in self.state.names()]
        there = {unit.name for unit in units if unit.kind == "range"}
        for unit in units:
            if unit.kind == "finish":
                ranges = unit.extra["ranges"].split()
                if self._cannot_end(unit, ranges, there):
                    for name in [unit.name, *ranges]:
                        self.state.wait_for(name)
                    ranges = self._begin_anew(unit.name)
                there -= set(ranges)
        for name in there:
            self.state.wait_for(name)
            self.state.forget(name)

    def _cannot_end(self, unit, ranges, there):
        record = self.state.record(unit.name)
        if record is not None and record["status"] == 0:
            return False
        source = os.path.join(self.splitter.source, os.fsencode(unit.extra["file"]))
        if not there.issuperset(ranges) or described(source) != unit.extra["was"]:
            return True
        return record is not None and record["status"] == 1 and record["summary"] is None \
            and all(self.state.status(name) == 0 for name in ranges)

    def _begin_anew(self, name):
        """The unit has other content from now on, and the ranges that it had are nobody's."""
        path = self.state.part(name)[0]
        extra = self.state.unit(name).extra
        try:
            facts = os.lstat(os.path.join(self.splitter.source, path))
        except (FileNotFoundError, NotADirectoryError):
            if extra["made"] == "yes":  # else it was the user's, and what is left of it is theirs to judge
                self._remove(path, int(extra["was"].split(" ")[0]))
            self.state.forget(name)
            return []
        if not self.is_one(facts):
            self.state.add(Unit(name, "files", 1, facts.st_size, 1), self.commands.files(name), [path])
            return []
        return [unit.name for unit in self._make(path, name, False, extra["was"] if extra["made"] == "yes" else None)]

    def _is_unchanged(self, name, was):
        target = os.path.join(self.splitter.destination, name)
        return not os.path.islink(target) and described(target) == was

    def _remove(self, name, size):
        """What an earlier run has begun: a file of this size, with parts of its content."""
        directory = os.open(self.splitter.destination, os.O_RDONLY | os.O_DIRECTORY)
        try:
            *way, last = name.split(b"/")
            for part in way:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
                os.close(directory)
                directory = inner
            facts = os.stat(last, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(facts.st_mode) and facts.st_size == size:
                os.unlink(last, dir_fd=directory)
        except OSError:  # it is not there any more, or is out of reach
            pass
        finally:
            os.close(directory)

    def _set_size(self, name, size):
        """None, or why it cannot be. No link on the way to it is followed."""
        directory = os.open(self.splitter.destination, os.O_RDONLY | os.O_DIRECTORY)
        try:
            *way, last = name.split(b"/")
            for part in way:
                try:
                    os.mkdir(part, 0o700, dir_fd=directory)
                except FileExistsError:
                    pass
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
                os.close(directory)
                directory = inner
            clear(last, directory)
            how = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                fd = os.open(last, how | os.O_EXCL, 0o600, dir_fd=directory)
                self.made = True
            except FileExistsError:
                fd = os.open(last, how, 0o600, dir_fd=directory)
            try:
                os.ftruncate(fd, size)
            finally:
                os.close(fd)
        except OSError as error:
            return f"cannot make a file of {size} bytes: {error.strerror}"
        finally:
            os.close(directory)
        return None
