# bruco-worker by hand: frames, lines and JSON in and out, handlers of all kinds, every status.

load helpers

# handler <<'EOF' ...: the handler of this test
handler() {
    cat >"${1:-handler.py}"
}

frames() {
    python3 "$ROOT/tests/frames.py" "$@"
}

# results EXPRESSION ...: each is returned for one event; the output's values are in $output
results() {
    printf '%s\n' "$@" >expressions
    handler <<'END'
import dataclasses, datetime, decimal, enum, io, uuid

class Colour(enum.Enum):
    RED = "red"

class Level(enum.IntEnum):
    HIGH = 3

@dataclasses.dataclass
class Point:
    x: int
    when: object

def handle_event(context, data):
    return eval(data.decode(), globals(), {"data": data})
END
    python3 - "$@" >in <<END
import sys
sys.path.insert(0, "$ROOT/tests")
import frames
for seq, text in enumerate(sys.argv[1:], 1):
    sys.stdout.buffer.write(frames.record(seq, text.encode(), key=b"k", topic="t"))
END
    run_x 0 bruco-worker <in
    output=$(frames values <stdout)
}

identity() {
    handler <<'END'
def handle_event(context, data):
    return data
END
}

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

# ---- results

@test "results: bytes as they are, text as UTF-8" {
    results 'b"a\xff"' 'bytearray(b"b")' 'memoryview(b"c")' 'memoryview(b"d1e2")[::2]' '"é"' '""' \
        'b""' 'data' 'bytes(data)'
    equals "$output" "b'a\\xff'
b'b'
b'c'
b'de'
b'\\xc3\\xa9'
b''
b''
b'data'
b'bytes(data)'"
}

@test "results: everything else as JSON" {
    results '{"a": [1, 2.5, None, True, "é"]}' '0' 'False' '[]' '1e400 > 1' \
        'Point(1, datetime.datetime(2026, 1, 31, tzinfo=datetime.timezone.utc))' \
        '[datetime.date(2026, 1, 31), datetime.time(1, 2)]' 'decimal.Decimal("1.10")' \
        'uuid.UUID(int=1)' '{"c": Colour.RED, "l": Level.HIGH}' '(1, 2)'
    equals "$output" "b'{\"a\": [1, 2.5, null, true, \"\\\\u00e9\"]}'
b'0'
b'false'
b'[]'
b'true'
b'{\"x\": 1, \"when\": \"2026-01-31T00:00:00+00:00\"}'
b'[\"2026-01-31\", \"01:02:00\"]'
b'\"1.10\"'
b'\"00000000-0000-0000-0000-000000000001\"'
b'{\"c\": \"red\", \"l\": 3}'
b'[1, 2]'"
}

@test "results that can't be used fail the event: status 1, the reason, nothing of it comes out" {
    handler <<'END'
async def later():
    pass

def endless():
    result = []
    result.append(result)
    return result

def handle_event(context, data):
    return eval(data.decode())
END
    local text why
    while IFS='|' read -r text why; do
        run_x 1 bruco-worker --lines < <(printf 'b"first"\n%s\nb"third"\n' "$text")
        equals "$output" first
        contains "$stderr" "error: cannot use what the handler returned: $why"
        contains "$stderr" "(record 2, attempt 1)"
    done <<'END'
{1}|TypeError: result: a set has no form in JSON
{"items": [1, 2, 3, {1}]}|TypeError: result["items"][3]: a set has no form in JSON
[float("nan")]|ValueError: result[0]: nan has no form in JSON
"\ud800"|ValueError: result: 'utf-8' codec can't encode character
endless()|ValueError: result[0]: it contains itself
{(1, 2): 3}|TypeError: result: a tuple as a key has no form in JSON
[later()]|TypeError: result[0]: a coroutine: is an await missing?
b"x" * (16 << 20)|ValueError: result: 16777280 bytes with key and headers are more than maxRecordSize, 16777216
END
    [[ $stderr != *"never awaited"* ]]
}

# ---- failing handlers

