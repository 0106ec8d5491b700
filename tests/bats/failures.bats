#!/usr/bin/env bats
# Events that fail, on the real broker: exceptions, crashes, endless loops and memory hogs among good
# events; exactly the bad ones end in the dead letter, after exactly their attempts. EVENTS scales it up.

load helpers
load pipelines
load failures

: "${EVENTS:=20000}"
LIMIT=120

# ---- bad events of every sort

@test "bad events of every sort among good ones: exactly these are dead letters, none else is blamed" {
    handler
    config 2 deadLetter 'timeout: 1s' 'retry: {attempts: 2, backoff: 10ms}'
    { good "$EVENTS"; bad unwell 5; bad segfault 5; bad exit 5; bad die 5; bad loop 2; bad hang 1; bad hog 3; } |
        shuf --random-source=<(yes) >events
    send <events
    run_x 0 bruco -e -c config.yaml
    good_delivered "$EVENTS"
    topic "$DEAD" >dead.json
    equals "$(fields 'r["key"]' <dead.json | sort)" "$(grep -o '^bad-[^	]*' events | sort)"
    equals "$(fields 'r["key"] + "\t" + r["value"]' <dead.json | sort)" "$(grep '^bad-' events | sort)"
    equals "$(fields 'h["bruco-attempts"]' <dead.json | sort -u)" 2
    equals "$(sort -u calls)" "$(fields 'r["value"]' <dead.json | sort)"
    # A crash is one attempt. An event that ended by itself is called again when what came of it was
    # lost in the worker that a later one killed: with the attempts that the source had heard of.
    equals "$(grep -E 'segfault|exit|die|hang' calls | sort | uniq -c | awk '{ print $1 }' | sort -u)" 2
    equals "$(sort calls | uniq -c | awk '$1 < 2')" ""
    fields 'r["key"].split("-")[1], h["bruco-error"]' <dead.json | sort -u >errors
    file_has errors "'unwell', 'ValueError: bad id'"
    file_has errors "'hog', 'MemoryError"
    file_has errors "'segfault', 'worker killed by signal 11 \(SIGSEGV\)'"
    file_has errors "'exit', 'worker exited with status 0 while the event ran'"
    file_has errors "'die', 'worker killed by signal 9 \(SIGKILL\)'"
    file_has errors "'loop', '.*Timeout"
    file_has errors "'hang', 'worker killed"
    equals "$(grep -c . errors)" 7
    equals "$(committed)" "$(ends "$IN")"
}

@test "a dead letter is the record byte for byte, with where it came from behind its own headers" {
    cat >handler.py <<'PY'
import ctypes
def handle_event(context, data):
    if not data: ctypes.string_at(0)
    raise ValueError("bad id")
PY
    config 1 deadLetter 'retry: {attempts: 1}'
    printf '%s\n' '{"key": "bad-unwell-1", "value": {"base64": "AP/+"}, "timestamp": 1700000000123, "headers": [["a", "1"], ["a", null], ["b", ""]]}' \
        '{"key": "bad-segfault-1", "value": null, "timestamp": 1700000000124, "headers": [["a", {"base64": "/w=="}]]}' |
        bruco-source json | bruco-sink kafka -b "$BROKERS" -t "$IN" --partition 2
    run_x 0 bruco -e -c config.yaml
    topic "$DEAD" >dead.json
    fields '(r["key"], r["value"], r["timestamp"], [x for x in r["headers"] if not x[0].startswith("bruco-")])' <dead.json | sort >got
    equals "$(cat got)" "('bad-segfault-1', None, 1700000000124, [['a', {'base64': '/w=='}]])
('bad-unwell-1', {'base64': 'AP/+'}, 1700000000123, [['a', '1'], ['a', None], ['b', '']])"
    fields '" ".join([r["headers"][0][0]] + [h.get("bruco-" + x, "-") for x in ("error", "attempts", "topic", "partition", "offset", "worker")])' <dead.json | sort >got
    equals "$(cat got)" "a ValueError: bad id 1 $IN 2 0 bruco-worker-0
a worker killed by signal 11 (SIGSEGV) 1 $IN 2 1 bruco-worker-0"
    contains "$(fields 'h.get("bruco-traceback", "")' <dead.json)" 'in handle_event'
    equals "$(fields 'sum(x[0].startswith("bruco-") for x in r["headers"])' <dead.json | sort | paste -sd' ')" '6 7'
}

