# bruco-worker by hand: what handlers return, print and log, and how they start.

load helpers
load worker

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
    contains "$output" "usage: bruco-worker [-qv] [--lines | --json | --check] [-d directory] [-m module]"
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

# ---- what the pages show

@test "the basic example runs as its README says" {
    run_x 0 bruco-worker --lines -d "$ROOT/examples/basic" < <(printf 'one\n\ntwo\n')
    equals "$output" "hello ONE
hello TWO"
    GREETING=hi run_x 0 bruco-worker --lines -c "$ROOT/examples/basic" < <(echo one)
    equals "$output" "hi ONE"
    contains "$stderr" "bruco-worker: info: worker-0 is ready"
}