@test "an exception: its traceback from the handler's frame on, in one entry; status 1" {
    handler <<'END'
def check(data):
    raise ValueError("bad id\nsecond line")

def handle_event(context, data):
    if data == b"bad":
        check(data)
    return data
END
    frames write 'record(1, b"good")' \
        'record(2, b"bad", topic="orders", partition=3, offset=1234, attempt=1)' \
        'record(3, b"later")' >in
    run_x 1 bruco-worker <in
    equals "$(frames values <stdout)" "b'good'"
    equals "$(sed 's/^[-0-9T:.]*Z //' stderr | grep -v '^ *[~^]*$')" \
"bruco-worker: error: handler raised ValueError: bad id\\nsecond line (orders[3]@1234, attempt 2)
  Traceback (most recent call last):
    File \"$PWD/handler.py\", line 6, in handle_event
      check(data)
    File \"$PWD/handler.py\", line 2, in check
      raise ValueError(\"bad id\\nsecond line\")
  ValueError: bad id
  second line"
}

@test "every kind of exception fails the event, and no other way out" {
    handler <<'END'
import sys

class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no")

def deep():
    deep()

# Since 3.11 there are groups.
class Several(ExceptionGroup if sys.version_info >= (3, 11) else Exception):
    pass
several = Several("several", [ValueError(1)])
if sys.version_info < (3, 11):
    several = Several("several (1 sub-exception)")

def handle_event(context, data):
    exec(data.decode())
    return b"fine"
END
    local text why
    while IFS='|' read -r text why; do
        run_x 1 bruco-worker --lines < <(printf '1\n%s\n' "$text")
        equals "$output" fine
        contains "$stderr" "error: handler raised $why"
    done <<'END'
sys.exit(0)|SystemExit: 0
raise KeyError("a")|KeyError: 'a'
raise BaseException|BaseException
raise GeneratorExit|GeneratorExit
raise Silent|handler.Silent: <its __str__ raises>
raise MemoryError|MemoryError
deep()|RecursionError: maximum recursion depth exceeded
raise ValueError("\ud800\0")|ValueError: \ud800\x00
raise several|handler.Several: several (1 sub-exception)
END
    frames write 'record(1, b"raise KeyboardInterrupt")' >in
    run_x 1 bruco-worker < <(cat in)
    contains "$stderr" "handler raised KeyboardInterrupt (record 1, attempt 1)"
}

@test "a crash in C shows where the handler was" {
    handler <<'END'
import ctypes
def handle_event(context, data):
    ctypes.string_at(0)
END
    frames write 'record(1, b"x")' >in
    ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0 run_x 139 bruco-worker <in
    contains "$stderr" "Segmentation fault"
    contains "$stderr" 'handler.py", line 3 in handle_event'
}

# ---- starting

@test "the module is not there, or not what it should be: status 78 and a clear last line" {
    local last
    run_x 78 bruco-worker -m absent </dev/null
    contains "$stderr" "error: no module 'absent' in '$PWD'"
    run_x 78 bruco-worker -m absent.deeper </dev/null
    contains "$stderr" "error: no module 'absent.deeper' in '$PWD'"

    echo 'x = 1' >handler.py
    run_x 78 bruco-worker </dev/null
    contains "$stderr" "error: no handle_event in module 'handler' in '$PWD'"
    echo 'handle_event = 1' >handler.py
    run_x 78 bruco-worker </dev/null
    contains "$stderr" "error: handle_event in module 'handler' is not a function"

    printf 'def handle_event(context, data):\n    return 1 1\n' >handler.py
    run_x 78 bruco-worker </dev/null
    last=$(tail -1 stderr)
    contains "$last" "error: import of 'handler' failed: SyntaxError: invalid syntax"
    contains "$last" "(handler.py, line 2)"
    contains "$stderr" "File \"$PWD/handler.py\", line 2"

    run_x 78 bruco-worker -d absent </dev/null
    contains "$stderr" "error: cannot enter the handler's folder 'absent': No such file or directory"
}

@test "an exception while importing or in init_context: traceback, last line, status 70" {
    local text why
    while IFS='|' read -r text why; do
        printf '%b' "$text" >handler.py
        echo 'def handle_event(context, data): pass' >>handler.py
        run_x 70 bruco-worker </dev/null
        contains "$(tail -1 stderr)" "error: $why"
        contains "$stderr" "Traceback (most recent call last):"
        contains "$stderr" "$PWD/handler.py"
        [[ $stderr != *importlib* && ! -s stdout ]]
    done <<'END'
raise ValueError("x")\n|import of 'handler' failed: ValueError: x
import sys; sys.exit(3)\n|import of 'handler' failed: SystemExit: 3
import absent\n|import of 'handler' failed: ModuleNotFoundError: No module named 'absent'
def init_context(context): 1 / 0\n|init_context of 'handler' failed: ZeroDivisionError: division by zero
def init_context(context): raise KeyboardInterrupt\n|init_context of 'handler' failed: KeyboardInterrupt
END
}

@test "init_context runs once; the context keeps what is set on it" {
    handler <<'END'
def init_context(context):
    context.calls = []

def handle_event(context, data):
    context.calls.append(data.decode())
    context.logger.info("%s has %d", context.worker_name, len(context.calls))
    if data == b"c":
        return [sorted(vars(context)), context.event.data is data, context.calls]
END
    run_x 0 bruco-worker --lines < <(printf 'a\nb\nc\n')
    equals "$output" '[["calls"], true, ["a", "b", "c"]]'
    contains "$stderr" "bruco-worker: info: worker-0 has 3"
}

@test "the folder is the working directory and first on sys.path; neighbours import" {
    mkdir -p app/inner
    echo 'raise SystemExit("not the library")' >app/json.py # the worker's own json stays
    echo 'name = "neighbour"' >app/words.py
    cat >app/inner/work.py <<'END'
import os, sys, words
def handle_event(context, data):
    return [words.name, os.getcwd(), sys.path[0]]
END
    run_x 0 bruco-worker --lines -d app -m inner.work < <(echo 1)
    equals "$output" "[\"neighbour\", \"$PWD/app\", \"$PWD/app\"]"
}

@test "-c: settings, environment, flags that override; paths relative to the file" {
    mkdir -p app other
    cat >app/config.yaml <<'END'
processor:
  handlerPath: .
  moduleName: work
  env: [{name: GREETING, value: "hello, ${WHO:-you}"}]
maxRecordSize: 4KiB
END
    echo 'import os
def handle_event(context, data): return os.environ["GREETING"]' >app/work.py
    echo 'def handle_event(context, data): return b"other" + data' >other/work.py
    echo 'def handle_event(context, data): return b"third"' >other/third.py
    WHO=me run_x 0 bruco-worker --lines -c app/config.yaml < <(echo 1)
    equals "$output" "hello, me"
    run_x 0 bruco-worker --lines -c app -d other < <(echo 1)
    equals "$output" other1
    run_x 0 bruco-worker --lines -c app -d other -m third < <(echo 1)
    equals "$output" third
    run_x 65 bruco-worker --lines -c app -d other < <(printf 'x\n%5000d\n' 1)
    equals "$output" otherx
    contains "$stderr" "line 2 of the input: longer than maxRecordSize"
    sed -i s/moduleName/modulName/ app/config.yaml
    run_x 78 bruco-worker -c app </dev/null
    contains "$stderr" "config.yaml:3:3: unknown key 'modulName' in processor (did you mean 'moduleName'?)"
}

@test "without a processor records are copied, and no Python starts" {
    echo 'maxRecordSize: 1MiB' >config.yaml
    frames write 'record(1, b"a", flags=0)' 'record(2, None, key=b"k")' 'empty(3)' 'end(3)' >in
    frames write 'record(1, b"a", flags=1)' 'record(2, None, key=b"k")' 'empty(3)' 'end(3)' >want
    echo 'raise SystemExit("Python ran")' >handler.py
    run_x 0 bruco-worker -c config.yaml <in
    same_bytes want stdout
    run_x 64 bruco-worker --lines -c config.yaml </dev/null
    contains "$stderr" "'config.yaml' has no processor to try"
}

@test "usage errors: status 64, and where help is" {
    local arguments
    for arguments in --nonsense -x "surplus" "--lines --json" "-c" "--log-format xml"; do
        run_x 64 bruco-worker $arguments </dev/null
        contains "$stderr" "try 'bruco-worker --help'"
    done
    run_x 0 bruco-worker --version
    equals "${lines[0]%% *} ${lines[1]%% *} ${lines[2]%% *}" "bruco-worker CPython libyaml"
    run_x 0 bruco-worker --help
    contains "$output" "usage: bruco-worker [-qv] [--lines | --json | --check] [-d directory] [-m module] [-c file]"
}

# ---- what handlers print and log

@test "nothing that a handler prints reaches the frames" {
    handler <<'END'
import ctypes, os, subprocess, sys
def handle_event(context, data):
    print("printed")
    sys.stdout.buffer.write(b"\xff buffered\n")
    os.write(1, b"written\n")
    ctypes.CDLL(None).puts(b"from C")
    subprocess.run(["echo", "from a child"])
    return f"stdin: {os.read(0, 10)!r}"
END
    frames write 'record(1, b"x")' >in
    run_x 0 bruco-worker <in
    equals "$(frames values <stdout)" "b\"stdin: b''\""
    local text
    for text in printed buffered written "from C" "from a child"; do
        contains "$stderr" "$text"
    done
}

@test "log levels, -q and -v, exceptions and warnings as one entry each" {
    handler <<'END'
import logging, warnings
def handle_event(context, data):
    context.logger.debug("a debug")
    context.logger.info("an info")
    logging.getLogger("elsewhere").warning("a %s\nof two lines", "warning")
    logging.critical("nul \0 and \ud800")
    warnings.warn("careful")
    try:
        1 / 0
    except ZeroDivisionError:
        context.logger.exception("failed")
END
    run_x 0 bruco-worker --lines < <(echo 1)
    equals "$(sed 's/^[-0-9T:.]*Z //' stderr | grep -v '^ *[~^]*$')" \
"bruco-worker: info: an info
bruco-worker: warning: a warning\\nof two lines
bruco-worker: error: nul \\x00 and \\ud800
bruco-worker: warning: $PWD/handler.py:7: UserWarning: careful\\n  warnings.warn(\"careful\")\\n
bruco-worker: error: failed
  Traceback (most recent call last):
    File \"$PWD/handler.py\", line 9, in handle_event
      1 / 0
  ZeroDivisionError: division by zero"
    run_x 0 bruco-worker --lines -q < <(echo 1)
    [[ $stderr != *info* && $stderr == *"a warning"* ]]
    run_x 0 bruco-worker --lines -v < <(echo 1)
    contains "$stderr" "bruco-worker: debug: a debug"
}

@test "JSON log lines say which record the handler was at" {
    handler <<'END'
def init_context(context):
    context.logger.info("before")
def handle_event(context, data):
    context.logger.info("at %s", data.decode())
    raise KeyError("x")
END
    frames write 'record(1, b"it", topic="orders", partition=3, offset=9)' >in
    run_x 1 bruco-worker --log-format json <in
    python3 - >got <<'END'
import json
for line in open("stderr"):
    entry = json.loads(line)
    print([entry.get(k) for k in
        ("level", "worker", "message", "topic", "partition", "offset", "error")], "traceback" in entry)
END
    equals "$(<got)" "['info', 'worker-0', 'before', None, None, None, None] False
['info', 'worker-0', 'at it', 'orders', 3, 9, None] False
['error', 'worker-0', \"handler raised KeyError: 'x' (orders[3]@9, attempt 1)\", 'orders', 3, 9, 'KeyError'] True"
}

# ---- processes, threads, signals

@test "a handler that forks: the child's way out of the handler sends nothing" {
    handler <<'END'
import os, sys
def init_context(context):
    os.fork()
def handle_event(context, data):
    pid = os.fork()
    if pid == 0:
        if data == b"2":
            sys.exit("the child's exit")
        if data == b"3":
            raise ValueError("the child's error")
        return b"child"
    status = os.waitpid(pid, 0)[1]
    return f"parent {os.waitstatus_to_exitcode(status)}"
END
    run_x 0 bruco-worker --lines < <(seq 3)
    equals "$output" "parent 0
parent 0
parent 1"
    contains "$stderr" "ValueError: the child's error"
}

@test "a grandchild that lives on holds neither the input nor the output" {
    handler <<'END'
import os, time
def handle_event(context, data):
    pid = os.fork()
    if pid == 0:
        while os.path.exists("alive"):
            time.sleep(0.05)
        os._exit(0)
    return b"x"
END
    touch alive
    frames write 'record(1, b"x")' >in
    mkfifo out
    cat out >got &
    local reader=$!
    start_x worker sh -c 'exec bruco-worker <in >out'
    wait_for 10 file_has got Br
    wait_x worker 0 10
    wait_for 10 process_ended "$reader" # it sees the end although the grandchild lives
    equals "$(frames values <got)" "b'x'"
    rm alive
}

@test "a handler's processes by multiprocessing and subprocess work" {
    handler <<'END'
import multiprocessing, subprocess
def square(n):
    return n * n
def handle_event(context, data):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        squares = pool.map(square, range(4))
    return [squares, subprocess.check_output(["cat"], input=bytes(data)).decode()]
END
    run_x 0 bruco-worker --lines < <(seq 2)
    equals "$output" '[[0, 1, 4, 9], "1"]
[[0, 1, 4, 9], "2"]'
}

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

@test "a handler's threads run while the worker waits, and don't keep it from ending" {
    handler <<'END'
import threading, time
def tick():
    open("ticked", "w").close()
    while True:
        time.sleep(0.01)
def wait_and_tick():
    time.sleep(0.05)
    tick()
def init_context(context):
    threading.Thread(target=wait_and_tick).start()
def handle_event(context, data):
    return data
END
    mkfifo in
    start_x worker sh -c 'exec bruco-worker --lines <in'
    exec 9>in
    wait_for 10 test -e ticked
    echo one >&9
    exec 9>&-
    wait_x worker 0 20
    equals "$(<worker.out)" one
    contains "$(<worker.err)" "warning: Python did not end within 5s"
}

@test "in a pipeline one signal changes nothing: the end of the input ends it" {
    identity
    mkfifo in
    frames write 'record(1, b"one")' >one
    start_x worker sh -c 'exec bruco-worker <in'
    exec 9>in
    cat one >&9
    wait_for 10 file_has worker.out Br
    kill_x worker TERM
    kill_x worker INT
    cat one one >&9
    exec 9>&-
    wait_x worker 0 10
    cat one one one >want
    same_bytes want worker.out
}

@test "in a pipeline a second signal ends a handler that hangs" {
    handler <<'END'
import time
def handle_event(context, data):
    open("running", "w").close()
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
END
    frames write 'record(1, b"one")' >in
    start_x worker sh -c 'mkfifo f; exec 8<>f; cat in >&8; exec bruco-worker <f'
    wait_for 10 test -e running
    terminate() {
        kill_x worker TERM 2>/dev/null || true
        process_ended "$(<worker.pid)"
    }
    wait_for 10 terminate
    wait_x worker 143 10
}

@test "trying lines: Ctrl-C ends it, also while it waits, as a death by that signal" {
    handler <<'END'
import time
def handle_event(context, data):
    if data == b"hang":
        open("running", "w").close()
        time.sleep(60)
    return data
END
    mkfifo in
    start_x worker sh -c 'exec bruco-worker --lines <in'
    exec 9>in
    echo one >&9
    wait_for 10 lines_in worker.out 1
    kill_x worker INT
    wait_x worker 130 10
    equals "$(<worker.err)" ""
    exec 9>&-

    printf 'one\nhang\n' >lines
    start_x worker sh -c 'exec bruco-worker --lines <lines'
    wait_for 10 test -e running
    kill_x worker INT
    wait_x worker 130 10
    equals "$(<worker.out)" one
    contains "$(<worker.err)" "handler raised KeyboardInterrupt"
}

@test "the reader of the output goes away: it dies by SIGPIPE, as any filter" {
    identity
    run_x 0 bash -c 'yes | { bruco-worker --lines; echo "status $?" >&2; } | head -1'
    equals "$output" y
    equals "$stderr" "status 141"
}

@test "a handler that closes the worker's descriptors ends it" {
    handler <<'END'
import os
def handle_event(context, data):
    os.closerange(3, 1000)
END
    frames write 'record(1, b"x")' >in
    run_x 75 bruco-worker <in
    contains "$stderr" "error: cannot read the input: Bad file descriptor"
}

# ---- as the driver starts it

driven() {
    run_x 0 python3 "$ROOT/tests/driven.py" "$@"
}

@test "under the driver: ready, own name, environment, page and counters; end frames are dropped" {
    handler <<'END'
import os
def init_context(context):
    print("printed")
    context.logger.info("%s with %s", context.worker_name, os.environ["GREETING"])
def handle_event(context, data):
    return data or None
END
    driven "processor: {handlerPath: '$PWD', env: [{name: GREETING, value: hi}]}" \
        'record(7, b"a") + record(8, b"", attempt=2) + end(8)'
    equals "$output" "ready True
status 0
out 7 record b'a'
out 8 empty None
log bruco-worker-2: info: worker-2 with hi
printed b'printed\\n'
page state 0 attempt 2 seq 8
counters 2 1 129 65 1 0 1"
}

@test "under the driver: a failed event, its page and status" {
    handler <<'END'
def handle_event(context, data):
    if data == b"bad":
        raise ValueError("no")
    return data
END
    driven "processor: {handlerPath: '$PWD', retry: {attempts: 1}}" \
        'record(1, b"a") + record(2, b"bad") + record(3, b"c")' 'wait seq == 2'
    contains "$output" "status 1
out 1 record b'a'
log bruco-worker-2: error: handler raised ValueError: no (record 2, attempt 1)"
    contains "$output" "page state 0 attempt 1 seq 2
counters 2 1 132 65 0 1 0"
}

@test "under the driver: source or driver gone is status 75, whatever was half read" {
    identity
    driven "processor: {handlerPath: '$PWD'}" 'record(1, b"a") + record(2, b"b")[:30]'
    contains "$output" "status 75
out 1 record b'a'
log bruco-worker-2: error: peer gone: the input ends inside a frame"
    driven "processor: {handlerPath: '$PWD'}" 'record(1, b"a")' leave
    contains "$output" "status 75
out 1 record b'a'
log bruco-worker-2: error: the driver is gone"
}

@test "under the driver: a crash leaves the page running, with the event that it was at" {
    handler <<'END'
import os
def handle_event(context, data):
    if data == b"die":
        os._exit(0)
    return data
END
    driven "processor: {handlerPath: '$PWD'}" 'record(1, b"a") + record(2, b"die", attempt=3)'
    contains "$output" "page state 1 attempt 3 seq 2"
}

@test "under the driver: without a processor records are copied" {
    driven '{}' 'record(1, b"a", flags=0) + record(2, None)'
    contains "$output" "out 1 record b'a'
out 2 record None"
}

# ---- attempts

# Fails on b"bad" until there is a file `mended`.
fails() {
    handler <<'END'
import os
def handle_event(context, data):
    if data.startswith(b"bad") and not os.path.exists("mended"):
        raise ValueError("no " + data.decode())
    return b"<" + data + b">"
END
}

# retrying [SETTING ...]: config.yaml for it, with pauses of 1 ms
retrying() {
    printf '%s\n' 'processor:' "  handlerPath: '$PWD'" \
        '  retry: {attempts: 3, backoff: 1ms}' "${@/#/  }" >config.yaml
}

# What the log has to say of records, with the pauses as N.
log_of() {
    sed -nE 's/^[-0-9T:.]*Z //; s/(retrying in )[0-9]+m?s/\1N/; /record|\[/p' stderr
}

@test "an event that fails is tried again, and counts as it then ends" {
    handler <<'END'
calls = 0
def handle_event(context, data):
    global calls
    calls += 1
    if data == b"second" and calls < 4:
        raise ValueError(f"call {calls}")
    return b"call %d" % calls
END
    retrying
    frames write 'record(1, b"first")' 'record(2, b"second", topic="t", partition=0, offset=9)' \
        'record(3, b"third")' >in
    run_x 0 bruco-worker -c config.yaml <in
    equals "$(frames read <stdout | sed 's/topic.*value/value/')" \
        "type='record' flags=1 attempt=0 seq=1 value=b'call 1'
type='record' flags=1 attempt=2 seq=2 value=b'call 4'
type='record' flags=1 attempt=0 seq=3 value=b'call 5'"
    equals "$(log_of)" \
        "bruco-worker: warning: handler raised ValueError: call 2 (t[0]@9, attempt 1, retrying in N)
bruco-worker: warning: handler raised ValueError: call 3 (t[0]@9, attempt 2, retrying in N)"
    equals "$(grep -c 'Traceback' stderr)" 2
}

@test "onFailure stop: after the last attempt the worker ends, and nothing of the event comes out" {
    fails
    retrying
    frames write 'record(1, b"a")' 'record(2, b"bad")' 'record(3, b"c")' >in
    run_x 1 bruco-worker -c config.yaml <in
    equals "$(frames values <stdout)" "b'<a>'"
    equals "$(log_of)" \
        "bruco-worker: warning: handler raised ValueError: no bad (record 2, attempt 1, retrying in N)
bruco-worker: warning: handler raised ValueError: no bad (record 2, attempt 2, retrying in N)
bruco-worker: error: handler raised ValueError: no bad (record 2, attempt 3)"
}

@test "onFailure skip and deadLetter: the record itself, as failed, with error and traceback behind its headers" {
    fails
    frames write 'record(1, b"bad 1", key=b"\xff", topic="orders", partition=3, offset=12,
             timestamp=5, headers=[(b"b", b"1"), (b"a", None), (b"b", b""), (b"", b"\xfe")])' \
        'record(2, b"fine")' 'record(3, b"bad 2", key=b"", flags=0)' >in
    local what
    for what in skip deadLetter; do
        retrying "onFailure: $what"
        [[ $what == skip ]] || echo 'deadLetter: {kind: lines}' >>config.yaml
        run_x 0 bruco-worker -c config.yaml <in
        equals "$(frames read <stdout | sed -E "s/(bruco-traceback', b.Traceback).*(ValueError[^\"']*)/\1...\2/")" \
            "type='failed' flags=1 attempt=3 seq=1 topic='orders' partition=3 offset=12 timestamp=5 key=b'\\xff' headers=[(b'b', b'1'), (b'a', None), (b'b', b''), (b'', b'\\xfe'), (b'bruco-error', b'ValueError: no bad 1'), (b'bruco-traceback', b'Traceback...ValueError: no bad 1')] value=b'bad 1'
type='record' flags=1 attempt=0 seq=2 topic='' partition=-1 offset=-1 timestamp=-1 key=None headers=[] value=b'<fine>'
type='failed' flags=1 attempt=3 seq=3 topic='' partition=-1 offset=-1 timestamp=-1 key=b'' headers=[(b'bruco-error', b'ValueError: no bad 2'), (b'bruco-traceback', b'Traceback...ValueError: no bad 2')] value=b'bad 2'"
        contains "$(log_of)" "error: handler raised ValueError: no bad 1 (orders[3]@12, attempt 3)"
        contains "$(log_of)" "error: handler raised ValueError: no bad 2 (record 3, attempt 3)"
    done
}

@test "a failed record that is null, one that is empty, with keys that are" {
    handler <<'END'
def handle_event(context, data):
    data.extend(b"changed")
    raise KeyError
END
    retrying "onFailure: skip"
    frames write 'record(1, None)' 'record(2, b"", key=b"")' 'record(3, None, key=b"")' >in
    run_x 0 bruco-worker -c config.yaml <in
    equals "$(frames read <stdout | sed -E "s/headers=.*value/value/; s/topic.*key/key/")" \
        "type='failed' flags=1 attempt=3 seq=1 key=None value=None
type='failed' flags=1 attempt=3 seq=2 key=b'' value=b''
type='failed' flags=1 attempt=3 seq=3 key=b'' value=None"
}

@test "attempts that others made count; one is always left" {
    fails
    retrying "onFailure: skip"
    frames write 'record(1, b"bad", attempt=1)' 'record(2, b"bad", attempt=2)' \
        'record(3, b"bad", attempt=7)' 'record(4, b"bad", attempt=65535)' 'record(5, b"a", attempt=9)' >in
    run_x 0 bruco-worker -c config.yaml <in
    equals "$(frames read <stdout | cut -d' ' -f1,3,4)" "type='failed' attempt=3 seq=1
type='failed' attempt=3 seq=2
type='failed' attempt=8 seq=3
type='failed' attempt=65535 seq=4
type='record' attempt=9 seq=5"
    equals "$(log_of | grep -c 'record 1,')" 2
    equals "$(log_of | grep -c 'record [234],')" 3
}

@test "failed frames that arrive are passed on byte for byte, and never run" {
    handler <<'END'
def handle_event(context, data):
    raise SystemExit("it ran")
END
    retrying "onFailure: skip"
    frames write 'failed(1, None, key=b"", attempt=3, topic="t", partition=1, offset=2, timestamp=3,
             headers=[(b"a", None), (b"bruco-error", b"x"), (b"a", b"")])' 'failed(2, b"", attempt=9)' >in
    run_x 0 bruco-worker -c config.yaml <in
    same_bytes in stdout
    equals "$stderr" ""
}