@test "onFailure skip: counted, one line each, and the rest is delivered" {
    handler
    config 2 skip 'retry: {attempts: 2, backoff: 10ms}'
    { good 1000; bad unwell 3; bad segfault 3; } | shuf --random-source=<(yes) | send
    run_x 0 bruco -e -c config.yaml
    good_delivered 1000
    equals "$(ends "$DEAD")" 0
    equals "$(grep -c 'bruco-sink: warning: event failed: .*, skipped$' stderr)" 6
    equals "$(grep -c "event failed: ValueError: bad id ($IN\[[0-9]\]@[0-9]*, 2 attempts), skipped" stderr)" 3
    equals "$(calls_of segfault 1)" 2
    equals "$(committed)" 1006
}

@test "onFailure stop: status 1 after the attempts of a crash, and nothing beyond is committed" {
    handler
    config 1 stop 'retry: {attempts: 2}'
    { good 100; bad segfault 1; good 100 101; } >events
    send "$IN" --partition 1 <events
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "event failed: worker killed by signal 11 (SIGSEGV) ($IN[1]@100, 2 attempts)"
    equals "$(calls_of segfault 1)" 2
    equals "$(committed)" 100
    equals "$(ends "$OUT")" 100
    run_x 1 bruco -e -c config.yaml # it goes on where it stopped, and tries anew
    equals "$(calls_of segfault 1)" 4
    equals "$(ends "$OUT")" 100
    printf 'def handle_event(context, data):\n    return data\n' >handler.py # it was mended
    run_x 0 bruco -e -c config.yaml
    good_delivered 200 1
}

@test "onFailure stop: an exception's attempts begin anew in the next run, plain, batch and async" {
    anew() { # anew "def ..." [processor line ...]
        GROUP=g-$RANDOM$RANDOM
        rm -f calls
        printf '%s\n' "$1" >handler.py
        config 1 stop 'retry: {attempts: 3, backoff: 10ms}' "${@:2}"
        for run in 1 2; do
            run_x 1 bruco -e -c config.yaml
            equals "$(grep -c '' calls)" $((3 * run))
            contains "$stderr" "handler raised ValueError: bad ($IN[0]@1, attempt 1, retrying"
            contains "$stderr" "handler raised ValueError: bad ($IN[0]@1, attempt 3)"
            metadata_has '^0 bruco partitions=4 attempts=1:3$'
        done
    }
    printf 'a\tgood\nb\tbad\nc\tgood\n' | send "$IN" --partition 0
    anew 'def handle_event(context, data):
    if data == b"bad":
        open("calls", "a").write("x\n")
        raise ValueError("bad")'
    anew 'async def handle_event(context, data):
    if data == b"bad":
        open("calls", "a").write("x\n")
        raise ValueError("bad")' 'concurrency: 10'
    anew 'def handle_batch(context, events):
    for event in events:
        if event.data == b"bad" and len(events) == 1:
            open("calls", "a").write("x\n")
        if event.data == b"bad":
            raise ValueError("bad")
    return [None for event in events]' 'batch: {wait: 500ms}'
}

# ---- attempts outlive everything

