#!/usr/bin/env bats
# Events that fail, on the real broker: exceptions, crashes, endless loops and memory hogs among good
# events; exactly the bad ones end in the dead letter, after exactly their attempts, and what can't be
# written there stops the pipeline. EVENTS scales it up.

load helpers
load pipelines

: "${EVENTS:=20000}"
LIMIT=120

setup() {
    common_setup
    kafka_topics 4
    new_topic 2
    DEAD=$TOPIC
}

# The handler notes each call for a bad event in the file `calls`. A bad event's value says what it
# does: "bad WHAT NUMBER".
handler() {
    cat >handler.py <<'PY'
import ctypes, os, resource, time
calls = os.open("calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def init_context(context):
    soft = 400 << 20
    if "ASAN_OPTIONS" not in os.environ: # the sanitizer's own memory is much more
        resource.setrlimit(resource.RLIMIT_DATA, (soft, resource.RLIM_INFINITY))

def handle_event(context, data):
    if data.startswith(b"bad "):
        os.write(calls, data + b"\n")
        globals()[data.split()[1].decode()](bytes(data))
    return data

def unwell(data): raise ValueError("bad id")
def segfault(data): ctypes.string_at(0)
def exit(data): os._exit(0)
def loop(data):
    while True: pass
def hang(data): # waits for itself in C, with the interpreter's lock: no exception gets in
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2): ctypes.PyDLL(None).pthread_mutex_lock(mutex)
def hog(data): bytearray(1 << 40)
def die(data): os.kill(os.getpid(), 9)
def stubborn(data): # its first attempt dies, the second waits for what comes, and so on
    if open("calls", "rb").read().splitlines().count(data) == 2: time.sleep(1000)
    os.kill(os.getpid(), 9)
PY
}

# config WORKERS ON_FAILURE [processor line ...]
config() {
    cat >config.yaml <<YAML
processor:
  workers: $1
  onFailure: $2
$(printf '  %s\n' "${@:3}")
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [$IN]
  offset: earliest
  consumerGroup: $GROUP
  properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 500}
sink:
  kind: kafka
  brokers: [$BROKERS]
  topic: $OUT
YAML
    [[ $2 != deadLetter ]] || cat >>config.yaml <<YAML
deadLetter:
  kind: kafka
  brokers: [$BROKERS]
  topic: $DEAD
YAML
}

# good COUNT [FIRST]: events that are well, "key-N TAB N".
good() {
    seq "${2:-1}" $((${2:-1} + $1 - 1)) | sed 's/.*/key-&\t&/'
}

# bad WHAT COUNT
bad() {
    seq "$2" | sed "s/.*/bad-$1-&\tbad $1 &/"
}

send() { # key TAB value on standard input, to IN or the topic given
    bruco-source -q lines -K | bruco-sink -q kafka -b "$BROKERS" -t "${1:-$IN}" "${@:2}"
}

# The records of a topic as JSON, sorted.
topic() {
    bruco-source -q -e kafka -b "$BROKERS" -t "$1" -g "look-$RANDOM$RANDOM" -o earliest |
        bruco-sink -q json | sort
}

# fields FILTER: a line a record of JSON on standard input; FILTER is a Python expression of `r`, the
# record, and `h`, its headers.
fields() {
    /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line); h = dict(r["headers"])
    print(eval(sys.argv[1]))' "$1"
}

keys_of() {
    topic "$1" | fields 'r["key"]' | sort
}

calls_of() { # calls_of WHAT NUMBER
    grep -cx "bad $1 $2" calls
}

# All good events are delivered once, and each key in order.
good_delivered() { # good_delivered COUNT
    topic "$OUT" >out.json
    fields 'r["key"]' <out.json | sort | uniq -d >twice
    equals "$(cat twice)" ""
    equals "$(fields 'r["key"]' <out.json | grep -c '^key-')" "$1"
    equals "$(grep -c '"key": "bad-' out.json)" "${2:-0}"
}

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

# ---- a dead letter that can't be written, and outputs that can't

@test "a dead letter that can't be written stops the pipeline, and nothing beyond is committed" {
    handler
    new_topic 1 max.message.bytes=200
    DEAD=$TOPIC
    config 1 deadLetter 'retry: {attempts: 1}'
    { good 100; bad unwell 1; good 100 101; } | send "$IN" --partition 3
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "a dead letter can't be delivered to '$DEAD'"
    equals "$(committed)" 100
    equals "$(ends "$DEAD")" 0
}

# An event "big N" gives N bytes.
big_handler() {
    cat >handler.py <<'PY'
def handle_event(context, data):
    if data.startswith(b"big"):
        return b"x" * int(data[4:])
    return data
PY
}

with_property() { # with_property NAME VALUE: for the sink
    sed -i "/^  topic: $OUT/a\\  properties: {$1: $2}" config.yaml
}

@test "an output that is too large for the client: dead letter, skip or stop" {
    big_handler
    config 1 deadLetter
    with_property message.max.bytes 100000
    { good 100; printf 'bad-big-1\tbig 150000\n'; good 100 101; } | send "$IN" --partition 0
    run_x 0 bruco -e -c config.yaml
    good_delivered 200
    topic "$DEAD" >dead.json
    fields 'r["key"], len(r["value"]), h["bruco-error"], h["bruco-topic"], h["bruco-offset"]' <dead.json >got
    equals "$(cat got)" "('bad-big-1', 150000, 'message size too large', '$IN', '100')"
    GROUP=$GROUP-skip
    config 1 skip
    with_property message.max.bytes 100000
    run_x 0 bruco -e -c config.yaml
    contains "$stderr" "a record can't be delivered: message size too large ($IN[0]@100), skipped"
    equals "$(committed)" 201
    GROUP=$GROUP-stop
    config 1 stop
    with_property message.max.bytes 100000
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "error: a record can't be delivered: message size too large ($IN[0]@100)"
    equals "$(committed)" 100
}

