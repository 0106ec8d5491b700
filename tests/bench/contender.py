"""What a contender is, and the job that it gets. Every contender gets the same job and runs until
SIGTERM."""
import dataclasses
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
HANDLERS = HERE / "handlers"

# What all are set to that have such a setting and nothing better of their own; acks=all,
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
    milliseconds. `environment` is a virtual environment with what the handler imports, or empty;
    its packages are in PYTHONPATH, too.
    """

    brokers: str
    input: str
    output: str
    group: str
    handler: str
    kind: str
    folder: str
    environment: str = ""
    handlers: str = str(HANDLERS)
    batch: int = BATCH
    concurrency: int = CONCURRENCY
    linger_ms: float = LINGER_MS


class Contender:
    """Has `label`, `settings` (what is set, as text for the report), `transactional` (whether its
    output is in transactions, whose markers have offsets, too), and after prepare() `version` and
    `library` as texts."""

    version = "?"
    library = "?"
    transactional = False

    def prepare(self, work):
        """Makes it ready below the folder `work`. Raises Unavailable."""

    def command(self, job):
        """The command line that does the job until SIGTERM."""
        raise NotImplementedError
