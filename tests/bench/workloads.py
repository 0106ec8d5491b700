"""What the contenders have to do."""
import dataclasses

from contender import BATCH

MILLION = 1000000


@dataclasses.dataclass
class Workload:
    """`records` is by contender, for RECORDS=1000000: slow ones get fewer, and their figures are
    scaled. `size` is a value's bytes. `requirements` names a file of peers with the packages that
    the handler imports, in every contender from the same folder. `batch` is how many records at
    most those contenders take at once that work in batches: a rate counts from the end of the first
    batch, so where records are few batches are small."""

    name: str
    title: str
    handler: str
    records: dict
    rounds: int
    kind: str = "plain"
    size: int = 100
    json: bool = False
    partitions: int = 4
    requirements: str = ""
    batch: int = BATCH


def _each(count, *names, **others):
    return {**{name: count for name in names},
            **{name.replace("_", "-"): number for name, number in others.items()}}


WORKLOADS = [
    Workload("identity", "Identity, 100 bytes", "identity",
             _each(MILLION, "loop", "bruco-1", "bruco-2", "confluent", "confluent-default",
                   "confluent-2.0.2", "streams", streams_eos=MILLION // 2, parallel=200000,
                   quix=200000, bytewax=500000, faststream=100000, faust=20000), rounds=3),
    Workload("identity-1k", "Identity, 1 KiB", "identity",
             _each(MILLION // 2, "loop", "bruco-1", "bruco-2", "confluent", "confluent-default"),
             rounds=3, size=1024),
    Workload("json", "JSON: parse, change, serialise", "json_change",
             _each(MILLION, "loop", "bruco-1", "bruco-2", "confluent",
                   confluent_default=MILLION // 2, streams=MILLION // 2, streams_eos=MILLION // 2,
                   parallel=200000, quix=100000, bytewax=200000, faststream=50000, faust=10000),
             rounds=3, json=True),
    Workload("orjson", "JSON with orjson: parse, change, serialise", "orjson_change",
             _each(MILLION, "loop", "bruco-1", "bruco-2", "confluent",
                   confluent_default=MILLION // 2, quix=100000, bytewax=200000, faststream=50000,
                   faust=10000),
             rounds=3, json=True, requirements="orjson.txt"),
    Workload("exactly-once", "Identity, 100 bytes, exactly once; the first two at least once",
             "identity",
             _each(MILLION, "bruco-1", "bruco-2", "bruco-eos", "bruco-2-eos",
                   copier_eos=MILLION, streams_eos=MILLION // 2, quix_eos=100000),
             rounds=3),
    Workload("wait", "A handler of 1 ms", "wait",
             _each(2000, "loop", "bruco-1", "bruco-2", "bruco-8", "confluent", "streams",
                   "parallel", "quix", "bytewax", "faststream", "faust"),
             rounds=2, batch=20),
    Workload("batch", "Identity in batches of up to 500 (handle_batch)", "batch",
             _each(MILLION, "bruco-1", "bruco-2", "confluent", faust=20000),
             rounds=2, kind="batch"),
    Workload("async", "Waits of 10 ms, 100 at a time (async def)", "asynchronous",
             _each(20000, "bruco-1", "bruco-2", "confluent", faust=10000),
             rounds=2, kind="async"),
]

# For latency by load: records a second, and who takes part.
RATES = (10, 100, 1000, 5000, 20000, 100000)
RATE_CONTENDERS = ("bruco-1", "loop-0", "loop", "confluent-default")
RATE_MORE = {20000: ("bruco-linger",)}
LATENCY_CONTENDERS = ("loop", "loop-0", "bruco-1", "bruco-8", "bruco-eos", "confluent",
                      "streams", "copier-eos", "streams-eos", "parallel", "quix", "bytewax",
                      "faststream", "faust")

# For who waits for whom.
UNEVEN = Workload("uneven", "Two partitions, one with more than its worker can do", "uneven", {},
                  rounds=1, partitions=2)

# For what grows: the same identity with more records, more partitions, more lanes.
GROWTH = [
    Workload("ten-million", "Identity, 100 bytes, ten times the records", "identity",
             _each(10 * MILLION, "loop", "bruco-1"), rounds=1),
    Workload("partitions-200", "Identity, 100 bytes, 200 partitions", "identity",
             _each(4 * MILLION, "loop", "bruco-2", "bruco-64"), rounds=2, partitions=200),
]
