#!/usr/bin/env bats
# Delivery on the real broker, through the built programs: nothing lost, in order, nothing twice
# where nothing may be twice. RECORDS scales it up: RECORDS=1000000 for the figures in the manual.

load helpers
load pipelines

: "${RECORDS:=100000}" "${STOPS:=5}" "${STALL:=5}"
LIMIT=300

setup() {
    common_setup
    kafka_topics 4 max.message.bytes=4194304
    pass_on
}

# config WORKERS [OFFSET [source line ...]]
config() {
    cat >config.yaml <<YAML
processor:
  workers: $1
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [$IN]
  offset: ${2:-earliest}
  consumerGroup: $GROUP
  properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 500}
$(printf '  %s\n' "${@:3}")
sink:
  kind: kafka
  brokers: [$BROKERS]
  topic: $OUT
  partitioner: hash
YAML
}

committed_is() { (($(committed) == $1)); }

everything_once_in_order() { # everything_once_in_order WORKERS
    config "$1"
    fill "$RECORDS" --special 2000
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
    committed_is "$(ends "$IN")"
}

@test "every record of every shape, once and in order, with 1 worker" {
    everything_once_in_order 1
}

@test "every record of every shape, once and in order, with 4 workers" {
    everything_once_in_order 4
}

@test "values of 0 bytes to 10 MiB and up to 10,000 headers, with names doubled or empty: byte for byte" {
    new_topic 4 max.message.bytes=16777216
    IN=$TOPIC
    new_topic 4 max.message.bytes=16777216
    OUT=$TOPIC
    config 2
    fill 34 --shapes
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
    contains "$output" "input 34,"
    committed_is 34
}

@test "a record of more than maxRecordSize stops it before that one, and is not tried for ever" {
    new_topic 1 max.message.bytes=16777216
    IN=$TOPIC
    config 1
    echo 'maxRecordSize: 1MiB' >>config.yaml
    fill 17 --shapes
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "bytes is larger than maxRecordSize, 1048576 bytes ($IN[0]@9)"
    committed_is 9
    equals "$(ends "$OUT")" 9
}

@test "SIGTERM in full flow and start again: nothing lost, nothing twice" {
    config 2
    stops_in_full_flow "$STOPS"
}

@test "offset latest: kill -9 of everything before the first commit loses nothing" {
    config 1 latest
    fill 1000 # before the group exists: not for it
    cat >handler.py <<'PY'
import time
def handle_event(context, data):
    time.sleep(1000)
PY
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    fill 1000 --first 1000
    kill_session "$(<run.pid)"
    wait_x run 137
    printf 'def handle_event(context, data):\n    return data\n' >handler.py
    run_x 0 bruco -e -c config.yaml
    equals "$(ends "$OUT")" 1000
    run_x 0 bruco-source -e kafka -b "$BROKERS" -t "$OUT" -g "check-$GROUP" -o earliest
    bruco-sink lines <stdout | sort -n | head -n 1 >first
    [[ $(<first) == 1000\ * ]]
}

@test "committed offsets are never ahead of what has been delivered" {
    # The handler stops at the middle until a first sample has been taken there, so that there is one
    # between nothing and everything, however fast the run is and however slow the samples are.
    config 2
    fill "$RECORDS"
    cat >handler.py <<PY
import os, time
seen = 0
def handle_event(context, data):
    global seen
    seen += 1
    while seen == $((RECORDS / 8)) and not os.path.exists("go"):
        time.sleep(0.01)
    return data
PY
    never_ahead() {
        before=$(committed)
        after=$(ends "$OUT")
        ((before <= after)) || { echo "$before committed, $after delivered"; return 1; }
    }
    some_committed() {
        never_ahead || { touch ahead; return 0; }
        ((before > 0))
    }
    start_x run bruco -e -c config.yaml
    wait_for 60 some_committed
    [[ ! -e ahead ]]
    ((before < RECORDS))
    touch go
    while ! process_ended "$(<run.pid)"; do
        never_ahead
    done
    wait_x run 0
    equals "$(committed)" "$(ends "$OUT")"
}

