"""The command line, and one run from its beginning to its end."""
import argparse
import itertools
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
import traceback

from .engines import ENGINES
from .report import print_status, Watch
from .split import Limits, Splitter, look_from
from .state import END, Refused, State, Unit, write_file

USAGE = "arsync-spread [OPTION]... SRC DST [-- OPTION-OF-ARSYNC-CP...]"
# Those of arsync-cp's options that units take: whether they have a value, with = ("" or "?").
# How data is moved, which ranges of files and the end need to know too.
HOW = {"backend": "=", "buffer-size": "=", "buffers": "=", "bwlimit": "=", "cache": "=", "durable": "",
       "iopoll": "", "jobs": "=", "method": "=", "queue-depth": "=", "reflink": "?", "sqpoll": ""}
# What is kept of a file besides its content, which the end of large files and directories need too.
KEPT = {"preserve": "?", "no-preserve": "=", "map-users": "=", "map-groups": "=", "context": "?"}
# What each unit of whole files does by itself, and large files too.
PLAIN = {"skip-unchanged": "", "verify": ""}
# What is of whole files only: with these none is many units.
WHOLE = {"atomic": "", "backup": "?", "force": "", "no-clobber": "", "remove-destination": "", "sparse": "=",
         "suffix": "=", "update": "?"}


def is_one_of(options, word):
    name, equals, _ = word[2:].partition("=")
    return word.startswith("--") and name in options and equals in options[name].replace("?", "=") \
        and (equals == "=" or options[name] != "=")


def size_of(text):
    match = re.fullmatch("([0-9]+)([KkMmGgTt]?)", text)
    size = int(match[1]) << (10 * " KMGT".index(match[2].upper() or " ")) if match else 0
    if size == 0:
        raise argparse.ArgumentTypeError(f"not a size: {text!r}")
    return size


def chunk_of(text):
    """Up to whole MiB: two clients of a server that write to one page may undo each other's work."""
    return -(-size_of(text) >> 20) << 20


def count_of(text):
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"not a number from 1 on: {text!r}")
    return int(text)


def parse(arguments):
    rest = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, rest = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser(
        prog="arsync-spread", usage=USAGE, allow_abbrev=False,
        description="Copy what is in SRC to DST by many arsync-cp commands, on this machine or on "
        "several, and go on where an earlier run has stopped.")
    add = parser.add_argument
    add("paths", nargs="+", metavar="SRC DST", help=argparse.SUPPRESS)
    add("--engine", choices=sorted(ENGINES), help="who runs the units; the default is local, or "
        "parallel if hosts are named")
    add("--on", action="append", default=[], metavar="HOST[,HOST...]", help="hosts to run on, by ssh")
    add("--sshlogin", action="append", default=[], metavar="LOGIN", help="the same, as GNU parallel "
        "takes it")
    add("--ssh", metavar="COMMAND", help="what to run in place of ssh, with its options")
    add("--slurm", action="append", default=[], metavar="OPTION", help="an option for sbatch")
    add("-j", "--jobs", type=count_of, default=1, metavar="N", help="units at a time, on each host "
        "(default: 1; arsync-cp uses several CPUs itself)")
    add("--files", type=count_of, default=5000, metavar="N", help="files in a unit (default: 5000)")
    add("--size", type=size_of, default=4 << 30, metavar="SIZE", help="bytes in a unit (default: 4G)")
    add("--chunk", type=chunk_of, metavar="SIZE", help="a larger file is many units of this size "
        "(default: 64G)")
    add("--mirror", action="store_true", help="remove from DST what SRC does not have, if all else "
        "ended well")
    add("-x", "--one-file-system", action="store_true", help="leave directories of other file systems "
        "empty")
    add("--retries", type=count_of, default=3, metavar="N", help="how often a unit is tried that could "
        "not start or was cut off (default: 3)")
    add("--state", metavar="DIRECTORY", help="where a run keeps what it has done (default: "
        ".DST.arsync-spread, beside DST)")
    add("--status", action="store_true", help="show how far it is, and do nothing")
    add("--restart", action="store_true", help="forget what was done, and begin anew")
    add("--arsync-cp", default=None, metavar="PATH", help="the arsync-cp of all hosts")
    add("-v", "--verbose", action="store_true", help="tell of each unit as it ends")
    settings = parser.parse_args(arguments)
    if len(settings.paths) != 2:
        parser.error("SRC and DST are needed, and no more")
    for option in rest:
        if not is_one_of({**HOW, **KEPT, **PLAIN, **WHOLE}, option):
            parser.error(f"this option of arsync-cp has no meaning here: {option}")
        # A unit that is tried again, or a run that goes on, could not write to what is sealed.
        if option.startswith("--preserve=") and "flags" in option.partition("=")[2].split(","):
            parser.error("file flags cannot be kept here; afterwards: arsync-cp -a --skip-unchanged "
                         "--preserve=flags")
        if settings.chunk and is_one_of(WHOLE, option):
            parser.error(f"--chunk cannot be used with {option}, which is for whole files")
    if not settings.chunk and not any(is_one_of(WHOLE, option) for option in rest):
        settings.chunk = 64 << 30
    settings.options = rest
    settings.logins = settings.on + settings.sshlogin
    if settings.engine is None:
        settings.engine = "parallel" if settings.logins else "local"
    if settings.logins and settings.engine in ("local", "slurm"):
        parser.error(f"--engine={settings.engine} takes no hosts")
    if settings.engine == "parallel" and not settings.logins:
        parser.error("--engine=parallel needs --on=HOST,... or --sshlogin=...")
    return settings


