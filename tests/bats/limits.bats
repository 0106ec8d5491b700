#!/usr/bin/env bats
# The limits of lib/frame/limits.h, each through all stages: one less and just so pass, one more fails
# where it is first seen, and neither a worker nor source or sink is ever restarted for it.

load helpers

LIMIT=240

setup() {
    common_setup
    printf 'def handle_event(context, data):\n    return data\n' >handler.py
}

# config SOURCE SINK [line ...]: sections in YAML's short form
config() {
    printf '%s\n' "source: $1" "sink: $2" "${@:3}" >config.yaml
}

kafka_config() { # kafka_config IN OUT [line ...]
    config "{kind: kafka, brokers: [$BROKERS], topics: [$1], offset: earliest, consumerGroup: g-$RANDOM$RANDOM}" \
        "{kind: kafka, brokers: [$BROKERS], topic: $2}" "${@:3}"
}

frames() {
    python3 "$ROOT/tests/frames.py" "$@"
}

produce() { # produce TOPIC RECORD ...
    python3 "$ROOT/tests/kafka/produce.py" "$BROKERS" "$@"
}

# fields FILTER: a line a frame of type record on standard input; FILTER is a Python expression of `r`,
# the frame, and `h`, its headers.
fields() {
    python3 -c '
import sys
sys.path.insert(0, sys.argv[2])
import frames
for r in frames.read(sys.stdin.buffer):
    if r.type == "record":
        h = {name.decode(): value for name, value in r.headers}
        print(eval(sys.argv[1]))' "$1" "$ROOT/tests"
}

topic() { # topic NAME FILTER
    printf 'source: {kind: kafka, brokers: [%s], topics: [%s], offset: earliest, consumerGroup: look-%s}\nsink: {kind: frames}\nmaxRecordSize: 256MiB\n' \
        "$BROKERS" "$1" "$RANDOM$RANDOM" >look.yaml
    bruco-source -q -e -c look.yaml | fields "$2"
}

no_restart() {
    equals "$(grep -cE 'restart|bad frame|starting anew' stderr)" 0
}

# ---- without Kafka

@test "outputs of a batch: 31 and 60 MiB, and all of 64 MiB behind all that a mark may hold" {
    cat >handler.py <<'PY'
def outputs(count):
    for _ in range(count):
        yield bytes((1 << 20) - 64 - 5) # with "stdin", the topic, a frame of 1 MiB
def handle_batch(context, events):
    return [outputs(int(event.data)) for event in events]
PY
    config '{kind: lines}' '{kind: frames}' 'processor: {batch: {size: 10, wait: 1s}}'
    run_x 0 bruco -c config.yaml < <(printf '31\n60\n16\n64\n')
    no_restart
    equals "$(fields 'r.seq' <stdout | sort -n | uniq -c | tr -s ' \n' ' ')" " 31 1 60 2 16 3 64 4 "
    rm -f stdout
    config '{kind: lines}' '{kind: frames}' 'processor: {batch: {size: 10, wait: 1s}, onFailure: skip, retry: {attempts: 1}}'
    run_x 0 bruco -c config.yaml < <(printf '16\n65\n')
    contains "$stderr" "outputs[64]: with it the outputs of one input are more than 64 MiB together"
    no_restart
    equals "$(fields 'r.seq' <stdout | sort -n | uniq -c | tr -s ' \n' ' ')" " 16 1 "
}

@test "maxRecordSize 100MiB: an output of that is delivered, returned, yielded and in a batch; one byte more is a failed event" {
    cat >handler.py <<'PY'
def outputs(size):
    yield b"x" * size
def handle_event(context, data):
    size = (100 << 20) - 64 + int(data.split()[1])
    return outputs(size) if data.startswith(b"yield") else b"x" * size
PY
    config '{kind: lines}' '{kind: frames}' 'maxRecordSize: 100MiB' \
        'processor: {onFailure: skip, retry: {attempts: 1}}'
    run_x 0 bruco -c config.yaml < <(printf 'return 0\nyield 0\nreturn 1\nyield 1\n')
    no_restart
    equals "$(fields 'r.seq, len(r.value)' <stdout)" "(1, 104857536)
(2, 104857536)"
    equals "$(grep -c 'bruco-sink: .* 104857601 bytes with key and headers are more than maxRecordSize, 104857600 ' stderr)" 2
    rm -f stdout
    printf 'def handle_batch(context, events):\n    return [b"x" * ((100 << 20) - 64)] * len(events)\n' >handler.py
    run_x 0 bruco -c config.yaml < <(printf '1\n2\n')
    no_restart
    equals "$(fields 'r.seq, len(r.value)' <stdout)" "(1, 104857536)
(2, 104857536)"
}