@test "errors and tracebacks in frames are cut to 8 KiB, between characters and lines; a full record has room for them" {
    handler <<'END'
def even(n, text): odd(n - 1, text)
def odd(n, text): even(n - 1, text) if n > 0 else fail(text)
def fail(text): raise ValueError(text)
def handle_event(context, data):
    if data[:4] == b"deep":
        odd(301, "end")
    fail("x" + "é" * 10000)
END
    retrying "onFailure: skip"
    cat >sizes.py <<END
import sys
sys.path.insert(0, "$ROOT/tests")
import frames
logged = {line[2:] for line in open("stderr", "rb").read().split(b"\n")}
for one in frames.read(sys.stdin.buffer):
    headers = dict(one.headers)
    for name, value in one.headers:
        value.decode()
    trace = headers.get(b"bruco-traceback", b"")
    print(one.value[:4], *map(len, headers.values()),
        trace != b"" and trace.split(b"\n")[0] in logged, trace[-len("ValueError: end"):] == b"ValueError: end")
END
    frames write 'record(1, b"deep")' 'record(2, b"long")' >in
    run_x 0 bruco-worker -c config.yaml <in
    equals "$(python3 sizes.py <stdout | sed -E 's/ (80|81)[0-9]{2} True/ many True/')" \
        "b'deep' 15 many True True
b'long' 8191 8190 False False"

    echo 'maxRecordSize: 4KiB' >>config.yaml
    frames write 'record(1, b"deep" + b"." * (4096 - 64 - 4))' \
        'record(2, b"long" + b"." * (4096 - 64 - 4), headers=[(b"bruco-error", b"." * (32768 - 19))])' >in
    run_x 0 bruco-worker -c config.yaml <in
    equals "$(python3 sizes.py <stdout | sed -E 's/ (80|81)[0-9]{2} True/ many True/')" \
        "b'deep' 15 many True True
b'long' 8191 8190 False False"
}

