#!/usr/bin/env bats
# Errors that no further attempt mends: bruco.Reject, processor.retry.except, bruco.Failed as a
# result; and what the log says of errors that have no line of the handler's.

load helpers

# config [RETRY-KEYS [KEYS]]: from lines to lines, with attempts that would be seen
config() {
    cat >config.yaml <<END
processor:
  onFailure: skip
  retry: {attempts: 3, backoff: 1ms${1:+, $1}}
  ${2:-}
source: {kind: lines}
sink: {kind: lines}
END
}

frames() {
    python3 "$ROOT/tests/frames.py" "$@"
}

worker_lines() { # the log entries of a worker, without the time
    sed -n 's/^[^ ]* bruco-worker[-0-9]*: //p' stderr
}

# Two events of five fail, each with one line and no traceback; the others are done.
fails_at_once() { # fails_at_once TEXT-OF-THE-ERROR
    run_x 0 bruco . < <(printf 'a\nbad\nb\nbad\nc\n')
    equals "$output" "a
b
c"
    worker_lines | grep -v '^info' >said || true
    equals "$(<said)" "error: $1 (stdin[0]@1, attempt 1, no retry)
error: $1 (stdin[0]@3, attempt 1, no retry)"
    file_lacks stderr Traceback
}

@test "bruco.Reject: one attempt, one line; plain, generator, async, async generator" {
    config
    local head="import bruco
def check(data):
    if data == b'bad': raise bruco.Reject('no such id')
    return data"
    local body
    for body in "def handle_event(context, data): return check(data)" \
        "def handle_event(context, data): yield check(data)" \
        "async def handle_event(context, data): return check(data)" \
        "async def handle_event(context, data): yield check(data)"; do
        printf '%s\n' "$head" "$body" >handler.py
        fails_at_once "handler raised bruco.Reject: no such id"
    done
    printf '%s\n' "$head" "import asyncio
async def handle_event(context, data):
    await asyncio.sleep(0)
    return check(data)" >handler.py
    config "" "concurrency: 3"
    fails_at_once "handler raised bruco.Reject: no such id"
}

@test "bruco.Reject in batches: as a result, and in a call that fails as a whole" {
    config "" "batch: {size: 2}"
    cat >handler.py <<'END'
import bruco
def handle_batch(context, events):
    return [bruco.Reject("no") if event.data == b"bad" else event.data for event in events]
END
    fails_at_once "handler gave bruco.Reject: no"
    sed -i 's/bruco.Reject("no")/bruco.Failed(bruco.Reject("no"))/' handler.py
    fails_at_once "handler gave bruco.Reject: no"
    cat >handler.py <<'END'
import bruco
def handle_batch(context, events):
    for event in events:
        if event.data == b"bad":
            raise bruco.Reject("no")
    return [event.data for event in events]
END
    run_x 0 bruco . < <(printf 'a\nbad\nb\nbad\nc\n')
    equals "$output" "a
b
c"
    count_in stderr "error: handler raised bruco.Reject: no .*, attempt 1, no retry" 2
    file_lacks stderr Traceback
}

@test "processor.retry.except: builtin classes, those of modules, subclasses; others are tried again" {
    config "except: [LookupError, shapes.errors.Bad, json.JSONDecodeError]"
    mkdir -p shapes
    touch shapes/__init__.py
    printf 'class Bad(Exception): pass\nclass Worse(Bad): pass\n' >shapes/errors.py
    cat >handler.py <<'END'
import json
from shapes.errors import Worse
def handle_event(context, data):
    exec(data.decode())
END
    run_x 0 bruco . < <(printf '%s\n' 'raise KeyError("x")' 'raise Worse("y")' 'json.loads("")' 'raise ValueError("z")')
    worker_lines | grep -v '^info' | sed 's/retrying in .*)/retrying)/' >said
    equals "$(<said)" "error: handler raised KeyError: 'x' (stdin[0]@0, attempt 1, no retry)
error: handler raised shapes.errors.Worse: y (stdin[0]@1, attempt 1, no retry)
error: handler raised json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0) (stdin[0]@2, attempt 1, no retry)
warning: handler raised ValueError: z (stdin[0]@3, attempt 1, retrying)
warning: handler raised ValueError: z (stdin[0]@3, attempt 2, retrying)
error: handler raised ValueError: z (stdin[0]@3, attempt 3)"
}

@test "a group of exceptions is final if all in it are" {
    bruco-worker --version | grep -qE 'CPython 3\.1[1-9]' || skip "Python has groups since 3.11"
    config "except: [KeyError]"
    cat >handler.py <<'END'
import asyncio, bruco
async def fail(error):
    raise error
async def handle_event(context, data):
    async with asyncio.TaskGroup() as group:
        for name in data.decode().split():
            group.create_task(fail({"k": KeyError, "r": bruco.Reject, "v": ValueError}[name]("x")))
END
    run_x 0 bruco -q . < <(printf '%s\n' 'k' 'k r' 'k v')
    count_in stderr "stdin\[0\]@[01], attempt 1, no retry" 2
    count_in stderr "stdin\[0\]@2, attempt [123]" 3
}

