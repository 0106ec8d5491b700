"""The same work with faust-streaming. Runs until SIGTERM.

The one argument is the job, as JSON: see Job in contender.py. Faust's producer is not idempotent
unless it works in transactions; all else is set as for the others.
"""
import importlib
import json
import sys
import types

import faust

job = json.loads(sys.argv[1])
sys.path.insert(0, job["handlers"])
module = importlib.import_module(job["handler"])
context = types.SimpleNamespace()
app = faust.App(
    job["group"],
    broker="kafka://" + job["brokers"],
    store="memory://",
    datadir=job["folder"] + "/faust",
    web_enabled=False,
    topic_disable_leader=True,
    topic_allow_declare=False,
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=1.0,
    producer_acks=-1,
    producer_linger=job["linger_ms"] / 1000,
    producer_max_batch_size=1000000,
    stream_wait_empty=False)
source = app.topic(job["input"], key_serializer="raw", value_serializer="raw")
target = app.topic(job["output"], key_serializer="raw", value_serializer="raw")


class Event:
    """What a batch handler gets for each record."""

    __slots__ = ("data", "key", "headers")

    def __init__(self, event):
        self.data = event.value
        self.key = event.key
        self.headers = event.headers


if job["kind"] == "batch":
    @app.agent(source)
    async def work(stream):
        async for events in stream.take_events(job["batch"], within=0.05):
            batch = [Event(event) for event in events]
            for event, result in zip(batch, module.handle_batch(context, batch)):
                await target.send(key=event.key, value=result, headers=event.headers)
elif job["kind"] == "async":
    @app.agent(source, concurrency=job["concurrency"])
    async def work(stream):
        async for event in stream.events():
            result = await module.handle_event(context, event.value)
            await target.send(key=event.key, value=result, headers=event.headers)
else:
    @app.agent(source)
    async def work(stream):
        handle_event = module.handle_event
        async for event in stream.events():
            await target.send(key=event.key, value=handle_event(context, event.value),
                              headers=event.headers)


if __name__ == "__main__":
    sys.argv[1:] = ["worker", "--loglevel", "warn", "--without-web"]
    app.main()
