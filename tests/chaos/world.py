"""What a scenario plays with: a broker, topics, running Bruco instances, a load and a reader.

Every process that is started here gets a session of its own, and whatever is left in one of those
sessions at the end is ended and counts as a fault.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("BRUCO_BIN", ROOT / "build/bin"))
TOOLS = Path(os.environ.get("BRUCO_TESTS", BIN.parent / "tests"))
PARTITIONS = 4
# The longest time in seconds that anything is waited for; less for builds that are broken anyway.
PATIENCE = float(os.environ.get("CHAOS_PATIENCE", "inf"))

ENVIRONMENT = dict(
    os.environ,
    LC_ALL="C.UTF-8",
    BRUCO_DISABLE_PIP="true",
    BRUCO_TESTS=str(TOOLS),
    PATH=f"{BIN}:{TOOLS}:/usr/bin:/bin:/usr/sbin:/sbin",
)
for name in ("NOTIFY_SOCKET", "JOURNAL_STREAM"):
    ENVIRONMENT.pop(name, None)


class Stuck(Exception):
    """Something that was waited for did not come."""


def wait_for(seconds, what, condition):
    """Waits until condition() is true and returns what it returned."""
    seconds = min(seconds, PATIENCE)
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Stuck(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def tool(name, *words, **more):
    """Runs one of tests/kafka's tools and returns its standard output."""
    return subprocess.run(
        [str(TOOLS / name), *map(str, words)],
        env=ENVIRONMENT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        **more,
    ).stdout


def versions():
    """What the worker and the sink say of themselves and their libraries, in one line."""
    answers = [subprocess.run([str(BIN / name), "--version"], stdout=subprocess.PIPE, text=True,
                              check=False).stdout for name in ("bruco-worker", "bruco-sink")]
    return " · ".join(" ".join(answer.split()) for answer in answers)


def processes(session):
    """The pids of a session, zombies left out."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        if fields[3] == str(session) and fields[0] not in "ZX":
            found.append(int(entry))
    return found


def kill_all(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def word(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


class Broker:
    """Kafka itself: a broker of the scenario's own, or the one that the whole test run shares."""

    def __init__(self, folder, own, proxy=0):
        """`proxy`: a port at which a second listener, `proxied`, is said to be."""
        self.shared = None if own else os.environ.get("BRUCO_KAFKA")
        self.environment = dict(
            ENVIRONMENT,
            BRUCO_KAFKA_RUN=str(folder / "kafka"),
            BRUCO_KAFKA_SMALL="1",
            JAVA_HEAP=os.environ.get("JAVA_HEAP", "1g"),
        )
        if proxy:
            self.environment["BRUCO_KAFKA_PROXY"] = str(proxy)
        self.run = folder / "kafka"
        self.address = self.shared or self.call("start")

    def call(self, *words):
        return subprocess.run(
            [str(ROOT / "tests/kafka/broker"), *words],
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.strip()

    @property
    def proxied(self):
        return (self.run / "proxied").read_text().strip()

    def kill(self):
        self.call("kill")

    def restart(self):
        self.call("restart")

    def alive(self):
        return subprocess.run([str(ROOT / "tests/kafka/broker"), "status"], env=self.environment,
                              check=False, stdout=subprocess.DEVNULL).returncode == 0

    def quota(self, *words):
        """Of the client Bruco, by Kafka's own tool."""
        subprocess.run(
            ["java", "-cp", str(ROOT / "tests/kafka/libs/*"), "kafka.admin.ConfigCommand",
             "--bootstrap-server", self.address, "--alter", "--entity-type", "clients",
             "--entity-name", "bruco", *words],
            env=self.environment, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def signal(self, number):
        os.kill(int((self.run / "pid").read_text().split()[0]), number)

    def stop(self, leave=False):
        """`leave`: its log and its data, for whoever looks for the cause."""
        if not self.shared:
            self.call("kill" if leave else "stop")

    def topic(self, name):
        tool("kafka-offsets", "-b", self.address, "create", name, PARTITIONS,
             "max.message.bytes=4194304")
        return name


class Instance:
    """A Bruco that is started again and again with the same configuration."""

    def __init__(self, folder, name, config):
        self.name = name
        self.folder = folder
        self.environment = {}
        self.become = None  # called in the child before it becomes Bruco
        self.config = folder / f"{name}.yaml"
        self.config.write_text(config)
        self.log = folder / f"{name}.err"
        self.process = None
        self.log_at = 0
        self.ready_count = 0
        self.sessions = []

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                # Whoever started the scenarios may ignore SIGHUP, which Bruco would respect.
                ["env", "--default-signal=HUP,INT,QUIT", str(BIN / "bruco"), "-c", str(self.config)],
                cwd=self.folder,
                env={**ENVIRONMENT, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                preexec_fn=self.become,
            )
        self.sessions.append(self.process.pid)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def count_ready(self):
        """How often it has said so since the beginning."""
        with open(self.log, "rb") as log:
            log.seek(self.log_at)
            new = log.read()
        whole = new.rfind(b"\n") + 1
        self.ready_count += new[:whole].count(b"bruco: info: ready\n")
        self.log_at += whole
        return self.ready_count

    def wait_ready(self, before, seconds=60):
        """Until it has said ready once more than `before` times; the moment."""
        def look():
            if self.count_ready() > before:
                return time.monotonic()
            if self.process.poll() is not None:
                raise Stuck(
                    f"{self.name} ended with {self.process.returncode}: {self.last_words()}")
            return None
        return wait_for(seconds, f"{self.name} to be ready", look)

    def last_words(self):
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-5:])

    def stages(self, kind):
        """The pids of its stages of a kind, "worker" for example."""
        pid = self.process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return []
        return [int(child) for child in children if word(child) == f"bruco-{kind}"]

    def stage(self, kind, pick=0):
        found = wait_for(30, f"a {kind} of {self.name}", lambda: self.stages(kind))
        return found[pick % len(found)]

    def kill_driver(self):
        """Its stages must follow it within 2 s."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_for(2, "the stages to follow their driver",
                 lambda: not processes(self.process.pid))

    def kill_tree(self):
        kill_all(processes(self.process.pid))
        self.process.wait()
        wait_for(2, "all processes to be gone", lambda: not processes(self.process.pid))

    def stop(self, seconds=60):
        """SIGTERM; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(min(seconds, PATIENCE))
        except subprocess.TimeoutExpired:
            raise Stuck(f"{self.name} does not stop: {self.last_words()}") from None

    def leftovers(self):
        """Ends what is left of all its runs, and returns how many processes that were."""
        left = 0
        for session in self.sessions:
            pids = processes(session)
            left += len(pids)
            kill_all(pids)
        if self.process is not None:
            self.process.wait()
        return left