class Commands:
    """The arguments of arsync-cp for each kind of unit."""

    def __init__(self, plan, state):
        self.ends = [plan["source"], plan["destination"]]
        self.options = plan["options"]
        self.how = [option for option in self.options if is_one_of(HOW, option)]
        self.kept = [option for option in self.options if is_one_of(KEPT, option)]
        self.end_options = (["--mirror"] if plan["mirror"] else []) + \
            (["--one-file-system"] if plan["one_file_system"] else []) + \
            [option for option in self.how if option == "--durable"]
        self.state = state

    def _list(self, name):
        return ["--json", "-0", "--files-from=" + self.state.at("parts", name), *self.ends]

    def files(self, name):
        return ["-a", "--bare-parents", *self.options, *self._list(name)]

    def links_of_finished(self, name):
        older = {"update": "?", "no-clobber": ""}  # these skip what is there by themselves
        skip = [] if any(is_one_of(older, option) for option in self.options) else ["--skip-unchanged"]
        return ["-a", "--bare-parents", *skip, *self.options, *self._list(name)]

    def range(self, name, offset, length):
        return [f"--range={offset}:{length}", "--verify", "--bare-parents", *self.how,
                *self._list(name)]

    def finish(self, name):
        durable = ["--durable"] if "--durable" in self.how else []
        return ["-a", "--attributes-only", "--bare-parents", *self.kept, *durable, *self._list(name)]

    def end(self):
        return ["-a", "-H", "-T", "--directories-only", *self.kept, *self.end_options, "--json", *self.ends]


def are_apart(*directories):
    """None is another, or in another."""
    ends = [os.path.join(os.path.realpath(one), "") for one in directories]
    return not any(one != other and ends[one].startswith(ends[other])
                   for one in range(len(ends)) for other in range(len(ends)))


def absolute(path):
    """The same, from wherever: links only as far as the last .. needs it, as other hosts may have others."""
    parts = os.path.join(os.getcwd(), path).split("/")
    after = max((at + 1 for at, part in enumerate(parts) if part == ".."), default=0)
    way = [os.path.realpath("/".join(parts[:after]))] if after else ["/"]
    return os.path.normpath(os.path.join(*way, *parts[after:]))


def plan_of(settings):
    source, destination = map(os.path.realpath, settings.paths)
    plan = {"source": source, "destination": destination, "chunk": settings.chunk,
            "mirror": settings.mirror, "one_file_system": settings.one_file_system,
            "options": settings.options}
    if settings.status:  # to ask is allowed while something is not mounted
        return plan
    if not os.path.isdir(source):
        raise Refused(f"{settings.paths[0]} is not a directory", 2)
    if os.path.lexists(destination) and not os.path.isdir(destination):
        raise Refused(f"{settings.paths[1]} is not a directory", 2)
    if not os.path.isdir(os.path.dirname(destination)):
        raise Refused(f"{os.path.dirname(destination)}, which DST is to be in, is not a directory", 2)
    if not are_apart(source, destination):
        raise Refused("SRC and DST are one, or one is in the other", 2)
    return plan


