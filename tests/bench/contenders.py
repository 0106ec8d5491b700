"""The contenders: how each is made ready, which versions it has and how it is started.

Every contender gets the same job and runs until SIGTERM.
"""
import dataclasses
import json
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
HANDLERS = HERE / "handlers"

# What all are set to. Bruco's are its defaults, the others get them from here; acks=all,
# idempotence (which Faust doesn't have) and no compression besides.
LINGER_MS = 5
BATCH = 500
CONCURRENCY = 100
BEST_PREFETCH = {"queued.min.messages": 1000000, "queued.max.messages.kbytes": 262144}


class Unavailable(Exception):
    """A contender that can't be had here; its text says why."""


@dataclasses.dataclass
class Job:
    """One run: the topics, the group and the handler, for any contender.

    `kind` is plain, batch or async, `folder` an empty folder of the run's own; `linger_ms` is in
    milliseconds.
    """

    brokers: str
    input: str
    output: str
    group: str
    handler: str
    kind: str
    folder: str
    handlers: str = str(HANDLERS)
    batch: int = BATCH
    concurrency: int = CONCURRENCY
    linger_ms: float = LINGER_MS


class Contender:
    """Has `label` and `kinds`, and after prepare() `version` and `library` as texts."""

    kinds = ("plain",)
    version = "?"
    library = "?"

    def prepare(self, work):
        """Makes it ready below the folder `work`. Raises Unavailable."""

    def command(self, job):
        """The command line that does the job until SIGTERM."""
        raise NotImplementedError


def _output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Loop(Contender):
    """The limit: one C loop in one process (loop.c)."""

    label = "one C loop"

    def prepare(self, work):
        self.version = "tests/bench/loop.c"
        self.library = "librdkafka " + Bruco.librdkafka()

    def command(self, job):
        return ["bench-loop", "-f", "-b", job.brokers, "-d", job.handlers, "-m", job.handler,
                "-l", str(job.linger_ms), job.input, job.output]


class Bruco(Contender):
    """Bruco with its defaults and a number of workers."""

    kinds = ("plain", "batch", "async")

    def __init__(self, workers):
        self.workers = workers
        self.label = f"bruco, {workers} worker{'s' if workers > 1 else ''}"

    @staticmethod
    def librdkafka():
        """The version of the librdkafka that the sink runs on."""
        found = re.search(r"librdkafka (\S+)", _output("bruco-sink", "--version"))
        return found.group(1) if found else "?"

    def prepare(self, work):
        self.version = _output("bruco", "--version").split("\n")[0]
        self.library = "librdkafka " + self.librdkafka()

    def command(self, job):
        more = {"plain": "", "batch": f", batch: {{size: {job.batch}}}",
                "async": f", concurrency: {job.concurrency}"}[job.kind]
        path = pathlib.Path(job.folder, "config.yaml")
        path.write_text(f"""\
processor: {{handlerPath: {job.handlers}, moduleName: {job.handler}, workers: {self.workers}{more}}}
source: {{kind: kafka, brokers: ["{job.brokers}"], topics: ["{job.input}"], offset: earliest, \
consumerGroup: "{job.group}"}}
sink: {{kind: kafka, brokers: ["{job.brokers}"], topic: "{job.output}"}}
""")
        return ["bruco", "-q", "-c", str(path)]


class Peer(Contender):
    """A Python program in a virtual environment that holds what its requirements file names."""

    def __init__(self, label, script, requirements, kinds, prefetch):
        self.label = label
        self.script = str(HERE / "peers" / script)
        self.requirements = HERE / "peers" / requirements
        self.kinds = kinds
        self.prefetch = prefetch

    def prepare(self, work):
        """Installs it, once: a second call with the same requirements finds it done."""
        folder = pathlib.Path(work, "environments", self.requirements.stem)
        self.python = str(folder / "bin" / "python")
        done = folder / "done"
        wanted = self.requirements.read_text()
        if not done.exists() or done.read_text() != wanted:
            self._install(folder)
            done.write_text(wanted)
        found = json.loads(_output(self.python, "-W", "ignore", "-c", _VERSIONS))
        self.version = ", ".join(found["packages"]) + ", Python " + found["python"]
        self.library = found["library"]

    def _install(self, folder):
        python = os.environ.get("PYTHON", "/usr/bin/python3")
        for command in (
                [python, "-m", "venv", "--clear", str(folder)],
                [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                 "--only-binary", "confluent-kafka", "-r", str(self.requirements)]):
            try:
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
            except (OSError, subprocess.SubprocessError) as error:
                last = (getattr(error, "stderr", None) or str(error)).strip().split("\n")[-1]
                raise Unavailable("cannot be installed: " + last) from error

    def command(self, job):
        options = dict(dataclasses.asdict(job), consumer=self.prefetch)
        return [self.python, "-W", "ignore", self.script, json.dumps(options)]


_VERSIONS = """
import importlib.metadata, json, platform
packages = []
for name in ("confluent-kafka", "quixstreams", "faust-streaming", "aiokafka"):
    try:
        packages.append(name + " " + importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
try:
    import confluent_kafka
    library = "librdkafka " + confluent_kafka.libversion()[0]
except ImportError:
    library = "no librdkafka (aiokafka)"
print(json.dumps({"packages": packages, "python": platform.python_version(), "library": library}))
"""

_ALL = ("plain", "batch", "async")


def all_contenders():
    """Every contender by the name that ONLY= and the workloads use."""
    return {
        "loop": Loop(),
        "bruco-1": Bruco(1),
        "bruco-2": Bruco(2),
        "bruco-8": Bruco(8),
        "bruco-64": Bruco(64),
        "confluent": Peer("confluent-kafka, best prefetch", "confluent_loop.py", "confluent.txt",
                          _ALL, BEST_PREFETCH),
        "confluent-default": Peer("confluent-kafka, defaults", "confluent_loop.py",
                                  "confluent.txt", _ALL, {}),
        "confluent-2.0.2": Peer("confluent-kafka 2.0.2, best prefetch", "confluent_loop.py",
                                "confluent-2.0.2.txt", _ALL, BEST_PREFETCH),
        "quix": Peer("Quix Streams", "quix.py", "quix.txt", ("plain",), BEST_PREFETCH),
        "faust": Peer("faust-streaming", "faust_app.py", "faust.txt", _ALL, {}),
    }
