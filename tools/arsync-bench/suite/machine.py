"""What the measurements were made on, as it names itself."""

import os
import re
import subprocess


def _read(path):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def device_of(path):
    """The disk below the file system of a path, by the name in /sys/block ("" if none)."""
    number = os.stat(path).st_dev
    link = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not os.path.isdir(link):
        return ""
    if os.path.exists(f"{link}/partition"):
        link = os.path.dirname(link)
    return os.path.basename(link)


def device_name(path):
    """As the device reports itself, or that it does not."""
    disk = device_of(path)
    if not disk:
        return "no block device"
    block = f"/sys/block/{disk}"
    model = " ".join(
        filter(None, (_read(f"{block}/device/{part}") for part in ("vendor", "model")))
    )
    # Virtio gives itself a vendor's number and no name.
    if not re.search("[g-zG-Z]", model.replace("x", "")):
        driver = os.path.basename(os.path.realpath(f"{block}/device/driver"))
        model = f"{driver}, which gives no model"
    size = int(_read(f"{block}/size") or 0) * 512 / 1e9
    spins = {"0": "says that it does not rotate", "1": "says that it rotates"}
    return f"{disk} ({model}, {size:.0f} GB, {spins.get(_read(f'{block}/queue/rotational'), '')})"


def cpus():
    return len(os.sched_getaffinity(0))


def processor():
    found = re.search(r"^model name\s*: (.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else os.uname().machine


def memory_gib():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)


def kernel():
    return os.uname().release


def load():
    return os.getloadavg()[0]


def version_of(*command):
    """The first line that a program says of its version."""
    try:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError:
        return ""
    return (done.stdout.strip().splitlines() or [""])[0]
