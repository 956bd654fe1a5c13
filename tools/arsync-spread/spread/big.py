"""Files larger than a chunk: sized once, copied by units of one range each, and finished by one more.

The size is set by ftruncate(2), and no space is reserved: the source's holes stay holes, every filesystem
and server can do it, and a range job punches what has to be a hole over old content. The price is that a
full disk is met by the ranges, and not before them.

Each range is read back and compared by the job that wrote it (--verify), so that is done by all machines
together. The finishing unit begins only if all of them have ended well, source and destination have the
size and the source the time that they were begun with; then it sets the attributes, and the time of the
copy says for the first time that it is the source's.
"""
import errno
import os
import stat
import subprocess

from .state import Unit, quoted


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
    def __init__(self, splitter, plan):
        self.splitter = splitter
        self.state = splitter.state
        self.commands = splitter.commands
        self.chunk = plan["chunk"]
        self.skips_unchanged = "--skip-unchanged" in plan["options"]

    def is_one(self, facts):
        return stat.S_ISREG(facts.st_mode) and facts.st_size > self.chunk

    def units(self, name):
        """One for each range, and then the one that ends it."""
        source = os.path.join(self.splitter.source, name)
        now = described(source)
        if not now:  # it is gone; the unit that finishes will say so
            now = "0 gone"
        size = int(now.split()[0])
        parts = []
        problem = None
        if not self._is_unchanged(name, source):
            problem = self._set_size(name, size)
            offsets = range(0, size, self.chunk) if problem is None else ()
            for offset in offsets:
                length = min(self.chunk, size - offset)
                unit = Unit(self.splitter.new_name(), "range", 1, length, 0)
                self.state.add(unit, self.commands.range(unit.name, offset, length), [name])
                parts.append(unit.name)
                yield unit
        unit = Unit(self.splitter.new_name(), "finish", 2, 0, 1, {"ranges": " ".join(parts)})
        self.state.add(unit, self.commands.finish(unit.name), [name],
                       self._requirements(source, now, size, name, parts, problem))
        yield unit

    def _requirements(self, source, now, size, name, parts, problem):
        if problem is not None:
            return f"echo {quoted(problem)}; return 1"
        target = os.path.join(self.splitter.destination, name)
        lines = [f"for range in {' '.join(parts)}; do" if parts else "for range in; do",
                 "    grep -qs '\"status\": 0,' \"records/$range\" || "
                 "{ echo \"range $range has not ended well\"; return 1; }",
                 "done",
                 f"[ \"$(TZ=UTC stat -c '%s %y' -- {quoted(source)})\" = {quoted(now)} ] || "
                 "{ echo 'the source has changed'; return 1; }"]
        if parts:
            lines.append(f"[ \"$(stat -c %s -- {quoted(target)})\" = {size} ] || "
                         "{ echo 'the size of the copy is not that of the source'; return 1; }")
        return "\n    ".join(lines)

    def add_links(self, group):
        """All names of one file: the first has its content by then, and stays."""
        unit = Unit(self.splitter.new_name(), "linked", 3, 0, len(group))
        self.state.add(unit, self.commands.links_of_finished(unit.name), group)
        return unit

    def begin_anew(self, name):
        """Of a file whose source has changed since: other units in place of these."""
        unit = self.state.unit(name)
        path = self.state.part(name)[0]
        for one in unit.extra.get("ranges", "").split() + [name]:
            self.state.forget(one)
        yield from self.units(path)

    def has_changed(self, name):
        record = self.state.record(name)
        return record is not None and "has changed" in record["message"]

    def _is_unchanged(self, name, source):
        if not self.skips_unchanged:
            return False
        target = os.path.join(self.splitter.destination, name)
        return not os.path.islink(target) and described(target) == described(source)

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
            fd = os.open(last, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600,
                         dir_fd=directory)
            try:
                os.ftruncate(fd, size)
            finally:
                os.close(fd)
        except OSError as error:
            return f"cannot make a file of {size} bytes: {error.strerror}"
        finally:
            os.close(directory)
        return None
