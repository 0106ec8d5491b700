"""One run: what all scenarios share, from the topics to the checker's verdict."""

import bisect
import os
import random
import re
import signal
import subprocess
import time

from world import (ENVIRONMENT, PARTITIONS, TOOLS, Broker, Instance, Load, Reader, Stuck,
                   descriptors, tool, wait_for)

IDENTITY = """\
def handle_event(context, data):
    return data
"""

SLOW = """\
import time

def handle_event(context, data):
    time.sleep(0.001)
    return data
"""

# Only these may make a record appear twice.
MAY_REPEAT = {"source", "sink", "driver", "tree", "leave-kill", "broker", "outage", "TERM-driver",
              "INT-driver", "short-of-processes", "error-group", "error-commit", "coordinator",
              "late", "fatal", "broker-away", "network"}


# Their copies come whenever the group is joined again.
LATE = {"broker", "outage", "broker-away", "network", "error-group", "error-commit", "coordinator",
        "late"}


class Mark:
    """A fault that was done: its cause, and how much output there was just before and just after."""

    def __init__(self, cause, detail, at, before):
        self.cause, self.detail, self.at = cause, detail, at
        self.before = list(before.ends)
        self.after = None
        self.recovery = None


class Timeline:
    """Which marks lie between two places in the output. Both ends of the marks only grow."""

    def __init__(self, marks, partitions):
        self.marks = marks
        never = float("inf")
        self.before = [[mark.before[p] for mark in marks] for p in range(partitions)]
        self.after = [[never if mark.after is None else mark.after[p] for mark in marks]
                      for p in range(partitions)]

    def between(self, first, second):
        """The causes from one copy of a record to another, each a partition and an offset."""
        begin = bisect.bisect_right(self.after[first[0]], first[1])
        end = bisect.bisect_right(self.before[second[0]], second[1])
        return [mark.cause for mark in self.marks[begin:end]]

    def cause(self, copy):
        """A fault that may repeat records, if there is one; two partitions are read in any order."""
        first, second = copy[:2], copy[2:]
        causes = self.between(first, second)
        if first[0] != second[0]:
            causes += self.between(second, first)
        return next((c for c in causes if c in MAY_REPEAT), causes[0] if causes else "none")