@test "the largest maxRecordSize: a record of it passes all stages, and one byte more fails at the source" {
    config '{kind: frames}' '{kind: frames}' 'maxRecordSize: 256MiB' 'processor: {onFailure: skip}'
    python3 - "$ROOT/tests" >in <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import frames
for more in (0, 1):
    sys.stdout.buffer.write(frames.record(1 + more, b"x" * ((256 << 20) - 64 + more), topic=""))
PY
    run_x 0 bruco -c config.yaml <in
    no_restart
    rm in
    equals "$(fields 'len(r.value)' <stdout)" 268435392
    contains "$stderr" "record of 268435457 bytes is larger than maxRecordSize, 268435456 bytes: its value is left out"
    sed -i 's/256MiB/268435457/' config.yaml
    run_x 78 bruco check -c config.yaml
    contains "$stderr" "maxRecordSize: expected a size from 4KiB to 256MiB"
}

@test "json: text of escapes as large as maxRecordSize allows" {
    config '{kind: json}' '{kind: frames}' 'maxRecordSize: 1MiB' 'processor: {onFailure: skip}'
    for more in 0 1; do
        python3 -c 'print("{\"value\": \"" + "\\u0001" * ((1 << 20) - 64 + '$more') + "\"}")'
    done >in
    run_x 0 bruco -c config.yaml <in
    equals "$(fields 'len(r.value)' <stdout)" 1048512
    contains "$stderr" "record of 1048577 bytes is larger than maxRecordSize, 1048576 bytes: its value is left out"
}

@test "json: 65,536 headers and one more" {
    config '{kind: json}' '{kind: frames}' 'processor: {onFailure: skip}'
    python3 - >in <<'PY'
import json
for count in (65535, 65536, 65537):
    print(json.dumps({"value": str(count), "headers": [["h", ""]] * count}))
PY
    run_x 0 bruco -c config.yaml <in
    no_restart
    equals "$(fields 'r.value, len(r.headers)' <stdout)" "(b'65535', 65535)
(b'65536', 65536)"
    contains "$stderr" "record with 65537 headers: 65536 is the most: its headers are left out"
}

@test "json: a timestamp before 1970 is a number, -1 is none, in both JSON kinds" {
    frames write 'record(1, b"a", timestamp=-2)' 'record(2, b"b", timestamp=-1)' 'record(3, b"c", timestamp=0)' >in
    bruco-sink -q json <in >lines
    equals "$(python3 -c 'import json; print(*(json.loads(l)["timestamp"] for l in open("lines")))')" "-2 None 0"
    equals "$(bruco-source -q json <lines | fields r.timestamp | paste -sd' ')" "-2 -1 0"
    run_x 0 bruco-worker -q --json <lines
    equals "$(python3 -c 'import json; print(*(json.loads(l)["timestamp"] for l in open("stdout")))')" "-2 None 0"
}

# ---- on Kafka