class Load:
    """Fills the input, part by part, in the background; a seed repeats every record."""

    def __init__(self, folder, address, topic, seed, special, size):
        self.address, self.topic, self.seed = address, topic, seed
        self.special, self.size = special, size
        self.log = open(folder / "fill.err", "ab")
        self.count = 0
        self.filler = None

    def add(self, records, seconds=0, wait=False):
        """So many records more, spread over so many seconds."""
        self.wait()
        special = records // self.special if self.special else 0
        words = ["-b", self.address, "-t", self.topic, "-n", records - special, "--special",
                 special, "--first", self.count, "-S", self.seed, "-s", self.size]
        if seconds > 0:
            words += ["--rate", max(1, int(records / seconds))]
        self.filler = subprocess.Popen(
            [str(TOOLS / "kafka-fill"), *map(str, words)],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            start_new_session=True,
        )
        self.count += records
        if wait:
            self.wait()

    def ended(self):
        return self.filler is None or self.filler.poll() is not None

    def wait(self):
        if self.filler is not None and self.filler.wait(300) != 0:
            raise Stuck("kafka-fill failed")
        self.filler = None

    def end_filler(self):
        """In the middle of what it was to write."""
        if self.filler is not None:
            self.filler.kill()
            self.filler.wait()
        self.filler = None

    def end(self):
        self.end_filler()
        self.log.close()


class Sample:
    """A line of kafka-watch."""

    __slots__ = ("at", "committed", "ends", "dead", "seen")

    def __init__(self, line):
        words = line.split()
        self.at = int(words[0]) / 1000
        for word_ in words[1:]:
            if word_.isalpha():
                numbers = []
                setattr(self, word_, numbers)
            else:
                numbers.append(int(word_))

    def delivered(self):
        return sum(self.ends) + sum(self.dead)


class Reader:
    """Reads the output during the faults, and notes what is committed and what is there."""

    def __init__(self, folder, address, group, topics):
        self.path = folder / "samples"
        self.file = open(self.path, "w+b")
        self.log = open(folder / "watch.err", "wb")
        self.process = subprocess.Popen(
            [str(TOOLS / "kafka-watch"), "-b", address, "-g", group, *topics],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=self.file,
            stderr=self.log,
            start_new_session=True,
        )
        self.input = open(self.path, "rb")
        self.samples = []
        self.rest = b""

    def look(self):
        """The newest sample."""
        lines = (self.rest + self.input.read()).split(b"\n")
        self.rest = lines.pop()
        self.samples += [Sample(line.decode()) for line in lines]
        if self.process.poll() is not None:
            raise Stuck("kafka-watch ended")
        return self.samples[-1] if self.samples else None

    def first(self):
        return wait_for(30, "the reader's first look", self.look)

    def before(self, moment):
        """The last sample before a moment."""
        self.look()
        return next(s for s in reversed(self.samples) if s.at <= moment or s is self.samples[0])

    def after(self, moment, seconds=120, what="the broker's answer", condition=lambda _: True):
        """The first sample behind a moment that fulfils a condition."""
        self.look()
        at = len(self.samples)
        while at > 0 and self.samples[at - 1].at > moment:
            at -= 1

        def find():
            nonlocal at
            self.look()
            while at < len(self.samples):
                sample = self.samples[at]
                at += 1
                if sample.at > moment and condition(sample):
                    return sample
            return None
        return wait_for(seconds, what, find)

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for file in (self.input, self.file, self.log):
            file.close()