@test "processor.retry.except: a class that is not there is a mistake with its place, status 78" {
    echo 'class Mine(Exception): pass
def handle_event(context, data): raise Mine("m")' >handler.py
    local name why
    while IFS='|' read -r name why; do
        config "except: [ValueError, $name]"
        run_x 78 bruco . < <(echo x)
        contains "$stderr" "config.yaml:3:59: processor.retry.except: $why"
        run_x 78 bruco-worker --lines -c . < <(echo x)
        contains "$stderr" "config.yaml:3:59: processor.retry.except: $why"
        run_x 78 bruco check --handler .
        contains "$stderr" "config.yaml:3:59: processor.retry.except: $why"
    done <<'END'
ValueErorr|no builtin exception 'ValueErorr'
Mine|no builtin exception 'Mine' (did you mean 'handler.Mine'?)
handler.Other|no class 'Other' in module 'handler'
absent.Error|no module 'absent'
os.path|'os.path' is no exception class
int|'int' is no exception class
END
    config "except: [broken.Error]"
    echo 'import absent_too' >broken.py
    run_x 78 bruco . < <(echo x)
    contains "$stderr" "processor.retry.except: cannot import 'broken.Error': ModuleNotFoundError: No module named 'absent_too'"
    config "except: handler.Mine"
    run_x 0 bruco . < <(echo x)
    contains "$stderr" "handler raised handler.Mine: m (stdin[0]@0, attempt 1, no retry)"
    config "except: [a b, 'x.', 3d, .y]"
    run_x 78 bruco check .
    count_in stderr "processor.retry.except: expected an exception class" 4
}

@test "return bruco.Failed(exception) is a failed attempt, outside batches too" {
    config
    cat >handler.py <<'END'
import bruco
def handle_event(context, data):
    return data if context.event.attempt == 2 else bruco.Failed(ValueError("not yet"))
END
    run_x 0 bruco . < <(echo x)
    equals "$output" x
    contains "$stderr" "warning: handler gave ValueError: not yet (stdin[0]@0, attempt 1, retrying in"
    sed -i 's/^def/async def/' handler.py
    run_x 0 bruco . < <(echo x)
    equals "$output" x
    contains "$stderr" "warning: handler gave ValueError: not yet (stdin[0]@0, attempt 1, retrying in"
    cat >handler.py <<'END'
import bruco
def handle_event(context, data):
    yield data
    yield bruco.Failed(bruco.Reject("half"))
END
    run_x 0 bruco . < <(echo x)
    equals "$output" ""
    count_in stderr "handler raised bruco.Reject: half .*attempt 1, no retry" 1
    echo 'import bruco
def handle_event(context, data): return bruco.Failed("text")' >handler.py
    run_x 0 bruco . < <(echo x)
    contains "$stderr" "handler gave TypeError: bruco.Failed of a str, which is no exception"
}

@test "what was rejected carries its reason, in a failed frame and in bruco test" {
    config
    echo 'import bruco
def handle_event(context, data): raise bruco.Reject("no such id")' >handler.py
    frames write 'record(1, b"x", key=b"k")' >in
    run_x 0 bruco-worker -q -c . <in
    frames read <stdout >got
    contains "$(<got)" "type='failed'"
    contains "$(<got)" "attempt=1 "
    contains "$(<got)" "(b'bruco-error', b'bruco.Reject: no such id')"
    contains "$(<got)" "value=b'x'"
    echo x >x.lines
    run_x 1 bruco test x.lines
    contains "$output" "bruco.Reject: no such id"
    sed -i 's/onFailure: skip/onFailure: stop/' config.yaml
    run_x 1 bruco . < <(echo x)
    count_in stderr "attempt 1, no retry" 1
}

# bats test_tags=kafka
@test "on Kafka: rejected records are dead letters with the reason, after one attempt, and all else is delivered" {
    real_broker
    local in out dead
    new_topic; in=$TOPIC
    new_topic; out=$TOPIC
    new_topic; dead=$TOPIC
    cat >config.yaml <<END
processor: {onFailure: deadLetter, retry: {attempts: 5, backoff: 1ms, except: [UnicodeDecodeError]}}
source: {kind: kafka, brokers: ["$BROKERS"], topics: [$in], consumerGroup: g-$in, offset: earliest}
sink: {kind: kafka, brokers: ["$BROKERS"], topic: $out}
deadLetter: {kind: kafka, brokers: ["$BROKERS"], topic: $dead}
END
    cat >handler.py <<'END'
import bruco
def handle_event(context, data):
    if int(data) % 10 == 3:
        raise bruco.Reject(f"number {int(data)}")
    if int(data) % 10 == 7:
        b"\xff".decode()
    return data
END
    seq 0 99 | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$in"
    LIMIT=120 run_x 0 bruco -e .
    count_in stderr "attempt 1, no retry" 20
    file_lacks stderr "retrying|Traceback"
    topic() {
        run_x 0 bruco-source -q -e kafka -b "$BROKERS" -t "$1" -g "look-$1" -o earliest
        frames read <stdout | grep "type='record'"
    }
    topic "$out" >delivered
    equals "$(grep -oE "value=b'[0-9]+'" delivered | grep -oE '[0-9]+' | sort -n | tr '\n' ' ')" \
        "$(seq 0 99 | grep -v '[37]$' | tr '\n' ' ')"
    topic "$dead" >letters
    equals "$(wc -l <letters)" 20
    count_in letters "bruco-error', b'bruco.Reject: number [0-9]*3'.*bruco-attempts', b'1'" 10
    count_in letters "bruco-error', b\"?'?UnicodeDecodeError: .*bruco-attempts', b'1'" 10
}