@test "a record of more than maxRecordSize: dead letter without its value, or skip" {
    big_handler
    config 2 deadLetter
    echo 'maxRecordSize: 64KiB' >>config.yaml
    big='["name", "'$(printf '%070000d' 0)'"]'
    {
        echo '{"key": "bad-1", "value": "'"$(printf '%0100000d' 0)"'", "headers": [["a", "1"]]}'
        echo '{"key": "bad-2", "value": "short", "headers": ['"$big"']}'
        echo '{"key": "'"$(printf '%070000d' 0)"'", "value": "short"}'
    } | bruco-source -q json | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    good 100 | send "$IN" --partition 0
    run_x 0 bruco -e -c config.yaml
    good_delivered 100
    topic "$DEAD" >dead.json
    equals "$(fields 'int(h["bruco-offset"]), r["key"], r["value"], h.get("a"), h["bruco-error"].split()[0], h["bruco-error"].split(": ")[1]' <dead.json | sort)" \
        "(0, 'bad-1', None, '1', 'record', 'its value is left out')
(1, 'bad-2', None, None, 'record', 'its value and headers are left out')
(2, None, None, None, 'record', 'its value, headers and key are left out')"
    equals "$(committed)" 103
    GROUP=$GROUP-skip
    config 1 skip
    echo 'maxRecordSize: 64KiB' >>config.yaml
    run_x 0 bruco -e -c config.yaml
    contains "$stderr" "record of 1000"
    contains "$stderr" "is larger than maxRecordSize, 65536 bytes: its value is left out ($IN[0]@0, 0 attempts), skipped"
    equals "$(committed)" 103
}

@test "an output that is too large for the topic becomes a dead letter, and none of its neighbours" {
    big_handler
    new_topic 2 max.message.bytes=4194304
    DEAD=$TOPIC
    config 2 deadLetter
    { good 2000; printf 'bad-big-1\tbig 1500000\n'; good 2000 2001; printf 'bad-big-2\tbig 1200000\n'
        good 2000 4001; } | send
    run_x 0 bruco -e -c config.yaml
    good_delivered 6000
    topic "$DEAD" >dead.json
    fields 'r["key"], len(r["value"]), h["bruco-error"], h["bruco-topic"], h["bruco-offset"].isdigit()' \
        <dead.json | sort >got
    equals "$(cat got)" "('bad-big-1', 1500000, 'message size too large', '$IN', True)
('bad-big-2', 1200000, 'message size too large', '$IN', True)"
    equals "$(committed)" 6002
}

@test "a topic with a smaller limit than batch.size: nobody is blamed for another's size" {
    big_handler
    new_topic 1 max.message.bytes=100000
    OUT=$TOPIC
    config 1 skip
    { good 5000; printf 'bad-big-1\tbig 150000\n'; good 5000 5001; } | send "$IN" --partition 0
    run_x 0 bruco -e -c config.yaml
    equals "$(grep -c "a record can't be delivered" stderr)" 1
    contains "$stderr" "a record can't be delivered: message size too large ($IN[0]@5000), skipped"
    equals "$(committed)" 10001
    good_delivered 10000
}

@test "replay: a dead letter's topic is an input like any other" {
    handler
    config 1 deadLetter 'retry: {attempts: 1}'
    { good 10; bad unwell 3; bad segfault 2; } | send
    run_x 0 bruco -e -c config.yaml
    equals "$(ends "$DEAD")" 5
    good_delivered 10
    printf 'def handle_event(context, data):\n    return data\n' >handler.py # it was mended
    sed -e "s/topics: .*/topics: [$DEAD]/" -e "s/consumerGroup: .*/consumerGroup: $GROUP-replay/" \
        -e 's/offset: .*/offset: earliest/' config.yaml >replay.yaml # as bruco-source(1) says
    run_x 0 bruco -e -c replay.yaml
    good_delivered 10 5
    equals "$(ends "$DEAD")" 5
    handler # it was not: the second failure's headers take the place of the first one's
    sed -i 's/^def segfault.*/def segfault(data): os._exit(3)/' handler.py
    sed -i "s/$GROUP-replay/$GROUP-again/" replay.yaml
    run_x 0 bruco -e -c replay.yaml
    topic "$DEAD" | fields 'r["key"].split("-")[1], h["bruco-topic"] == "'"$DEAD"'", h["bruco-error"]' | sort | uniq -c | sed 's/^ *//' >got
    equals "$(cat got)" "2 ('segfault', False, 'worker killed by signal 11 (SIGSEGV)')
2 ('segfault', True, 'worker exited with status 3 while the event ran')
3 ('unwell', False, 'ValueError: bad id')
3 ('unwell', True, 'ValueError: bad id')"
    topic "$DEAD" | fields 'sum(pair[0] == "bruco-topic" for pair in r["headers"])' | sort -u >got
    equals "$(cat got)" 1
}

# ---- by hand

@test "by hand the same keys count, with -c" {
    handler
    printf '%s\n' one 'bad unwell 1' two >input
    printf 'processor: {onFailure: skip, retry: {attempts: 1}}\nsink: {kind: lines}\n' >config.yaml
    run_x 0 bash -o pipefail -c 'bruco-source lines <input | bruco-worker -c config.yaml | bruco-sink -c config.yaml'
    equals "$output" $'one\ntwo'
    contains "$stderr" "bruco-sink: warning: event failed: ValueError: bad id (stdin[0]@1, 1 attempts), skipped"
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
