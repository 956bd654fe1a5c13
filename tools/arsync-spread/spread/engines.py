"""Who runs units. Each runs what unit.sh does with a unit's name, on whatever machine it likes.

    run(names)     run these units, which may come while others are running; return when all have
                   ended, or are bound to (Slurm)
    wait()         until all have ended
    stop()         end what is running

What came of a unit is in its record, so an engine has nothing to tell.
"""
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time

from .state import Refused, write_file

SSH = ("ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3")


def need(command, engine):
    if shutil.which(command) is None:
        raise Refused(f"--engine={engine} needs {command}, which is not installed")


def terminate(*processes):
    """With all that they have started. GNU parallel waits for that, until it is told a second time."""
    for number in [signal.SIGTERM] * 60 + [signal.SIGKILL]:
        left = [process for process in processes if process.poll() is None]
        if not left:
            return
        for process in left:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                pass
        try:
            left[0].wait(0.5)
        except subprocess.TimeoutExpired:
            pass


class Engine:
    def __init__(self, state, settings):
        self.state, self.settings = state, settings
        self.processes = set()
        self.stopped = False
        self.lock = threading.Lock()  # of both

    def command(self, name):
        return ["sh", self.state.at("unit.sh"), name]

    def start(self, command, **more):
        """A process group of its own: ^C is for this program, which stops them."""
        process = subprocess.Popen(command, start_new_session=True, **more)
        with self.lock:
            self.processes.add(process)
            stopped = self.stopped
        if stopped:
            terminate(process)
        return process

    def wait_for(self, process):
        status = process.wait()
        with self.lock:
            self.processes.discard(process)
        return status

    def wait(self):
        pass

    def stop(self):
        with self.lock:
            self.stopped = True
            processes = list(self.processes)
        for process in processes:
            if process.stdin:
                try:
                    process.stdin.close()
                except BrokenPipeError:
                    pass
        terminate(*processes)


class Local(Engine):
    """On this machine, some at a time."""

    def __init__(self, state, settings):
        super().__init__(state, settings)
        self.workers = []
        self.failure = []

    def run(self, names):
        todo = queue.Queue()
        self.workers = [threading.Thread(target=self._work, args=(todo,), daemon=True)
                        for _ in range(self.settings.jobs)]
        try:
            for worker in self.workers:
                worker.start()
            for name in names:
                todo.put(name)
        finally:
            for _ in self.workers:
                todo.put(None)
        for worker in self.workers:
            worker.join()
        if self.failure:
            raise self.failure[0]

    def _work(self, todo):
        for name in iter(todo.get, None):
            for _ in range(self.settings.retries):
                if self.stopped or self.failure:
                    return
                try:
                    process = self.start(self.command(name), stdin=subprocess.DEVNULL)
                except OSError as error:  # there can be no more processes, for instance
                    self.failure.append(error)
                    return
                if self.wait_for(process) == 0:
                    break

    def stop(self):
        super().stop()
        for worker in self.workers:  # one may just have started another unit
            if worker.is_alive():
                worker.join()


