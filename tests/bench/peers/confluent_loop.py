"""A loop on confluent-kafka-python, as a good engineer writes it: takes what is there in batches,
produces with an idempotent producer, hears of each delivery that failed, and commits after a flush,
so that nothing is lost. Runs until SIGTERM.

The one argument is the job, as JSON: see Job in contender.py.
"""
import asyncio
import importlib
import json
import signal
import sys
import time
import types

from confluent_kafka import Consumer, KafkaException, Producer

COMMIT_SECONDS = 1.0


class Event:
    """What a batch handler gets for each record."""

    __slots__ = ("data", "message")

    def __init__(self, message):
        self.data = message.value()
        self.message = message


def main(job):
    sys.path.insert(0, job["handlers"])
    module = importlib.import_module(job["handler"])
    context = types.SimpleNamespace()
    running = True

    def stop(number, frame):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    failures = []
    producer = Producer({
        "bootstrap.servers": job["brokers"],
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": job["linger_ms"],
        "queue.buffering.max.messages": 1000000,
        "socket.nagle.disable": True,
        "delivery.report.only.error": True,
        "on_delivery": lambda error, message: failures.append(error),
    })
    settings = {
        "bootstrap.servers": job["brokers"],
        "group.id": job["group"],
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "socket.nagle.disable": True,
    }
    settings.update(job["options"]["consumer"])
    consumer = Consumer(settings)
    consumer.subscribe([job["input"]])
    output = job["output"]
    produce = producer.produce

    def forward(message, result):
        if result is None:
            return
        while True:
            try:
                produce(output, result, message.key(), headers=message.headers(),
                        timestamp=message.timestamp()[1])
                return
            except BufferError:
                producer.poll(0.1)

    if job["kind"] == "batch":
        def run(messages):
            results = module.handle_batch(context, [Event(message) for message in messages])
            for message, result in zip(messages, results):
                forward(message, result)
        most = job["batch"]
    elif job["kind"] == "async":
        loop = asyncio.new_event_loop()
        handle_event = module.handle_event

        async def run_all(messages):
            return await asyncio.gather(
                *[handle_event(context, message.value()) for message in messages])

        def run(messages):
            for message, result in zip(messages, loop.run_until_complete(run_all(messages))):
                forward(message, result)
        most = job["concurrency"]
    else:
        handle_event = module.handle_event

        def run(messages):
            for message in messages:
                forward(message, handle_event(context, message.value()))
        most = 1000

    def commit():
        if producer.flush(30) > 0 or failures:
            raise KafkaException(failures[0] if failures else "not all was delivered")
        consumer.commit(asynchronous=False)

    handled = 0
    due = time.monotonic() + COMMIT_SECONDS
    while running:
        first = consumer.poll(0.1)
        if first is not None:
            messages = [first] + consumer.consume(most - 1, 0)
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
            run(messages)
            handled += len(messages)
        producer.poll(0)
        if handled > 0 and time.monotonic() >= due:
            commit()
            handled = 0
            due = time.monotonic() + COMMIT_SECONDS
    if handled > 0:
        commit()
    consumer.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
