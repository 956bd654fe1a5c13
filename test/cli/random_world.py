"""Of what a world of random_trees.py is made: entries of all kinds, with anything that they may have."""

import errno
import fcntl
import os
import stat
import struct

OLD = 1_500_000_000  # times that are made here are about this; any that is much later is "now"
NOW = OLD + 50_000_000
USER = 65534
ROOT = os.geteuid() == 0
NAMES = [b"a", b"b", b"c", b"d d", b"-e", b".f", b"g~", b"\xc3\xa9", b"\xff", b"h h", b"n\nn", b"k.1"]

GET_FLAGS, SET_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS
NO_DUMP, NO_ATIME = 0x40, 0x80


def acl(rng, directory):
    """An access ACL, as the kernel has it in an attribute: somebody else may do something."""
    entries = [(0x01, 7 if directory else 6, 0xFFFFFFFF), (0x02, rng.choice([0, 4, 6, 7]), 1000),
               (0x04, rng.choice([0, 5]), 0xFFFFFFFF), (0x10, rng.choice([4, 5, 7]), 0xFFFFFFFF),
               (0x20, rng.choice([0, 4, 5]), 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service


class Entry:
    def __init__(self, rng, path, kind, known, user):
        self.path, self.kind = path, kind
        before = path.startswith(b"d/")
        self.xattrs, self.device, self.target, self.pieces, self.size = {}, 0, b"", [], 0
        if kind == "h":
            self.target = rng.choice(known)
            return
        self.mode = rng.choice([0o644, 0o644, 0o600, 0o755, 0o444, 0o640, 0o4755, 0o2711, 0o606, 0])
        if kind == "d":
            self.mode = rng.choice([0o755, 0o755, 0o700, 0o775, 0o1777, 0o2755, 0o555, 0o311, 0o500])
        if not ROOT:
            self.mode |= 0o700 if kind == "d" else 0o600
        if before:
            self.mode &= 0o777  # where there are ACLs, cp leaves what is special about them
        self.owner = rng.choice([(0, 0), (0, 0), (1000, 1000), (USER, USER), (USER, 0)])
        if before and user:  # cp gives up at the first attribute that it may not set
            self.owner = (USER, USER)
        self.time = OLD * 10**9 + rng.choice([0, 1, 2]) * 10**9 + rng.choice([0, 0, 123_456_789])
        self.accessed = self.time + rng.choice([0, 1, 3]) * 10**9 + rng.choice([0, 987_654_321])
        self.flags = rng.choice([NO_DUMP, NO_ATIME]) if kind in "fd" and rng.random() < 0.1 else 0
        if kind == "f":
            self.size = rng.choice([0, 1, 10, 4096, 5000, 70_000, 200_000])
            if rng.random() < 0.3:  # holes
                self.size = rng.choice([8192, 65_536, 100_000, 300_001])
                self.pieces = [(at, 4096) for at in range(0, self.size - 4096, 4096) if rng.random() < 0.2]
            elif self.size:
                self.pieces = [(0, self.size)]
            self.byte = rng.choice(b"xyz" if self.size != 70_000 else b"\0")
        if kind in "fd" and not before:
            if rng.random() < 0.15:
                self.xattrs["user.one"] = rng.choice([b"", b"1", b"\0\xff" * 40])
            if rng.random() < 0.1:
                self.xattrs["system.posix_acl_access"] = acl(rng, kind == "d")
            if ROOT and rng.random() < 0.06:
                self.xattrs["trusted.two"] = b"2"
            if ROOT and not user and kind == "f" and rng.random() < 0.06:
                self.xattrs["security.capability"] = CAPABILITY
        if self.xattrs and user == "somebody" or user == "reader":
            self.mode |= 0o755 if kind == "d" else 0o644
        if kind == "d" and rng.random() < 0.1:
            self.xattrs["system.posix_acl_default"] = acl(rng, True)
        if kind == "l":
            self.target = rng.choice([b"a", b"b", b"a/b", b".", b"nowhere", b"-e", os.path.basename(path), b"d d"])
        if kind in "cb":
            self.device = os.makedev(rng.choice([1, 7]), rng.choice([3, 5]))

    def make(self, world):
        path = os.path.join(world, self.path)
        if self.kind == "d":
            os.mkdir(path)
        elif self.kind == "l":
            os.symlink(self.target, path)
        elif self.kind == "h":
            os.link(os.path.join(world, self.target), path)
            return
        elif self.kind == "f":
            with open(path, "wb") as file:
                for at, length in self.pieces:
                    file.seek(at)
                    file.write(bytes([self.byte]) * length)
                file.truncate(self.size)
        else:
            kinds = {"p": stat.S_IFIFO, "s": stat.S_IFSOCK, "c": stat.S_IFCHR, "b": stat.S_IFBLK}
            os.mknod(path, kinds[self.kind] | 0o600, self.device)

    def finish(self, world):
        """Attributes, when all that is below it is made."""
        path = os.path.join(world, self.path)
        if self.kind == "h":
            return
        if ROOT:
            os.chown(path, *self.owner, follow_symlinks=False)
        if self.flags:
            self.set_flags(path)
        if self.kind != "l":
            os.chmod(path, self.mode)
        for name, value in self.xattrs.items():
            try:
                os.setxattr(path, name, value)
            except OSError as error:
                if error.errno != errno.ENOTSUP:
                    raise
        os.utime(path, ns=(self.accessed, self.time), follow_symlinks=False)

    def set_flags(self, path):
        fd = os.open(path, os.O_RDONLY)
        try:
            there = struct.unpack("=I", fcntl.ioctl(fd, GET_FLAGS, bytes(8))[:4])[0]
            fcntl.ioctl(fd, SET_FLAGS, struct.pack("=II", there | self.flags, 0))
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL):
                raise
        finally:
            os.close(fd)


def grow(rng, top, count, kinds, user):
    """The entries of a tree below `top`, each after the directory that it is in."""
    entries, directories, files, taken = [], [top], [], set()
    for _ in range(count):
        path = os.path.join(rng.choice(directories), rng.choice(NAMES))
        if path in taken or path.count(b"/") > 4:
            continue
        taken.add(path)
        kind = rng.choice(kinds)
        if kind == "h" and not files:
            kind = "f"
        entries.append(Entry(rng, path, kind, files, user))
        if kind == "d":
            directories.append(path)
        elif kind not in "h":
            files.append(path)
    return entries
