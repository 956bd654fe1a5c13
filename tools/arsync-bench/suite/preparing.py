"""What is run before each copy, as shell scripts.

Memory is touched last, and 2.3 times as much as the copy will use: what a virtual machine has been
free of for a few seconds may have gone back to its host, and touching it again costs more than a
copy (row `touch` shows how much). It does not stay touched for long, and half as much was not
enough.
"""

MIB = 1 << 20


def touch(size):
    """At most what is free: more would push out what is cached."""
    return f"{{bin}}/touch {max(16, int(2.3 * size / MIB))}\n"


def cold(size=1000 * MIB):
    return "sync\necho 3 > /proc/sys/vm/drop_caches\n" + touch(size)


def warm(size=1000 * MIB, memory_gib=6):
    """What earlier copies left in the page cache must not have to be reclaimed during later ones."""
    return f"""sync
if [ "$(awk '/^MemFree:/ {{{{ print int($2 / 1024 / 1024) }}}}' /proc/meminfo)" -lt {memory_gib} ]; then
    echo 3 > /proc/sys/vm/drop_caches
    find {{src}} -type f -print0 | xargs -0 -n 500 -P 32 cat > /dev/null
fi
""" + touch(size)


REMOVE_COPIES = "rm -rf {mnt}/copy*\n"
NOTHING = ""
