"""The rows of `make bench`: for each its file system, work, commands, and which are compared.

How many rounds a contest has is told where it is not the number asked for: some commands take
long, some hardly any time, and some rounds would not fit into the image.
"""

from dataclasses import dataclass, field

from . import preparing, works
from .contest import Said

CP = "cp {src} {dst}"
OURS = "{ours} {src} {dst}"
CP_R = "cp -r {src} {dst}"
OURS_R = "{ours} -r {src} {dst}"


@dataclass(frozen=True)
class Compare:
    """A line of the report: OURS : THEIRS, of seconds with the fastest below them, or of CPU."""
    text: str
    limit: float = None
    ours: str = "ours"
    theirs: str = "cp"
    of: str = "seconds"  # or cpu
    with_fastest: bool = True


@dataclass(frozen=True)
class Contest:
    prepare: str
    commands: dict
    tells: list
    rounds: int
    runs: int = 1
    setup: str = ""


@dataclass(frozen=True)
class Sitting:
    """A fresh file system with a work on it."""
    file_system: str
    work: works.Work
    contests: list = field(default_factory=list)


def one(file_system, work, *contest, **more):
    return Sitting(file_system, work, [Contest(*contest, **more)])


def rows(rounds, tree_rounds, cpus):
    """All rows that are measured unless others are named."""
    cold, warm = preparing.cold(), preparing.warm()
    return {
        "cached": [one("ext4", works.GIB_FILE, warm, {"cp": CP, "ours": OURS},
                       [Compare("1 GiB, cached, ext4: arsync-cp : cp", 0.80)], rounds)],
        "durable": [one("ext4", works.GIB_FILE, warm, {
            "cp": "sh -c 'cp {src} {dst} && sync {dst}'",
            "ours": "{ours} --durable {src} {dst}",
            "device": "dd if=/dev/zero of={dst} bs=16M count=64 oflag=direct conv=fdatasync "
                      "status=none",
        }, [
            Compare("1 GiB, cached: --durable : cp, then sync of the file", 0.65),
            Compare("    --durable : zeros written by dd, O_DIRECT", theirs="device"),
        ], rounds)],
        # They take long.
        "cold": [one("ext4", works.GIB_FILE, cold, {
            "cp": CP,
            "ours": OURS,
            "reading": "dd if={src} of=/dev/null bs=16M iflag=direct status=none",
        }, [
            Compare("1 GiB, cold: arsync-cp : cp", 0.85),
            Compare("    CPU seconds", 0.15, of="cpu"),
            Compare("    cp : reading the file alone by dd, O_DIRECT", ours="cp", theirs="reading"),
        ], min(rounds, 4))],
        "methods": [one("ext4", works.GIB_FILE, warm, {
            "serial": "{ours} --method=heap --jobs=1 --buffers=1 --buffer-size=64K {src} {dst}",
            "heap": "{ours} --method=heap --buffer-size=256K {src} {dst}",
            "managed": "{ours} --method=managed --buffer-size=256K {src} {dst}",
            "fixed": "{ours} --method=fixed --buffer-size=256K {src} {dst}",
            "inline": "{ours} --method=inline {src} {dst}",
        }, [
            Compare("1 GiB, cached: fixed : heap, one 64 KiB buffer, depth 1", 0.40, "fixed", "serial"),
            Compare("    fixed : heap, at equal depth and buffer size", None, "fixed", "heap"),
            Compare("    fixed : managed (clone before writing), the same", None, "fixed", "managed"),
            Compare("    inline (threads that read and write) : fixed", None, "inline", "fixed"),
        ], min(rounds, 3))],
        "copies": [],  # special_rows.py
        "reflink": [one(kind, works.GIB_FILE, preparing.NOTHING, {
            "cp": "cp --reflink=always {src} {dst}",
            "ours": "{ours} --reflink=always {src} {dst}",
        }, [
            Compare(f"1 GiB, reflink, {kind}: arsync-cp : cp --reflink=always", 1.3),
        ], 4 * rounds) for kind in ("xfs", "btrfs")],
        # To one name: the same command is repeated, and overwriting is the same work for both.
        "small": [one("ext4", works.BLOCK, preparing.NOTHING,
                      {"cp": "cp {src} {mnt}/to-cp", "ours": "{ours} {src} {mnt}/to-ours"},
                      [Compare("one 4 KiB file, whole process: arsync-cp : cp", 1.3)],
                      2 * rounds, runs=100)],
        "tree": [Sitting("ext4", works.TREE, tree_contests(tree_rounds, cold, warm))],
        # More rounds would need more inodes than the image has.
        "flat": [one("ext4", works.FLAT, warm, {"cp": CP_R, "ours": OURS_R}, [
            Compare("100,000 small files in one directory, cached: -r : cp -r", 0.65),
        ], min(tree_rounds, 6))],
        "memory": [],  # special_rows.py
        "buffers": buffers(rounds, cold, warm),
        # The workers of the list are as many as the threads of the loop.
        "list": [one("tmpfs", works.LIST, preparing.REMOVE_COPIES, {
            "floor": Said(f"{{bin}}/floor {{src}} {{dst}} {cpus}"),
            "list": Said("{bin}/buffers list {src} {dst} 100000"),
        }, [
            Compare(f"100,000 files of 4 KiB, tmpfs: one list : a loop in {cpus} threads", 1.3,
                    "list", "floor"),
        ], rounds)],
        "languages": [],  # language_rows.py
    }


