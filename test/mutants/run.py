#!/usr/bin/env python3
"""run.py [--minutes=N] [--only=TEXT] [--again] - which mistakes in lib/ do the tests find?

Changes that are wrong (rules.py) are put into a copy of the library, all at once, each in force only
in a process that is told its number (mutant.h): so it is compiled once. First each test runs alone,
and which changes it comes by is noted; then each change runs the tests that come by it, quick ones
first, until one fails. What came of it is a line of results.tsv, and none that has one is tried
again (but with --again, or --open). As root everything runs where nothing can be written but a tmpfs.

A result is "caught", by which test; "open", after how many tests; "not reached" by any; or
"equivalent": put there by hand, with the reason why it is no mistake.

The order is one of chance, but always the same, and takes the rules in turn. `make mutants` does it.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from instrument import FIELDS, Library, find, wrong_lines

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
RESULTS = HERE / "results.tsv"
COLUMNS = FIELDS + ("verdict", "by")
LONG = float(os.environ.get("MUTANTS_LONG", "100"))  # seconds of tests that a mutant has to survive
BUILT = "build"

SANDBOX = """
set -e
mount --make-rprivate /
mount --bind "$0" /srv && mount -o remount,bind,ro /srv
mount -o remount,bind,ro / 2> /dev/null || true
for at in /tmp /var/tmp; do mount -t tmpfs -o mode=1777 none $at; done
mount -t proc proc /proc
export TMPDIR=/var/tmp HOME=/tmp ARSYNC_CP=/srv/build/arsync-cp ARSYNC_BUILD=/srv/build
cd /srv
exec "$@" < /dev/null
"""


def make(tree, *targets):
    command = ["make", "--no-print-directory", f"-j{os.cpu_count()}", "-C", str(tree)]
    if not any(word.startswith("CXXFLAGS=") for word in os.environ.get("MAKEOVERRIDES", "").split()):
        command.append("CXXFLAGS=-O2")
    if os.environ.get("MUTANTS_CXX"):
        command.append("CXX=" + os.environ["MUTANTS_CXX"])
    return subprocess.run(command + list(targets), text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)


def build(tree):
    library = Library(REPOSITORY, tree)
    pending = {}

    def compile_one(path, body):
        made = make(tree, str(Path(BUILT) / "obj" / path).removesuffix(".cpp") + ".o")
        if made.returncode == 0:
            return None
        pending[path] = made.stdout
        return wrong_lines(made.stdout, body)

    library.make(compile_one)
    made = make(tree, *(f"{BUILT}/test/{s}" for s in ("unit", "sim", "system", "faultfs")),
                f"{BUILT}/arsync-cp")
    if made.returncode != 0:
        sys.exit(made.stdout[-3000:])
    return library.mutants


class Place:
    """Where tests run."""

    def __init__(self, tree):
        self.tree = tree
        self.alone = os.geteuid() == 0
        self.marks = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / \
            f"arsync-mutants-{os.getpid()}"

    def run(self, test, limit, number=0, reached=0):
        """(failed, seconds, the numbers reached)."""
        environment = dict(os.environ, ARSYNC_MUTANT=str(number))
        environment.pop("ARSYNC_MUTANTS_REACHED", None)
        if reached:
            self.marks.write_bytes(bytes(reached + 1))
            environment["ARSYNC_MUTANTS_REACHED"] = str(self.marks)
        command = list(test)
        if self.alone:
            command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c",
                       SANDBOX, str(self.tree)] + command
        else:
            environment.update(ARSYNC_CP=str(self.tree / BUILT / "arsync-cp"))
        begun = time.monotonic()
        with subprocess.Popen(command, cwd=self.tree, env=environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True) as child:
            try:
                failed = child.wait(limit) not in (0, 77)
            except subprocess.TimeoutExpired:
                failed = True
                os.killpg(child.pid, 9)
        seconds = time.monotonic() - begun
        numbers = []
        if reached:
            numbers = [i for i, mark in enumerate(self.marks.read_bytes()) if mark]
            self.marks.unlink()
        return failed, seconds, numbers


def all_tests(tree):
    """Name → command."""
    tests = {}
    for suite in ("unit", "sim", "system"):
        program = f"{BUILT}/test/{suite}"
        listed = subprocess.run([tree / program, "-ltc", "-nc"], text=True, check=True,
                                stdout=subprocess.PIPE).stdout
        for name in listed.splitlines():
            if name and not name.startswith(("[doctest]", "=====")):
                tests[f"{suite}: {name}"] = [program, "-tc=" + name.replace(",", "?"), "-aa=1"]
    for script in sorted((tree / "test/cli").glob("*.sh")):
        if script.name != "lib.sh":
            tests[f"cli: {script.name}"] = [f"test/cli/{script.name}"]
    return tests


def reach(tree, mutants, place, minutes):
    """Which mutants each test comes by, and how long it takes; kept in reach.json."""
    kept = tree / "reach.json"
    signature = [max(m["number"] for m in mutants), len(mutants)]
    known = {}
    if kept.exists():
        old = json.loads(kept.read_text())
        if old["signature"] == signature:
            known = old["tests"]
    end = time.monotonic() + minutes * 60
    saved = time.monotonic()
    for name, command in all_tests(tree).items():
        if name in known or time.monotonic() > end:
            continue
        failed, seconds, numbers = place.run(command, 150, reached=signature[0])
        known[name] = {"failed": failed, "seconds": seconds, "reached": numbers, "run": command}
        if failed:
            print(f"not used, fails without a mistake: {name}", flush=True)
        if time.monotonic() > saved + 30:
            kept.write_text(json.dumps({"signature": signature, "tests": known}))
            saved = time.monotonic()
    kept.write_text(json.dumps({"signature": signature, "tests": known}))
    return known


def key_of(row):
    return tuple(str(row[field]) for field in FIELDS)


def read_results():
    if not RESULTS.exists():
        return {}
    with RESULTS.open(newline="") as file:
        return {key_of(row): row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE,
                                                           quotechar=None)}


def write_results(results):
    beside = RESULTS.with_suffix(".new")
    with beside.open("w") as file:
        file.write("\t".join(COLUMNS) + "\n")
        for key in sorted(results):
            file.write("\t".join(str(results[key][c]).replace("\t", " ") for c in COLUMNS) + "\n")
    beside.rename(RESULTS)


def tidy(results):
    """Rows of what has moved to another file follow it; those whose line is gone go."""
    now = {}
    for source in sorted((REPOSITORY / "lib").rglob("*.cpp")):
        path = str(source.relative_to(REPOSITORY))
        for mutant in find(path, source.read_text(), 1):
            now.setdefault(key_of(mutant)[1:], []).append(path)
    kept = {}
    for key, row in results.items():
        places = now.get(key[1:], [])
        if key[0] not in places and len(places) == 1:
            row["file"] = places[0]
        if row["file"] in places:
            kept[key_of(row)] = row
    return kept


def in_turn(mutants):
    """Of each rule one, then of each another; by chance, but always the same."""
    by_rule = {}
    for mutant in mutants:
        by_rule.setdefault(mutant["rule"], []).append(mutant)
    for rule, all_of_it in by_rule.items():
        all_of_it.sort(key=key_of)
        random.Random(rule).shuffle(all_of_it)
    while any(by_rule.values()):
        for rule in sorted(by_rule):
            if by_rule[rule]:
                yield by_rule[rule].pop()


def judge(mutant, tests, place):
    """("caught", by which test), or ("open", what ran), or ("not reached", "")."""
    mine = [(t["seconds"], name) for name, t in tests.items()
            if not t["failed"] and mutant["number"] in t["reached"]]
    if not mine:
        return "not reached", ""
    spent = ran = 0
    for seconds, name in sorted(mine):
        if spent + seconds > LONG and ran:
            break
        spent += seconds
        ran += 1
        command = tests[name]["run"]
        limit = 20 + 8 * seconds
        if not place.run(command, limit, mutant["number"])[0]:
            continue
        # On a loaded machine a test of a real filesystem may fail by itself.
        if name.startswith(("unit", "sim")) or (not place.run(command, limit)[0] and
                                                place.run(command, limit, mutant["number"])[0]):
            return "caught", name
    return "open", f"{ran} of {len(mine)} tests"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--reach-minutes", type=float, default=60)
    parser.add_argument("--only", help="those in whose file, rule, text or change that is")
    parser.add_argument("--suites", default="unit sim system cli", help="which tests to run")
    parser.add_argument("--open", action="store_true", help="those that are open, again")
    parser.add_argument("--again", action="store_true", help="also those that have a result")
    parser.add_argument("--as-built", action="store_true", help="what was built is not built anew")
    parser.add_argument("--tidy", action="store_true", help="only drop results of what is gone")
    parser.add_argument("--count", action="store_true", help="say how results stand, and no more")
    options = parser.parse_args()
    results = read_results()
    if options.count:
        verdicts = [row["verdict"] for row in results.values()]
        print(", ".join(f"{verdicts.count(v)} {v}" for v in sorted(set(verdicts))))
        return
    if options.tidy:
        write_results(tidy(results))
        return
    tree = REPOSITORY / "build/mutants"
    if options.as_built:
        mutants = json.loads((tree / "mutants.json").read_text())
    else:
        mutants = build(tree)
    print(f"{len(mutants)} mutants", flush=True)
    place = Place(tree)
    tests = reach(tree, mutants, place, options.reach_minutes)
    tests = {n: t for n, t in tests.items() if n.split(":")[0] in options.suites.split()}
    for test in tests.values():
        test["reached"] = set(test["reached"])
    end = time.monotonic() + options.minutes * 60
    for mutant in in_turn(mutants):
        key = key_of(mutant)
        known = results.get(key)
        retry = options.again or options.open and known and known["verdict"] == "open"
        if known and (not retry or known["verdict"] == "equivalent"):
            continue
        if options.open and not known:
            continue
        if options.only and not any(options.only in field for field in key):
            continue
        if time.monotonic() > end:
            break
        verdict, by = judge(mutant, tests, place)
        if verdict == "not reached" and options.suites != parser.get_default("suites"):
            continue
        results[key] = {**{f: mutant[f] for f in FIELDS}, "verdict": verdict, "by": by}
        write_results(results)
        if verdict != "caught":
            print(f"{verdict} ({by}): {mutant['file']}:{mutant['line']}: {mutant['rule']}: "
                  f"{mutant['text']} -> {mutant['change']}", flush=True)


if __name__ == "__main__":
    main()
