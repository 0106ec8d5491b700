# What a handler sees of an event, and what becomes of its result.

load helpers
load worker

# ---- the event

@test "context.event has every field of the record; what is not there is None" {
    handler <<'END'
NAMES = ("key", "value", "data", "headers", "timestamp", "timestamp_ms", "topic", "partition",
         "offset", "attempt")

def init_context(context):
    assert context.event is None

def handle_event(context, data):
    event = context.event
    assert event is context.event and event.data is data
    for name in NAMES:
        assert getattr(event, name) == getattr(event, name)
    try:
        event.key = b"other"
    except AttributeError:
        pass
    return "\n".join(f"{name} {getattr(event, name)!r}" for name in NAMES) + f"\n{event!r}"
END
    frames write \
        'record(1, b"v", key=b"\xff", topic="orders", partition=3, offset=2**63 - 1, attempt=2,
             timestamp=1767225600123, headers=[(b"a", b"1"), (b"\xfe", None), (b"a", b"2")])' \
        'record(2, None)' 'record(3, b"", key=b"", timestamp=0, topic="t", partition=0, offset=0)' \
        'record(4, b"", timestamp=253402300799999)' >in
    run_x 0 bruco-worker <in
    equals "$(frames values <stdout | sed 's/^b.\(.*\).$/\1/; s/\\\\/\\/g; s/\\n/\n/g')" \
"key b'\\xff'
value b'v'
data bytearray(b'v')
headers Headers([('a', b'1'), ('\\udcfe', None), ('a', b'2')])
timestamp datetime.datetime(2026, 1, 1, 0, 0, 0, 123000, tzinfo=datetime.timezone.utc)
timestamp_ms 1767225600123
topic 'orders'
partition 3
offset 9223372036854775807
attempt 3
<bruco.Event orders[3]@9223372036854775807>
key None
value None
data bytearray(b'')
headers Headers([])
timestamp None
timestamp_ms None
topic None
partition None
offset None
attempt 1
<bruco.Event>
key b''
value b''
data bytearray(b'')
headers Headers([])
timestamp datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
timestamp_ms 0
topic 't'
partition 0
offset 0
attempt 1
<bruco.Event t[0]@0>
key None
value b''
data bytearray(b'')
headers Headers([])
timestamp datetime.datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=datetime.timezone.utc)
timestamp_ms 253402300799999
topic None
partition None
offset None
attempt 1
<bruco.Event>"
}

@test "headers: the last of a name, all of it, and all in order" {
    handler <<'END'
import bruco

def handle_event(context, data):
    headers = context.event.headers
    assert isinstance(headers, bruco.Headers)
    assert headers["a"] == b"2" and headers.get("b") is None and headers.get("c", 3) == 3
    assert headers.getall("a") == [b"1", b"2"] and headers.getall("c") == []
    pairs = [("a", b"1"), ("b", None), ("a", b"2")]
    assert list(headers.items()) == pairs and ("b", None) in headers.items()
    assert list(headers) == list(headers.keys()) == ["a", "b", "a"] and len(headers) == 3
    assert list(headers.values()) == [b"1", None, b"2"]
    assert "a" in headers and "A" not in headers and dict(headers) == {"a": b"2", "b": None}
    assert headers == bruco.Headers(pairs) != bruco.Headers(dict(pairs)) == dict(pairs)
    try:
        headers["c"]
    except KeyError as error:
        return f"no {error}"
END
    frames write 'record(1, b"", headers=[(b"a", b"1"), (b"b", None), (b"a", b"2")])' >in
    run_x 0 bruco-worker <in
    equals "$(frames values <stdout)" "b\"no 'c'\""
}

@test "an event that the handler keeps stays what it was, whatever comes after it" {
    handler <<'END'
import threading

kept = []
go = threading.Event()
seen = []

def look(event):
    go.wait()
    seen.append((event.key, event.value, list(event.headers.items())))

def handle_event(context, data):
    event = context.event
    if len(kept) % 2:
        assert event.headers and event.key # read before and after
    thread = threading.Thread(target=look, args=[event])
    thread.start()
    kept.append((event, thread, bytes(data)))
    if data.startswith(b"last"):
        go.set()
        for event, thread, value in kept:
            thread.join()
            assert event.value == value == event.headers["v"] and event.data == value
            assert int(event.key) == event.offset == int(value.split()[1])
        assert sorted(seen) == sorted((e.key, e.value, list(e.headers.items())) for e, _, _ in kept)
        return "all as they were"
END
    python3 - >in <<END
import sys
sys.path.insert(0, "$ROOT/tests")
import frames
for i in range(1, 201):
    value = b"%s %d %s" % (b"last" if i == 200 else b"some", i, b"x" * i * 30)
    sys.stdout.buffer.write(frames.record(i, value, key=b"%d" % i, topic="t", partition=0,
                                          offset=i, headers=[(b"v", value)]))
END
    run_x 0 bruco-worker <in
    equals "$(frames values <stdout | grep -v '^empty')" "b'all as they were'"
}

@test "each attempt has its number, the one in the log lines" {
    handler <<'END'
def handle_event(context, data):
    if context.event.attempt < 3:
        raise ValueError(f"this is {context.event.attempt}")
    return f"done at {context.event.attempt}"
END
    cat >config.yaml <<'END'
processor: {retry: {attempts: 3, backoff: 1ms}}
END
    run_x 0 bruco-worker --lines -c config.yaml <<<x
    equals "$output" "done at 3"
    contains "$stderr" "ValueError: this is 1 (record 1, attempt 1, "
    contains "$stderr" "ValueError: this is 2 (record 1, attempt 2, "
}

# ---- results

@test "each kind of result is the same in the worker and in bruco.testing, byte for byte" {
    local corpus=$ROOT/tests/corpus python
    handler <<'END'
import sys
def handle_event(context, data):
    return sys.executable
END
    run_x 0 bruco-worker --lines <<<""
    python=$output
    cat >config.yaml <<END
maxRecordSize: 64KiB
processor: {handlerPath: $corpus, retry: {attempts: 1}, onFailure: skip}
END
    export PYTHONDONTWRITEBYTECODE=1
    "$python" "$corpus/compare.py" frames >in
    run_x 0 bruco-worker -q -c config.yaml <in
    mv stdout out
    run_x 0 "$python" "$corpus/compare.py" out
    contains "$output" " 0 different"
}

@test "a Message's parts, as JSON: what is given, the rest is the input's; where to" {
    handler <<'END'
from bruco import Message

def handle_event(context, data):
    return eval(data, {"Message": Message, "data": b"v"})
END
    local line='"topic":"in","partition":1,"offset":7,"timestamp":5,"key":"k","headers":[["a","1"]]'
    run_x 0 bruco-worker --json < <(printf "{\"value\":\"%s\",$line}\n" 'Message(data)' \
        "Message(data, key=None)" "Message(None, key='x')" "Message({'a': 1}, headers={'b': None})" \
        "Message(data, timestamp=6, headers=[])" "Message(data, topic='out')" \
        "Message(data, topic='out', partition=2)" "Message(data, partition=2)")
    equals "$output" '{"topic": "in", "partition": 1, "offset": 7, "timestamp": 5, "key": "k", "value": "v", "headers": [["a", "1"]]}
{"topic": "in", "partition": 1, "offset": 7, "timestamp": 5, "key": null, "value": "v", "headers": [["a", "1"]]}
{"topic": "in", "partition": 1, "offset": 7, "timestamp": 5, "key": "x", "value": null, "headers": [["a", "1"]]}
{"topic": "in", "partition": 1, "offset": 7, "timestamp": 5, "key": "k", "value": "{\"a\": 1}", "headers": [["b", null]]}
{"topic": "in", "partition": 1, "offset": 7, "timestamp": 6, "key": "k", "value": "v", "headers": []}
{"topic": "out", "partition": null, "offset": null, "timestamp": 5, "key": "k", "value": "v", "headers": [["a", "1"]]}
{"topic": "out", "partition": 2, "offset": null, "timestamp": 5, "key": "k", "value": "v", "headers": [["a", "1"]]}
{"topic": null, "partition": 2, "offset": null, "timestamp": 5, "key": "k", "value": "v", "headers": [["a", "1"]]}'
}

@test "a second worker keeps where the first one's message goes to" {
    handler first.py <<'END'
from bruco import Message
def handle_event(context, data):
    return Message(data, topic="out", partition=2)
END
    handler second.py <<'END'
def handle_event(context, data):
    return data.upper()
END
    frames write 'record(1, b"v", topic="in", partition=0, offset=5)' >in
    run_x 0 bash -c 'bruco-worker -m first <in | bruco-worker -m second >out'
    equals "$(frames read <out)" "type='record' flags=3 attempt=0 seq=1 topic='out' partition=2 offset=-1 timestamp=-1 key=None headers=[] value=b'V' origin=('in', 0, 5)"
}

@test "a generator's outputs: in order, one input's, the last one flagged; none is one empty frame" {
    handler <<'END'
def handle_event(context, data):
    for number in range(int(data)):
        yield f"{data.decode()}.{number}"
        yield None
END
    frames write 'record(1, b"3", key=b"k")' 'record(2, b"0")' 'record(3, b"1")' >in
    run_x 0 bruco-worker <in
    equals "$(frames read <stdout | sed 's/topic.*key/key/')" \
"type='record' flags=0 attempt=0 seq=1 key=b'k' headers=[] value=b'3.0'
type='record' flags=0 attempt=0 seq=1 key=b'k' headers=[] value=b'3.1'
type='record' flags=1 attempt=0 seq=1 key=b'k' headers=[] value=b'3.2'
type='empty' flags=1 attempt=0 seq=2
type='record' flags=1 attempt=0 seq=3 key=None headers=[] value=b'1.0'"
    run_x 0 bruco-worker --lines < <(printf '2\n0\n1\n')
    equals "$output" "2.0
2.1
1.0"
}

@test "a generator that fails gives nothing, also what it had yielded; its finally runs" {
    handler <<'END'
def handle_event(context, data):
    try:
        yield b"one"
        yield eval(data)
        yield b"three"
    finally:
        context.logger.info("finally")
END
    local text why
    while IFS='|' read -r text why; do
        run_x 1 bruco-worker --lines < <(printf '"2"\n%s\n' "$text")
        equals "$output" "one
2
three"
        contains "$stderr" "error: $why (record 2, attempt 1)"
        equals "$(grep -c finally stderr)" 2
    done <<'END'
1 / 0|handler raised ZeroDivisionError: division by zero
{1}|cannot use what the handler returned: TypeError: outputs[1]: a set has no form in JSON
{"a": [{1}]}|cannot use what the handler returned: TypeError: outputs[1]["a"][0]: a set has no form in JSON
b"x" * (16 << 20)|cannot use what the handler returned: ValueError: outputs[1]: 16777280 bytes with key and headers are more than maxRecordSize, 16777216
END
}

@test "a generator's outputs are capped at 64 MiB an input" {
    handler <<'END'
def handle_event(context, data):
    for _ in range(int(data)):
        yield bytes(1 << 20)
END
    run_x 1 bruco-worker --lines < <(printf '63\n64\n')
    equals "$(wc -l <stdout)" 63
    contains "$stderr" "ValueError: outputs[63]: with it the outputs of one input are more than 64 MiB together (record 2, attempt 1)"
}

@test "a generator is tried again as a whole" {
    handler <<'END'
def handle_event(context, data):
    yield f"{context.event.attempt}.1"
    if context.event.attempt < 3:
        raise ValueError("not yet")
    yield f"{context.event.attempt}.2"
END
    echo 'processor: {retry: {attempts: 3, backoff: 1ms}}' >config.yaml
    run_x 0 bruco-worker --lines -c config.yaml <<<x
    equals "$output" "3.1
3.2"
}

