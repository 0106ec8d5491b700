#!/usr/bin/env bats
# Exactly once on the real broker: whatever dies, a reader of committed records finds each of them once and in
# order. KILLS scales it up, SEED repeats it.

load helpers
load pipelines

: "${KILLS:=10}" "${SEED:=$RANDOM}"
LIMIT=120

setup() {
    common_setup
    kafka_topics 4 max.message.bytes=4194304
    pass_on
    exactly
}

# exactly [line ...]: from $IN to $OUT with two workers
exactly() {
    cat >config.yaml <<YAML
processingGuarantee: exactlyOnce
maxRestarts: 1000
processor: {workers: 2}
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [$IN]
  offset: earliest
  consumerGroup: $GROUP
  properties: {session.timeout.ms: 6000}
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT}
$(printf '%s\n' "$@")
YAML
}

once() { # once [option ...]: of kafka-compare; a moment after a commit the brokers show it
    wait_for 20 nothing_hangs "$OUT" >/dev/null
    run_x 0 kafka-compare -b "$BROKERS" --exact "$@" "$IN" "$OUT"
}

# No transaction is left open: the last stable offset of each partition is its end.
nothing_hangs() { # nothing_hangs TOPIC
    equals "$(kafka-offsets -b "$BROKERS" open "$1")" ""
}

group_is_empty() {
    [[ -z $(kafka-offsets -b "$BROKERS" members "$GROUP") ]]
}

all_committed() {
    equals "$(committed)" "$(ends "$IN")"
}

@test "records of every shape come out once and in order, and -e ends with all of them committed" {
    fill 30000 --special 1000
    run_x 0 bruco -e -c config.yaml
    once
    contains "$output" "input 31000, output 31000, lost 0, duplicates 0,"
    all_committed
    nothing_hangs "$OUT"
    lacks_trouble stderr
}

# kill_one NAME: kill -9 of the driver, or of one of the processes it has
kill_one() {
    local who
    who=$(printf '%s\n' driver source sink worker worker | sed -n "$((RANDOM % 5 + 1))p")
    echo "$who" >>killed
    case $who in
    driver)
        kill -KILL "$(<"$1.pid")"
        wait_for 10 process_ended "$(<"$1.pid")"
        start_x "$1" bruco -c config.yaml
        ;;
    worker) kill -KILL "$(worker_pids "$1" | head -n 1)" 2>/dev/null || true ;;
    *) kill -KILL "$(stage_of "$1" "bruco-$who")" 2>/dev/null || true ;;
    esac
}

@test "kill -9 of driver, source, sink and workers at any moment: each record once" {
    RANDOM=$SEED
    echo "SEED=$SEED"
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 3000
    start_x bruco bruco -c config.yaml
    for ((i = 0; i < KILLS; i++)); do
        sleep "$((RANDOM % 2)).$((RANDOM % 900 + 100))"
        kill_one bruco
    done
    stop_x fill 143
    kill_x bruco TERM
    wait_for 40 process_ended "$(<bruco.pid)"
    wait_for 20 group_is_empty # one that was killed holds partitions until its session times out
    run_x 0 bruco -e -c config.yaml
    once
    all_committed
    nothing_hangs "$OUT"
}

total_out_at_least() { (($(kafka-offsets -b "$BROKERS" count "$OUT") >= $1)); }

@test "an instance that is stopped past its session, and goes on, commits nothing that another one has done" {
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 2000
    start_x one bruco -c config.yaml
    wait_for 30 ready one
    wait_for 30 total_out_at_least 500
    kill -STOP -- "-$(<one.pid)" # its session: driver, source, sink and workers
    start_x two bruco -c config.yaml
    wait_for 40 file_has two.err '4 partitions assigned'
    wait_for 60 total_out_at_least 3000
    kill -CONT -- "-$(<one.pid)"
    wait_for 40 file_has one.err 'restarting the pipeline'
    wait_for 60 ready one 2
    stop_x fill 143
    stop_x one
    stop_x two
    run_x 0 bruco -e -c config.yaml
    once
    all_committed
    nothing_hangs "$OUT"
}

@test "instances that join and leave finish what they have, and start nothing again" {
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 3000
    start_x one bruco -v -c config.yaml
    wait_for 30 ready one
    start_x two bruco -v -c config.yaml
    wait_for 40 file_has two.err '2 partitions assigned'
    wait_for 60 total_out_at_least 3000
    start_x three bruco -c config.yaml
    wait_for 40 file_has three.err 'partitions? assigned'
    stop_x one
    wait_for 40 file_has two.err '(2|3) partitions assigned'
    stop_x fill 143
    stop_x two
    stop_x three
    file_has one.err "transactionalId 'bruco/.*/$GROUP/.*/1'"
    file_has two.err "transactionalId 'bruco/.*/$GROUP/.*/2'"
    file_lacks two.err restarting
    file_lacks three.err restarting
    run_x 0 bruco -e -c config.yaml
    once
    all_committed
}

# deaths PROCESSOR: kill -9 of a worker, the sink and a worker again while the handler on standard input has
# events under way; it says in the file `many` when it has several.
deaths() {
    local i=0 who
    cat >handler.py
    sed -i "s/^processor: .*/processor: {workers: 2, $1}/" config.yaml
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 3000
    start_x bruco bruco -c config.yaml
    wait_for 30 ready bruco
    for who in worker sink worker; do
        wait_for 30 total_out_at_least $((i += 1500))
        if [[ $who == sink ]]; then
            kill -KILL "$(stage_of bruco bruco-sink)"
            wait_for 30 ready bruco 2
        else
            wait_for 20 kill_worker bruco
        fi
    done
    wait_for 30 total_out_at_least $((i += 1500))
    stop_x fill 143
    wait_for 20 workers_are bruco 2
    stop_x bruco
    file_has bruco.err "bruco-sink was killed by signal 9"
    (($(grep -c 'worker [01] was killed by signal 9' bruco.err) >= 2))
    run_x 0 bruco -e -c config.yaml
    once
    all_committed
    nothing_hangs "$OUT"
    [[ -s many ]]
}

@test "kill -9 of workers and the sink with many events of async def under way: each record once" {
    deaths "concurrency: 64" <<'PY'
import asyncio, random
under_way = 0
async def handle_event(context, data):
    global under_way
    under_way += 1
    if under_way == 10:
        open("many", "a").write("x")
    await asyncio.sleep(random.random() / 100)
    under_way -= 1
    return data
PY
}

@test "kill -9 of workers and the sink in the midst of batches: each record once" {
    deaths "batch: {size: 100, wait: 5ms}" <<'PY'
import time
def handle_batch(context, events):
    if len(events) >= 10:
        open("many", "a").write("x")
    time.sleep(0.01)
    return [event.data for event in events]
PY
}
