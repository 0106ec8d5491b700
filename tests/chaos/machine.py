"""Scenarios of the machine's own faults: signals, interrupted and short system calls, no processes
left, a clock that is set."""

import os
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

from scenario import Run
from world import PARTITIONS, TOOLS, Stuck, processes, wait_for


def set_shared(path, form, number):
    """Tells the preloaded libraries, which have mapped this file."""
    with open(path, "r+b") as file:
        file.write(struct.pack(form, number))


class Signals(Run):
    """A thousand signals a second at each program. The driver drains at the first SIGTERM or SIGINT, and
    one half a second later ends it at once; at SIGHUP it reloads, which replaces workers and nothing
    else. All others do nothing."""

    kinds = tuple((name, target) for target in ("driver", "source", "sink", "worker")
                  for name in ("TERM", "INT", "HUP", "USR1"))
    seconds = 0.3

    def plan(self):
        kinds = [self.kinds[i % len(self.kinds)] for i in range(self.faults)]
        self.random.shuffle(kinds)
        return [{"kind": f"{name}-{target}", "signal": name, "target": target,
                 "pick": self.random.randrange(1000),
                 "wait": round(self.random.uniform(0.05, 0.3), 3)} for name, target in kinds]

    def play(self):
        one = self.start_one()
        for fault in self.each_fault(one, 0.5):
            number = getattr(signal, f"SIG{fault['signal']}")
            driver = fault["target"] == "driver"
            ends = driver and fault["signal"] in ("TERM", "INT")
            stages = {kind: one.stages(kind) for kind in ("source", "sink", "worker")}
            pid = (one.process.pid if driver else
                   stages[fault["target"]][fault["pick"] % len(stages[fault["target"]])])
            mark = self.mark(fault["kind"])
            self.storm(pid, number, one.process if ends else None)
            if ends:
                self.see_it_end(one, number)
                again = self.start(one)
            else:
                again = time.monotonic()
                if driver and fault["signal"] == "HUP":
                    del stages["worker"]
                if stages != {kind: one.stages(kind) for kind in stages}:
                    self.wrong.append(f"{fault['kind']}: a stage was replaced")
                if driver and fault["signal"] == "HUP":
                    self.reloaded(one)
            self.settle(mark, again)

    def reloaded(self, one):
        """Until the last of the reloads is over: no worker has been replaced for three seconds, in which one starts
        on a busy machine, too."""
        before, since = None, time.monotonic()
        while time.monotonic() < since + 3:
            workers = one.stages("worker")
            if workers != before:
                before, since = workers, time.monotonic()
            time.sleep(0.05)

    def storm(self, pid, number, until=None):
        """Until that process has ended, if one is given."""
        begun = time.monotonic()
        sent = 0
        while time.monotonic() < begun + (30 if until else self.seconds):
            if until and until.poll() is not None:
                break
            if sent < (time.monotonic() - begun) * 1000:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    raise Stuck(f"a process is gone after {sent} of signal {number}") from None
                sent += 1
            else:
                time.sleep(0.0003)

    def see_it_end(self, one, number):
        expected = (0, -number)  # it may have drained before the half second is over
        try:
            status = one.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Stuck(f"it goes on after {number}: {one.last_words()}") from None
        if status not in expected:
            self.wrong.append(f"it ended with {status} after signals {number}: {one.last_words()}")
        wait_for(2, "all processes to be gone", lambda: not processes(one.process.pid))


