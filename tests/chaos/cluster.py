"""Scenarios of the brokers and the way to them: what they answer, where their leaders are, networks
that fail, disks that are full."""

import os
import signal
import subprocess
import tempfile
import time

from kafka_cluster import NODES, KafkaCluster
from proxy import MODES, Proxy
from scenario import SLOW, Run
from world import ENVIRONMENT, PARTITIONS, TOOLS, Broker, Stuck, kill_all, wait_for


class MockCluster:
    """Three brokers in memory that answer what they are told to (kafka-mock). They look after groups
    and offsets, but not for what was sent to them twice."""

    def __init__(self, folder):
        self.log = open(folder / "mock.err", "wb")
        self.process = subprocess.Popen(
            [str(TOOLS / "kafka-mock")], env=ENVIRONMENT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, start_new_session=True)
        self.address = self.process.stdout.readline().strip()

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "ok\n":
            raise RuntimeError(f"kafka-mock does not take {words}")

    def topic(self, name):
        self.say("topic", name, PARTITIONS)
        return name

    def stop(self, leave=False):  # there is nothing to leave
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()
        self.log.close()


# Kafka's protocol: what each request may be answered with, and still has to be tried again.
PRODUCE, FETCH, LIST_OFFSETS, COMMIT, OFFSET_FETCH, FIND, JOIN, HEARTBEAT, SYNC = (
    0, 1, 2, 8, 9, 10, 11, 12, 14)
PASSING = {
    "error-produce": (PRODUCE, {5: "LEADER_NOT_AVAILABLE", 6: "NOT_LEADER_OR_FOLLOWER",
                                7: "REQUEST_TIMED_OUT", 19: "NOT_ENOUGH_REPLICAS",
                                20: "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
                                56: "KAFKA_STORAGE_ERROR"}),
    "error-fetch": (FETCH, {5: "LEADER_NOT_AVAILABLE", 6: "NOT_LEADER_OR_FOLLOWER",
                            56: "KAFKA_STORAGE_ERROR"}),
    "error-commit": (COMMIT, {14: "COORDINATOR_LOAD_IN_PROGRESS",
                              15: "COORDINATOR_NOT_AVAILABLE", 16: "NOT_COORDINATOR"}),
    "error-group": (HEARTBEAT, {16: "NOT_COORDINATOR", 22: "ILLEGAL_GENERATION",
                                25: "UNKNOWN_MEMBER_ID", 27: "REBALANCE_IN_PROGRESS"}),
}
ON_REJOINING = {FIND: (15,), JOIN: (14, 15, 16), SYNC: (16, 27), OFFSET_FETCH: (14, 16)}
# Any of these ends an idempotent producer's life.
FATAL = {45: "OUT_OF_ORDER_SEQUENCE_NUMBER", 47: "INVALID_PRODUCER_EPOCH"}