# ---- errors without a line of the handler's

@test "a result without a form shows whose it was, and nothing of Bruco's inside" {
    cat >handler.py <<'END'
import bruco
class Number:
    pass
def helper():
    return {"a": [Number()]}
def decorate(function):
    def wrapper(*arguments):
        return function(*arguments)
    wrapper.__wrapped__ = function
    return wrapper
@decorate
def handle_event(context, data):
    if data == b"bare":
        return helper()
    if data == b"generator":
        return generate()
    if data == b"message":
        return bruco.Message(b"", key=5)
    if data == b"headers":
        return bruco.Message(b"", headers=failing())
    if data == b"response":
        return context.response("k", Number())
    return bruco.Headers(5)
def generate():
    yield 1
    yield helper()
def failing():
    yield ("a", b"1")
    raise KeyError("mine")
END
    local data where
    while IFS='|' read -r data where; do
        run_x 1 bruco-worker --lines < <(echo "$data")
        contains "$(sed 's/^ *//' stderr | tr '\n' ' ')" "${where//HERE/$PWD}"
        file_lacks stderr "lib/bruco/python|/json/"
        (($(wc -l <stderr) <= 9))
    done <<'END'
bare|result["a"][0]: a handler.Number has no form in JSON (record 1, attempt 1) Returned by: File "HERE/handler.py", line
generator|outputs[1]["a"][0]: a handler.Number has no form in JSON (record 1, attempt 1) Yielded by: File "HERE/handler.py", line 26, in generate yield helper()
message|result.key: an int is neither bytes, str nor None (record 1, attempt 1) Returned by: File "HERE/handler.py", line
headers|File "HERE/handler.py", line 29, in failing raise KeyError("mine")
response|result.value: a handler.Number has no form in JSON (record 1, attempt 1) Returned by: File "HERE/handler.py", line
direct|File "HERE/handler.py", line 23, in handle_event return bruco.Headers(5)
END
}

@test "a traceback of any length is an entry of 64 KiB at most, with its beginning and end" {
    cat >handler.py <<'END'
def handle_event(context, data):
    raise ValueError("first\n" + "\n".join(f"line {n}" for n in range(500000)))
END
    run_x 1 bruco-worker --lines < <(echo x)
    (($(wc -c <stderr) < 100000))
    contains "$stderr" 'File "'"$PWD"'/handler.py", line 2, in handle_event'
    contains "$stderr" "  line 499999"
    count_in stderr '^  \.\.\. \([0-9]+ lines left out\)$' 1
    local shown
    shown=$(grep -cE '^  (ValueError: first|line [0-9]+)$' stderr)
    equals "$((shown + $(sed -nE 's/^  \.\.\. \(([0-9]+) .*/\1/p' stderr)))" 500001
    run_x 1 bruco-worker --lines --log-format json < <(echo x)
    (($(wc -c <stderr) < 100000))
    equals "$(python3 -c 'import json
text = json.loads(open("stderr").readlines()[-1])["traceback"].splitlines()
print(text[0], text[-1], sum("lines left out" in line for line in text))')" "Traceback (most recent call last): line 499999 1"
    echo 'def handle_event(context, data): raise ValueError("é" * 1000000)' >handler.py
    run_x 1 bruco-worker --lines --log-format json < <(echo x)
    python3 -c 'import json
text = json.loads(open("stderr", encoding="utf-8", errors="strict").readlines()[-1])["traceback"]
assert 45000 < len(text.encode()) < 66000 and "lines left out" in text'
}

@test "what is not a time has no form, and others' types are called by their whole name" {
    cat >handler.py <<'END'
import datetime
class NaT(datetime.datetime):  # as pandas has it
    def __eq__(self, other): return False
    def __ne__(self, other): return True
    def __repr__(self): return "NaT"
    def isoformat(self): return "NaT"
class bool(int.__base__):
    pass
bool.__module__ = "numpy"
def handle_event(context, data):
    return {"x": [NaT(2026, 1, 1) if data == b"time" else bool()]}
END
    run_x 1 bruco-worker --lines < <(echo time)
    contains "$stderr" 'ValueError: result["x"][0]: NaT has no form in JSON'
    run_x 1 bruco-worker --lines < <(echo bool)
    contains "$stderr" 'TypeError: result["x"][0]: a numpy.bool has no form in JSON (.item() or .tolist() has)'
}
