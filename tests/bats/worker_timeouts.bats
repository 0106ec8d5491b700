# bruco-worker by hand: events that take too long.

load helpers
load worker

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
