"""One cell of the matrix: all contestants on one work, in one state, on one file system."""

from . import contestants, counting, preparing, works
from .place import Place, as_json, extent_of, fills_holes
from .problems import Failed
from .profiling import Profile, Unavailable
from .stats import median, minimum, spread

SPREAD_LIMIT = 0.15  # what is wider is run again
SHORT_SECONDS = 0.02  # what takes less differs by ten times from one round to the next,
SHORT_GOES = 5  # and has so many times as many rounds more
NEAR = 1.5  # after two rounds, what is farther behind the best takes no more part
ALWAYS = ("ours", "cp")


class Entrants:
    """Who takes part in a cell, and why others do not any more."""

    def __init__(self, cell):
        self.trials, self.commands, self.dropped, self.failed = {}, {}, {}, {}
        for one in contestants.present():
            command = one.command(cell.work, cell.state == "durable")
            if command is not None and (not cell.only or one.name in cell.only):
                self.commands[one.name] = command
                self.trials[one.name] = []

    def seconds(self, name):
        return [trial.seconds for trial in self.trials[name]]

    def fail(self, name, why):
        self.failed[name] = why
        del self.commands[name], self.trials[name]

    def best_other(self):
        """Of those that are there to the end."""
        others = [name for name in self.commands if name != "ours"]
        return min(others, key=lambda name: median(self.seconds(name)))

    def drop_the_slow(self):
        best = median(self.seconds(self.best_other()))
        for name in [name for name in self.commands if name not in ALWAYS]:
            if minimum(self.seconds(name)) > NEAR * best:
                self.dropped[name] = minimum(self.seconds(name)) / best
                del self.commands[name]

    def is_wide(self):
        return any(
            spread(self.seconds(name)) > SPREAD_LIMIT for name in ("ours", self.best_other())
        )

    def is_lost(self):
        return median(self.seconds("ours")) > median(self.seconds(self.best_other()))


def prepare_for(cell):
    memory = cell.work.memory
    if cell.state == "cold":
        return preparing.cold(memory)
    warm = preparing.warm(memory, 2 + int(1.3 * memory / works.GIB))
    return preparing.REMOVE_COPIES + warm if cell.file_system == "tmpfs" else warm


def rounds_again(rounds, best_seconds):
    return rounds * (SHORT_GOES if best_seconds < SHORT_SECONDS else 1)


class Measurement:
    def __init__(self, driver, cell, rounds):
        self.driver, self.cell, self.rounds = driver, cell, rounds
        self.entrants = Entrants(cell)
        self.prepare = prepare_for(cell)
        self.place = Place(
            driver, cell.file_system, cell.work, self._copies(len(self.entrants.commands))
        )

    def run(self, may_repeat):
        for number in range(self.rounds):
            self._round()
            if number == 1:
                self.entrants.drop_the_slow()
        again = self.entrants.is_wide() and may_repeat()
        for _ in range(rounds_again(self.rounds, self._best_seconds()) if again else 0):
            if not may_repeat():
                break
            self._round()
        return self._result(again)

    def _best_seconds(self):
        return median(self.entrants.seconds(self.entrants.best_other()))

    def _copies(self, contestants):
        """At most; what has many files is not short."""
        again = SHORT_GOES if self.cell.work.files * 2e-5 < SHORT_SECONDS else 1
        return 2 * contestants + 3 * (1 + again) * self.rounds

    def _round(self):
        for name in self.driver.in_new_order(self.entrants.commands):
            try:
                self.entrants.trials[name].append(self._trial(name))
            except Failed as failed:
                if name in ALWAYS:
                    raise
                self.entrants.fail(name, failed.log)

    def _trial(self, name):
        destination = self.place.new_name()
        trial = self.driver.trial(
            name, self.entrants.commands[name], self.prepare, destination=destination
        )
        if not self.entrants.trials[name]:
            self._refuse_other_work(name, destination)
        return trial

    def _refuse_other_work(self, name, copy):
        if extent_of(copy) != self.place.extent:
            raise Failed(name, "it did not copy all files, or not all of them")
        if fills_holes(self.driver.disk.source, copy):
            raise Failed(name, "it fills the holes, which is another work")

    def _result(self, again):
        cell, entrants, best = self.cell, self.entrants, self.entrants.best_other()
        profiled = ("ours", best) if entrants.is_lost() else ()
        return {
            "kind": "matrix",
            "work": cell.work_name,
            "title": cell.work.title,
            "state": cell.state,
            "file_system": cell.file_system,
            "files": cell.work.files,
            "size": cell.work.size,
            "rounds": self.rounds,
            "trials": as_json(entrants.trials),
            "dropped": entrants.dropped,
            "failed": entrants.failed,
            "again": again,
            "counts": {name: self._count(name) for name in dict.fromkeys(("ours", "cp", best))},
            "profiles": {name: self._profile(name) for name in profiled},
        }

    def _one_more(self, name):
        """A command to be looked at, and all prepared for it."""
        destination = self.place.new_name()
        self.driver.prepare(self.prepare)
        return self.driver.fill_in(self.entrants.commands[name], dst=destination)

    def _count(self, name):
        return counting.count(self.driver, self._one_more(name))

    def _profile(self, name):
        try:
            profile = Profile(self._one_more(name), self.driver.disk.path("perf"))
        except Unavailable as why:
            return {"unavailable": str(why)}
        return profile.as_json()