class Interrupts(Run):
    """Every third system call of a program that may be interrupted ends with EINTR (strace): its
    output is the same, byte for byte, and it drains. The driver starts a new worker meanwhile."""

    may_repeat = False
    special = 50
    calls = "read,write,readv,writev,poll,ppoll,wait4,waitid,clock_nanosleep"
    # librdkafka takes what can't happen to a socket that never blocks for a broken connection.
    more = {"driver": ",recvmsg,sendmsg", "worker": ",recvmsg,sendmsg", "source": "", "sink": ""}

    @staticmethod
    def unsupported():
        if shutil.which("strace") is None:
            return "strace is not installed"
        traces = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False,
                                stderr=subprocess.DEVNULL).returncode == 0
        return "" if traces else "strace may not trace"

    def plan(self):
        kinds = ["source", "worker", "sink", "driver"]
        return [{"kind": f"interrupt-{kinds[i % 4]}", "target": kinds[i % 4],
                 "pick": self.random.randrange(1000),
                 "first": self.random.randrange(1, 4),
                 "wait": round(self.random.uniform(0.05, 0.3), 3)} for i in range(self.faults)]

    def play(self):
        one = self.instance("one")
        for fault in self.schedule:
            self.start(one)
            self.load.add(self.records // self.faults, 0.7)
            self.pause(fault)
            driver = fault["target"] == "driver"
            pid = one.process.pid if driver else one.stage(fault["target"], fault["pick"])
            trace = self.folder / "trace"
            calls = self.calls + self.more[fault["target"]]
            # Not the driver's children: the loader in front of a program may give up.
            strace = subprocess.Popen(
                ["strace", *([] if driver else ["-f"]), "-q", "-o", str(trace), "-p", str(pid),
                 "-e", f"trace={calls}",
                 "-e", f"inject={calls}:error=EINTR:when={fault['first']}+3"],
                stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                wait_for(10, "strace", lambda: "TracerPid:\t0" not in
                         Path(f"/proc/{pid}/status").read_text())
                if driver:
                    self.kill_worker(one, fault["pick"], fault["kind"])
                else:
                    mark = self.mark(fault["kind"])
                    self.settle(mark, mark.at)
                self.load.wait()
                # To its end: strace, when it lets go, spoils the call that it is at.
                if one.stop() != 0:
                    raise Stuck(f"it ended with {one.process.returncode}: {one.last_words()}")
            except (Stuck, OSError):
                one.kill_tree()
                raise
            finally:
                strace.wait()
            if " EINTR " not in trace.read_text(errors="replace"):
                self.wrong.append(f"{fault['kind']}: nothing was interrupted")
        self.start(one)


class ShortCalls(Run):
    """Reads, writes, sends and receives of all programs move less than asked for, or would
    block, at random (short_io.c), through pipes of 4 KiB; and a worker is killed each time: the output
    is the same, byte for byte, and nothing is twice."""

    may_repeat = False
    special = 50
    size = 3000  # so that a pipe holds one frame, and part of the next

    def plan(self):
        return [{"kind": "short-calls", "short": self.random.choice((5, 30, 60)),
                 "again": self.random.choice((0, 10, 40)),
        
                 "number": self.random.randrange(1 << 31), "pick": self.random.randrange(1000),
                 "wait": round(self.random.uniform(0.1, 0.5), 3)} for _ in range(self.faults)]

    def play(self):
        one = self.instance("one")
        for fault in self.schedule:
            one.environment = {
                "LD_PRELOAD": str(TOOLS / "short_io.so"),
                "SHORT_IO": f"{fault['number']} {fault['short']} {fault['again']}"}
            self.start(one)
            self.load.add(self.records // self.faults, 1)
            self.note_descriptors(one)
            self.pause(fault)
            self.kill_worker(one, fault["pick"], fault["kind"])
            self.load.wait()
            self.caught_up()
            if fault is not self.schedule[-1] and one.stop() != 0:
                raise Stuck(f"it ended with {one.process.returncode}: {one.last_words()}")


class Processes(Run):
    """A stage is killed while the user may have no process or no thread more: its successor cannot be
    started, or not wholly; that is tried again until it can."""

    def plan(self):
        kinds = ["worker", "source", "sink"]
        return [{"kind": "short-of-processes", "target": kinds[i % 3],
                 "pick": self.random.randrange(1000),
                 # How many threads more; source and sink need several each.
                 "room": self.random.choice((0, 1, 2, 3, 5, 7, 9, 12)),
                 "wait": round(self.random.uniform(0.05, 0.4), 3),
                 "held": round(self.random.uniform(0.3, 1), 3)} for i in range(self.faults)]

    def play(self):
        left = self.folder / "left"
        left.write_bytes(struct.pack("=i", -1))
        one = self.instance("one")
        one.environment = {"LD_PRELOAD": str(TOOLS / "no_processes.so"), "NO_PROCESSES": str(left)}
        self.start(one)
        for fault in self.each_fault(one, 1.5):
            target = fault["target"]
            victim = one.stage(target, fault["pick"])
            ready, workers = one.count_ready(), set(one.stages("worker"))
            mark = self.mark(fault["kind"] if target != "worker" else "worker")
            set_shared(left, "=i", fault["room"])
            os.kill(victim, signal.SIGKILL)
            time.sleep(fault["held"])
            set_shared(left, "=i", -1)
            mark.at = time.monotonic()
            if target == "worker":
                wait_for(60, "a new worker", lambda: set(one.stages("worker")) - workers and
                         len(one.stages("worker")) == self.workers)
                again = time.monotonic()
            else:
                again = one.wait_ready(ready)
            self.settle(mark, again)


JUMPY_POISON = 500

JUMPY = f"""\
import time

def handle_event(context, data):
    number = int(data.split(b" ", 1)[0])
    if number % {JUMPY_POISON} == 0:
        while True:
            pass
    if number % 97 == 0:
        time.sleep(0.05)
    return data
"""

HOUR, DECADE = 3600, 10 * 365 * 86400


class Clock(Run):
    """The wall clock is set, by an hour or ten years, forwards and backwards, for all programs, which
    then wait idle for longer than the session timeout: events that loop for ever are timed out,
    no others, and nothing is lost or twice."""

    handler = JUMPY
    processor = ("  retry: {attempts: 1}\n  timeout: 700ms\n  onFailure: deadLetter\n")
    checks = ("--poison", JUMPY_POISON)
    dead_letter = True
    may_repeat = False
    idle = 11  # seconds; the session timeout is 10

    def plan(self):
        jumps = [HOUR, -HOUR, DECADE, -DECADE, 0]
        return [{"kind": "clock", "by": jumps[i % len(jumps)],
                 "wait": round(self.random.uniform(0.2, 0.8), 3)} for i in range(self.faults)]

    def play(self):
        clock = self.folder / "clock"
        clock.write_bytes(struct.pack("=q", 0))
        one = self.instance("one")
        one.environment = {"LD_PRELOAD": str(TOOLS / "clock_jump.so"), "CLOCK_JUMP": str(clock)}
        self.start(one)
        for fault in self.each_fault(one, 1.5):
            mark = self.mark(fault["kind"], str(fault["by"]))
            set_shared(clock, "=q", fault["by"] * 1_000_000_000)
            self.load.wait()
            self.caught_up(60)
            time.sleep(self.idle)
            # It is still in its group and takes what comes.
            mark.at = time.monotonic()
            self.load.add(PARTITIONS * 100)
            self.settle(mark, mark.at)
            self.caught_up(60)


MEMORY_POISON = 500

HUNGRY = f"""\
def handle_event(context, data):
    number = int(data.split(b" ", 1)[0])
    if number % {MEMORY_POISON} == 0:
        hoard = []
        while True:
            hoard.append(bytearray(1 << 20))
    return data
"""


def remove(group):
    try:
        group.rmdir()
        return True
    except OSError:
        return False


class Memory(Run):
    """A control group's memory is used up by handlers, and the kernel kills: workers, never driver,
    source or sink, although one of these holds more (ballast.c); exactly the events that did it end
    in the dead letter."""

    handler = HUNGRY
    processor = "  retry: {attempts: 2, backoff: 10ms}\n  onFailure: deadLetter\n"
    checks = ("--poison", MEMORY_POISON)
    dead_letter = True
    may_repeat = False
    limit = 400 << 20  # bytes of all processes together
    ballast = 200      # mebibytes

    @staticmethod
    def groups():
        """The folder in which memory groups are made, and the name of the limit there."""
        old = Path("/sys/fs/cgroup/memory")
        return (old, "memory.limit_in_bytes") if old.exists() else (old.parent, "memory.max")

    @classmethod
    def unsupported(cls):
        where, limit = cls.groups()
        group = where / f"bruco-chaos-{os.getpid()}"
        try:
            group.mkdir()
        except OSError as error:
            return f"no control group can be made: {error.strerror}"
        try:
            return "" if (group / limit).exists() else "memory is not controlled"
        finally:
            group.rmdir()

    def plan(self):
        self.heavy = self.random.choice(("bruco", "bruco-source", "bruco-sink"))
        return [{"kind": "memory", "heavy": self.heavy} for _ in range(0, self.records, MEMORY_POISON)]

    def play(self):
        where, limit = self.groups()
        group = where / f"bruco-chaos-{os.getpid()}"
        group.mkdir()
        try:
            (group / limit).write_text(str(self.limit))
            self.load.add(self.records, wait=True)
            one = self.instance("one")
            one.environment = {"LD_PRELOAD": str(TOOLS / "ballast.so"),
                               "BALLAST": f"{self.heavy} {self.ballast}"}
            one.become = lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
            self.start(one)
            before = [one.process.pid, *one.stages("source"), *one.stages("sink")]
            for fault in self.schedule:
                self.mark(fault["kind"])
            self.caught_up()
            if before != [one.process.pid, *one.stages("source"), *one.stages("sink")]:
                self.wrong.append("driver, source or sink was killed")
            if one.stop() != 0:
                self.wrong.append(f"it ended with {one.process.returncode}: {one.last_words()}")
            killed = one.log.read_text(errors="replace").count("was killed by signal 9")
            if killed < 2 * len(self.schedule):  # the kernel may take another worker as well
                self.wrong.append(f"only {killed} workers were killed")
        finally:
            for instance in self.instances:
                instance.leftovers()
            wait_for(10, "the control group to be empty", lambda: remove(group))
