"""Three Kafka nodes, each broker and controller, whose topics are replicated."""

import os
import signal
import socket
import subprocess
import time

from world import ENVIRONMENT, PARTITIONS, ROOT, Stuck, tool, wait_for

NODES = 3

PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
log.retention.ms=-1
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1500
"""


def free_ports(count):
    """Not of those that the kernel gives to outgoing connections: free again after a kill."""
    ports = []
    candidate = 20000 + os.getpid() * 7 % 10000
    while len(ports) < count:
        candidate += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
                ports.append(candidate)
            except OSError:
                pass
    return ports


class KafkaCluster:
    def __init__(self, folder):
        ports = free_ports(2 * NODES)
        self.brokers, controllers = ports[:NODES], ports[NODES:]
        self.address = ",".join(f"127.0.0.1:{port}" for port in self.brokers)
        voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(controllers))
        self.folders = [folder / f"kafka-{i + 1}" for i in range(NODES)]
        self.processes = [None] * NODES
        self.java = ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                     "-cp", str(ROOT / "tests/kafka/libs/*")]
        for i, node in enumerate(self.folders):
            node.mkdir()
            (node / "properties").write_text(PROPERTIES.format(
                node=i + 1, voters=voters, port=self.brokers[i], controller=controllers[i],
                folder=node))
            subprocess.run([*self.java, "kafka.tools.StorageTool", "format", "-t",
                            "bruco-test-cluster-00w", "-c", str(node / "properties")],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for i in range(NODES):
                self.start(i)
            wait_for(90, "the cluster", lambda: self.answers(self.address))
        except Stuck:
            self.stop()
            raise

    def start(self, i):
        with open(self.folders[i] / "log", "ab") as log:
            self.processes[i] = subprocess.Popen(
                [*self.java, "kafka.Kafka", str(self.folders[i] / "properties")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def answers(self, address):
        try:
            tool("kafka-offsets", "-b", address, "ping", stderr=subprocess.DEVNULL)
            return True
        except subprocess.CalledProcessError:
            return False

    def coordinator(self, topic, name):
        """The node that leads the partition of an internal topic in which the broker keeps what it knows of a
        group or of a transactional ID: by Java's hash of the name."""
        number = 0
        for letter in name.encode("ascii"):
            number = (number * 31 + letter) % 2**32
        number = min(number, 2**32 - number)  # its absolute value, as that of 32 bits with a sign
        lines = tool("kafka-offsets", "-b", self.address, "leaders", topic).splitlines()
        leaders = dict(map(int, line.split()) for line in lines)
        return leaders[number % len(leaders)] - 1

    def kill(self, i):
        self.processes[i].send_signal(signal.SIGKILL)
        self.processes[i].wait()

    def restart(self, i):
        self.start(i)
        wait_for(90, f"node {i + 1}", lambda: self.answers(f"127.0.0.1:{self.brokers[i]}"))

    def topic(self, name):
        deadline = time.monotonic() + 60
        while True:
            try:
                tool("kafka-offsets", "-b", self.address, "create", name, PARTITIONS,
                     "max.message.bytes=4194304")
                return name
            except subprocess.CalledProcessError:
                # Not all of them are there yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def stop(self, leave=False):  # what it wrote stays in its folder
        for process in filter(None, self.processes):
            process.kill()
            process.wait()
