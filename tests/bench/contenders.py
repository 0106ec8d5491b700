"""The contenders by name, and how Bruco and the C loop are started."""
import pathlib
import re

from contender import BEST_PREFETCH, LINGER_MS, Contender
from peers import Jvm, Python, commits, output


NO_LINGER = "linger.ms=0 (it waits until a batch is delivered, so that a linger is only lost)"


class Loop(Contender):
    """The limit: one C loop in one process (loop.c), with a linger.ms of its own."""

    def __init__(self, label, linger_ms):
        self.label = label
        self.linger_ms = linger_ms
        self.settings = f"linger.ms={linger_ms:g}, best prefetch, commits nothing"

    def prepare(self, work):
        self.version = "tests/bench/loop.c"
        self.library = "librdkafka " + Bruco.librdkafka()

    def command(self, job):
        return ["bench-loop", "-f", "-b", job.brokers, "-d", job.handlers, "-m", job.handler,
                "-l", str(self.linger_ms), job.input, job.output]


class Bruco(Contender):
    """Bruco with its defaults and a number of workers."""

    settings = ("its defaults: linger.ms=0 with one request under way, a prefetch of 32 MiB, "
                "commits what was delivered")

    def __init__(self, workers):
        self.workers = workers
        self.label = f"bruco, {workers} worker{'s' if workers > 1 else ''}"
        self.sink = ""
        self.top = ""

    @staticmethod
    def librdkafka():
        """The version of the librdkafka that the sink runs on."""
        found = re.search(r"librdkafka (\S+)", output("bruco-sink", "--version"))
        return found.group(1) if found else "?"

    def prepare(self, work):
        self.version = output("bruco", "--version").split("\n")[0]
        self.library = "librdkafka " + self.librdkafka()

    def command(self, job):
        more = {"plain": "", "batch": f", batch: {{size: {job.batch}}}",
                "async": f", concurrency: {job.concurrency}"}[job.kind]
        if job.environment:  # Bruco doesn't heed PYTHONPATH
            more += f", python: {job.environment}"
        path = pathlib.Path(job.folder, "config.yaml")
        path.write_text(f"""\
{self.top}processor: {{handlerPath: {job.handlers}, moduleName: {job.handler}, workers: {self.workers}, \
inheritEnv: [BENCH_ALLOCATIONS]{more}}}
source: {{kind: kafka, brokers: ["{job.brokers}"], topics: ["{job.input}"], offset: earliest, \
consumerGroup: "{job.group}"}}
sink: {{kind: kafka, brokers: ["{job.brokers}"], topic: "{job.output}"{self.sink}}}
""")
        return ["bruco", "-q", "-c", str(path)]


class BrucoLinger(Bruco):
    """With the client's own linger.ms: what Bruco's default has to match when records are many."""

    settings = f"linger.ms={LINGER_MS:g}; else its defaults"

    def __init__(self):
        super().__init__(1)
        self.label = f"bruco, 1 worker, linger {LINGER_MS:g}"
        self.sink = f", properties: {{linger.ms: {LINGER_MS:g}}}"


class BrucoExactlyOnce(Bruco):
    """Outputs and offsets in one transaction, for readers of committed records."""

    settings = "processingGuarantee: exactlyOnce, which commits each 100 ms; else its defaults"
    transactional = True

    def __init__(self, workers):
        super().__init__(workers)
        self.label += ", exactly once"
        self.top = "processingGuarantee: exactlyOnce\n"


def _python_contenders():
    best = commits(", best prefetch")
    return {
        "confluent": Python("confluent-kafka, best prefetch", "confluent_loop.py", "confluent.txt",
                            best, consumer=BEST_PREFETCH),
        "confluent-default": Python("confluent-kafka, defaults", "confluent_loop.py",
                                    "confluent.txt", commits("; linger.ms is its default, too"),
                                    consumer={}),
        "confluent-2.0.2": Python("confluent-kafka 2.0.2, best prefetch", "confluent_loop.py",
                                  "confluent-2.0.2.txt", best, consumer=BEST_PREFETCH),
        "quix": Python("Quix Streams", "quix.py", "quix.txt", best, consumer=BEST_PREFETCH),
        "quix-eos": Python("Quix Streams, exactly once", "quix.py", "quix.txt",
                           f"linger.ms={LINGER_MS:g}, best prefetch, commits each 100 ms", True,
                           consumer=BEST_PREFETCH, guarantee="exactly-once", commit_ms=100),
        "faststream": Python("FastStream, on aiokafka", "faststream_app.py", "faststream.txt",
                             commits(", batches of up to 500", NO_LINGER), linger_ms=0),
        "bytewax": Python("Bytewax", "bytewax_flow.py", "bytewax.txt",
                          f"linger.ms={LINGER_MS:g} (its flush after each batch ends it early), "
                          "best prefetch, batches of up to 500, keeps its offsets on the disk "
                          "each second", consumer=BEST_PREFETCH),
        "faust": Python("faust-streaming", "faust_app.py", "faust.txt",
                        commits(", its producer is not idempotent")),
    }


def _jvm_contenders():
    return {
        "streams": Jvm("Kafka Streams, at least once", "Streams", "kafka-streams",
                       commits(", one thread"), guarantee="at_least_once", commit_ms=1000),
        "streams-eos": Jvm("Kafka Streams, exactly once (v2)", "Streams", "kafka-streams",
                           f"linger.ms={LINGER_MS:g}, commits each 100 ms (its default, as nothing "
                           "is to be seen before a commit), one thread",
                           True, guarantee="exactly_once_v2", commit_ms=100),
        "copier-eos": Jvm("a Java loop, exactly once", "Copier", "kafka-clients",
                          f"linger.ms={LINGER_MS:g}, commits each 100 ms", True, commit_ms=100),
        "parallel": Jvm("Confluent Parallel Consumer, by key", "Parallel",
                        "parallel-consumer-core",
                        commits(", 16 threads, batches of up to 500", NO_LINGER),
                        concurrency=16, linger_ms=0),
    }


def all_contenders():
    """Every contender by the name that --contenders and the workloads use."""
    return {
        "loop": Loop("one C loop", LINGER_MS),
        "loop-0": Loop("one C loop, linger 0", 0),
        "bruco-1": Bruco(1),
        "bruco-2": Bruco(2),
        "bruco-8": Bruco(8),
        "bruco-64": Bruco(64),
        "bruco-linger": BrucoLinger(),
        "bruco-eos": BrucoExactlyOnce(1),
        "bruco-2-eos": BrucoExactlyOnce(2),
        **_python_contenders(),
        **_jvm_contenders(),
    }
