"""Fresh file systems to measure on, all in one image, mounted at one place.

Nothing is ever deleted between copies there: ext4 scans past the inodes of a tree that is gone,
which made cp 15 times slower. (On tmpfs what was copied may be removed before the next copy.)
"""

import os
import shutil
import subprocess
import tempfile
import time

from . import throttle
from .problems import Unusable

GIB = 1 << 30


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def _unmount(point):
    """What was interrupted may still be at work there for a moment."""
    for _ in range(30):
        if subprocess.run(["umount", point], stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(1)
    run("umount", point)


def _attached(image):
    return run("losetup", "-j", image, text=True, stdout=subprocess.PIPE).stdout.strip()


def folder_for_images():
    return os.environ.get("ARSYNC_BENCH_DIR") or os.environ.get("TMPDIR") or "/var/tmp"


class Disk:
    """A context: on leaving it all that was mounted, attached and written is gone."""

    def __init__(self, image_size):
        if os.getuid() != 0:
            raise Unusable("needs root to mount fresh file systems")
        self.folder = tempfile.mkdtemp(prefix="arsync-bench.", dir=folder_for_images())
        self.mount_point = os.path.join(self.folder, "mnt")
        self.below = os.path.join(self.folder, "below")
        self.source = os.path.join(self.mount_point, "source")
        self._image = os.path.join(self.folder, "image")
        self._size = image_size
        self._loop = None
        self._distant = None  # the process that puts the image far away
        self._held_back = False
        self._made = 0
        self.control_group = ""
        os.mkdir(self.mount_point)
        try:
            self._allocate(image_size)
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def _allocate(self, size):
        free = shutil.disk_usage(self.folder).free
        if free < size + GIB:
            raise Unusable(
                f"{self.folder} has {free / GIB:.1f} GiB free, {size / GIB + 1:.1f} are "
                "needed (set ARSYNC_BENCH_DIR)"
            )
        # Blocks of its own from the start: growing the image must not be part of a copy.
        run("fallocate", "-l", size, self._image)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        shutil.rmtree(self.folder)

    @property
    def room(self):
        return shutil.disk_usage(self.mount_point).free

    def path(self, name):
        """A file of the suite's own, not on the file system that is measured."""
        return os.path.join(self.folder, name)

    def new_name(self):
        self._made += 1
        return os.path.join(self.mount_point, f"copy{self._made}")

    def release(self):
        for point in (self.mount_point, self.below):
            if os.path.ismount(point):
                _unmount(point)
        if self._held_back:
            throttle.let_go(self._loop)
            self._held_back, self.control_group = False, ""
        if self._loop:
            run("losetup", "-d", self._loop)
            self._loop = None
        if self._distant:
            _unmount(self.path("distant"))
            self._distant.wait()
            self._distant = None

    def _keep_image_to_ourselves(self):
        """A detached device lives on with its file system while it is mounted in another namespace,
        which copied all mounts when it was made. It would write into the next file system."""
        for _ in range(20):
            if not _attached(self._image):
                return
            time.sleep(0.1)
        os.remove(self._image)

    def fresh(self, kind, inodes=0, distant=None):
        """An empty file system with room for so many inodes (0: as many as mkfs thinks). distant: the
        program that makes its device answer late, and by how many milliseconds."""
        self.release()
        self._keep_image_to_ourselves()
        if not os.path.exists(self._image):  # for want of room, it may be: then the next may have it
            self._allocate(self._size)
        if distant:
            self._put_away(*distant)
        if kind == "tmpfs":
            self._mount("-t", "tmpfs", "-o", "nr_inodes=0", "arsync-bench")
        elif kind == "overlay":
            self._fresh_overlay(inodes)
        else:
            self._attach()
            run(*self._mkfs(kind, inodes), self._loop, stdout=subprocess.DEVNULL)
            self._mount("-o", "nodiscard", self._loop)

    def hold_back(self, bytes_a_second):
        """The device, until the next fresh file system. Commands belong into `control_group`, if
        there is one."""
        self._held_back = True
        self.control_group = throttle.hold_back(self._loop, bytes_a_second)

    def _mount(self, *arguments):
        run("mount", *arguments, self.mount_point)

    def _put_away(self, program, milliseconds):
        if not os.path.exists(program):
            raise Unusable("no distant disk (it is built where there is libfuse3)")
        point = self.path("distant")
        os.makedirs(point, exist_ok=True)
        self._distant = subprocess.Popen([program, self._image, point, str(milliseconds)])
        for _ in range(100):
            if os.path.exists(f"{point}/disk"):
                return
            time.sleep(0.1)
        raise Unusable("the distant disk could not be mounted")

    def _attach(self):
        image = self.path("distant/disk") if self._distant else self._image
        for flags in (["--direct-io=on"], []):
            done = subprocess.run(
                ["losetup", "--show", "-f", *flags, image], text=True, capture_output=True
            )
            if done.returncode == 0:
                self._loop = done.stdout.strip()
                return
        raise Unusable(f"no loop device: {done.stderr.strip()}")

    def _mkfs(self, kind, inodes):
        """Without discard, which would give the image's blocks back."""
        if kind == "ext4":
            count = ["-N", str(inodes + inodes // 8 + 1000)] if inodes else []
            return [
                "mkfs.ext4",
                "-q",
                "-F",
                "-E",
                "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
                *count,
            ]
        return {"xfs": ["mkfs.xfs", "-q", "-f", "-K"], "btrfs": ["mkfs.btrfs", "-q", "-f", "-K"]}[
            kind
        ]

    def _fresh_overlay(self, inodes):
        """On ext4, with an empty lower layer."""
        self.fresh("ext4", inodes)
        os.makedirs(self.below, exist_ok=True)
        run("mount", "--move", self.mount_point, self.below)
        for name in ("lower", "upper", "work"):
            os.mkdir(os.path.join(self.below, name))
        self._mount(
            "-t",
            "overlay",
            "arsync-bench",
            "-o",
            ",".join(f"{name}dir={self.below}/{name}" for name in ("lower", "upper", "work")),
        )
