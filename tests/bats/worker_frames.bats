# bruco-worker by hand: records in and out, as frames, lines and JSON.

load helpers
load worker

# ---- records

@test "a record comes out byte for byte: key, headers in order, timestamp, place, null and empty" {
    identity
    frames write \
        'record(1, b"value", key=b"\xff\x00", topic="orders", partition=3, offset=1234, timestamp=1,
             headers=[(b"a", b"1"), (b"a", None), (b"", b""), (b"b", b"\xfe")])' \
        'record(2, None, key=None)' 'record(3, b"", key=b"")' 'record(4, None, key=b"")' \
        'record(5, b"x" * 4096, topic="t" * 249, offset=2**63 - 1, timestamp=2**63 - 1,
             partition=2**31 - 1, attempt=65535)' >in
    run_x 0 bruco-worker <in
    same_bytes in stdout
}

@test "the handler gets null and empty as an empty bytearray of its own" {
    handler <<'END'
def handle_event(context, data):
    return f"{type(data).__name__} {bytes(data)!r}"
END
    frames write 'record(1, None)' 'record(2, b"")' 'record(3, b"\0a")' >in
    run_x 0 bruco-worker <in
    equals "$(frames values <stdout)" "b\"bytearray b''\"
b\"bytearray b''\"
b\"bytearray b'\\\\x00a'\""
}

@test "data that the handler changes and returns goes out as it is now" {
    handler <<'END'
kept = []
def handle_event(context, data):
    kept.append(data)
    if data == b"grow":
        data.extend(b"!" * 100000)
    elif data == b"clear":
        del data[:]
    elif not data:
        data += b"from null"
    return data
END
    frames write 'record(1, b"grow")' 'record(2, b"clear")' 'record(3, None)' 'record(4, b"x")' >in
    run_x 0 bruco-worker <in
    equals "$(frames values <stdout)" "$(python3 -c 'print(b"grow" + b"!" * 100000)')
b''
b'from null'
b'x'"
}

@test "an input without output sends one empty frame that says so" {
    results 'None' 'b"x"'
    equals "$output" "empty
b'x'"
    equals "$(frames read <stdout | head -1)" "type='empty' flags=1 attempt=0 seq=1"
}

@test "outputs carry their input's number, key and the flag of the last" {
    handler <<'END'
def handle_event(context, data):
    return b"out"
END
    frames write 'record(77, b"in", key=b"k", topic="t", flags=0, attempt=2)' >in
    run_x 0 bruco-worker <in
    contains "$(frames read <stdout)" "type='record' flags=1 attempt=2 seq=77 topic='t'"
    contains "$(frames read <stdout)" "key=b'k' headers=[] value=b'out'"
}

@test "frames that are not run are passed on: failed, empty, end" {
    handler <<'END'
def handle_event(context, data):
    return b"run"
END
    frames write 'failed(1, b"bad", headers=[(b"bruco-error", b"x")], flags=0)' 'empty(2)' \
        'empty(5, 3)' 'end(5)' 'record(1, b"more")' >in
    run_x 0 bruco-worker <in
    equals "$(frames read <stdout | cut -d' ' -f1,2,4)" "type='failed' flags=1 seq=1
type='empty' flags=1 seq=2
type='empty' flags=1 seq=5
type='end' flags=0 seq=5
type='record' flags=1 seq=1"
    equals "$(frames values <stdout | tail -1)" "b'run'"
}

@test "10,000 headers pass" {
    identity
    frames write 'record(1, b"v", headers=[(b"h%d" % i, b"%d" % i) for i in range(10000)])' >in
    run_x 0 bruco-worker <in
    same_bytes in stdout
}

@test "big records pass, up to the cap; one byte more is refused by its place" {
    identity
    frames write 'record(1, b"a" * 65537)' 'record(2, b"b" * (1 << 20))' \
        'record(3, b"c" * ((16 << 20) - 64))' 'record(4, b"d")' >in
    run_x 0 bruco-worker <in
    same_bytes in stdout
    frames write 'record(1, b"x")' 'record(2, b"c" * ((16 << 20) - 63))' >in
    run_x 65 bruco-worker <in
    contains "$stderr" "byte 65 of the input: record is larger than maxRecordSize"
    equals "$(frames values <stdout)" "b'x'"
}

