"""A work on a fresh file system, which is made anew when there is no room for another copy."""

import os

from . import works

RESERVE = 256 << 20
THROTTLED = 200 * 10**6  # bytes a second
DISTANT_MS = 5


class Place:
    def __init__(self, driver, file_system, work, copies):
        """`copies`: about how many there will be, for which ext4 needs to have inodes."""
        self.driver, self.file_system, self.work = driver, file_system, work
        self.extent = None
        self._inodes = 20000 + int(1.2 * work.files * (copies + 1))
        self.renew()

    def renew(self):
        disk = self.driver.disk
        build = self.driver.names["build"]
        on_ext4 = self.file_system in ("throttled", "distant")
        distant = (f"{build}/test/distant_disk", DISTANT_MS)
        disk.fresh(
            "ext4" if on_ext4 else self.file_system,
            self._inodes,
            distant if self.file_system == "distant" else None,
        )
        works.make(self.work, disk, build)
        if self.file_system == "throttled":
            disk.hold_back(THROTTLED)
        if self.extent is None:
            self.extent = extent_of(disk.source)

    def new_name(self):
        """For one more copy."""
        if self.driver.disk.room < 1.1 * self.work.size + RESERVE:
            self.renew()
        return self.driver.disk.new_name()

    def contest(self, commands, prepare, rounds):
        trials = {name: [] for name in commands}
        for _ in range(rounds):
            for name in self.driver.in_new_order(commands):
                trials[name].append(
                    self.driver.trial(name, commands[name], prepare, destination=self.new_name())
                )
        return trials


def extent_of(path):
    """Regular files and their bytes: what a copy has to have as well."""
    if os.path.isfile(path):
        return 1, os.path.getsize(path)
    files = size = 0
    for folder, _, names in os.walk(path):
        for name in names:
            files += 1
            size += os.lstat(os.path.join(folder, name)).st_size
    return files, size


def fills_holes(source, copy):
    """Whether what the source has holes for takes room in the copy."""
    if not os.path.isfile(source):
        return False
    size, stored = os.stat(source).st_size, 512 * os.stat(source).st_blocks
    has_holes = stored < 0.9 * size
    return has_holes and 512 * os.stat(copy).st_blocks > (stored + size) / 2


def as_json(trials):
    return {
        name: [[trial.seconds, trial.user, trial.system] for trial in of_one]
        for name, of_one in trials.items()
    }