def identity(directory):
    """What unit.sh compares, so that a mount that is missing is noticed there, or in a later run."""
    try:
        kind = subprocess.run(["stat", "-f", "-c", "%T", "--", os.path.join(directory, ".")],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
        return "fuse" if kind.startswith(b"fuse") else str(os.stat(os.path.join(directory, ".")).st_ino)
    except FileNotFoundError:
        return "none"


def state_directory(settings, plan):
    if settings.state:
        path = absolute(settings.state)
    elif os.path.ismount(plan["destination"]) and settings.engine != "local":
        raise Refused("DST is where a file system is mounted, and what is beside it may not be there on "
                      "other hosts: name a directory that all of them have by --state", 2)
    else:
        above, name = os.path.split(plan["destination"])  # one, whatever leads to it
        path = os.path.join(above, f".{name}.arsync-spread")
    if not are_apart(plan["source"], plan["destination"], path):
        raise Refused("the state directory may not be in SRC or DST, nor have them in it", 2)
    return path


class Run:
    def __init__(self, settings, plan, state, watch):
        self.settings, self.plan, self.state, self.watch = settings, plan, state, watch
        self.commands = Commands(plan, state)
        self.splitter = Splitter(state, plan, self.commands, Limits(settings.files, settings.size),
                                 self.before)
        self.engine = ENGINES[settings.engine](state, settings)
        self.began = time.time()
        self.ran = 0
        # An earlier run has given directories their modes, so that one may not be written to.
        self.is_closed = os.path.exists(state.at("closed"))

    def go(self):
        self.state.wait_for(END)  # it would close directories, or remove, while others write
        self.splitter.big.renew()
        for phase in itertools.count(1):
            # What was made by an earlier run, or in a phase before, comes first.
            self.engine.run(self._counted(self._units_of(phase)))
            if phase == 3:
                break
        if self.state.status(END) != 0 or (self._may_mirror() and self.state.unit(END).extra["mirror"] != "yes"):
            self._add_end()
            self.engine.run([END])
        self.engine.wait()

    def _units_of(self, phase):
        self.state.look_again()
        for name in self.state.names():
            unit = self.state.unit(name)
            if unit.phase == phase and unit.kind != "hidden" and self.state.status(name) != 0:
                yield from self._again(unit)
        if phase == 1 and (not self.state.is_walked() or self.state.problems()):
            for unit in self.splitter.units():
                if unit.phase == 1:
                    yield unit.name

    def _again(self, unit):
        """What has not ended well, without what has vanished."""
        if unit.kind in ("files", "linked") and self.state.status(unit.name) == 1:
            self._drop_vanished(unit)
        self.watch.forget(unit.name)
        self.state.forget_record(unit.name)  # it is of an earlier try, and this one may be cut off
        yield unit.name

    def _drop_vanished(self, unit):
        root = os.open(self.plan["source"], os.O_RDONLY | os.O_DIRECTORY)
        names = self.state.part(unit.name)
        left = [name for name in names if look_from(root)(name) is not None]
        os.close(root)
        if len(left) < len(names):
            self.state.add(Unit(unit.name, unit.kind, unit.phase, unit.bytes, len(left), unit.extra),
                           self.commands.files(unit.name) if unit.phase == 1
                           else self.commands.links_of_finished(unit.name), left)

    def _counted(self, names):
        for name in names:
            self.ran += 1
            self.before(self.state.part(name))
            yield name

    def before(self, names):
        """These will be written to, by which directories lose their times, and must let it."""
        self.state.forget(END)
        if self.is_closed and os.geteuid() != 0:
            let_in(self.plan["destination"], names)

    def _may_mirror(self):
        """What could not be listed may be what something in DST was moved into, and so may be what an fpart
        that failed has not listed. (That all units have ended well is seen when the end begins.)"""
        return self.plan["mirror"] and self.state.is_walked() and not self.state.problems()

    def _add_end(self):
        write_file(self.state.at("closed"), "")
        self.state.add(Unit(END, "directories", 4, 0, 0, {"mirror": "yes" if self._may_mirror() else "no"}),
                       self.commands.end())

    def stop(self):
        self.splitter.stop()
        self.engine.stop()


def let_in(top, names):
    """Open the directories on the way to names for their owner; the end gives them their modes again."""
    for way in sorted({os.path.dirname(name) for name in names}):
        here = os.open(top, os.O_PATH | os.O_DIRECTORY)
        try:
            open_for_owner(here)
            for part in way.split(b"/") if way else ():
                inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = inner
                open_for_owner(here)
        except OSError:  # it is not there yet, or the unit will say what is wrong
            pass
        finally:
            os.close(here)


def open_for_owner(directory):
    mode = stat.S_IMODE(os.fstat(directory).st_mode)
    if mode & 0o700 != 0o700:
        os.chmod(f"/proc/self/fd/{directory}", mode | 0o700)


class Interrupted(BaseException):
    def __init__(self, number):
        super().__init__(number)
        self.number = number


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(number, _frame):
    ignore_signals()
    raise Interrupted(number)


def ignore_signals():
    """To stop takes its time, and is not to be stopped."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def find_arsync_cp(settings):
    """One that is beside this program is of the same version; but on other hosts it need not be there."""
    if settings.arsync_cp:
        named = os.sep in settings.arsync_cp
        return absolute(settings.arsync_cp) if named else settings.arsync_cp
    beside = os.path.join(os.path.dirname(os.path.realpath(sys.argv[0])), "arsync-cp")
    return beside if settings.engine == "local" and os.path.exists(beside) else "arsync-cp"


def run(settings):
    plan = plan_of(settings)
    state = State(state_directory(settings, plan))
    if settings.status:
        begun = state.plan()
        if begun and begun["source"] != plan["source"]:
            raise Refused(f"the copy in {state.path} is of another SRC: {begun['source']}", 2)
        return print_status(state)
    state.take_lock()
    before = {} if settings.restart else state.plan()
    if not before:
        os.makedirs(plan["destination"], exist_ok=True)
    state.take_lock_of(plan["destination"])
    plan["identity of SRC"], plan["identity of DST"] = identity(plan["source"]), identity(plan["destination"])
    state.open(plan, before)
    with open(os.path.join(os.path.dirname(__file__), "unit.sh"), encoding="utf-8") as file:
        script = file.read()
    state.install({"source": plan["source"], "source_identity": plan["identity of SRC"],
                   "destination": plan["destination"], "destination_identity": plan["identity of DST"],
                   "arsync_cp": find_arsync_cp(settings)}, script)
    watch = Watch(state, settings.verbose)
    one = Run(settings, plan, state, watch)
    try:
        one.go()
    except BaseException:
        ignore_signals()
        one.stop()
        raise
    finally:
        watch.stop()
    return watch.sum_up(one)


def tell(error):
    """Where in this program it came up is of no use to those who cannot mend it."""
    if os.environ.get("ARSYNC_SPREAD_DEBUG"):
        traceback.print_exception(type(error), error, error.__traceback__)
    elif isinstance(error, OSError):
        name = os.fsdecode(error.filename) + ": " if isinstance(error.filename, (str, bytes)) else ""
        print(f"arsync-spread: {name}{error.strerror}", file=sys.stderr)
    else:
        print(f"arsync-spread: a fault of this program, which ARSYNC_SPREAD_DEBUG=1 shows: "
              f"{type(error).__name__}: {error}", file=sys.stderr)


def main(arguments):
    sys.stdout.reconfigure(errors="surrogateescape")  # names are bytes
    threading.excepthook = lambda fault: tell(fault.exc_value)
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as by nohup
            signal.signal(number, interrupt)
    try:
        return run(parse(arguments))
    except Refused as refused:
        print(f"arsync-spread: {refused}", file=sys.stderr)
        return refused.status
    except Interrupted as stopped:
        print("arsync-spread: stopped; the same command goes on from here", file=sys.stderr)
        return 128 + stopped.number
    except Exception as error:  # 1 would say that all was tried
        tell(error)
        return 3