class Errors(Run):
    """Brokers that answer with errors, whose leaders and coordinators move, that go away for a while
    or answer late; and errors that are fatal to the producer, after which all starts again."""

    handler = SLOW
    # These brokers look at no sequence numbers. Behind a request that they refuse they would take the
    # next, which real ones don't, and librdkafka would conclude that they have both: so there is
    # never more than one of a partition under way.
    sink = "  properties: {linger.ms: 1000}\n"
    kinds = (*PASSING, "fatal", "leader", "coordinator", "broker-away", "late")

    def make_broker(self):
        return MockCluster(self.folder)

    def plan(self):
        kinds = [self.kinds[i % len(self.kinds)] for i in range(self.faults)]
        self.random.shuffle(kinds)
        return [self.plan_one(kind) for kind in kinds]

    def plan_one(self, kind):
        fault = {"kind": kind, "wait": round(self.random.uniform(0.05, 0.4), 3)}
        if kind in PASSING:
            codes = sorted(PASSING[kind][1])
            fault["codes"] = [self.random.choice(codes)
                              for _ in range(self.random.randrange(1, 6))]
            if kind == "error-group":
                fault["codes"] = fault["codes"][:1]
                fault["then"] = {api: self.random.choice(codes)
                                 for api, codes in ON_REJOINING.items()}
        elif kind == "fatal":
            fault["codes"] = [self.random.choice(sorted(FATAL))]
        else:
            fault["broker"] = self.random.randrange(1, 4)
            fault["partition"] = self.random.randrange(PARTITIONS)
        return fault

    def play(self):
        one = self.start_one()
        fatal = False
        for fault in self.schedule:
            kind = fault["kind"]
            self.note_descriptors(one)
            ready = one.count_ready()
            # Whatever is injected must not meet who writes the input, but all that comes of it.
            workers = one.stages("worker")
            kill_all(workers, signal.SIGSTOP)
            self.load.add(self.records // self.faults, wait=True)
            self.mark(kind, str(fault))
            self.strike(kind, fault)
            kill_all(workers, signal.SIGCONT)
            self.caught_up(60)
            fatal = fatal or (kind == "fatal" and one.count_ready() > ready)
        if not fatal and any(fault["kind"] == "fatal" for fault in self.schedule):
            self.wrong.append("no error was fatal")

    def strike(self, kind, fault):
        say = self.broker.say
        if kind in PASSING or kind == "fatal":
            say("error", PASSING[kind][0] if kind in PASSING else PRODUCE, *fault["codes"])
            for api, code in fault.get("then", {}).items():
                say("error", api, code)
        elif kind == "leader":
            for topic in self.topics:
                say("leader", topic, fault["partition"], fault["broker"])
        elif kind == "coordinator":
            say("coordinator", self.group, fault["broker"])
        elif kind == "broker-away":
            say("down", fault["broker"])
            self.pause({"wait": 1})
            say("up", fault["broker"])
        else:
            say("delay", fault["broker"], 700)
            self.pause({"wait": 2})
            say("delay", fault["broker"], 0)


class Leaders(Run):
    """Three real nodes with replicated topics: each time one of them is killed, with the leaders and
    coordinators that it has, and started again while the others go on."""

    # What is under way to a leader that dies may be kept by its successor, and its producer knows
    # that: nothing is twice but for what the group repeats.
    own_broker = True

    def make_broker(self):
        return KafkaCluster(self.folder)

    def plan(self):
        return [{"kind": "broker", "node": self.random.randrange(NODES),
                 "wait": round(self.random.uniform(0.1, 0.5), 3),
                 "away": round(self.random.uniform(0, 3), 3)} for _ in range(self.faults)]

    def play(self):
        one = self.start_one()
        for fault in self.each_fault(one, 3):
            self.mark(fault["kind"], f"node {fault['node'] + 1}")
            self.broker.kill(fault["node"])
            self.pause({"wait": fault["away"]})
            self.broker.restart(fault["node"])
            # The reader has to find its way too, which says nothing of Bruco's recovery.
            self.load.wait()
            self.caught_up()


class Network(Run):
    """The way to the broker fails (proxy.py): bytes come late, one by one, slowly or not at all,
    connections are reset or silently dead."""

    own_broker = True
    special = 200
    client = "socket.timeout.ms: 3000"
    sink = "  properties: {socket.timeout.ms: 3000, request.timeout.ms: 3000}\n"
    held = (0.3, 3)

    def make_broker(self):
        self.proxy = Proxy()
        broker = Broker(self.folder, True, self.proxy.port)
        self.proxy.start(broker.proxied)
        return broker

    def bruco_address(self):
        return self.proxy.address

    def clean_up(self):
        super().clean_up()
        if self.broker is not None:
            self.proxy.stop()

    def plan(self):
        modes = [MODES[i % len(MODES)] for i in range(self.faults)]
        self.random.shuffle(modes)
        return [{"kind": "network", "mode": mode,
                 "wait": round(self.random.uniform(0.05, 0.5), 3),
                 "held": round(self.random.uniform(*self.held), 3)} for mode in modes]

    def play(self):
        one = self.start_one()
        for fault in self.each_fault(one, 1):
            mark = self.mark(fault["kind"], fault["mode"])
            self.proxy.set(fault["mode"])
            self.pause({"wait": fault["held"]})
            self.proxy.set("pass")
            mark.at = time.monotonic()
            self.settle(mark, mark.at, everywhere=False)


class Quotas(Run):
    """The broker lets Bruco read and write but a little for a while: all of it waits, nothing is
    dropped, nobody leaves the group."""

    own_broker = True
    may_repeat = False

    def plan(self):
        return [{"kind": "quota", "rate": self.random.choice((50_000, 150_000)),
                 "wait": round(self.random.uniform(0.05, 0.5), 3),
                 "held": round(self.random.uniform(2, 4), 3)} for _ in range(self.faults)]

    def play(self):
        one = self.start_one()
        for fault in self.each_fault(one, 3):
            mark = self.mark(fault["kind"], str(fault["rate"]))
            self.broker.quota("--add-config", ",".join(
                f"{what}_byte_rate={fault['rate']}" for what in ("producer", "consumer")))
            self.pause({"wait": fault["held"]})
            self.broker.quota("--delete-config", "producer_byte_rate,consumer_byte_rate")
            mark.at = time.monotonic()
            self.settle(mark, mark.at, everywhere=False)


class Disk(Run):
    """The broker's disk gets full, which ends it; then there is room again, and it is restarted."""

    own_broker = True
    size = 1000

    @staticmethod
    def unsupported():
        with tempfile.TemporaryDirectory() as folder:
            if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False,
                              stderr=subprocess.DEVNULL).returncode != 0:
                return "nothing may be mounted"
            subprocess.run(["umount", folder], check=True)
            return ""

    def make_broker(self):
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(self.disk)],
                       check=True)
        return Broker(self.disk, True)

    def resize(self, size):
        return subprocess.run(["mount", "-o", f"remount,size={size}", str(self.disk)],
                              check=False, stderr=subprocess.DEVNULL).returncode == 0

    def leave(self, room):
        """Makes it as small as what is there and so many bytes more."""
        status = os.statvfs(self.disk)
        return self.resize((status.f_blocks - status.f_bfree) * status.f_frsize + room)

    def run(self):
        try:
            return super().run()
        finally:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)

    def plan(self):
        return [{"kind": "broker", "room": self.random.randrange(50, 400) * 1024,
                 "away": round(self.random.uniform(0, 1), 3)} for _ in range(self.faults)]

    def play(self):
        one = self.start_one()
        for fault in self.schedule:
            self.resize("1g")
            self.load.add(self.records // self.faults)
            mark = self.mark(fault["kind"], f"{fault['room']} bytes")
            wait_for(10, "a smaller disk", lambda: self.leave(fault["room"]))
            wait_for(60, "the broker to end", lambda: not self.broker.alive())
            time.sleep(fault["away"])
            self.resize("1g")
            self.broker.restart()
            mark.at = time.monotonic()
            self.settle(mark, mark.at, everywhere=False)
            if one.process.poll() is not None:
                raise Stuck(f"bruco ended with {one.process.returncode}: {one.last_words()}")


class Blackholes(Network):
    """Nothing comes back from the broker for longer than a delivery may take: what timed out is not
    acknowledged, and all is taken up again at the committed offsets."""

    sink = ("  properties: {socket.timeout.ms: 3000, request.timeout.ms: 3000, "
            "message.timeout.ms: 10000}\n")
    held = (11, 13)

    def plan(self):
        return [dict(fault, mode="blackhole") for fault in super().plan()]