@test "what cannot be used, memory and depth are failures as others are" {
    handler <<'END'
def deep():
    deep()
def handle_event(context, data):
    return eval(data.decode())
END
    retrying "onFailure: skip"
    frames write 'record(1, b"{1}")' 'record(2, b"bytearray(1 << 62)")' 'record(3, b"deep()")' \
        'record(4, b"b\"x\" * (16 << 20)")' 'record(5, b"exit()")' 'record(6, b"b\"fine\"")' >in
    run_x 0 bruco-worker -c config.yaml <in
    frames read <stdout | sed -E "s/.*(attempt=.).*bruco-error', b.([A-Za-z]+).*/\1 \2/; s/.*(attempt=.).*value/\1 value/" >got
    equals "$(<got)" "attempt=3 TypeError
attempt=3 MemoryError
attempt=3 RecursionError
attempt=3 ValueError
attempt=3 SystemExit
attempt=0 value=b'fine'"
}

@test "with --lines and --json what failed is left out; without -c there is one attempt" {
    fails
    retrying "onFailure: skip"
    run_x 0 bruco-worker --lines -c config.yaml < <(printf 'a\nbad\nb\n')
    equals "$output" "<a>
<b>"
    equals "$(log_of | grep -c 'attempt')" 3
    run_x 1 bruco-worker --lines < <(printf 'bad\n')
    equals "$(log_of)" "bruco-worker: error: handler raised ValueError: no bad (record 1, attempt 1)"
}