def tree_contests(rounds, cold, warm):
    """Most of their time goes into reading the source anew."""
    # To one copy, made before: neither changes it. Both trees' inodes are cached, which is all that
    # a second run looks at.
    again = "sync\nfind {src} {mnt}/first -size +0 > /dev/null\n"
    return [
        Contest(warm, {"cp": CP_R, "ours": OURS_R, "floor": Said("{bin}/floor {src} {dst} 2")}, [
            Compare("tree (40,000 files, 424 MB), cached: arsync-cp -r : cp -r", 0.50),
            Compare("    arsync-cp -r : open, read, write, close in 2 threads", 1.15, theirs="floor"),
        ], rounds),
        Contest(cold, {"cp": CP_R, "ours": OURS_R},
                [Compare("tree, cold: arsync-cp -r : cp -r", 0.40)], rounds),
        Contest(warm, {"cp": "cp -a {src} {dst}", "ours": "{ours} -a {src} {dst}",
                       "rsync": "rsync -a {src}/ {dst}/"}, [
            Compare("tree, cached: arsync-cp -a : cp -a", 0.50),
            Compare("    arsync-cp -a : rsync -a", 0.35, theirs="rsync"),
        ], rounds),
        Contest(again, {"rsync": "rsync -a {src}/ {mnt}/first/",
                        "ours": "{ours} -a --skip-unchanged -T {src} {mnt}/first"}, [
            Compare("tree, again: arsync-cp -a --skip-unchanged : rsync -a", 0.6, theirs="rsync"),
        ], rounds, setup="cp -a {src} {mnt}/first"),
    ]


def buffers(rounds, cold, warm):
    """Programs in C: by buffers that they lease, and by copies."""
    program = "{bin}/buffers"
    return [
        one("ext4", works.GIB_FILE, cold, {
            "direct": f"{program} direct {{src}} {{dst}}",
            "managed": f"{program} managed {{src}} {{dst}}",
        }, [
            Compare("1 GiB, cold, O_DIRECT: reads and writes of buffers : a copy", 1.05,
                    "managed", "direct"),
        ], rounds),
        # The image has no room for the copies of all rounds, and few and large files can be removed.
        one("ext4", works.GIB_FILE, preparing.REMOVE_COPIES + warm, {
            what: f"{program} {what} {{src}} {{dst}}.a {{dst}}.b {{dst}}.c"
            for what in ("copies", "fanout", "calls")
        }, [
            Compare("1 GiB, cached, to three places: one read, three writes : three copies", 0.75,
                    "fanout", "copies"),
            Compare("    the same by plain calls in as many threads : three copies", None,
                    "calls", "copies"),
        ], rounds),
    ]


def rows_if_named(rounds):
    """Rows that are measured only if they are asked for."""
    cold, warm = preparing.cold(), preparing.warm()
    return {
        "sizes": [sizes(kind) for kind in ("ext4", "xfs", "btrfs", "tmpfs", "overlay")],
        # With reflinks where there are any.
        "filesystems": [one(kind, works.TREE, warm, {"cp": CP_R, "ours": OURS_R}, [
            Compare(f"tree, cached, on {kind}: arsync-cp -r : cp -r", with_fastest=False),
        ], 5) for kind in ("ext4", "xfs", "btrfs", "tmpfs", "overlay")],
        "sparse": [sparse(kib, rounds, cold, warm) for kib in (4, 16, 64, 256, 1024)],
        # What a kernel thread that polls the queue costs and gains.
        "sqpoll": [one("ext4", works.GIB_FILE, warm, {
            "plain": OURS,
            "sqpoll": "{ours} --sqpoll {src} {dst}",
        }, [
            Compare("1 GiB, cached: --sqpoll : without", None, "sqpoll", "plain"),
            Compare("    CPU seconds", None, "sqpoll", "plain", of="cpu"),
        ], 3)],
        "touch": [],  # special_rows.py, as are the next two
        "profile": [],
        "spinning": [],
    }


def sizes(kind):
    """Cached files of all sizes."""
    contests = []
    for mib in (0.25, 1, 4, 16, 64, 256):
        prepare = "rm -f {mnt}/to\n" + f"{{bin}}/touch {4 * int(mib) + 4}\n"
        contests.append(Contest(prepare, {
            "cp": "cp --reflink=never {src} {mnt}/to",
            "ours": "{ours} --reflink=never {src} {mnt}/to",
        }, [
            Compare(f"{mib} MiB, cached, on {kind}: arsync-cp : cp", with_fastest=False),
        ], 3, runs=10, setup=f"sh -c 'head -c {int(mib * works.MIB)} /dev/urandom > {{src}} && sync'"))
    return Sitting(kind, works.BLOCK, contests)


def sparse(kib, rounds, cold, warm):
    """A file of pieces and holes."""
    def against(method):
        return {"cp": CP, "ours": OURS, method: f"{{ours}} --method={method} {{src}} {{dst}}"}

    return Sitting("ext4", works.sparse(kib), [
        Contest(warm, against("fixed"), [
            Compare(f"200 MiB in pieces of {kib} KiB, cached: arsync-cp : cp"),
            Compare("    arsync-cp : the same by --method=fixed", theirs="fixed", with_fastest=False),
        ], rounds),
        Contest(cold, against("direct"), [
            Compare("    cold: arsync-cp : cp", with_fastest=False),
            Compare("    cold: arsync-cp : the same by --method=direct", theirs="direct",
                    with_fastest=False),
        ], 3),
    ])
