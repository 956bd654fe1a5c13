#!/usr/bin/env python3
"""random_trees.py [ROUNDS [FIRST [WHICH...]]] - random trees and options, beside cp and rsync.

Each round makes two worlds alike, of a source and often of something at the destination, has cp (or
rsync) copy in one and $ARSYNC_CP in the other, with the same options, and compares all there is of
both: exit status, messages, kinds, modes, owners, links, times of change and of use, extended
attributes of all namespaces, ACLs, the flags of inodes, content, holes, and what is shared on disk.

There are ROUNDS of each of WHICH: cp-root, cp-user, rsync-root and rsync-user; those of root, and
those of somebody else beside them, only if root runs it. Each other round is in $ARSYNC_RANDOM_REFLINKS,
if that is set: a directory where files can share what they have.

A round is known by which it is and its number: what differs is shown with both, and `random_trees.py 1
NUMBER WHICH` shows that alone. With KEEP=DIRECTORY its worlds are made there, and stay.
"""

import collections
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from random_facts import facts_of, in_pages
from random_world import OLD, ROOT, USER, grow

OURS = os.path.realpath(os.environ.get("ARSYNC_CP", "build/arsync-cp"))
WHICH = ["cp-root", "cp-user", "rsync-root", "rsync-user"]

WORDS_OF_GLIBC = Path(__file__).resolve().with_name("words_of_glibc.sed")
MUSL = b"Symbolic link loop" in Path(OURS).read_bytes()

BACKUPS = {"--backup=numbered", "-b", "-S.s"}


class Ways:
    """Of a version of cp that has been tried: what of it cannot be compared, and why."""

    def __init__(self, left_out, why, shares=True, words=None, removes_default_acls=True):
        self.left_out, self.why, self.shares, self.words = left_out, why, shares, words
        self.removes_default_acls = removes_default_acls


WAYS = {
    "8.32": Ways(set(), "what is shared on disk: it shares nothing unless asked to", False,
                 (rb"(target|target directory|failed to access) 'd'.*", rb"no 'd'")),
    "9.1": Ways(set(), ""),
    "9.7": Ways(BACKUPS | {"-i"}, "backups, which it makes of what is replaced by another kind, too; -i, which "
                "fails where nothing is replaced; default ACLs of directories that are there, which it "
                "leaves", True,
                (rb"(with non-directory) '.*'$", rb"\1"), False),
}


