"""The same work with Bytewax and its Kafka connectors, one worker. Runs until SIGTERM.

The one argument is the job, as JSON: see Job in contender.py. Its sink flushes after each batch, so
that an epoch, whose end keeps the offsets on the disk, follows what was delivered.
"""
import datetime
import importlib
import json
import pathlib
import signal
import sys
import types

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from confluent_kafka import OFFSET_BEGINNING

EPOCH = datetime.timedelta(seconds=1)
told_to_end = False


def stop(number, frame):
    global told_to_end
    told_to_end = True


class Partition(StatefulSourcePartition):
    """A partition of KafkaSource that ends at SIGTERM; Bytewax has no end of its own."""

    def __init__(self, partition):
        self.partition = partition

    def next_batch(self):
        if told_to_end:
            raise StopIteration
        return self.partition.next_batch()

    def snapshot(self):
        return self.partition.snapshot()

    def close(self):
        self.partition.close()


class Source(FixedPartitionedSource):
    """KafkaSource with such partitions."""

    def __init__(self, source):
        self.source = source

    def list_parts(self):
        return self.source.list_parts()

    def build_part(self, step_id, for_part, resume_state):
        return Partition(self.source.build_part(step_id, for_part, resume_state))


def main(job):
    sys.path.insert(0, job["handlers"])
    handle_event = importlib.import_module(job["handler"]).handle_event
    context = types.SimpleNamespace()
    signal.signal(signal.SIGTERM, stop)

    def work(message):
        return KafkaSinkMessage(message.key, handle_event(context, message.value),
                                headers=message.headers)

    flow = Dataflow("bench")
    stream = op.input("input", flow, Source(KafkaSource(
        [job["brokers"]], [job["input"]], starting_offset=OFFSET_BEGINNING, batch_size=job["batch"],
        add_config=dict(job["options"]["consumer"], **{"socket.nagle.disable": True}))))
    op.output("output", op.map("work", stream, work), KafkaSink(
        [job["brokers"]], job["output"], add_config={
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": job["linger_ms"],
            "queue.buffering.max.messages": 1000000,
            "socket.nagle.disable": True,
        }))
    state = pathlib.Path(job["folder"], "recovery")
    state.mkdir()
    init_db_dir(state, 1)
    cli_main(flow, epoch_interval=EPOCH, recovery_config=RecoveryConfig(state))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