@test "headers: 65,536 pass, as a dead letter too, which is read again; more fail at the source" {
    real_broker
    new_topic 1; IN=$TOPIC
    new_topic 1; OUT=$TOPIC
    new_topic 1; DEAD=$TOPIC
    for count in 65535 65536 65537 70000 100000 100001; do
        produce "$IN" "record(b'$count', key=b'k', headers=[(b'h', b'')] * $count)"
    done
    produce "$IN" 'record(b"bad", headers=[(b"h", None)] * 65536)'
    printf 'def handle_event(context, data):\n    assert data != b"bad", "no good"\n    return data\n' >handler.py
    kafka_config "$IN" "$OUT" "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $DEAD}" \
        'processor: {onFailure: deadLetter, retry: {attempts: 1}}'
    run_x 0 bruco -e -c config.yaml
    no_restart
    equals "$(topic "$OUT" 'r.value.decode(), len(r.headers)')" "('65535', 65535)
('65536', 65536)"
    equals "$(topic "$DEAD" 'r.value.decode(), r.key, len(r.headers), h["bruco-error"].decode(), int(h["bruco-offset"])')" \
        "('65537', b'k', 6, 'record with 65537 headers: 65536 is the most: its headers are left out', 2)
('70000', b'k', 6, 'record with 70000 headers: 65536 is the most: its headers are left out', 3)
('100000', b'k', 6, 'record with 100000 headers: 65536 is the most: its headers are left out', 4)
('100001', b'k', 6, \"record with headers that can't be read: damaged, or more than 100000: its headers are left out\", 5)
('bad', None, 65543, 'AssertionError: no good', 6)"
    # The letters as input: the same handler fails again, and the letter has not grown.
    new_topic 1; AGAIN=$TOPIC
    kafka_config "$DEAD" "$OUT" "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $AGAIN}" \
        'processor: {onFailure: deadLetter, retry: {attempts: 1}}'
    run_x 0 bruco -e -c config.yaml
    no_restart
    equals "$(topic "$AGAIN" 'r.value, len(r.headers), h["bruco-error"], h["bruco-topic"].decode()')" \
        "(b'bad', 65543, b'AssertionError: no good', '$DEAD')"
    printf 'def handle_event(context, data):\n    return data\n' >handler.py # it was mended
    kafka_config "$AGAIN" "$OUT"
    run_x 0 bruco -e -c config.yaml
    equals "$(topic "$OUT" 'r.value.decode(), len(r.headers)' | tail -1)" "('bad', 65543)"
}

@test "a header's name with a NUL byte is not cut: the record fails at the source, an output at the sink" {
    real_broker
    new_topic 1; IN=$TOPIC
    new_topic 1; OUT=$TOPIC
    new_topic 1; DEAD=$TOPIC
    produce "$IN" 'record(b"1", headers=[(b"a", None), (b"a", b""), (b"", None), (b"", b"1")])' \
        'record(b"2", headers=[(b"a\0b", b"1")])' 'record(b"3", headers=[(b"a\0b", None)])' \
        'record(b"4", headers=[(b"a", None), (b"a\0b", None)])' \
        'record(b"5", headers=[(b"\0", b"")])' 'record(b"out")'
    printf 'import bruco\ndef handle_event(context, data):\n    return bruco.Message(data, headers=[("c", "1"), ("a\\0b", "2")]) if data == b"out" else data\n' >handler.py
    kafka_config "$IN" "$OUT" "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $DEAD}" \
        'processor: {onFailure: deadLetter}'
    run_x 0 bruco -e -c config.yaml
    equals "$(topic "$OUT" 'r.value, r.headers')" "(b'1', [(b'a', None), (b'a', b''), (b'', None), (b'', b'1')])"
    why="record with a NUL byte in a header's name, which Kafka's client can't hand over: its headers are left out"
    equals "$(topic "$DEAD" '(int(r.value), int(h["bruco-offset"]), h["bruco-error"].decode()) if r.value != b"out" else (r.headers[0], h["bruco-error"].decode())')" \
        "(2, 1, \"$why\")
(3, 2, \"$why\")
(4, 3, \"$why\")
(5, 4, \"$why\")
((b'c', b'1'), \"NUL byte in a header's name, which Kafka's client can't carry\")"
    contains "$stderr" "a dead letter lacks the headers with a NUL byte in their names"
    kafka_config "$IN" "$OUT"
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "error: ${why%: its*} ($IN[0]@1)"
}

@test "timestamps: none, 0 and before 1970; 0 is sent as 1, and said so once" {
    real_broker
    new_topic 1; IN=$TOPIC
    new_topic 1; OUT=$TOPIC
    produce "$IN" 'record(b"0", timestamp=0)' 'record(b"1", timestamp=1)' 'record(b"-2", timestamp=-2)' \
        'record(b"-62135596800000", timestamp=-62135596800000)' 'record(b"0", timestamp=0)'
    kafka_config "$IN" "$OUT"
    run_x 0 bruco -e -c config.yaml
    equals "$(topic "$IN" 'int(r.value) == r.timestamp' | sort | uniq -c | tr -d ' ')" 5True
    equals "$(topic "$OUT" 'int(r.value), r.timestamp' | paste -sd' ')" \
        "(0, 1) (1, 1) (-2, -2) (-62135596800000, -62135596800000) (0, 1)"
    equals "$(grep -c 'records with timestamp 0 are sent with timestamp 1' stderr)" 1
    produce "$IN" 'record(b"none", timestamp=-1)'
    kafka_config "$IN" "$OUT"
    run_x 0 bruco -e -c config.yaml
    equals "$(topic "$OUT" 'r.timestamp > 1700000000000' | tail -1)" True # the time of delivery
}

@test "maxRecordSize: a record of just that, as a dead letter too, which is read again; one byte more" {
    real_broker
    new_topic 1 max.message.bytes=2000000; IN=$TOPIC
    new_topic 1 max.message.bytes=2000000; OUT=$TOPIC
    new_topic 1 max.message.bytes=2000000; DEAD=$TOPIC
    AGAIN=$DEAD-with-a-longer-name
    kafka-offsets -b "$BROKERS" create "$AGAIN" 1 max.message.bytes=2000000
    room=$(((1 << 20) - 64))
    python3 - "$ROOT/tests" $((room - 1)) $room $((room + 1)) >in <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import frames
for number, size in enumerate(map(int, sys.argv[2:])):
    sys.stdout.buffer.write(frames.record(number + 1, b"%d" % number + b"x" * (size - 1)))
PY
    bruco-sink -q kafka -b "$BROKERS" -t "$IN" <in
    printf 'def handle_event(context, data):\n    assert not data.startswith(b"1"), "x" * 10000\n    return data\n' >handler.py
    kafka_config "$IN" "$OUT" "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $DEAD}" \
        'processor: {onFailure: deadLetter, retry: {attempts: 1}}' 'maxRecordSize: 1MiB'
    run_x 0 bruco -e -c config.yaml
    no_restart
    equals "$(topic "$OUT" 'len(r.value)')" $((room - 1))
    equals "$(topic "$DEAD" 'r.value and len(r.value), len(h["bruco-error"]) > 8000, int(h["bruco-offset"])')" \
        "($room, True, 1)
(None, False, 2)"
    produce "$DEAD" 'record(b"last")' # the letter without value is an event like any other
    kafka_config "$DEAD" "$OUT" "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $AGAIN}" \
        'processor: {onFailure: deadLetter, retry: {attempts: 1}}' 'maxRecordSize: 1MiB'
    run_x 0 bruco -e -c config.yaml
    equals "$(topic "$AGAIN" 'len(r.value), len(h["bruco-error"]) > 8000, h["bruco-topic"].decode()')" \
        "($room, True, '$DEAD')"
    printf 'def handle_event(context, data):\n    return data\n' >handler.py # it was mended
    kafka_config "$AGAIN" "$OUT" 'maxRecordSize: 1MiB'
    run_x 0 bruco -e -c config.yaml
    equals "$(topic "$OUT" 'len(r.value or b"")' | paste -sd' ')" "$((room - 1)) 0 4 $room"
}

@test "a record of 101 MB, and one of 200 MB in a small batch: received and delivered; failed where maxRecordSize is less" {
    real_broker
    new_topic 1 max.message.bytes=104000000; IN=$TOPIC
    new_topic 1 max.message.bytes=104000000; OUT=$TOPIC
    python3 - "$ROOT/tests" >in <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import frames
sys.stdout.buffer.write(frames.record(1, b"x" * 101000000) + frames.record(2, b"next"))
PY
    printf 'sink: {kind: kafka, brokers: [%s], topic: %s}\nmaxRecordSize: 256MiB\nsource: {kind: frames}\n' \
        "$BROKERS" "$IN" >fill.yaml
    bruco-sink -q -c fill.yaml <in
    python3 - "$ROOT/tests" >in <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import frames
sys.stdout.buffer.write(frames.record(1, b"x" * 200000000) + frames.record(2, b"last"))
PY
    sed -i "s/topic: $IN/&, properties: {compression.codec: zstd}/" fill.yaml
    bruco-sink -q -c fill.yaml <in
    rm in
    kafka_config "$IN" "$OUT" 'maxRecordSize: 256MiB'
    sed -i "s/topic: $OUT/&, properties: {compression.codec: zstd}/" config.yaml
    run_x 0 bruco -e -c config.yaml
    no_restart
    equals "$(topic "$OUT" 'len(r.value)' | paste -sd' ')" "101000000 4 200000000 4"
    kafka_config "$IN" "$OUT" 'processor: {onFailure: skip}'
    run_x 0 bruco -e -c config.yaml
    no_restart
    equals "$(grep -cE 'event failed: record of (101|200)[0-9]* bytes is larger than maxRecordSize, 16777216 bytes' stderr)" 2
    equals "$(topic "$OUT" 'len(r.value)' | paste -sd' ')" "101000000 4 200000000 4 4 4"
}