def version_of_cp():
    """Such as "9.1"; nothing for a cp that is not GNU's."""
    said = subprocess.run(["cp", "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    found = re.match(rb"cp \(GNU coreutils\) (\d+\.\d+)", said)
    return found and found.group(1).decode()


def in_words_of_cp(messages):
    """What the program has said, in those of glibc if it has musl inside."""
    if not (MUSL and messages):
        return messages
    return subprocess.run(["sed", "-f", WORDS_OF_GLIBC], input=messages, stdout=subprocess.PIPE, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


# ---- a round ----


def some(rng, *choices):
    return rng.choice(choices) if rng.random() < 0.25 else None


def options_of_cp(rng):
    recursive = rng.choice(["-r", "-R", "-a", "-a", "-dr", None])
    keep = some(rng, "-p", "--preserve=all", "--preserve=mode", "--preserve=ownership", "--preserve=timestamps",
                "--preserve=links", "--preserve=xattr", "--no-preserve=mode", "--no-preserve=ownership",
                "--no-preserve=links")
    # cp makes hard links of the links that -s makes.
    keeps_links = recursive in ("-a", "-dr") or keep in ("--preserve=all", "--preserve=links")
    options = [recursive, keep,
               some(rng, "-L", "-P", "-H"),
               some(rng, "-f", "-n", "-u", "--remove-destination", "-i"),
               some(rng, "--backup=numbered", "--backup=numbered", "-b", "-S.s"),
               rng.choice(["-l", "--attributes-only", "--attributes-only" if keeps_links else "-s"])
               if rng.random() < 0.1 else None,
               some(rng, "--sparse=auto", "--sparse=never", "--sparse=always"),
               some(rng, "-v", "-x", "-x", "--strip-trailing-slashes", "--reflink=never")]
    rng.shuffle(options)
    return [option for option in options if option], recursive is not None


# Options of arsync-cp and of rsync that have the same meaning, where nothing is removed for being extra. Patterns
# are of the kinds that both read alike: a name, one with *, from the top on, or of a directory.
SAME_FOR_RSYNC = [
    ([], ["--inplace"]),
    (["-x"], ["-x"]),
    (["-u"], ["-u"]),
    (["-L", "--no-preserve=links"], ["-L", "--no-H"]),  # of one file by two links rsync makes two, and cp one
    (["-b", "-S.s"], ["-b", "--suffix=.s"]),
    (["--sparse=always"], ["-S"]),
    (["--exclude=b"], ["--exclude=b"]),
    (["--exclude=*~"], ["--exclude=*~"]),
    (["--exclude=/a"], ["--exclude=/a"]),
    (["--exclude=c/"], ["--exclude=c/"]),
    (["--exclude=/d d/a"], ["--exclude=/d d/a"]),
]


def options_of_rsync(rng):
    """Those of ours and those of rsync's; none for the mirror, which is half of the rounds."""
    if rng.random() < 0.5:
        return None
    chosen = [pair for pair in SAME_FOR_RSYNC if rng.random() < 0.2]
    ours, theirs = [word for pair in chosen for word in pair[0]], [word for pair in chosen for word in pair[1]]
    return ours, theirs


class Round:
    def __init__(self, which, number, reflinks, ways):
        rng = random.Random(f"{which} {number}")
        self.which, self.number, self.reflinks, self.ways = which, number, reflinks, ways
        self.by_rsync = which.startswith("rsync")
        self.user = ROOT and which.endswith("user")
        self.umask = rng.choice([0o022, 0o022, 0o077, 0o002, 0])
        options, recursive = options_of_cp(rng)
        if ways:
            options = [one for one in options if one not in ways.left_out]
        # By chance of its own, so that what a number stood for it stands for still.
        own = random.Random(f"{which} {number} options")
        beside_rsync = options_of_rsync(own) if self.by_rsync else None
        extra = [one for one in [some(rng, "--atomic", "--skip-unchanged", "--remove-destination")] if one]
        if self.user:  # who may not make links of others' files
            kept_out = {"-l", "--remove-destination"} if "-L" in options else {"-l"}
            options = [one for one in options if one not in kept_out]
        removes = "--remove-destination" in (extra if self.by_rsync else options)
        # cp removes what gives way before it looks whether it can read the source.
        # What rsync cannot read makes it leave all that a mirror removes.
        user = ("reader" if removes or self.by_rsync else "somebody") if self.user else None
        special = "pscb" if ROOT and not self.user else "ps"
        kinds = "fffffddddll"
        # Where it does not replace what is there by such a file, what comes of its names depends on
        # their order.
        if self.by_rsync or recursive and not {"-L", "-H", "--attributes-only"} & set(options):
            kinds += special
        # So it does which name of a file takes over what is there; and cp makes links even in place of
        # what -u leaves.
        there = rng.random() < 0.7
        if self.by_rsync or not there:
            kinds += "hh"
        self.entries = grow(rng, b"s", rng.choice([3, 8, 15, 25]), kinds, user)
        self.has_links = any(entry.kind == "h" for entry in self.entries)
        self.options = options
        self.tops = [entry for entry in self.entries if entry.path.count(b"/") == 1]
        # cp waits for a reader of a FIFO that it overwrites, writes through links that it meets in a
        # tree, and loses a name of several that it cannot copy to.
        kinds = "fffffdddd" + ("llhh" + special if removes else "" if recursive else "ll")
        if beside_rsync:
            kinds = "fffffddddll"
        before = grow(rng, b"d", rng.choice([2, 6, 12]), kinds, user) if there else []
        if beside_rsync:
            before = self.without_mirror(own, before, beside_rsync[0])
        self.before = {entry.path for entry in before}
        self.by_source = False  # what differs is as the source is, and passes for that
        self.order = [b"s"] + ([b"d"] if there or rng.random() < 0.7 else [])
        operands = self.operands(rng)
        self.entries += before
        for entry in before if ways and not ways.removes_default_acls else ():
            entry.xattrs.pop("system.posix_acl_default", None)
        for entry in before if self.by_rsync else ():  # it makes each file anew
            entry.flags = 0
        if self.by_rsync and self.user:  # what is special about modes it keeps for an owner that it cannot keep
            for entry in self.entries:
                if entry.kind != "h":
                    entry.mode &= 0o1777
                    if entry.owner[0] != USER:  # or an ACL may say that it cannot be read
                        entry.xattrs.pop("system.posix_acl_access", None)
        self.open = rng.random() < 0.7  # the destination, to whoever copies
        if beside_rsync:
            self.ours = ["-a", *beside_rsync[0], "-T", "--", "s", "d"]
            self.theirs = ["rsync", "-aHAXU", "--numeric-ids", *([] if "-u" in beside_rsync[0] else ["-I"]), *beside_rsync[1],
                           "--", "s/", "d/"]
            self.holes = "--sparse=always" not in self.ours
        elif self.by_rsync:
            self.ours = ["-a", "--mirror", *extra, "-T", "--", "s", "d"]
            self.theirs = ["rsync", "-aHAX", "--delete", "--numeric-ids",
                           *([] if "--skip-unchanged" in self.ours else ["-I"]), "--", "s/", "d/"]
            self.holes = True
        else:
            self.ours = options + operands
            self.theirs = ["cp", *self.ours]
            self.holes = "--sparse=always" not in self.ours

    def without_mirror(self, rng, before, ours):
        """Of what is there: what both replace in the same way, where a mirror does not make it give way."""
        kinds = {entry.path[1:]: entry.kind for entry in self.entries}
        kept, gone = [], []
        for entry in before:
            is_in_the_way = kinds.get(entry.path[1:], entry.kind) != entry.kind
            if is_in_the_way or any(entry.path.startswith(path + b"/") for path in gone):
                gone.append(entry.path)
            else:
                kept.append(entry)
        for entry in kept if "-u" in ours else ():  # of the same age is "older" to rsync alone
            entry.time = (OLD + rng.choice([-5, 5])) * 10**9
        if "-u" in ours:  # as cp, and unlike rsync, a name of what is left as newer becomes a link to that
            self.entries = [entry for entry in self.entries if entry.kind != "h"]
        if "-L" in ours:
            kept = [entry for entry in kept if entry.kind != "l"]
            # A link that leads back to where it is, or nowhere, is an error that each tells in its own way.
            files = [entry.path for entry in self.entries if entry.kind == "f"]
            self.entries = [entry for entry in self.entries
                            if files and entry.kind == "l" or entry.kind not in "lh" or entry.target in files]
            for entry in self.entries:
                if entry.kind == "l":
                    entry.target = os.path.relpath(rng.choice(files), os.path.dirname(entry.path))
        self.before = {entry.path for entry in kept}
        return kept

    def operands(self, rng):
        names = [entry.path for entry in self.tops]
        rng.shuffle(names)
        form = rng.random()
        if "-s" in self.options:  # relative ones it makes in the working directory only
            return ["--", *[b"@/" + name for name in names[:4] or [b"s"]], "d"]
        # cp 9.1 puts simple backups of what is in a directory into another one.
        if form < 0.3 or not names or "-b" in self.options or "-S.s" in self.options:
            return ["-T", "--", "s", "d"]
        if form < 0.45:
            return ["--", "s", "d"]
        if form < 0.55 and "-v" not in self.options and self.entries:  # cp does not quote directories on the way
            return ["--parents", "--", rng.choice([entry.path for entry in self.entries]), "d"]
        if form < 0.65:
            return ["-t", "d", "--", *names[:3]]
        return ["--", *names[:4], "d"]

    def make(self, world):
        os.mkdir(world)
        for top in self.order:
            os.mkdir(os.path.join(world, top))
        for entry in self.entries:
            entry.make(world)
        for entry in reversed(self.entries):
            entry.finish(world)
        for top in self.order:
            path = os.path.join(world, top)
            if ROOT and self.user and self.open:
                os.chown(path, USER, USER)
            os.utime(path, ns=(OLD * 10**9, OLD * 10**9))
        if ROOT and self.user:
            os.chown(world, USER, USER)

    def run(self, world, command):
        who = {"user": USER, "group": USER, "extra_groups": []} if self.user else {}
        command = [os.fsencode(word).replace(b"@", world) for word in command]
        process = subprocess.run(command, cwd=world, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, umask=self.umask, timeout=600, check=False, **who)
        messages = in_words_of_cp(process.stderr.replace(world, b"@"))
        for mark in "\u2018", "\u2019":  # as cp quotes a name that has no attributes, and no other
            messages = messages.replace(mark.encode(), b"'")
        # A question ends without a line's end.
        messages = re.sub(rb"(^|\? )cp: ", rb"\1\n", messages, flags=re.MULTILINE).splitlines()
        if self.ways and self.ways.words:
            messages = [re.sub(*self.ways.words, line) for line in messages]
        if self.user:  # cp tells even of some with -a
            messages = [line for line in messages if b"ttribute user." not in line]
        return (process.returncode, sorted(filter(None, messages)),
                sorted(process.stdout.replace(world, b"@").splitlines()))

    def differences(self, place):
        """What differs; raises NotComparable where nothing can be said."""
        theirs, ours = os.path.join(place, b"theirs"), os.path.join(place, b"ours")
        for world in theirs, ours:
            self.make(world)
        said = self.run(theirs, self.theirs), self.run(ours, [PROGRAM, *self.ours])
        worlds = facts_of(theirs), facts_of(ours)
        if self.by_rsync:
            return self.differences_from_rsync(said, *worlds)
        return self.differences_from_cp(said, *worlds)

    # -- beside cp --

    def differences_from_cp(self, said, theirs, ours):
        # What comes twice, by a link, cp does not copy the second time, and fails.
        if any(b"will not create hard link" in line for line in said[0][1]):
            raise NotComparable("cp does not make the hard link")
        # What somebody may not read of a directory on the way is a loss there, but not to cp.
        if "--parents" in self.ours:
            status, messages, output = said[1]
            ways = re.compile(rb"setting attributes for 'd/.*': Permission denied")
            said = said[0], (status, [line for line in messages if not ways.fullmatch(line)], output)
        # Of two things that are wrong with one entry either may be told, and -v before or after it.
        denied = any(word in line for each in said for line in each[1] for word in (b"Permission", b"cyclic"))
        # cp gives up at the first attribute that is denied, and tells that of an entry which has failed, too;
        # arsync-cp goes on, and makes a directory writable for as long as it takes.
        given_up = re.compile(rb"[gs]etting attribute 'user.one' (for|of) 'user.one': Permission denied")
        status, messages, output = said[0]
        messages = list(messages)
        for line in [line for line in messages if given_up.fullmatch(line)]:
            if len(messages) > len(said[1][1]):
                messages.remove(line)
        # Nor has a mode been lost that is the source's already, though chmod(2) is denied: cp tells of that.
        kept = re.compile(rb"preserving permissions for '(d[^']*)': Operation not permitted")
        for line, name in [(line, match[1]) for line in messages if (match := kept.fullmatch(line))]:
            modes = [ours.get(each, {}).get("mode") for each in (name, b"s" + name[1:])]
            if line not in said[1][1] and modes[0] is not None and modes[0] == modes[1]:
                messages.remove(line)
                status = status if messages else 0
        said = (status, messages, output), said[1]
        keeps_mode = {"-a", "-p", "--preserve=all", "--preserve=mode"} & set(self.ours)
        as_source = ("mode", "system.posix_acl_access", "trusted.SGI_ACL_FILE")
        other = object()  # than any fact

        def source(name):
            facts = denied and keeps_mode and name[:1] == b"d" and ours.get(b"s" + name[1:])
            every = {*theirs.get(name, ()), *ours.get(name, ())}
            return facts and {fact: facts.get(fact) if fact in as_source else other for fact in every}

        for world in theirs, ours:
            for name, facts in world.items():
                self.leave_out_for_cp(name, facts, denied, world is theirs)
        return differences_of_words(*said, denied) + differences_of_facts(theirs, ours, source)

    def leave_out_for_cp(self, name, facts, denied, is_theirs):
        normal(facts)
        if name[:1] == b"s":  # what is read in vain, an empty file or a hole, may have been used or not
            facts.pop("accessed", None)
        if self.has_links:  # by each name of a file its time of use is another, once one has been read
            facts.pop("accessed", None)
        # Two ways may lead to one file or directory, which is used by whoever reads or lists it first.
        if {"-L", "-H"} & set(self.ours):
            facts.pop("accessed", None)
        # Whether a link, and others on its way, are used says who looks where one leads over which something is.
        if stat.S_ISLNK(facts["kind"]) and self.before:
            facts.pop("accessed", None)
        if stat.S_ISDIR(facts["kind"]) and {"-L", "-H", "-l"} & set(self.ours):
            # Of a directory that a link leads to cp lists the attributes that the link has.
            facts.pop("user.one", None)
            facts.pop("trusted.two", None)
        if stat.S_ISDIR(facts["kind"]) and "--parents" in self.ours:
            # Directories on the way get all attributes, and when all is copied; with cp not all, and before
            # that.
            only(facts, "kind", "owner")
        if denied:  # with cp a backup may have come and gone, and attributes are lost for the sake of others
            facts.pop("user.one", None)
            if name == b"d":
                only(facts, "kind", "mode", "owner")
        if not self.holes:
            facts.pop("data", None)
        # cp shares all it can, holes too. arsync-cp copies what is small, and where it is said what becomes
        # of holes; then not sharing is what is right, whatever cp does.
        says_of_holes = {"--sparse=always", "--sparse=never"} & set(self.ours)
        if says_of_holes and is_theirs:
            facts.pop("shared", None)
        if says_of_holes and not is_theirs and facts.get("shared") == []:
            del facts["shared"]
        if says_of_holes and self.reflinks:
            facts.pop("data", None)
        if facts.get("size", 0) <= 4096:
            facts.pop("shared", None)

    # -- beside rsync --

    def differences_from_rsync(self, said, theirs, ours):
        # It does not set the times of somebody else's directory that has them; arsync-cp, as cp, tries to.
        times = b"preserving times for 'd': Operation not permitted"
        told = [line for line in said[1][1] if self.open or line != times]
        found = [f"exit status {said[1][0]}: {told}"] if told or said[1][0] != 0 and not said[1][1] else []
        whole = {name for name, facts in ours.items() if facts.get("data") == in_pages([(0, facts.get("size", 0))])}
        if "-b" in self.theirs:  # a link that leads there already rsync leaves alone, and cp makes it anew
            for name, facts in list(ours.items()):
                anew = name.endswith(b".s") and name not in theirs and ours.get(name[:-2])
                if anew and stat.S_ISLNK(facts["kind"]) and anew.get("leads to") == facts["leads to"]:
                    del ours[name]
        for world in theirs, ours:
            for name, facts in world.items():
                normal(facts)
                facts.pop("shared", None)  # rsync shares nothing
                is_other = not stat.S_ISREG(facts["kind"]) and not stat.S_ISDIR(facts["kind"])
                if "-u" in self.theirs and is_other and name in self.before:
                    only(facts, "kind")  # rsync's -u is about files alone, cp's about links and specials, too
                if not self.holes or name[:1] != b"d" or b"s" + name[1:] not in whole:  # rsync keeps no holes
                    facts.pop("data", None)
                # By each name of a file its time of use is another, once one has been read.
                # With -u rsync may use what it then leaves.
                compares = "-aHAXU" in self.theirs and not self.has_links and not {"-L", "-u"} & set(self.theirs)
                if not compares or name[:1] != b"d" or not stat.S_ISREG(facts["kind"]):
                    facts.pop("accessed", None)
                elif facts["accessed"] != "now":  # rsync tells it in seconds
                    facts["accessed"] //= 10**9
        # Where it is as rsync made it, or as the source is, for rsync makes mistakes with ACLs and devices.
        def source(name):
            facts = name[:1] == b"d" and ours.get(b"s" + name[1:])
            if facts and "-L" in self.ours and stat.S_ISLNK(facts["kind"]):
                return ours.get(os.path.normpath(os.path.join(os.path.dirname(b"s" + name[1:]), facts["leads to"])))
            return facts

        found += differences_of_facts(theirs, ours, source)
        self.by_source = differences_of_facts(theirs, ours) != differences_of_facts(theirs, ours, source)
        denied = [line for line in said[0][1] if b" chgrp " not in line and not line.startswith(b"rsync error")]
        if found and denied:
            raise NotComparable(f"rsync fails: {said[0][1]}: {found}")
        return found

    def __str__(self):
        who = "somebody" if self.user else "the caller"
        return f"round {self.number} {self.which}: {self.theirs} / {self.ours}, by {who}, umask {self.umask:03o}"


class NotComparable(Exception):
    """Why a round says nothing."""


def only(facts, *wanted):
    for name in set(facts) - set(wanted):
        del facts[name]


def normal(facts):
    """Leaves out what cp and rsync each do in a way of their own, and that is no loss."""
    facts["mode"] &= ~0o1000  # which is no right that whoever cannot keep owners should lose
    if facts["kind"] not in (stat.S_IFDIR, stat.S_IFREG):
        facts["mode"] &= ~0o7000  # means nothing there, and cp copies it without being asked


def differences_of_facts(theirs, ours, source=lambda name: None):
    found = []
    for name in sorted({*theirs, *ours}):
        one, other, third = theirs.get(name), ours.get(name), source(name)
        if one is None or other is None:
            found.append(f"{name!r} is {'not there' if one else 'there'}")
            continue
        for fact in {*one, *other}:
            if one.get(fact) != other.get(fact) and not (third and third.get(fact) == other.get(fact)):
                found.append(f"{name!r} {fact}: {one.get(fact)}, ours: {other.get(fact)}")
    return found


def differences_of_words(theirs, ours, denied):
    found = []
    for what, one, other in zip(("exit status", "messages", "output"), theirs, ours):
        same = len(one) == len(other) if denied and what == "messages" else one == other
        if not same and not (denied and what == "output"):
            found += [f"{what}: {one}", f"{what}, ours: {other}"]
    return found


PROGRAM = OURS
SILENT_MAX = 0.01  # of the rounds


def try_rounds(which, first, rounds, places, keep, ways):
    """How many differed, how many passed for what is as the source is, and of how many nothing can be said, by reason."""
    wrong, by_source, silent = 0, 0, collections.Counter()
    for number in range(first, first + rounds):
        has_reflinks = len(places) > 1 and number % 2 == 1 and (ways is None or ways.shares)
        at = places[has_reflinks] / f"{which}-{number}"
        at.mkdir()
        at.chmod(0o755)
        one = Round(which, number, has_reflinks, ways)
        try:
            found = one.differences(os.fsencode(at))
        except NotComparable as reason:
            found = []
            silent[str(reason)] += 1
        by_source += one.by_source and not found
        if found:
            wrong += 1
            print(one, *found, sep="\n    ", flush=True)
        if not keep:
            subprocess.run(["rm", "-rf", at], check=True)
    return wrong, by_source, silent


def main():
    global PROGRAM
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    wanted = sys.argv[3:] or [each for each in WHICH if ROOT or each.endswith("user")]
    os.environ.update(LC_ALL="C.UTF-8")
    for name in ("POSIXLY_CORRECT", "VERSION_CONTROL", "SIMPLE_BACKUP_SUFFIX"):
        os.environ.pop(name, None)
    keep = os.environ.get("KEEP")
    place = Path(keep) if keep else Path(tempfile.mkdtemp())
    place.mkdir(exist_ok=True)
    place.chmod(0o755)
    places = [place]
    if "ARSYNC_RANDOM_REFLINKS" in os.environ and not keep:
        places.append(Path(os.environ["ARSYNC_RANDOM_REFLINKS"]))
    # Somebody else must be able to reach it.
    PROGRAM = str(place / "cp")
    shutil.copy(OURS, PROGRAM)
    version = version_of_cp()
    failed = passed = skipped = 0
    for which in wanted:
        by_cp = which.startswith("cp")
        if by_cp and version not in WAYS:
            print(f"SKIP: {which}: {version or 'no version'} of GNU cp; known are the ways of {', '.join(WAYS)}")
            skipped += 1
            continue
        if not by_cp and not shutil.which("rsync"):
            print(f"SKIP: {which}: no rsync")
            skipped += 1
            continue
        ways = WAYS[version] if by_cp else None
        if ways and ways.why:
            print(f"{which}: left out, as cp is {version}: {ways.why}")
        wrong, by_source, silent = try_rounds(which, first, rounds, places, keep, ways)
        compared = rounds - silent.total()
        print(f"{which}: {compared} compared, {wrong} differ, {silent.total()} not comparable", flush=True)
        if not by_cp:
            print(f"    {by_source} are not as rsync made them, and as the source is")
        for why, count in silent.items():
            print(f"    {count} not comparable: {why}")
        # A comparison that leaves out much compares nothing.
        if silent.total() > max(1, rounds * SILENT_MAX):
            print(f"not ok: {which}: too many of {rounds} are not comparable")
            wrong += 1
        passed += compared - min(wrong, compared)
        failed += wrong
        skipped += silent.total()
    if not keep:
        shutil.rmtree(place)
    print(f"# {passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.umask(0)
    main()
