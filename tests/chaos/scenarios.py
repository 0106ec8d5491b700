"""The scenarios. Each can be run alone, and in a short form."""

import os
import signal
import time

from cluster import Blackholes, Disk, Errors, Leaders, Network, Quotas
from exactly_once import ExactlyOnce, ExactlyOnceCluster
from hostile import Hostile
from late_end import LateEnds
from machine import Clock, Interrupts, Memory, Processes, ShortCalls, Signals
from scenario import SLOW, Run
from world import Stuck


class Kills(Run):
    """SIGKILL of a worker, the source, the sink, the driver, or of all processes at once."""

    special = 100
    checks = ("--order", "keyed")
    kinds = ("worker", "source", "sink", "driver", "tree")
    flow = 0.8  # seconds that the records of one fault take to arrive

    def plan(self):
        kinds = [self.kinds[i % len(self.kinds)] for i in range(self.faults)]
        self.random.shuffle(kinds)
        return [{"kind": kind, "pick": self.random.randrange(1000),
                 "wait": round(self.random.uniform(0.05, 0.5), 3)} for kind in kinds]

    def play(self):
        one = self.start_one()
        self.load.add(self.records - self.records // self.faults * self.faults + 100, wait=True)
        self.reader.after(0, 60, "the first output", lambda s: s.delivered() > 0)
        for number, fault in enumerate(self.schedule):
            last = self.records + 100 - self.load.count
            self.load.add(last if number == self.faults - 1 else self.records // self.faults,
                          self.flow)
            self.note_descriptors(one)
            self.pause(fault)
            self.strike(one, fault)

    def strike(self, one, fault):
        kind = fault["kind"]
        ready = one.count_ready()
        if kind == "worker":
            self.kill_worker(one, fault["pick"])
            return
        if kind in ("source", "sink"):
            victim = one.stage(kind)
            mark = self.mark(kind)
            os.kill(victim, signal.SIGKILL)
            again = one.wait_ready(ready)
        else:
            mark = self.mark(kind)
            if kind == "driver":
                one.kill_driver()
            else:
                one.kill_tree()
            again = self.start(one)
        self.settle(mark, again)


class WorkerKills(Kills):
    """SIGKILL of workers in the midst of bursts, so that they leave torn frames behind: nothing lost
    and nothing twice."""

    kinds = ("worker",)
    checks = ()
    may_repeat = False
    size = 2000
    flow = 0  # as fast as it can

    def plan(self):
        return [dict(fault, wait=round(self.random.uniform(0.05, 0.3), 3))
                for fault in super().plan()]


class Keys(Kills):
    """The same where it is each key that keeps its order, over more lanes than partitions."""

    workers = 6
    processor = "  ordering: key\n"
    checks = ("--order", "key")
    kinds = ("worker", "worker", "worker", "sink", "tree")


class Restarts(Run):
    """SIGTERM in full flow, exit 0, and start again: nothing lost and nothing twice."""

    may_repeat = False

    def plan(self):
        return [{"kind": "restart", "wait": round(self.random.uniform(0.05, 0.4), 3)}
                for _ in range(self.faults)]

    def play(self):
        one = self.start_one()
        for fault in self.schedule:
            self.load.add(self.records // self.faults, 0.6)
            self.pause(fault)
            mark = self.mark("restart")
            status = one.stop()
            if status != 0:
                raise Stuck(f"ended with {status} after SIGTERM: {one.last_words()}")
            # A drained stop has committed exactly what it has delivered. The first sample behind it
            # may have been begun before; the second was not.
            sample = self.reader.after(self.reader.after(time.monotonic()).at)
            if sum(max(c, 0) for c in sample.committed) != sum(sample.ends):
                self.wrong.append(f"restart {len(self.marks)}: {sum(sample.committed)} committed, "
                                  f"{sum(sample.ends)} delivered")
            self.settle(mark, self.start(one))


class Brokers(Run):
    """SIGKILL of the broker, and its restart. (The load's producer may repeat records as well: the
    input as it can be read afterwards is what counts.)"""

    own_broker = True

    def plan(self):
        return [{"kind": "broker", "wait": round(self.random.uniform(0.1, 0.5), 3),
                 "away": round(self.random.uniform(0, 1), 3)} for _ in range(self.faults)]

    def play(self):
        one = self.start_one()
        for fault in self.each_fault(one, 1):
            mark = self.mark("broker")
            self.broker.kill()
            time.sleep(fault["away"])
            self.broker.restart()
            # From the moment at which the broker answers again.
            mark.at = time.monotonic()
            self.settle(mark, mark.at, everywhere=False)
            if one.process.poll() is not None:
                raise Stuck(f"bruco ended with {one.process.returncode}: {one.last_words()}")


class Outages(Run):
    """SIGSTOP of the broker for longer than the sink's time-out: a delivery that failed is no
    delivery. What it has received it stores when it goes on: only what still lingers fails for good.
    Nothing is said of the order, which such a time-out gives up."""

    own_broker = True
    checks = ("--order", "none")
    sink = "  properties: {message.timeout.ms: 1000, linger.ms: 100}\n"

    def plan(self):
        return [{"kind": "outage", "wait": round(self.random.uniform(0.1, 0.5), 3),
                 "stopped": round(self.random.uniform(2, 3), 3)} for _ in range(self.faults)]

    def play(self):
        one = self.start_one()
        for fault in self.schedule:
            before = self.reader.look()
            self.load.add(self.records // self.faults, 1)
            self.reader.after(before.at, 60, "output of this load",
                              lambda sample: sum(sample.ends) > sum(before.ends))
            self.pause(fault)
            mark = self.mark("outage")
            self.broker.signal(signal.SIGSTOP)
            time.sleep(fault["stopped"])
            self.broker.signal(signal.SIGCONT)
            mark.at = time.monotonic()
            self.settle(mark, mark.at, everywhere=False)


class Instances(Run):
    """A second and a third instance of the group come and go, some of them hard, while the handler is
    so slow that there is always much under way."""

    handler = SLOW
    source = "  window: 64KiB\n"

    def plan(self):
        here, events = set(), []
        for _ in range(self.faults):
            name = self.random.choice(("two", "three"))
            if name in here:
                here.discard(name)
                kind = "leave-kill" if self.random.random() < 0.15 else "leave"
            else:
                here.add(name)
                kind = "join"
            events.append({"kind": kind, "name": name,
                           "wait": round(self.random.uniform(0.05, 0.4), 3)})
        return events

    def play(self):
        named = {name: self.instance(name) for name in ("one", "two", "three")}
        self.start(named["one"])
        for fault in self.schedule:
            # Enough for every partition to move again after the change, however late.
            self.load.add(self.records // self.faults, 2)
            self.pause(fault)
            who = named[fault["name"]]
            mark = self.mark(fault["kind"], fault["name"])
            if fault["kind"] == "join":
                again = self.start(who)
            elif fault["kind"] == "leave":
                status = who.stop()
                if status != 0:
                    raise Stuck(f"{who.name} ended with {status}: {who.last_words()}")
                again = time.monotonic()
            else:
                who.kill_tree()
                again = time.monotonic()
            self.settle(mark, again)


POISON = 1000
FILTERED = 7 * 143  # no common multiple with POISON below a million

POISONOUS = f"""\
import ctypes, os, resource

def init_context(context):
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[5]) * os.sysconf("SC_PAGESIZE")
    limit = used + (256 << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def fail(): raise ValueError("bad id")
def crash(): ctypes.string_at(0)
def leave(): os._exit(0)
def loop():
    while True: pass
def hog():
    hoard = []
    while True: hoard.append(bytearray(16 << 20))

KINDS = (fail, crash, leave, loop, hog)

def handle_event(context, data):
    number = int(data.split(b" ", 1)[0])
    if number % {POISON} == 0:
        KINDS[number // {POISON} % len(KINDS)]()
    if number % {FILTERED} == {FILTERED // 2}:
        return None
    return data
"""


class Poison(Run):
    """Events that raise, segfault, _exit, loop for ever or take all memory: exactly those end in the
    dead letter, and no other is blamed."""

    workers = 4
    handler = POISONOUS
    processor = ("  retry: {attempts: 2, backoff: 10ms, maxBackoff: 50ms}\n"
                 "  timeout: 500ms\n  onFailure: deadLetter\n")
    checks = ("--poison", POISON, "--filtered", FILTERED)
    dead_letter = True
    may_repeat = False

    def plan(self):
        return [{"kind": ("raise", "segfault", "exit", "loop", "memory")[i % 5]}
                for i in range((self.records + POISON - 1) // POISON)]

    def play(self):
        self.load.add(self.records, wait=True)
        one = self.start_one()
        for fault in self.schedule:
            self.mark(fault["kind"])
        self.caught_up()
        # Longer than the time-out and its grace: a worker that has nothing to do is left alone.
        workers = set(one.stages("worker"))
        time.sleep(3.5)
        if set(one.stages("worker")) != workers:
            self.wrong.append("an idle worker was replaced")


class Pauses(Run):
    """SIGSTOP of a stage for a while: nothing is lost, nothing twice, nobody leaves the group."""

    may_repeat = False

    def plan(self):
        kinds = ["worker", "source", "sink", "driver"]
        return [{"kind": f"pause-{self.random.choice(kinds)}", "pick": self.random.randrange(1000),
                 "wait": round(self.random.uniform(0.05, 0.4), 3),
                 "stopped": round(self.random.uniform(0.2, 1.5), 3)} for _ in range(self.faults)]

    def play(self):
        one = self.start_one()
        for fault in self.each_fault(one, 1):
            kind = fault["kind"].partition("-")[2]
            pid = one.process.pid if kind == "driver" else one.stage(kind, fault["pick"])
            mark = self.mark(fault["kind"])
            os.kill(pid, signal.SIGSTOP)
            time.sleep(fault["stopped"])
            os.kill(pid, signal.SIGCONT)
            mark.at = time.monotonic()
            self.settle(mark, mark.at)


class Latest(Run):
    """SIGKILL of everything before the first commit, with `offset: latest`: the start was pinned."""

    handler = SLOW

    def config(self, name):
        return super().config(name).replace("offset: earliest", "offset: latest")

    def plan(self):
        # Commits are made every 500 ms.
        return [{"kind": "tree", "wait": round(self.random.uniform(0.02, 0.2), 3)}
                for _ in range(self.faults)]

    def play(self):
        one = self.instance("one")
        for fault in self.schedule:
            self.start(one)
            self.load.add(self.records // self.faults, 0.3)
            self.pause(fault)
            self.mark("tree")
            one.kill_tree()
            self.load.wait()  # the rest of it comes while nobody is there
        self.start(one)


# Records and faults of the long form, and of the short one.
SCENARIOS = {
    "kills": (Kills, (2_000_000, 300), (40_000, 10)),
    "worker-kills": (WorkerKills, (1_000_000, 100), (80_000, 8)),
    "keys": (Keys, (400_000, 60), (30_000, 5)),
    "restarts": (Restarts, (600_000, 100), (24_000, 6)),
    "brokers": (Brokers, (300_000, 50), (12_000, 2)),
    "outages": (Outages, (60_000, 10), (8_000, 1)),
    "instances": (Instances, (300_000, 100), (18_000, 6)),
    "poison": (Poison, (300_000, 300), (15_000, 15)),
    "pauses": (Pauses, (200_000, 40), (20_000, 5)),
    "latest": (Latest, (6_000, 20), (600, 2)),
    "signals": (Signals, (200_000, 96), (16_000, 16)),
    "interrupts": (Interrupts, (40_000, 40), (4_000, 4)),
    "short-calls": (ShortCalls, (60_000, 40), (3_000, 2)),
    "processes": (Processes, (60_000, 30), (6_000, 6)),
    "errors": (Errors, (10_800, 27), (3_600, 9)),
    "leaders": (Leaders, (12_000, 4), (3_000, 1)),
    "network": (Network, (90_000, 48), (6_000, 4)),
    "blackholes": (Blackholes, (9_000, 3), (2_000, 1)),
    "quotas": (Quotas, (15_000, 3), (6_000, 1)),
    "disk": (Disk, (18_000, 3), (6_000, 1)),
    "memory": (Memory, (10_000, 20), (2_000, 4)),
    "clock": (Clock, (40_000, 20), (4_000, 2)),
    "exactly-once": (ExactlyOnce, (500_000, 500), (6_000, 12)),
    "exactly-once-cluster": (ExactlyOnceCluster, (24_000, 12), (2_000, 1)),
    "late-ends": (LateEnds, (100_000, 1_000), (2_000, 4)),
    "hostile": (Hostile, (1_400_000, 14_000), (12_000, 120)),
}