@test "a stopped sink costs no rebalance and bounded memory, and nothing is lost" {
    config 2
    fill "$RECORDS"
    cat >handler.py <<'PY'
seen = 0
def handle_event(context, data):
    return data
PY
    start_x run bruco -e -c config.yaml
    wait_for 60 ready run
    kill -STOP "$(stage_of run bruco-sink)"
    # Bounded: after a while of standing still the source has stopped growing.
    source=$(stage_of run bruco-source)
    sleep "$STALL"
    first=$(awk '/VmRSS/ { print $2 }' "/proc/$source/status")
    sleep "$STALL"
    second=$(awk '/VmRSS/ { print $2 }' "/proc/$source/status")
    ((second <= first + 1024 && second < 600 * 1024)) || { echo "$first then $second KiB"; false; }
    kill -CONT "$(stage_of run bruco-sink)"
    wait_x run 0 120
    equals "$(grep -c revoked run.err)" 0
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "a slow handler holds the source back and loses nothing" {
    config 1 earliest 'window: 64KiB'
    fill 20000
    cat >handler.py <<'PY'
import time
seen = 0
def handle_event(context, data):
    global seen
    seen += 1
    if seen % 5000 == 0:
        time.sleep(0.8)
    return data
PY
    start_x run bruco -v -e -c config.yaml
    wait_x run 0
    file_has run.err 'debug: paused' # it came to that
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "a failing handler: status 1, its offset is not committed, and once mended nothing is twice" {
    config 2
    fill 20000
    cat >handler.py <<'PY'
def handle_event(context, data):
    if data.startswith(b"12345 "):
        raise ValueError("bad id")
    return data
PY
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "ValueError: bad id"
    equals "$(committed)" "$(ends "$OUT")"
    (($(committed) < 20000))
    printf 'def handle_event(context, data):\n    return data\n' >handler.py
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "a killed worker: no loss, and nothing twice" {
    config 2
    fill "$RECORDS"
    start_x run bruco -c config.yaml # goes on at the end: kills find a worker however fast it is
    wait_for 60 ready run
    for ((i = 0; i < 5; i++)); do
        wait_for 60 out_at_least $((RECORDS / 8 * (i + 1)))
        victims=($(stage_of run bruco-worker))
        ((${#victims[@]} == 0)) || kill -KILL "${victims[0]}" || true
    done
    wait_for 60 file_has run.err 'SIGKILL'
    wait_for 60 out_at_least "$RECORDS"
    stop_x run
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "kill -9 of source, sink and driver: no process is left, and nothing is lost" {
    config 2
    fill "$RECORDS"
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    kill -KILL "$(stage_of run bruco-source)"
    wait_for 60 ready run 2
    kill -KILL "$(stage_of run bruco-sink)"
    wait_for 60 ready run 3
    kill_x run KILL
    wait_x run 137
    wait_for 2 session_ended "$(<run.pid)"
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" "$IN" "$OUT"
    committed_is "$(ends "$IN")"
}

@test "a capture replayed gives byte-identical output" {
    fill 5000 --special 500
    printf 'def handle_event(context, data):\n    return bytes(data).upper()\n' >handler.py
    bruco-source -e kafka -b "$BROKERS" -t "$IN" -g "$GROUP" -o earliest |
        tee run.frames | bruco-worker -m handler | bruco-sink frames >first
    bruco-worker -m handler <run.frames | bruco-sink frames >second
    [[ -s first ]]
    same_bytes first second
    bruco-source frames <run.frames >copy
    same_bytes run.frames copy
}

@test "three programs in a shell pipeline with --link: everything once and in order" {
    fill "$RECORDS" --special 2000
    start_x pipeline bash -c 'set -o pipefail
        bruco-source -e -l link kafka -b "$1" -t "$2" -g "$4" -o earliest |
            bruco-worker -m handler | bruco-sink -l link kafka -b "$1" -t "$3"' - \
        "$BROKERS" "$IN" "$OUT" "$GROUP"
    wait_x pipeline 0
    [[ ! -e link ]]
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
    committed_is "$(ends "$IN")"
}

@test "a shell pipeline with --link whose sink dies commits nothing that was not delivered" {
    fill 20000
    start_x source bash -c 'exec bruco-source -l link kafka -b "$1" -t "$2" -g "$3" -o earliest > >(
        exec bruco-worker -m handler | { sleep 0.2; head -c 1000000 >/dev/null; })' - \
        "$BROKERS" "$IN" "$GROUP"
    wait_x source 75
    (($(committed) == 0))
}

@test "offset by time, by number, and a count" {
    fill 1000
    run_x 0 bruco-source -e kafka -b "$BROKERS" -t "$IN" -g "$GROUP" -o earliest
    bruco-sink json <stdout >all.json
    middle=$(sed -n 's/.*"partition": 2, .*"timestamp": \([0-9]*\).*/\1/p' all.json | sort -n | sed -n '100p')
    run_x 0 bruco-source -e kafka -b "$BROKERS" -t "$IN" -g "$GROUP-time" -o "@$middle"
    bruco-sink json <stdout >late.json
    equals "$(wc -l <late.json)" "$(grep -o '"timestamp": [0-9]*' all.json | awk -v m="$middle" '$2 >= m' | wc -l)"
    run_x 0 bruco-source -e kafka -b "$BROKERS" -t "$IN" -g "$GROUP-number" -o 10
    bruco-sink json <stdout >number.json
    equals "$(grep -o '"offset": [0-9]*' number.json | sort -t: -k2n | head -n 1)" '"offset": 10'
    run_x 0 bruco-source -n 7 kafka -b "$BROKERS" -t "$IN" -g "$GROUP-count" -o earliest
    equals "$(bruco-sink lines <stdout | wc -l)" 7
    GROUP=$GROUP-count
    committed_is 7
}

@test "partitions that are added while nobody reads start at their beginning" {
    config 1 latest
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    stop_x run
    kafka-offsets -b "$BROKERS" grow "$IN" 8
    fill 2000 # the new partitions have records before anyone reads them
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "two instances of a group share the partitions, join and leave without loss" {
    config 1
    fill "$RECORDS"
    start_x one bruco -c config.yaml
    wait_for 60 ready one
    start_x two bruco -c config.yaml
    wait_for 60 ready two
    stop_x one
    fill 1000 --first "$RECORDS"
    wait_for 60 committed_is "$(ends "$IN")"
    stop_x two
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}
