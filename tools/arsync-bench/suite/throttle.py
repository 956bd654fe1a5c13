"""A device that is held back by the block throttle of control groups, in place of a slow one."""

import os

from .problems import Unusable

V1 = "/sys/fs/cgroup/blkio"
V2 = "/sys/fs/cgroup"
GROUP = "arsync-bench"


def hold_back(device, bytes_a_second):
    """Reads and writes of the device. The control group to be in for that ("": any)."""
    number = os.stat(device).st_rdev
    name = f"{os.major(number)}:{os.minor(number)}"
    if os.path.exists(f"{V1}/blkio.throttle.read_bps_device"):
        for what in ("read", "write"):
            _write(f"{V1}/blkio.throttle.{what}_bps_device", f"{name} {bytes_a_second}")
        return ""
    if "io" not in _words(f"{V2}/cgroup.controllers"):
        raise Unusable("no control group limits block devices")
    _write(f"{V2}/cgroup.subtree_control", "+io")
    os.makedirs(f"{V2}/{GROUP}", exist_ok=True)
    _write(f"{V2}/{GROUP}/io.max", f"{name} rbps={bytes_a_second} wbps={bytes_a_second}")
    return f"{V2}/{GROUP}"


def let_go(device):
    """What hold_back did to it."""
    number = os.stat(device).st_rdev
    name = f"{os.major(number)}:{os.minor(number)}"
    if os.path.exists(f"{V1}/blkio.throttle.read_bps_device"):
        for what in ("read", "write"):
            _write(f"{V1}/blkio.throttle.{what}_bps_device", f"{name} 0")
    elif os.path.isdir(f"{V2}/{GROUP}"):
        os.rmdir(f"{V2}/{GROUP}")


def _write(path, text):
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error


def _words(path):
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []
