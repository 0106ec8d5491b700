# What a handler sees of an event, and what becomes of its result.

load helpers

# handler <<'EOF' ...: the handler of this test
handler() {
    cat >"${1:-handler.py}"
}

frames() {
    python3 "$ROOT/tests/frames.py" "$@"
}

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