@test "a generator that forks: the child sends nothing, wherever it comes back" {
    handler <<'END'
import os

def handle_event(context, data):
    yield b"before"
    pid = os.fork()
    if pid == 0:
        if data == b"ends":
            return
        yield b"child"
        os._exit(7)
    yield b"status %d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
END
    run_x 0 bruco-worker --lines < <(printf 'yields\nends\n')
    equals "$output" "before
status 0
before
status 0"
}

@test "an output does not wait for a generator that is slow behind it" {
    handler <<'END'
import os
def handle_event(context, data):
    if data == b"slow":
        yield b"begun"
        while not os.path.exists("go"):
            context.event
    yield data
END
    printf 'quick\nslow\n' >in
    start_x worker sh -c 'exec bruco-worker --lines <in'
    wait_for 10 lines_in worker.out 1
    equals "$(<worker.out)" quick
    touch go
    wait_x worker 0 10
    equals "$(<worker.out)" "quick
begun
slow"
}

@test "processor.timeout covers a generator's body" {
    handler <<'END'
import time
def handle_event(context, data):
    yield b"one"
    if data == b"2":
        time.sleep(60)
    yield b"two"
END
    cat >config.yaml <<'END'
processor: {timeout: 300ms, onFailure: skip, retry: {attempts: 1}}
source: {kind: lines}
sink: {kind: lines}
END
    run_x 0 bruco -q -c config.yaml < <(seq 3)
    equals "$output" "one
two
one
two"
    contains "$stderr" "bruco.Timeout: no result within 300ms"
}

# ---- handlers of earlier versions

@test "a handler of earlier versions runs unchanged" {
    handler <<'END'
import json
import logging
import os


def init_context(context):
    context.logger.setLevel(logging.INFO)
    context.logger.info("init %s %s", context.worker_name, os.environ.get("GREETING"))
    context.count = 0


def handle_event(context, data):
    text = data.decode("utf-8")
    context.count += 1
    context.logger.info(f"event {context.count}: {text}")
    if text == "dict":
        return {"count": context.count, "text": text}
    if text == "str":
        return text * 2
    if text == "positional":
        return context.response(context.count, json.dumps({"n": 1}), "text/json")
    if text == "keywords":
        return context.response(key="k", data={"n": 1}, content_type="application/json")
    return context.response("default", text)
END
    cat >config.yaml <<'END'
processor: {env: [{name: GREETING, value: hello}]}
END
    run_x 0 bruco-worker --json -c config.yaml < <(
        printf '{"value":"%s","key":"in","headers":[["a","1"],["Content-Type","x/y"]]}\n' \
            dict str positional keywords other)
    equals "$(sed 's/.*"timestamp": null, //' stdout)" \
'"key": "in", "value": "{\"count\": 1, \"text\": \"dict\"}", "headers": [["a", "1"], ["Content-Type", "x/y"]]}
"key": "in", "value": "strstr", "headers": [["a", "1"], ["Content-Type", "x/y"]]}
"key": "3", "value": "{\"n\": 1}", "headers": [["a", "1"], ["content-type", "text/json"]]}
"key": "k", "value": "{\"n\": 1}", "headers": [["a", "1"], ["content-type", "application/json"]]}
"key": "default", "value": "other", "headers": [["a", "1"], ["content-type", "application/json"]]}'
    contains "$stderr" "info: init worker-0 hello"
    contains "$stderr" "info: event 5: other"
}

@test "text of a class that has its own encode() is text all the same" {
    handler <<'END'
from bruco import Message

class Text(str):
    def encode(self, *_):
        return b"not this"

def handle_event(context, data):
    return Message(Text("v"), key=Text("k"), topic=Text("t"), headers={Text("n"): Text("h")})
END
    run_x 0 bruco-worker --json <<<'{"value": "x"}'
    contains "$output" '"topic": "t"'
    contains "$output" '"key": "k", "value": "v", "headers": [["n", "h"]]'
}
