"""tree.py DIRECTORY COUNT [BIG] - make a tree of about COUNT files, the same each time.

It has what a copy by parts may get wrong: hard links across directories, extended attributes, holes, odd
names, special files, a directory that may not be written to, empty ones, times on all of them, and large
files, the largest of BIG bytes (default: 20 MiB).
"""
import os
import random
import sys

top, count = sys.argv[1], int(sys.argv[2])
big = int(sys.argv[3]) if len(sys.argv) > 3 else 20 << 20
chance = random.Random(1)
os.makedirs(top)
os.chdir(top)


def write(path, size):
    with open(path, "wb") as file:
        while size > 0:
            file.write(chance.randbytes(min(size, 1 << 20)))
            size -= 1 << 20


for i in range(count):
    place = f"d{i % 37}/e{i % 7}"
    if i < 37 * 7:
        os.makedirs(place, exist_ok=True)
    write(f"{place}/f{i}", chance.randrange(3000))
    if i % 50 == 0:
        os.link(f"{place}/f{i}", f"d{(i + 1) % 37}-l{i}")
    if i % 100 == 0:
        os.link(f"{place}/f{i}", f"{place}/l{i}")
    if i % 70 == 0:
        os.setxattr(f"{place}/f{i}", "user.number", b"%d" % i)
    if i % 30 == 0:
        os.symlink(f"f{i}", f"{place}/s{i}")
os.makedirs("empty/inner")
for name in (b"new\nline", b"bad\xff", b" space ", b"'quote\"", b"-dash", b"back\\slash"):
    write(name, 100)
os.mkfifo("fifo")
with open("sparse", "wb") as file:
    file.truncate(big)
    file.seek(big // 3)
    file.write(b"data" * 1000)
write("big", big)
os.link("big", "d1/big-too")
write("big it's\n", big // 2)
os.truncate("big it's\n", big // 2 + 5000)
os.setxattr("big it's\n", "user.big", b"yes")
for path in ("big", "big it's\n", "sparse"):
    os.utime(path, (10**9, 10**9))
os.chmod("big", 0o640)
for root, _, _ in os.walk("."):
    os.utime(root, (10**9 + len(root), 10**9 + len(root)))
os.chmod("d3", 0o555)
