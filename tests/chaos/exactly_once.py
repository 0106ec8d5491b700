"""Exactly once, whatever dies: each record is in the output or in the dead letter, once, in order, as a
reader of committed records finds them."""

import os
import signal
import subprocess
import time

from kafka_cluster import NODES, KafkaCluster
from scenario import Run
from world import PARTITIONS, Stuck, kill_all, processes, tool, wait_for

POISON = 100
FILTERED = 7 * 13  # no common multiple with POISON below 9,100

HANDLER = f"""\
import bruco, time

def handle_event(context, data):
    number = int(data.split(b" ", 1)[0])
    if number % {POISON} == 0:
        raise bruco.Reject("poison")
    if number % {FILTERED} == {FILTERED // 2}:
        return None
    if number % 50 == 7:
        time.sleep(0.01)
    return data
"""

# SIGSTOP for longer than the session: the group gives the partitions to somebody else meanwhile.
SESSION, STOPPED = 6, 8


class ExactlyOnce(Run):
    """SIGKILL of a worker, the source, the sink, the driver or everything, instances that come and go, SIGSTOP
    past the session's time-out: with exactlyOnce each record once, in order, none invented, and no
    transaction left open."""

    own_broker = True  # which is not killed: an only broker may forget a transaction then, see bruco-internals(7)
    may_repeat = False
    sampled = False  # offsets and outputs of one transaction need not be seen at the same moment
    dead_letter = True
    handler = HANDLER
    checks = ("--poison", POISON, "--filtered", FILTERED)
    processor = "  retry: {attempts: 1000, backoff: 1ms}\n  onFailure: deadLetter\n"
    client = f"session.timeout.ms: {SESSION}000, heartbeat.interval.ms: 500"
    sink = "  commitInterval: 50ms\n  properties: {transaction.timeout.ms: 10000}\n"
    kinds = ("worker", "source", "sink", "tree", "join", "driver", "stop-tree", "leave-kill",
             "join", "stop-sink", "leave", "stop-source", "sink", "source", "join")
    flow = 1  # seconds that the records of one fault take to arrive

    def config(self, name):
        return "processingGuarantee: exactlyOnce\n" + super().config(name)

    def plan(self):
        """In this order in the short form, so that each kind is there, with others present; shuffled in
        a longer one."""
        kinds = [self.kinds[i % len(self.kinds)] for i in range(self.faults)]
        if self.faults > len(self.kinds):
            self.random.shuffle(kinds)
        return [{"kind": kind, "pick": self.random.randrange(1000),
                 "wait": round(self.random.uniform(0.05, 0.9), 3)} for kind in kinds]

    def play(self):
        named = {name: self.instance(name) for name in ("one", "two", "three")}
        self.start(named["one"])
        for number, fault in enumerate(self.schedule):
            last = self.records - self.records // self.faults * (self.faults - 1)
            self.load.add(last if number == self.faults - 1 else self.records // self.faults, self.flow)
            self.pause(fault)
            self.strike(list(named.values()), fault)

    def strike(self, instances, fault):
        kind, pick = fault["kind"], fault["pick"]
        others = instances[1:]
        here = [instance for instance in instances if instance.running()]
        if kind == "join":
            who = next((instance for instance in others if not instance.running()), None)
        elif kind.startswith("leave"):
            who = next((instance for instance in others if instance.running()), None)
        else:
            who = here[pick % len(here)]
        mark = self.mark(kind if who else "none")
        if who:
            getattr(self, "do_" + kind.partition("-")[0])(who, kind.partition("-")[2], fault)
        self.go_on(mark)

    def go_on(self, mark):
        """Every partition must have new output. What a dead instance left open the broker aborts after 10 to
        20 s, and readers wait for it."""
        self.load.wait()
        start = self.reader.look()
        self.load.add(50 * PARTITIONS)
        mark.recovery = self.reader.after(
            start.at, 90, f"output after {mark.cause} {len(self.marks)}",
            lambda s: all(now > was for now, was in zip(s.seen, start.seen))).at - mark.at
        mark.after = list(self.reader.look().ends)
        self.load.wait()

    # ---- the faults, each until the instance is as it was

    def kill_stage(self, who, kind, pick):
        ready = who.count_ready()
        os.kill(who.stage(kind, pick), signal.SIGKILL)
        if kind != "worker":
            who.wait_ready(ready, 90)

    def do_worker(self, who, _, fault):
        self.kill_stage(who, "worker", fault["pick"])

    def do_source(self, who, *_):
        self.kill_stage(who, "source", 0)

    def do_sink(self, who, *_):
        self.kill_stage(who, "sink", 0)

    def do_driver(self, who, *_):
        who.kill_driver()
        self.start(who)

    def do_tree(self, who, *_):
        who.kill_tree()
        self.start(who)

    def do_join(self, who, *_):
        self.start(who)

    def do_leave(self, who, how, _):
        if how == "kill":
            who.kill_tree()
        elif who.stop() != 0:
            raise Stuck(f"{who.name} ended with {who.process.returncode}: {who.last_words()}")

    def do_stop(self, who, what, _):
        pids = processes(who.process.pid) if what == "tree" else who.stages(what)
        kill_all(pids, signal.SIGSTOP)
        time.sleep(STOPPED)
        kill_all(pids, signal.SIGCONT)

    def check(self):
        for topic in self.topics[1:]:
            left = tool("kafka-offsets", "-b", self.broker.address, "open", topic)
            if left:
                self.wrong.append(f"a transaction is open in {topic}: {' '.join(left.split())}")
        return super().check()


class ExactlyOnceCluster(ExactlyOnce):
    """Three real nodes with replicated topics: the one that coordinates the sink's transactions, or the group,
    or any is killed while commits are under way all the time, and started again when the others have gone
    on for a while. Each record once, in order, none invented, and no transaction left open."""

    kinds = ("transactions", "group", "node")
    sink = "  commitInterval: 5ms\n  properties: {transaction.timeout.ms: 10000}\n"

    def config(self, name):
        return "rateLimit: 200/s\n" + super().config(name).replace(
            "  commitInterval", f"  transactionalId: {self.group}\n  commitInterval")

    def make_broker(self):
        return KafkaCluster(self.folder)

    def plan(self):
        return [{"kind": self.kinds[i % len(self.kinds)], "node": self.random.randrange(NODES),
                 "wait": round(self.random.uniform(0.5, 1.5), 3),
                 "away": round(self.random.uniform(3, 6), 3)} for i in range(self.faults)]

    def play(self):
        self.start_one()
        for fault in self.schedule:
            # While all nodes are there: librdkafka's idempotent producer may not live through this either.
            self.load.add(self.records // self.faults, wait=True)
            self.pause(fault)
            node = self.node(fault)
            mark = self.mark(fault["kind"], f"node {node + 1}")
            self.broker.kill(node)
            self.pause({"wait": fault["away"]})
            self.broker.restart(node)
            self.go_on(mark)

    def node(self, fault):
        topic = {"transactions": "__transaction_state", "group": "__consumer_offsets"}
        if fault["kind"] not in topic:
            return fault["node"]
        return wait_for(30, "the coordinator", lambda: self.coordinator(topic[fault["kind"]])) - 1

    def coordinator(self, topic):
        """Its number, from 1; 0: not now."""
        try:
            return self.broker.coordinator(topic, self.group) + 1
        except subprocess.CalledProcessError:
            return 0
