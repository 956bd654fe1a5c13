"""What is told of a run: while it goes, in its end, and by --status."""
import os
import sys
import threading
import time

from .state import END


def human(count):
    for unit in "BKMGTP":
        if count < 1024 or unit == "P":
            return f"{count:.1f}{unit}" if unit != "B" and count < 10 else f"{count:.0f}{unit}"
        count /= 1024
    return ""


def number(count, what):
    return f"{count} {what}" + ("" if count == 1 else "s")


def shown(record):
    """unit 7 (files) on h1: complete, 812 files, 3.2G, 0 errors, 41 s"""
    summary = record["summary"] or {}
    outcome = "complete" if record["status"] == 0 else record["message"]
    errors = max(summary.get("failed", 0), summary.get("errors", 0))
    return (f"unit {record['unit']} ({record['kind']}) on {record['host']}: {outcome}, "
            f"{number(summary.get('files', 0), 'file')}, {human(summary.get('bytes', 0))}, "
            f"{number(errors, 'error')}, {record['ended'] - record['began']} s")


class Totals:
    def __init__(self, state):
        self.units = self.done = self.failed = self.cut_off = 0
        self.files = self.bytes = self.entries_failed = 0
        self.files_to_do = self.bytes_to_do = 0
        self.troubles = []
        self.hosts = {}
        state.look_again()
        for name in state.names() + [END]:
            record = state.record(name)
            if name != END:
                try:
                    unit = state.unit(name)
                except FileNotFoundError:  # forgotten by a run that is going on
                    continue
                self.units += 1
                if record is None or record["status"] != 0:
                    self.files_to_do += unit.files
                    self.bytes_to_do += unit.bytes
            if record is not None:
                self._add(name, record)

    def _add(self, name, record):
        summary = record["summary"] or {}
        if name != END:
            self.done += record["status"] == 0
            self.failed += record["status"] == 1
            self.cut_off += record["status"] > 1
            # A range is no file, and the unit that finishes it has no bytes.
            self.files += summary.get("copied", 0) + summary.get("linked", 0) \
                if record["kind"] != "range" else 0
            self.bytes += summary.get("bytes", 0)
            self.hosts[record["host"]] = self.hosts.get(record["host"], 0) + 1
        self.entries_failed += max(summary.get("failed", 0), summary.get("errors", 0))
        if record["status"] != 0:
            self.troubles.append(record)


def complaints(state, name):
    try:
        with open(state.at("logs", name + ".err"), encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in file]
    except FileNotFoundError:
        return []


def print_troubles(state, totals, out, most=20):
    for record in totals.troubles:
        print(f"arsync-spread: {shown(record)}", file=out)
        lines = complaints(state, record["unit"])
        for line in lines[:most]:
            print(f"  {line}", file=out)
        if len(lines) > most:
            print(f"  and {len(lines) - most} more in {state.at('logs', record['unit'])}.err", file=out)


def print_status(state):
    """Exit status 0: all is done; 1: entries failed; 3: not all is done."""
    if not state.plan():
        print(f"nothing was begun in {state.path}")
        return 3
    totals = Totals(state)
    walked = state.is_walked()
    print(f"state: {state.path}")
    print(f"units: {totals.units}{'' if walked else ' so far'}, {totals.done} done, "
          f"{totals.failed} with entries that failed, {totals.cut_off} cut off, "
          f"{totals.units - totals.done - totals.failed - totals.cut_off} not ended")
    print(f"copied: {number(totals.files, 'file')}, {human(totals.bytes)}; to do: "
          f"{number(totals.files_to_do, 'file')}, {human(totals.bytes_to_do)}"
          f"{'' if walked else ', and what is not listed yet'}")
    for host in sorted(totals.hosts):
        print(f"  {host}: {number(totals.hosts[host], 'unit')}")
    for name, (host, since) in sorted(state.running().items()):
        print(f"running: unit {name} on {host}, for {int(time.time()) - since} s")
    print_troubles(state, totals, sys.stdout)
    print_kept(state, totals, sys.stdout)
    status = result_of(state, totals)
    print({0: "complete", 1: "complete, but for entries that failed",
           3: "not complete: the same command goes on"}[status])
    return status


def result_of(state, totals):
    end = state.status(END)
    if not state.is_walked() or totals.done + totals.failed < totals.units or end not in (0, 1):
        return 3
    return 1 if totals.failed or end == 1 or state.problems() else 0


def print_kept(state, totals, out):
    if state.plan().get("mirror") and (totals.failed or state.problems()):
        print("arsync-spread: nothing was removed from DST, as not all ended well", file=out)


class Watch:
    """In a thread of its own: each record as it comes, if that is wanted."""

    def __init__(self, state, verbose):
        self.state, self.told = state, {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True) if verbose else None
        if self.thread:
            self._look(lambda record: None)
            self.thread.start()

    def _watch(self):
        while not self.ended.wait(0.5):
            self._look(lambda record: print(shown(record), flush=True))

    def _look(self, tell):
        with os.scandir(self.state.at("records")) as entries:
            new = [entry.name for entry in entries
                   if "." not in entry.name and self.told.get(entry.name) != entry.inode()]
        for name in sorted(new, key=lambda name: name == END):
            try:
                self.told[name] = os.stat(self.state.at("records", name)).st_ino
                record = self.state.record(name)
                if record is not None:
                    tell(record)
            except FileNotFoundError:
                pass

    def forget(self, name):
        """Its next record is another one, though it may get the inode of the last."""
        self.told.pop(name, None)

    def stop(self):
        self.ended.set()
        if self.thread:
            self.thread.join()
            self._look(lambda record: print(shown(record), flush=True))

    def sum_up(self, run):
        totals = Totals(self.state)
        problems = self.state.problems() or run.splitter.problems
        if problems:
            print("arsync-spread: fpart could not list all: " + problems.strip(), file=sys.stderr)
        print_troubles(self.state, totals, sys.stderr)
        print_kept(self.state, totals, sys.stderr)
        status = result_of(self.state, totals)
        print(f"{totals.done} of {totals.units} units are done, {run.ran} of them now: "
              f"{number(totals.files, 'file')}, {human(totals.bytes)}, "
              f"{number(totals.entries_failed, 'error')}, {time.time() - run.began:.1f} s")
        return status