@test "attempts in place outlive a partition that is given up: one failing record does not come for ever" {
    cat >handler.py <<'PY'
def handle_event(context, data):
    if data == b"bad":
        open("calls", "a").write(f"{context.event.attempt}\n")
        raise ValueError("bad")
PY
    new_topic 1
    IN=$TOPIC
    config 1 skip 'retry: {attempts: 6, backoff: 3s, maxBackoff: 3s}'
    sed -i 's/^  offset: /  rebalanceTimeout: 1s\n&/' config.yaml
    printf 'a\tgood\nb\tbad\nc\tgood\n' | send "$IN" --partition 0
    start_x run bruco -c config.yaml
    wait_for 60 lines_in calls 1
    for round in {1..20}; do # a member that comes and goes: no assignment lasts for 6 attempts
        [[ $(committed) != 3 ]] || break
        start_x guest bruco -c config.yaml
        wait_for 60 revoked "$round"
        stop_x guest
    done
    wait_for 60 committed_3
    equals "$(grep -cx 1 calls)" 1 # no assignment began anew
    (($(grep -c '' calls) <= 6 + 5 + 4 + 3 + 2 + 1))
    stop_x run
}

revoked() { # revoked TIMES
    (($(grep -c 'partitions revoked' run.err) >= $1)) || [[ $(committed) == 3 ]]
}

committed_3() { [[ $(committed) == 3 ]]; }

@test "attempts outlive a kill -9 of everything" {
    handler
    config 1 deadLetter 'retry: {attempts: 3}'
    { bad stubborn 1; good 100; } | send "$IN" --partition 0
    start_x run bruco -c config.yaml
    wait_for 30 called_twice
    wait_for 10 metadata_has 'attempts=0:1' # with the offset 0, since nothing was done
    equals "$(committed)" 0
    kill_session "$(<run.pid)"
    wait_x run 137
    wait_for 10 session_ended "$(<run.pid)"
    # The second attempt was nobody's fault, and is the second again.
    run_x 0 bruco -e -c config.yaml
    equals "$(calls_of stubborn 1)" 4
    equals "$(topic "$DEAD" | fields 'r["key"], h["bruco-attempts"]')" "('bad-stubborn-1', '3')"
    topic "$OUT" | fields 'r["key"]' | sort -u >got
    equals "$(wc -l <got)" 100
    equals "$(committed)" 101
    metadata_has '^0 bruco partitions=4$'
}

called_twice() {
    (($(calls_of stubborn 1) == 2))
}

metadata_has() {
    kafka-offsets -b "$BROKERS" metadata "$GROUP" "$IN" | grep -q -- "$1"
}

# ---- by hand

@test "by hand the same keys count, with -c" {
    handler
    printf '%s\n' one 'bad unwell 1' two >input
    printf 'processor: {onFailure: skip, retry: {attempts: 1}}\nsink: {kind: lines}\n' >config.yaml
    run_x 0 bash -o pipefail -c 'bruco-source lines <input | bruco-worker -c config.yaml | bruco-sink -c config.yaml'
    equals "$output" $'one\ntwo'
    contains "$stderr" "bruco-sink: warning: event failed: ValueError: bad id (stdin[0]@1, 1 attempt), skipped"
    sed -i 's/skip/deadLetter/; $a deadLetter: {kind: json}' config.yaml
    run_x 0 bash -o pipefail -c 'bruco-source lines <input | bruco-worker -c config.yaml | bruco-sink -c config.yaml'
    equals "$(grep -c '^one$\|^two$' stdout)" 2
    equals "$(grep '^{' stdout | fields 'r["value"], h["bruco-error"], h["bruco-offset"]')" "('bad unwell 1', 'ValueError: bad id', '1')"
    run_x 1 bash -o pipefail -c 'bruco-source lines <input | bruco-worker -c config.yaml | bruco-sink lines'
    equals "$output" one
    contains "$stderr" "bruco-sink: error: event failed: ValueError: bad id"
}

@test "a stop ends the pause between two attempts: its record is left, nothing else is" {
    config 2 stop 'retry: {attempts: 3, backoff: 100s, maxBackoff: 100s}'
    handler
    { good 500; bad unwell 1; good 500 501; } | send
    start_x run bruco -c config.yaml
    wait_for 60 file_has run.err 'retrying in'
    stop_x run 0 20
    file_has run.err 'is left for the next start'
    printf 'def handle_event(context, data):\n    return data\n' >handler.py
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}
