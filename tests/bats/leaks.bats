#!/usr/bin/env bats
# No way in which a handler may give its result leaves memory behind: 50,000 events of each,
# EVENTS=1000000 by hand. With a debug build of Python, `make PYTHON=/usr/bin/python3-dbg BUILD=...`,
# references are counted too.

load helpers

: "${EVENTS:=50000}"
LIMIT=300

setup() {
    common_setup
    cat >handler.py <<'PY'
import asyncio, dataclasses, datetime, decimal, enum, inspect, os, sys, uuid

from bruco import Failed, Message

KIND = os.environ["KIND"]
EVENTS = int(os.environ["EVENTS"])
PAGE = os.sysconf("SC_PAGESIZE")

class Colour(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Point:
    x: int
    y: int

def memory():
    with open("/proc/self/statm") as statm:
        resident = int(statm.read().split()[1]) * PAGE
    references = sys.gettotalrefcount() if hasattr(sys, "gettotalrefcount") else 0
    return resident >> 10, sys.getallocatedblocks(), references

def init_context(context):
    context.calls = 0
    context.before = None

def count(context, events=1):
    """Compares the memory after a fifth of the events with that at the end."""
    context.calls += events
    if context.before is None and context.calls >= EVENTS // 5:
        context.before = memory()
    if context.calls >= EVENTS:
        more = [now - then for now, then in zip(memory(), context.before)]
        context.logger.info("more: %d KiB, %d blocks, %d references", *more)

def none(context, data): return None
def data(context, data): return data
def changed(context, data):
    data += b"!" * 100
    return data
def bytes_(context, data): return bytes(data)
def view(context, data): return memoryview(data)
def gaps(context, data): return memoryview(data)[::2]
def text(context, data): return "é" + data.decode()
def json(context, data): return {"a": [1, 2.5, None, True, data.decode()], "é": {}}
def objects(context, data):
    return [Colour.RED, decimal.Decimal("1.5"), Point(1, 2), uuid.UUID(int=7),
        datetime.datetime(2026, 1, 31, tzinfo=datetime.timezone.utc)]
def message(context, data):
    return Message({"v": data.decode()}, key=data.decode(), headers=[("a", b"1"), ("b", None)])
def tombstone(context, data): return Message(None, key=b"k")
def response(context, data):
    return context.response({"k": 1}, {"v": data.decode()}, content_type="application/json")
def generator(context, data):
    yield data
    yield "two"
    yield Message(b"three", key="3")
def empty_generator(context, data):
    return
    yield
def event(context, data):
    event = context.event
    context.kept = [event, event.key, event.value, event.headers, list(event.headers.items()),
        event.timestamp, event.timestamp_ms, event.topic, event.partition, event.offset, event.attempt]
    return data
def unread(context, data):
    context.kept = context.event
    return data
def raising(context, data): raise ValueError("no")
def unusable(context, data): return {1, 2}
def half_generator(context, data):
    yield data
    raise ValueError("no")
def logging(context, data):
    context.logger.debug("not shown")
    return data
def large(context, data): return bytes(50000)

async def asynchronous(context, data): return data
async def awaiting(context, data):
    await asyncio.sleep(0)
    return data
async def child_task(context, data): return await asyncio.create_task(awaiting(context, data))
async def async_generator(context, data):
    yield data
    await asyncio.sleep(0)
    yield "two"
async def async_raising(context, data):
    await asyncio.sleep(0)
    raise ValueError("no")
async def late(context, data): await asyncio.sleep(1000)
def batch(context, events): return [event.data for event in events]
def batch_messages(context, events): return (Message(event.data, key=event.key) for event in events)
def batch_failed(context, events): return [Failed(ValueError("no")) for event in events]
async def batch_awaiting(context, events):
    return await asyncio.gather(*(awaiting(context, event.data) for event in events))

call = globals()[{"bytes": "bytes_"}.get(KIND, KIND)]

if KIND.startswith("batch"):
    if inspect.iscoroutinefunction(call):
        async def handle_batch(context, events):
            count(context, len(events))
            return await call(context, events)
    else:
        def handle_batch(context, events):
            count(context, len(events))
            return call(context, events)
elif inspect.isasyncgenfunction(call):
    async def handle_event(context, data):
        count(context)
        async for result in call(context, data): yield result
elif inspect.iscoroutinefunction(call):
    async def handle_event(context, data):
        count(context)
        return await call(context, data)
else:
    def handle_event(context, data):
        count(context)
        return call(context, data)
PY
    processor
}

processor() { # processor [LINE ...]: what the section has besides
    printf '%s\n' processor: '  retry: {attempts: 1}' '  onFailure: skip' "${@/#/  }" \
        'source: {kind: lines}' >config.yaml
}

# flat KIND [EVENTS]: what is kept from a fifth of the events to the last one is nothing.
flat() {
    local kib blocks references failed
    KIND=$1 EVENTS=${2:-$EVENTS} run_x 0 sh -c \
        'set -e; bruco check -q -c config.yaml; seq "$EVENTS" | bruco-source -q lines | bruco-worker -c config.yaml | wc -c'
    failed=$(grep -c ' error: ' stderr || true)
    equals "$failed" "${2:-0}" # all of those that are to fail, no other
    read -r kib blocks references < <(sed -nE 's/.*more: (-?[0-9]+) KiB, (-?[0-9]+) blocks, (-?[0-9]+) .*/\1 \2 \3/p' stderr)
    echo "$1: $kib KiB, $blocks blocks, $references references more"
    # A leak of one object an event would be thousands; 64 calls that are in flight have hundreds.
    ((kib < 4096 && blocks < 1500 && references < 2000))
}

@test "none, the data, bytes, views, text, JSON and its objects" {
    local kind
    for kind in none data changed bytes view gaps text json objects; do
        flat "$kind"
    done
}

@test "Message and context.response" {
    flat message
    flat tombstone
    flat response
}

@test "generators, also those that give nothing or fail" {
    flat generator
    flat empty_generator
    flat half_generator $((EVENTS / 10))
}

@test "context.event, read and kept" {
    flat event
    flat unread
}

@test "events that fail and are skipped" {
    flat raising $((EVENTS / 10))
    flat unusable $((EVENTS / 10))
}

@test "large results; log calls that show nothing" {
    flat large
    flat logging
}

@test "async functions, with and without waiting, that give several or fail" {
    local concurrency
    for concurrency in 1 64; do
        processor "concurrency: $concurrency"
        flat asynchronous
        flat awaiting
    done
    flat child_task
    flat async_generator
    flat async_raising $((EVENTS / 10))
    processor 'concurrency: 64' 'timeout: 1ms'
    flat late $((EVENTS / 10))
}

@test "batches, of plain and async functions" {
    processor 'batch: {size: 500}'
    flat batch
    flat batch_messages
    flat batch_awaiting
    flat batch_failed $((EVENTS / 10))
}
