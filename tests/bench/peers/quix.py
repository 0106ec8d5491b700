"""The same work with Quix Streams. Runs until SIGTERM.

The one argument is the job, as JSON: see Job in contender.py.
"""
import importlib
import json
import sys
import types

from quixstreams import Application


def main(job):
    sys.path.insert(0, job["handlers"])
    handle_event = importlib.import_module(job["handler"]).handle_event
    context = types.SimpleNamespace()
    consumer = {"socket.nagle.disable": True}
    consumer.update(job["options"]["consumer"])
    app = Application(
        broker_address=job["brokers"],
        consumer_group=job["group"],
        auto_offset_reset="earliest",
        commit_interval=job["options"].get("commit_ms", 1000) / 1000,
        processing_guarantee=job["options"].get("guarantee", "at-least-once"),
        auto_create_topics=False,
        state_dir=job["folder"] + "/state",
        loglevel="WARNING",
        consumer_extra_config=consumer,
        producer_extra_config={
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": job["linger_ms"],
            "queue.buffering.max.messages": 1000000,
            "socket.nagle.disable": True,
        })
    source = app.topic(job["input"], key_deserializer="bytes", value_deserializer="bytes")
    target = app.topic(job["output"], key_serializer="bytes", value_serializer="bytes")
    frame = app.dataframe(source)
    frame.apply(lambda value: handle_event(context, value)).to_topic(target)
    app.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