@test "before a pause what is there is written; Ctrl-C ends the pause" {
    fails
    sed -i 's/raise/open("failed", "w").close(); raise/' handler.py
    retrying
    sed -i 's/backoff: 1ms/backoff: 1h, maxBackoff: 1h/' config.yaml
    printf 'a\nbad\nb\n' >in
    start_x worker sh -c 'exec bruco-worker --lines -c config.yaml <in'
    wait_for 10 test -e failed
    wait_for 10 lines_in worker.out 1
    wait_for 10 file_has worker.err "retrying in"
    kill_x worker INT
    wait_x worker 130 10
    equals "$(<worker.out)" "<a>"
}

@test "under the driver: the page says which attempt runs, and is idle in a pause" {
    handler <<'END'
import os, time
calls = 0
def handle_event(context, data):
    global calls
    calls += 1
    while not os.path.exists(f"go {calls}"):
        time.sleep(0.001)
    if calls < 3:
        raise ValueError
    return data
END
    touch "go 3"
    driven "processor: {handlerPath: '$PWD', retry: {backoff: 300ms, maxBackoff: 300ms}}" \
        'record(5, b"a")' \
        'wait (state, attempt, seq) == (1, 0, 5)' 'wait open("go 1", "w").close() is None' \
        'wait (state, attempt, seq) == (0, 1, 5)' 'wait (state, attempt, seq) == (1, 1, 5)' \
        'wait open("go 2", "w").close() is None' \
        'wait (state, attempt, seq) == (0, 2, 5)' 'wait (state, attempt, seq) == (0, 2, 5)' \
        'give end(5)' "wait not os.path.exists('go 4') and ran < 1 and state == 0" \
        'wait (attempt, seq) == (2, 5)' 'wait time.sleep(0.5) is None' eof
    contains "$output" "status 0
out 5 record b'a'"
    contains "$output" "page state 0 attempt 2 seq 5
counters 1 1 65 65 0 0 2"
}

