"""Puts all changes into a library at once, each behind its number; see mutant.h."""

import json
import re
import subprocess
from pathlib import Path

from rules import is_call, variants
from source import regions

# What a mutant is known by: stays when lines are added elsewhere in the file.
FIELDS = ("file", "rule", "text", "change", "which")


def one_line(text):
    return " ".join(text.split())


def find(path, text, first):
    """The mutants of one file, each a dict; `first` is the number of the first of them."""
    found, seen = [], {}
    all_regions = regions(text)

    def add(region, rule, change, changed):
        old = one_line(text[region.begin:region.end])
        key = (rule, old, one_line(change))
        seen[key] = seen.get(key, 0) + 1
        found.append({"number": first + len(found), "file": path, "rule": rule, "text": old,
                      "change": one_line(change), "which": seen[key],
                      "line": text.count("\n", 0, region.begin) + 1,
                      "region": (region.kind, region.begin, region.end), "changed": changed})

    for index, region in enumerate(all_regions):
        old = text[region.begin:region.end]
        done = set()
        for rule, changed in variants(region.kind, old):
            change = {";": "", f"!({old})": "not"}.get(changed, changed)
            if one_line(changed) in done:
                continue
            done.add(one_line(changed))
            add(region, rule, change, changed)
        after = all_regions[index + 1] if index + 1 < len(all_regions) else None
        if after and region.kind == after.kind == "statement" and swappable(text, region, after):
            add(region, "swap", text[after.begin:after.end], None)
    return found


def swappable(text, one, two):
    return text[one.end:two.begin].isspace() and "\n\n" not in text[one.end:two.begin] \
        and is_call(text[one.begin:one.end]) and is_call(text[two.begin:two.end])


def write(text, mutants):
    """The source with all of them in it, and the lines that each has there: {line: [mutant]}."""
    by_region = {}
    late = {}  # where the second of two that are swapped begins → the mutant
    for mutant in mutants:
        kind, begin, end = mutant["region"]
        by_region.setdefault((begin, end, kind), []).append(mutant)
    out, lines, at, line = [], {}, 0, 2

    def put(piece, whose=()):
        nonlocal line
        for i in range(piece.count("\n") + 1):
            lines.setdefault(line + i, []).extend(whose)
        line += piece.count("\n")
        out.append(piece)

    all_regions = regions(text)
    following = {(r.begin, r.end, r.kind): n for r, n in zip(all_regions, all_regions[1:])}
    for region in all_regions:
        key = (region.begin, region.end, region.kind)
        mine = list(by_region.get(key, ()))
        swapped = late.pop(region.begin, None)
        if not mine and not swapped:
            continue
        put(text[at:region.begin])
        at = region.end
        old = text[region.begin:region.end]
        swaps = [m for m in mine if m["rule"] == "swap"]
        for mutant in swaps:
            after = following[key]
            late[after.begin] = mutant
        put(changed_region(region.kind, old, [m for m in mine if m["rule"] != "swap"],
                           swaps[0] if swaps else None,
                           text[following[key].begin:following[key].end] if swaps else "",
                           swapped),
            mine + ([swapped] if swapped else []))
    put(text[at:])
    head = '#pragma GCC system_header\n'
    return head + "".join(out), lines


def changed_region(kind, old, mutants, swap, after, swapped):
    def when(mutant):
        return f"arsync_mutants::is({mutant['number']})"
    if kind == "statement":
        chain = "".join(f"if ({when(m)}) {{ {m['changed']} }} else " for m in mutants)
        if swapped:
            chain = f"if ({when(swapped)}) {{}} else " + chain
        before = f"if ({when(swap)}) {{ {after} }} " if swap else ""
        return "{ " + before + chain + old + " }"
    chain = "".join(f"{when(m)} ? ({m['changed']}) : " for m in mutants)
    return f"({chain}({old}))"


class Library:
    """A copy of the repository whose lib/ has the mutants in it."""

    def __init__(self, repository, tree):
        self.repository, self.tree = Path(repository), Path(tree)
        self.mutants = []

    def make(self, make):
        self.tree.mkdir(parents=True, exist_ok=True)
        subprocess.run(["rsync", "-a", "--delete", "--exclude=/build", "--exclude=/.git",
                        "--exclude=/lib/**.cpp", "--exclude=*.mutated", "--exclude=/lib/mutant.h",
                        "--exclude=/*.json", f"{self.repository}/", f"{self.tree}/"], check=True)
        here = self.repository / "test/mutants"
        for name in ("mutant.h", "mutant.cpp"):
            self.put(self.tree / "lib" / name, (here / name).read_text())
        sources = sorted((self.repository / "lib").rglob("*.cpp"))
        number = 1
        for source in sources:
            path = str(source.relative_to(self.repository))
            text = source.read_text()
            mutants = find(path, text, number)
            number += len(mutants)
            self.mutants += self.fit(path, text, mutants, make)
        (self.tree / "mutants.json").write_text(json.dumps(self.mutants))

    # Without those that do not compile.
    def fit(self, path, text, mutants, make):
        body = self.tree / (path + ".mutated")
        self.put(self.tree / path,
                 f'#include "mutant.h"\n#include "{path.removeprefix("lib/")}.mutated"\n')
        for _ in range(30):
            changed, lines = write(text, mutants)
            # Not to be told anew what is as before keeps the objects.
            self.put(body, changed)
            wrong = make(path, body)
            if wrong is None:
                return mutants
            bad = {m["number"] for at in wrong for m in lines.get(at, ())}
            if not bad:
                bad = {m["number"] for m in mutants}
            mutants = [m for m in mutants if m["number"] not in bad]
        raise RuntimeError(f"{path} does not compile")

    @staticmethod
    def put(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def wrong_lines(log, body):
    """The lines of the file at which a compiler has complained of errors."""
    name = re.escape(Path(body).name)
    return {int(n) for n in re.findall(rf"{name}:(\d+):\d+: (?:fatal )?(?:error|sorry)", log)} | \
        {int(n) for n in re.findall(rf"{name}:(\d+):\d+:   (?:required from|in .constexpr)", log)}