class Parallel(Engine):
    """GNU parallel, on other machines by ssh. A unit that a machine has lost is tried on another."""

    def __init__(self, state, settings):
        super().__init__(state, settings)
        need("parallel", "parallel")
        self.logins = settings.logins

    def run(self, names):
        names = iter(names)
        first = next(names, None)
        if first is None:
            return
        command = ["parallel", "--will-cite", "--plain", "--line-buffer",
                   "--retries", str(self.settings.retries), "--jobs", str(self.settings.jobs),
                   "--ssh", self.settings.ssh or SSH]
        for login in self.logins:
            command += ["--sshlogin", login]
        # All that it would put in the place of something begins with a brace.
        script = shlex.quote(self.state.at("unit.sh")).replace("{", "'\"$(printf '\\173')\"'")
        command.append(f"sh {script} {{}}")
        process = self.start(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        # It begins nothing before it has read a unit for each place that it has. 0 is none.
        places = self.settings.jobs * len(",".join(self.logins).split(","))
        try:
            self._feed(process, ["0"] * places + [first])
            for name in names:
                self._feed(process, [name])
            process.stdin.close()
        except BrokenPipeError:
            pass
        self.wait_for(process)

    def _feed(self, process, names):
        process.stdin.write("".join(name + "\n" for name in names).encode())
        process.stdin.flush()


def in_batches(names, most, patience_s=5.0):
    """Lists of names, each as long as it may be without keeping others waiting: what comes slowly is
    not waited for, and the more there is the more goes at once."""
    todo = queue.Queue()
    failure = []

    def read():
        try:
            for name in names:
                todo.put(name)
        except BaseException as error:  # told where the batches are taken
            failure.append(error)
        todo.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    batch, ended = [], False
    while not ended:
        batch = [todo.get()]
        until = time.monotonic() + patience_s
        while batch[-1] is not None and len(batch) < most and time.monotonic() < until:
            try:
                batch.append(todo.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        ended = batch[-1] is None
        if ended:
            batch.pop()
        if batch:
            yield batch
    reader.join()
    if failure:
        raise failure[0]


class Slurm(Engine):
    """Arrays of sbatch; what comes later depends on what comes before."""

    def __init__(self, state, settings):
        super().__init__(state, settings)
        need("sbatch", "slurm")
        self.jobs = []
        self.ended = []  # the phases before

    def run(self, names):
        before = len(self.jobs)
        for batch in in_batches(names, self._most()):
            self._submit(batch)
        self.ended = self.jobs[before:] or self.ended

    def _most(self):
        shown = subprocess.run(["scontrol", "show", "config"], stdout=subprocess.PIPE, check=False)
        for line in shown.stdout.decode(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "MaxArraySize" and value.strip().isdigit():
                return max(1, int(value))
        return 1000

    def _submit(self, batch):
        here = self.state.at("slurm")
        number = len(os.listdir(here)) + 1
        units = os.path.join(here, f"{number}.units")
        write_file(units, "".join(name + "\n" for name in batch))
        script = os.path.join(here, f"{number}.sh")
        write_file(script, "#!/bin/sh\n"
                   f"name=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {shlex.quote(units)})\n"
                   f"for i in $(seq {self.settings.retries}); do\n"
                   f"    sh {shlex.quote(self.state.at('unit.sh'))} \"$name\" && exit\n"
                   "done\n"
                   "exit 3\n")
        command = ["sbatch", "--parsable", "--requeue", f"--array=0-{len(batch) - 1}",
                   "--job-name=arsync-spread", "--output=/dev/null", *self.settings.slurm]
        if self.ended:
            command.append("--dependency=afterany:" + ":".join(self.ended))
        process = subprocess.Popen(command + [script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            said, complaint = process.communicate()
        except BaseException:  # it may be taken already, and its number is needed to cancel it
            try:
                said, complaint = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
            else:
                self._took(process, said)
            raise
        if not self._took(process, said):
            raise Refused("sbatch: " + complaint.decode(errors="replace").strip())

    def _took(self, process, said):
        if process.returncode == 0:
            self.jobs.append(said.decode().strip().partition(";")[0])
        return process.returncode == 0

    def wait(self):
        while self.jobs and not self.stopped:
            shown = subprocess.run(["squeue", "--noheader", "--jobs", ",".join(self.jobs)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            # It fails where it knows none of them any more, but also where the controller does not answer.
            if not shown.stdout.strip() and (shown.returncode == 0 or b"Invalid job id" in shown.stderr):
                return
            time.sleep(1)

    def stop(self):
        self.stopped = True
        if self.jobs:
            subprocess.run(["scancel", *self.jobs], check=False)


# Stop the units of a host. One that was killed has left its number behind, which may be another's by now.
STOP = r"""cd {state}/running || exit
for unit in *; do
    case $unit in *.*) continue ;; esac
    read -r host pid began < $unit || continue
    [ "$host" = "$(uname -n)" ] || continue
    if command -v flock && flock -n ../locks/$unit true; then continue; fi
    [ "$(tr '\0' ' ' < /proc/$pid/cmdline)" = "sh {state}/unit.sh $unit " ] && kill $pid
done"""


class Fpsync(Engine):
    """fpsync, which hands the lists of fpart to a tool, here and on other machines by ssh. What it
    synchronizes is a directory with an empty file for each unit, and the tool runs these."""

    def __init__(self, state, settings):
        super().__init__(state, settings)
        need("fpsync", "fpsync")
        if re.search("[^A-Za-z0-9_./@%+:=,-]", state.path):  # it makes shell commands of it as it is
            raise Refused(f"--engine=fpsync cannot use a state directory of that name: {state.path}", 2)
        self.hosts = ",".join(settings.logins).split(",") if settings.logins else []
        self.places = settings.jobs * max(1, len(self.hosts))

    def run(self, names):
        for batch in in_batches(names, 1000 * self.places):
            for _ in range(self.settings.retries):
                self._run_batch(batch)
                batch = [name for name in batch if self.state.status(name) not in (0, 1)]
                if not batch or self.stopped:
                    break
            if self.stopped:
                return

    def _run_batch(self, batch):
        here = self.state.at("fpsync")
        shutil.rmtree(here, ignore_errors=True)
        for folder in ("units", "nowhere", "shared"):
            os.makedirs(os.path.join(here, folder), mode=0o700)
        for name in batch:
            write_file(os.path.join(here, "units", name), "")
        tool = os.path.join(here, "tool")
        write_file(tool, "#!/bin/sh\n"
                   "# As fpsync calls rsync: the list of names is all that matters.\n"
                   "for word; do\n"
                   "    case $word in --files-from=*) list=${word#--files-from=} ;; esac\n"
                   "done\n"
                   "[ -n \"$list\" ] || exit 0\n"
                   "tr '\\0' '\\n' < \"$list\" | while read -r name; do\n"
                   f"    sh {shlex.quote(self.state.at('unit.sh'))} \"${{name##*/}}\" < /dev/null\n"
                   "done\n")
        os.chmod(tool, 0o700)
        command = ["fpsync", "-n", str(self.places), "-m", "rsync", "-T", tool, "-f", "1", "-s", "0",
                   "-O", "-x|*.new", "-d", os.path.join(here, "shared"),
                   "-t", os.path.join(here, "shared")]
        for host in self.hosts:
            command += ["-w", host]
        process = self.start(command + [os.path.join(here, "units") + "/",
                                        os.path.join(here, "nowhere") + "/"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.wait_for(process)

    def stop(self):
        """What it has begun on a host goes on when its ssh is gone, and here if its shell has given it a
        process group of its own."""
        super().stop()
        ways = [["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", host] for host in self.hosts]
        asked = [subprocess.Popen([*way, STOP.format(state=self.state.path)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for way in ways or [["sh", "-c"]]]
        until = time.monotonic() + 10
        for process in asked:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


ENGINES = {"local": Local, "parallel": Parallel, "slurm": Slurm, "fpsync": Fpsync}
