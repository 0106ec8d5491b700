"""The same work with FastStream and its broker on aiokafka, which is faster than the one on
confluent-kafka. Runs until SIGTERM.

The one argument is the job, as JSON: see Job in contender.py. It takes records in batches,
publishes without waiting for each one, waits for all of a batch, and commits each second what was
delivered.
"""
import asyncio
import importlib
import json
import logging
import sys
import time
import types

from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage

COMMIT_SECONDS = 1.0
POLL_MS = 10


def make_app(job):
    handle_event = importlib.import_module(job["handler"]).handle_event
    context = types.SimpleNamespace()
    broker = KafkaBroker(
        job["brokers"],
        acks="all",
        enable_idempotence=True,
        linger_ms=job["linger_ms"],
        max_batch_size=1000000,
        log_level=logging.DEBUG)
    app = FastStream(broker, logger=None)
    due = time.monotonic() + COMMIT_SECONDS
    delivered = None

    @broker.subscriber(job["input"], group_id=job["group"], auto_offset_reset="earliest",
                       batch=True, max_records=job["batch"], batch_timeout_ms=POLL_MS,
                       ack_policy=AckPolicy.MANUAL)
    async def work(message: KafkaMessage):
        nonlocal due, delivered
        confirmed = []
        for record in message.raw_message:
            confirmed.append(await broker.publish(
                handle_event(context, record.value), job["output"], key=record.key,
                no_confirm=True))
        await asyncio.gather(*confirmed)
        delivered = message
        if time.monotonic() >= due:
            await message.ack()
            due = time.monotonic() + COMMIT_SECONDS

    @app.on_shutdown
    async def commit():
        if delivered is not None:
            await delivered.ack()

    return app


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    sys.path.insert(0, options["handlers"])
    asyncio.run(make_app(options).run(log_level=logging.WARNING))