@test "under the driver: the end of the input ends a pause and leaves the record, status 0" {
    fails
    driven "processor: {handlerPath: '$PWD', retry: {backoff: 1h, maxBackoff: 1h}, onFailure: skip}" \
        'record(1, b"a") + record(2, b"bad") + record(3, b"c")' \
        'wait (state, attempt, seq) == (0, 1, 2)' eof
    contains "$output" "status 0
out 1 record b'<a>'
log bruco-worker-2: warning: handler raised ValueError: no bad (record 2, attempt 1, retrying in"
    contains "$output" "log bruco-worker-2: info: the input has ended: record 2 is not tried again here"
    contains "$output" "page state 0 attempt 1 seq 2
counters 1 1 65 67 0 0 0"
}

@test "under the driver: its end ends a pause, status 75" {
    fails
    driven "processor: {handlerPath: '$PWD', retry: {backoff: 1h, maxBackoff: 1h}}" \
        'record(1, b"bad")' 'wait (state, attempt, seq) == (0, 1, 1)' leave
    contains "$output" "status 75
log bruco-worker-2: warning: handler raised ValueError: no bad (record 1, attempt 1, retrying in"
    contains "$output" "log bruco-worker-2: error: the driver is gone"
}

# ---- timeouts

# timed SETTINGS FRAMES STEP ...: with a timeout of 50 ms
timed() {
    driven "processor: {handlerPath: '$PWD', timeout: 50ms, onFailure: skip, retry: {backoff: 1ms, $1}}" "${@:2}"
}

@test "the timeout ends a sleep, a loop, and what catches Exception; the next event runs" {
    handler <<'END'
import time
from bruco import Timeout

def sleep():
    time.sleep(1000)

def loop():
    while True:
        pass

def stubborn():
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass

def wait():
    import threading
    threading.Event().wait()

def encode_it():
    time.sleep(1000)

def encode():
    class Slow(dict):
        def items(self):
            encode_it()
    return Slow(a=1)

def handle_event(context, data):
    if data == b"catch":
        try:
            time.sleep(1000)
        except Timeout as timeout:
            return str(timeout)
    return eval(data)
END
    local what
    for what in sleep loop stubborn wait encode; do
        timed 'attempts: 1' "record(1, b'$what()') + record(2, b'b\"next\"')" \
            'wait (state, seq) == (1, 1) and ran > 0.05' 'kill ALRM' 'wait seq == 2' eof
        contains "$output" "out 1 failed b'$what()'
attempts 1 headers ('bruco-error', 'bruco.Timeout: no result within 50ms') ('bruco-traceback', 'bruco.Timeout: no result within 50ms')
out 2 record b'next'"
        contains "$output" "bruco.Timeout: no result within 50ms (record 1, attempt 1)"
        contains "$output" "in $what"
    done
    timed 'attempts: 1' "record(1, b'catch')" 'wait state == 1 and ran > 0.05' 'kill ALRM' \
        'wait state == 0' eof
    contains "$output" "out 1 record b'no result within 50ms'"
}

@test "a timeout is retried as every failure is" {
    handler <<'END'
import time
calls = 0
def handle_event(context, data):
    global calls
    calls += 1
    if calls == 1:
        time.sleep(1000)
    return b"call %d" % calls
END
    timed 'attempts: 2' "record(1, b'a')" 'wait state == 1 and ran > 0.05' 'kill ALRM' \
        'wait (state, attempt) == (0, 1)' eof
    contains "$output" "(record 1, attempt 1, retrying in 1ms)"
}

@test "an alarm too early, or when nothing runs, does nothing" {
    handler <<'END'
import os, time
def handle_event(context, data):
    while data == b"wait" and not os.path.exists("go"):
        time.sleep(0.001)
    return data
END
    driven "processor: {handlerPath: '$PWD', timeout: 1h}" "record(1, b'wait')" \
        'wait state == 1 and ran > 0.02' 'kill ALRM' 'wait ran > 0.1' \
        'wait open("go", "w").close() is None' 'wait state == 0' 'kill ALRM' \
        'give record(2, b"x")' 'wait (state, seq) == (0, 2)' eof
    contains "$output" "status 0
out 1 record b'wait'
out 2 record b'x'"
    [[ $output != *Timeout* ]]
    fails
    driven "processor: {handlerPath: '$PWD', timeout: 1ms, retry: {backoff: 100ms, attempts: 2}, onFailure: skip}" \
        "record(1, b'bad')" 'wait (state, attempt) == (0, 1)' 'kill ALRM' 'wait (state, attempt) == (1, 1) or ran > 0.2' eof
    [[ $output != *Timeout* ]]
}

@test "SIGUSR2 shows where every thread is, also while C code holds Python's lock" {
    handler <<'END'
import ctypes, threading, time
def aside():
    time.sleep(1000)
def handle_event(context, data):
    threading.Thread(target=aside, daemon=True).start()
    ctypes.PyDLL(None).usleep(400000) # PyDLL: keeps the lock
    return data
END
    driven "processor: {handlerPath: '$PWD'}" "record(1, b'a')" \
        'wait state == 1 and ran > 0.1' 'kill USR2' 'wait state == 0' eof
    contains "$output" "out 1 record b'a'"
    contains "$output" "in handle_event"
    contains "$output" "in aside"
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
        contains "$stderr" "error: line 2 of the input: not a record as JSON: $why"
    done <<'END'
{"value": |Expecting value (column 11)
[1]|not an object
{"kez": 1}|unknown key 'kez'
{"value": "a", "value": "b"}|duplicate key
{"value": 1}|value is neither text, null nor {"base64": text}
{"key": {"base64": "!"}}|
{"partition": 2147483648}|partition is not a number of 32 bits
{"offset": true}|offset is not a number of 64 bits
{"headers": [["a"]]}|headers is not a list of [name, value]
{"value": "\ud800"}|'utf-8' codec can't encode
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

@test "the basic example runs as its README says" {
    run_x 0 bruco-worker --lines -d "$ROOT/examples/basic" < <(printf 'one\n\ntwo\n')
    equals "$output" "hello ONE
hello TWO"
    GREETING=hi run_x 0 bruco-worker --lines -c "$ROOT/examples/basic" < <(echo one)
    equals "$output" "hi ONE"
    contains "$stderr" "bruco-worker: info: worker-0 is ready"
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
