"""The broker and its topics, by the test tools."""
import dataclasses
import os
import pathlib
import subprocess
import time

from measure import Failed

BROKER = pathlib.Path(__file__).resolve().parent.parent / "kafka" / "broker"


def _run(*command, seconds=120, while_runs=None):
    """Its output. Raises Failed when it fails, takes too long, or when the process `while_runs`
    (measure.Running) ends before it."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        deadline = time.monotonic() + seconds
        while True:
            try:
                output, errors = process.communicate(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                gone = while_runs is not None and not while_runs.alive()
                if not gone and time.monotonic() < deadline:
                    continue
                process.kill()
                process.communicate()
                raise Failed(f"ended early: {while_runs.last_line()}" if gone else
                             f"{command[0]} took more than {seconds} s") from None
    if process.returncode != 0:
        last = errors.strip().split("\n")[-1]
        raise Failed(last.split("error: ")[-1] or f"{command[0]} ended with {process.returncode}")
    return output


@dataclasses.dataclass
class Latency:
    """What bench-latency found: how many records, microseconds p50, p99, p99.9 and the longest,
    and, as time.monotonic() has it, when the first and the last of them were produced and when the
    last came back."""

    count: int
    percentiles: list
    begin: float
    end: float
    returned: float

    def rate(self):
        """The records a second that were produced."""
        return (self.count - 1) / max(self.end - self.begin, 1e-9)


class Kafka:
    """A broker of the bench's own, or the one that BRUCO_KAFKA names. Use it with `with`."""

    def __init__(self, work):
        self._own = "BRUCO_KAFKA" not in os.environ
        self._environment = dict(os.environ, BRUCO_KAFKA_RUN=str(work / "kafka"))
        self._count = 0

    def __enter__(self):
        if self._own:
            done = subprocess.run([BROKER, "start"], env=self._environment, capture_output=True,
                                  text=True)
            if done.returncode != 0:
                raise SystemExit("bench: error: no broker: " + done.stderr.strip())
            self.address = done.stdout.strip()
        else:
            self.address = os.environ["BRUCO_KAFKA"]
        return self

    def __exit__(self, *exception):
        if self._own:
            subprocess.run([BROKER, "stop"], env=self._environment)

    def topic(self, partitions):
        """Makes a topic that stamps its records with the time of their append; returns its name."""
        self._count += 1
        name = f"bench-{os.getpid()}-{self._count}"
        _run("kafka-offsets", "-b", self.address, "create", name, str(partitions),
             "message.timestamp.type=LogAppendTime")
        return name

    def delete(self, topic):
        """Removes a topic and its data; where that fails, they go with the broker."""
        try:
            _run("kafka-offsets", "-b", self.address, "delete", topic)
        except Failed:
            pass

    def fill(self, topic, count, size, json):
        """Writes `count` records of `size` bytes, with keys, as text or as JSON."""
        _run("kafka-fill", "-b", self.address, "-t", topic, "-n", str(count), "-s", str(size),
             *(["--json"] if json else []), seconds=300)

    def span(self, topic, count, seconds, while_runs=None, transactional=False):
        """Waits for `count` records, at most `seconds`. Returns how many there are, and the time
        from the first append to the last in seconds."""
        more = ["-t"] if transactional else []
        words = _run("bench-span", "-b", self.address, "-n", str(count), "-T", str(seconds), *more,
                     topic, seconds=seconds + 60, while_runs=while_runs).split()
        return int(words[0]), (int(words[2]) - int(words[1])) / 1000

    def latency(self, source, target, rate, warm, count, while_runs, load=None):
        """A Latency at `rate` records a second. With `load` those are in partition 1, and so many a
        second in partition 0, which do not come back."""
        more = [] if load is None else ["-l", str(load)]
        words = _run("bench-latency", "-b", self.address, "-r", str(rate), "-w", str(warm), "-n",
                     str(count), *more, source, target, seconds=300, while_runs=while_runs).split()
        numbers = [int(word) for word in words]
        return Latency(numbers[0], numbers[1:5], *[number / 1e9 for number in numbers[5:8]])