class Run:
    own_broker = False     # whether the broker itself is killed
    workers = 2
    handler = IDENTITY
    processor = ""         # further lines of the configuration
    source = ""
    client = ""            # properties of the source's client; none are what its users have
    sink = ""
    special = 0            # one record in so many is of a special shape: nulls, headers, 1 MiB
    size = 100             # of a plain record's value
    checks = ()            # further options of kafka-compare
    may_repeat = True      # whether any of its faults may
    dead_letter = False
    sampled = True         # whether nothing may be committed before it can be read

    def __init__(self, folder, seed, records, faults):
        self.folder, self.seed, self.records, self.faults = folder, seed, records, faults
        self.random = random.Random(f"{type(self).__name__} {seed}")
        self.schedule = self.plan()
        self.marks = []
        self.wrong = []         # what a human must read
        self.instances = []
        self.load = self.reader = self.broker = None
        self.fds = {}

    # ---- what a scenario says

    @staticmethod
    def unsupported():
        """Why this machine can't do it; empty when it can."""
        return ""

    def plan(self):
        """The faults in their order, from self.random alone."""
        raise NotImplementedError

    def play(self):
        raise NotImplementedError

    def make_broker(self):
        return Broker(self.folder, self.own_broker)

    # ---- what it may use

    def bruco_address(self):
        return self.broker.address

    def config(self, _):
        dead = (f"deadLetter:\n  kind: kafka\n  brokers: [{self.bruco_address()}]\n"
                f"  topic: {self.topics[2]}\n" if self.dead_letter else "")
        return f"""\
maxRestarts: 1000
processor:
  workers: {self.workers}
  inheritEnv: [SHORT_IO, NO_PROCESSES, CLOCK_JUMP, BALLAST]
{self.processor}source:
  kind: kafka
  brokers: [{self.bruco_address()}]
  topics: [{self.topics[0]}]
  offset: earliest
  consumerGroup: {self.group}
{f"  properties: {{{self.client}}}{chr(10)}" if self.client else ""}{self.source}sink:
  kind: kafka
  brokers: [{self.bruco_address()}]
  topic: {self.topics[1]}
  partitioner: hash
{self.sink}{dead}"""

    def instance(self, name):
        instance = Instance(self.folder, name, self.config(name))
        self.instances.append(instance)
        return instance

    def start(self, instance):
        before = instance.count_ready() if instance.log.exists() else 0
        instance.start()
        return instance.wait_ready(before)

    def start_one(self):
        """The one instance of most scenarios, ready."""
        one = self.instance("one")
        self.start(one)
        return one

    def each_fault(self, one, seconds):
        """The faults of the schedule: each when its part of the load, which takes so many seconds to
        arrive, is on its way and its wait is over."""
        for fault in self.schedule:
            self.load.add(self.records // self.faults, seconds)
            self.note_descriptors(one)
            self.pause(fault)
            yield fault

    def pause(self, fault):
        """The part of a fault's plan that says when."""
        time.sleep(fault["wait"])

    def mark(self, cause, detail=""):
        mark = Mark(cause, detail, time.monotonic(), self.reader.look())
        self.marks.append(mark)
        return mark

    def settle(self, mark, again_at, everywhere=True):
        """Notes the recovery: the next output that is delivered after `again_at`, when what was hit
        was there again; from every partition of the input, since output of any could be left over
        from before."""
        start = self.reader.before(again_at) if everywhere else self.reader.after(again_at)

        def moved(sample):
            if everywhere:
                return all(now > was for now, was in zip(sample.seen, start.seen))
            return sample.delivered() > start.delivered()

        def idle(sample):
            return self.load.ended() and sum(max(c, 0) for c in sample.committed) >= self.load.count
        try:
            # A dead instance's partitions are given to others after its session, 10 s.
            sample = self.reader.after(again_at, 15, "output", lambda s: moved(s) or idle(s))
            left = moved(sample)
        except Stuck:
            left = False
        if left:
            mark.recovery = sample.at - mark.at
        else:
            # Nothing had been left to do, or too little: no time to take, but it must go on.
            self.load.wait()
            self.load.add(400)
            self.reader.after(again_at, 30, f"output after {mark.cause} {len(self.marks)}", moved)
        # What was under way to the broker when its sender died may be taken even after that.
        if mark.cause not in LATE:
            mark.after = list(self.reader.after(
                max(mark.at + 0.3, mark.at + (mark.recovery or 0))).ends)

    def kill_worker(self, instance, pick, cause="worker"):
        victim = instance.stage("worker", pick)
        mark = self.mark(cause)
        before = set(instance.stages("worker"))
        os.kill(victim, signal.SIGKILL)
        wait_for(30, "a new worker", lambda: set(instance.stages("worker")) - before)
        # By then what the dead one had given has been delivered.
        self.settle(mark, max(time.monotonic(), mark.at + 0.05))

    def descriptors(self, instance):
        """How many each process that should keep its number holds: by kind and pid."""
        pids = [("driver", instance.process.pid)]
        pids += [(kind, pid) for kind in ("source", "sink") for pid in instance.stages(kind)]
        return {(instance.name, *pid): descriptors(pid[1]) for pid in pids}

    def note_descriptors(self, instance):
        for process, count in self.descriptors(instance).items():
            self.fds[process] = min(count, self.fds.get(process, count))

    def check_descriptors(self):
        """When all is quiet again, a process that lived through faults holds what it held."""
        for instance in filter(Instance.running, self.instances):
            for process, now in self.descriptors(instance).items():
                if now > self.fds.get(process, now) + 2:
                    self.wrong.append(f"{process[1]} of {process[0]} has {now} descriptors, it had "
                                      f"{self.fds[process]}")

    def caught_up(self, seconds=300):
        ends = [int(line.split()[2]) for line in
                tool("kafka-offsets", "-b", self.broker.address, "ends",
                     self.topics[0]).splitlines()]
        self.reader.after(time.monotonic(), seconds, "everything to be committed",
                          lambda s: s.committed == ends)

    # ---- the frame around

    def run(self):
        began = time.monotonic()
        try:
            self.set_up()
            self.play()
            self.load.wait()
            self.caught_up()
            self.check_descriptors()
            for instance in self.instances:
                if instance.running() and instance.stop() != 0:
                    self.wrong.append(f"{instance.name} ended with {instance.process.returncode}: "
                                      f"{instance.last_words()}")
        except Stuck as stuck:
            self.wrong.append(str(stuck))
        finally:
            self.clean_up()
        seconds = time.monotonic() - began
        result = self.check() if self.load is not None else {}
        result["seconds"] = round(seconds, 1)
        if self.broker is not None:
            self.broker.stop(leave=bool(self.wrong))
        return self.judge(result)

    def set_up(self):
        self.broker = self.make_broker()
        unique = f"{type(self).__name__.lower()}-{os.getpid()}-{self.random.getrandbits(32):08x}"
        self.group = unique
        self.topics = [self.broker.topic(f"{unique}-in"), self.broker.topic(f"{unique}-out")]
        if self.dead_letter:
            self.topics.append(self.broker.topic(f"{unique}-dead"))
        (self.folder / "handler.py").write_text(self.handler)
        self.load = Load(self.folder, self.broker.address, self.topics[0], self.seed, self.special,
                         self.size)
        self.reader = Reader(self.folder, self.broker.address, self.group, self.topics)
        self.reader.first()

    def clean_up(self):
        for instance in self.instances:
            left = instance.leftovers()
            if left and not self.wrong:
                self.wrong.append(f"{left} processes of {instance.name} were left over")
        if self.load is not None:
            self.load.end()
        if self.reader is not None:
            self.reader.end()

    def check(self):
        """Asks kafka-compare, and finds the cause of each duplicate."""
        copies = self.folder / "copies"
        words = ["-b", self.broker.address, "--copies", copies]
        words += ["--samples", self.reader.path] if self.sampled else []
        words += ["--dead-letter", self.topics[2]] if self.dead_letter else []
        answer = subprocess.run(
            [str(TOOLS / "kafka-compare"), *map(str, words), *map(str, self.checks),
             *self.topics[:2]],
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        result = {name.replace(" ", "_"): int(number) for name, number in
                  re.findall(r"(?:^|, )([a-z ]+) (\d+)(?=,|$)", answer, re.MULTILINE)}
        if "lost" not in result:
            self.wrong.append(f"kafka-compare failed: {answer.strip()[-300:]}")
            return result
        self.examples = [line for line in answer.splitlines() if ": " in line]
        result["duplicates_by_cause"] = self.causes(copies)
        return result

    def causes(self, copies):
        """A duplicate is laid to a fault between its two copies: to one that may repeat records if
        there is one."""
        timeline = Timeline(self.marks, PARTITIONS)
        found = {}
        with open(copies, encoding="ascii") as lines:
            for line in lines:
                cause = timeline.cause(tuple(map(int, line.split())))
                found[cause] = found.get(cause, 0) + 1
        return found

    def judge(self, result):
        for name in ("lost", "invented", "out_of_order", "misplaced", "mislabelled",
                     "committed_early", "went_back"):
            if result.get(name, 0) != 0:
                self.wrong.append(f"{result[name]} {name.replace('_', ' ')}")
        for cause, count in result.get("duplicates_by_cause", {}).items():
            if cause not in MAY_REPEAT or not self.may_repeat:
                self.wrong.append(f"{count} duplicates after {cause}")
        written, read = self.load.count if self.load else 0, result.get("input", 0)
        if read < written or (read > written and not self.own_broker):
            self.wrong.append(f"{written} records were written, {read} read")
        if len(self.marks) < len(self.schedule):
            self.wrong.append(f"only {len(self.marks)} of {len(self.schedule)} faults were done")
        result["faults"] = self.count_faults()
        result["recovery"] = self.recoveries()
        result["wrong"] = self.wrong
        if self.wrong:
            result["examples"] = getattr(self, "examples", [])
        return result

    def count_faults(self):
        counts = {}
        for mark in self.marks:
            counts[mark.cause] = counts.get(mark.cause, 0) + 1
        return counts

    def recoveries(self):
        """By cause: how many, median and maximum in seconds."""
        by_cause = {}
        for mark in self.marks:
            if mark.recovery is not None:
                by_cause.setdefault(mark.cause, []).append(mark.recovery)
        return {cause: {"count": len(times), "median": round(sorted(times)[len(times) // 2], 3),
                        "maximum": round(max(times), 3)}
                for cause, times in by_cause.items()}
