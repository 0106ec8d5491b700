# bruco-worker by hand: handlers that fail, their attempts, and what becomes of the record.

load helpers
load worker

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

# ---- attempts

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
            "type='failed' flags=9 attempt=3 seq=1 topic='orders' partition=3 offset=12 timestamp=5 key=b'\\xff' headers=[(b'b', b'1'), (b'a', None), (b'b', b''), (b'', b'\\xfe'), (b'bruco-error', b'ValueError: no bad 1'), (b'bruco-traceback', b'Traceback...ValueError: no bad 1')] value=b'bad 1'
type='record' flags=1 attempt=0 seq=2 topic='' partition=-1 offset=-1 timestamp=-1 key=None headers=[] value=b'<fine>'
type='failed' flags=9 attempt=3 seq=3 topic='' partition=-1 offset=-1 timestamp=-1 key=b'' headers=[(b'bruco-error', b'ValueError: no bad 2'), (b'bruco-traceback', b'Traceback...ValueError: no bad 2')] value=b'bad 2'"
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
        "type='failed' flags=9 attempt=3 seq=1 key=None value=None
type='failed' flags=9 attempt=3 seq=2 key=b'' value=b''
type='failed' flags=9 attempt=3 seq=3 key=b'' value=None"
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