@test "frames that arrive byte by byte" {
    identity
    frames write 'record(1, b"one", key=b"k", headers=[(b"a", b"b")])' 'record(2, None)' 'end(2)' >in
    run_x 0 bruco-worker < <(python3 -c '
import os
for byte in open("in", "rb").read():
    os.write(1, bytes([byte]))')
    same_bytes in stdout
}

@test "an input cut inside a frame is truncated, status 65; what came before comes out" {
    identity
    frames write 'record(1, b"one")' >first
    frames write 'record(1, b"one")' 'record(2, b"two", key=b"k", headers=[(b"a", b"b")])' >in
    local size cut
    size=$(stat -c %s in)
    for ((cut = $(stat -c %s first) + 1; cut < size; cut += 7)); do
        head -c "$cut" in >part
        run_x 65 bruco-worker <part
        contains "$stderr" "error: byte 67 of the input: truncated"
        same_bytes first stdout
    done
}

@test "what is no frame is refused with its place and the reason, status 65" {
    identity
    frames write 'record(1, b"one")' >first
    local text why
    while IFS='|' read -r text why; do
        frames write 'record(1, b"one")' "$text" >in
        run_x 65 bruco-worker <in
        contains "$stderr" "error: byte 67 of the input: $why"
        same_bytes first stdout
    done <<'END'
b"hello, I am a line of text\n"|not a frame (wrong magic)
b"Br" + bytes([2]) + record(1, b"")[3:]|unknown frame version
record(1, b"")[:8] + b"\xff" + record(1, b"")[9:]|damaged frame header (wrong check)
frame(9, 0, 0, 1, b"")|unknown frame type
frame(1, 0, 0, 1, b"")|frame length is too small
frame(1, 0, 0, 1, b"\xff" * 40)|topic name is too long
frame(1, 0, 0, 1, RECORD.pack(0, 0, 0, 0, -2, 0, 0, 0))|negative length
frame(1, 0, 0, 1, RECORD.pack(0, 0, 0, 0, 0, 1, 0, 0))|lengths in the frame don't add up
frame(1, 0, 0, 1, RECORD.pack(0, 0, 0, 0, 0, 0, 1, 0))|lengths of the headers don't add up
END
}

# ---- processes, threads, signals

@test "outputs leave as soon as the input runs empty" {
    identity
    mkfifo in
    start_x worker sh -c 'exec bruco-worker --lines <in'
    exec 9>in
    echo one >&9
    wait_for 10 lines_in worker.out 1
    echo two >&9
    wait_for 10 lines_in worker.out 2
    exec 9>&-
    wait_x worker 0 10
    equals "$(<worker.out)" "one
two"
}

@test "an output does not wait for a slow event behind it" {
    handler <<'END'
import os, time
def handle_event(context, data):
    if data == b"1":
        time.sleep(0.05)
    while data == b"2" and not os.path.exists("go"):
        time.sleep(0.01)
    return data
END
    printf '1\n2\n' >in
    start_x worker sh -c 'exec bruco-worker --lines <in'
    wait_for 10 lines_in worker.out 1
    equals "$(<worker.out)" 1
    touch go
    wait_x worker 0 10
    equals "$(<worker.out)" "1
2"
}

# ---- lines and JSON

@test "--lines: values are lines, the last may lack its newline" {
    handler <<'END'
def handle_event(context, data):
    return None if data == b"drop" else b"<" + data + b">"
END
    run_x 0 bruco-worker --lines < <(printf 'a\n\ndrop\n\xff\r\nlast')
    printf '<a>\n<>\n<\xff\r>\n<last>\n' >want
    same_bytes want stdout
    run_x 0 bruco-worker --lines </dev/null
    [[ ! -s stdout ]]
    run_x 0 bruco-worker --lines < <(head -c 3000000 /dev/zero | tr '\0' x)
    equals "$(stat -c %s stdout)" 3000003
}

@test "--json: records in and out, nothing changed" {
    identity
    cat >in <<'END'
{"topic": "orders", "partition": 3, "offset": 12, "timestamp": 1767225600000, "key": "k", "value": "é", "headers": [["a", "1"], ["a", null], ["", {"base64": "/w=="}]]}
{"topic": null, "partition": null, "offset": null, "timestamp": null, "key": null, "value": null, "headers": []}
{"topic": null, "partition": 0, "offset": 0, "timestamp": 0, "key": "", "value": "", "headers": []}
{"topic": null, "partition": null, "offset": null, "timestamp": null, "key": {"base64": "/wA="}, "value": "a\nb\"\u0000", "headers": [[{"base64": "/w=="}, ""]]}
END
    run_x 0 bruco-worker --json <in
    same_bytes in stdout
    run_x 0 bruco-worker --json < <(echo '{"value": "only"}')
    equals "$output" '{"topic": null, "partition": null, "offset": null, "timestamp": null, "key": null, "value": "only", "headers": []}'
}

@test "--json: what is no record is refused with its line, status 65" {
    identity
    local text why
    while IFS='|' read -r text why; do
        run_x 65 bruco-worker --json < <(printf '{"value": "first"}\n%s\n' "$text")
        equals "${#lines[@]}" 1
        contains "$stderr" "error: line 2 of the input: $why"
    done <<'END'
{"value": |not JSON: unexpected token near end of file (column 10)
[1]|not a JSON object
{"kez": 1}|unknown key 'kez'
{"value": "a", "value": "b"}|not JSON: duplicate object key near '"value"' (column 22)
{"value": 1}|'value' is not text, {"base64": ...} or null
{"key": {"base64": "!"}}|'key' is not valid base64
{"partition": 2147483648}|'partition' is not a whole number
{"offset": true}|'offset' is not a whole number
{"headers": [["a"]]}|'headers' is not a list of pairs
{"value": "\ud800"}|not JSON: invalid Unicode '\uD800'
END
}

# ---- what the pages show

@test "the reader that bruco-frame(5) shows reads what the worker writes" {
    identity
    frames write 'record(1, b"one", key=b"k", topic="t", headers=[(b"a", None), (b"b", b"2")])' \
        'record(2, None)' 'empty(3)' 'end(3)' >in
    run_x 0 bruco-worker <in
    sed -n '/^\.\\" reader begins/,/^\.\\" reader ends/p' "$ROOT/man/bruco-frame.5" |
        grep -v '^\.' | sed 's/\\e/\\/g' >reader.py
    [[ -s reader.py ]]
    mv stdout capture
    run_x 0 python3 reader.py <capture
    equals "$output" "1 1 1 t b'k' [(b'a', None), (b'b', b'2')] b'one'
1 1 2  None [] None
2 1 3
4 0 3"
    head -c -1 capture >cut
    run_x 1 python3 reader.py <cut
}

@test "a slow event does not hold back what earlier ones gave" {
    cat >handler.py <<'PY'
import os, time

def handle_event(context, data):
    if data == b"slow":
        while not os.path.exists("go"):
            time.sleep(0.01)
    return data
PY
    start_x worker bash -c 'printf "a\nslow\n" | bruco-worker --lines -m handler'
    wait_for 10 lines_in worker.out 1
    equals "$(<worker.out)" a
    touch go
    wait_x worker 0
    equals "$(<worker.out)" $'a\nslow'
}

@test "what a handler has routed is an input again: of a source, and of bruco test" {
    handler <<'END'
from bruco import Message

def handle_event(context, data):
    return Message(data, topic="b")
END
    echo '{"topic": "a", "partition": 1, "offset": 3, "value": "x"}' >in
    bruco-source json <in | bruco-worker >routed.frames
    bruco-source frames <routed.frames >again
    run_x 0 bruco-worker <again
    contains "$(frames values <stdout)" "b'x'"
    cat >config.yaml <<'END'
processor: {handlerPath: .}
source: {kind: lines}
sink: {kind: json}
END
    run_x 0 bruco test --update -c config.yaml routed.frames
    equals "$(<routed.expected.json)" '{"topic": "b", "value": "x"}'
}
