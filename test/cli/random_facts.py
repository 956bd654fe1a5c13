"""All there is in a world of random_trees.py: of each name what it is, by system calls of its own."""

import errno
import fcntl
import hashlib
import os
import stat
import struct

from random_world import GET_FLAGS, NOW

PAGE = 4096
FIEMAP = 0xC020660B  # FS_IOC_FIEMAP
WRITE_BACK, LAST, SHARED = 0x1, 0x1, 0x2000


def in_pages(ranges):
    """Ranges of bytes as ranges of pages, those that touch as one."""
    pages = []
    for begin, end in ranges:
        begin, end = begin // PAGE, (end + PAGE - 1) // PAGE
        if pages and begin <= pages[-1][1]:
            pages[-1] = (pages[-1][0], end)
        else:
            pages.append((begin, end))
    return pages


def data(fd, size):
    """Where a file has data, and where its holes are."""
    at = 0
    try:
        while at < size:
            begin = os.lseek(fd, at, os.SEEK_DATA)
            at = os.lseek(fd, begin, os.SEEK_HOLE)
            yield begin, at
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise


def shared(fd, size):
    """What a file has in common with others, on disk; it is written there first."""
    at = 0
    while at < size:
        room = 32
        answer = bytearray(struct.pack("=QQIIII", at, size - at, WRITE_BACK, 0, room, 0) + bytes(56 * room))
        try:
            fcntl.ioctl(fd, FIEMAP, answer)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.ENOTTY):
                return
            raise
        count = struct.unpack_from("=I", answer, 20)[0]
        for i in range(count):
            begin, _, length, flags = struct.unpack_from("=QQQ16xI", answer, 32 + 56 * i)
            if flags & SHARED:
                yield begin, min(begin + length, size)
            at = begin + length
        if count == 0 or flags & LAST:
            return


def flags_of(fd):
    try:
        return struct.unpack("=I", fcntl.ioctl(fd, GET_FLAGS, bytes(8))[:4])[0]
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL):
            return 0
        raise


def time_of(ns):
    return "now" if ns > NOW * 10**9 else ns


def look(path, world, found):
    """What can be opened is looked into, and is not changed by that."""
    facts = {"kind": stat.S_IFMT(found.st_mode), "mode": stat.S_IMODE(found.st_mode),
             "owner": (found.st_uid, found.st_gid), "modified": time_of(found.st_mtime_ns),
             "accessed": time_of(found.st_atime_ns)}
    for name in os.listxattr(path, follow_symlinks=False):
        facts[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    if stat.S_ISLNK(found.st_mode):
        facts["leads to"] = os.readlink(path).replace(world, b"@")
    elif stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
        fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
        try:
            # ext4's own "has extents", "has an index" and "is inline" are no flags of a user.
            facts["flags"] = flags_of(fd) & ~0x10081000
            if stat.S_ISREG(found.st_mode):
                facts["size"] = found.st_size
                # In this order: of what waits for its blocks XFS calls more data than there is.
                facts["shared"] = in_pages(shared(fd, found.st_size))
                facts["data"] = in_pages(data(fd, found.st_size))
                facts["content"] = hashlib.sha256(os.pread(fd, found.st_size + 1, 0)).hexdigest()[:16]
        finally:
            os.close(fd)
    else:
        facts["device"] = found.st_rdev
    return facts


def facts_of(world):
    """For each name in it what it is, and which names are one file."""
    all_facts, firsts = {}, {}

    def go(path, name):
        found = os.lstat(path)
        facts = look(path, world, found)
        all_facts[name] = facts
        if stat.S_ISDIR(found.st_mode):
            for each in sorted(os.listdir(path)):
                go(os.path.join(path, each), os.path.join(name, each))
        else:
            facts["links"], facts["same as"] = found.st_nlink, firsts.setdefault(found.st_ino, name)

    for each in sorted(os.listdir(world)):
        go(os.path.join(world, each), each)
    return all_facts
