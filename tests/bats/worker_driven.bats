# bruco-worker as the driver starts it; tests/driven.py takes the driver's part.

load helpers
load worker

# ---- as the driver starts it

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
