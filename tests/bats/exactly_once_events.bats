#!/usr/bin/env bats
# Exactly once, and what becomes of single events: failures, attempts, dead letters, several outputs and none;
# and what a running pipeline is asked to do.

load helpers
load pipelines

LIMIT=60

setup() {
    common_setup
    kafka_topics 2
    new_topic 2
    DEAD=$TOPIC
}

# exactly PROCESSOR [line ...]: from $IN to $OUT, with the handler on standard input
exactly() {
    cat >handler.py
    cat >config.yaml <<YAML
processingGuarantee: exactlyOnce
maxRestarts: 100
processor: {$1}
source: {kind: kafka, brokers: [$BROKERS], topics: [$IN], offset: earliest, consumerGroup: $GROUP, properties: {session.timeout.ms: 6000}}
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT}
$(printf '%s\n' "${@:2}")
YAML
}

send_to_in() {
    bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN"
}

read_values() { # read_values TOPIC: what a reader of committed records sees, sorted
    wait_for 20 nothing_hangs >/dev/null # a moment after a commit the brokers show it
    bruco-source -q -e kafka -b "$BROKERS" -t "$1" --no-group -o beginning | bruco-sink -q lines | sort
}

count_is() { [[ $(kafka-offsets -b "$BROKERS" count "$1") == "$2" ]]; }

all_committed() {
    equals "$(committed)" "$(ends "$IN")"
}

nothing_hangs() {
    equals "$(kafka-offsets -b "$BROKERS" open "$OUT")$(kafka-offsets -b "$BROKERS" open "$DEAD")" ""
}

@test "dead letters, none and several outputs are in the transactions; with a kill in between each is there once" {
    exactly "onFailure: deadLetter, retry: {attempts: 1}" "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $DEAD}" <<'PY'
def handle_event(context, data):
    n = int(data)
    if n % 5 == 0:
        raise ValueError("five")
    if n % 5 == 1:
        return None
    if n % 5 == 2:
        return (b"%d-%d" % (n, i) for i in range(3))
    return data
PY
    seq 500 | send_to_in
    start_x bruco bruco
    wait_for 30 ready bruco
    seq 501 1000 | send_to_in
    kill -KILL "$(stage_of bruco bruco-sink)"
    wait_for 30 ready bruco 2
    seq 1001 1500 | send_to_in
    kill -KILL "$(stage_of bruco bruco-source)"
    wait_for 30 ready bruco 3
    wait_for 30 eval 'equals "$(committed)" "$(ends "$IN")" >/dev/null'
    stop_x bruco
    seq 1500 | awk '$1 % 5 == 2 { for (i = 0; i < 3; i++) print $1 "-" i } $1 % 5 > 2' | sort >expected
    read_values "$OUT" >got
    same_bytes got expected
    seq 5 5 1500 | sort >expected
    read_values "$DEAD" >got
    same_bytes got expected
    nothing_hangs
}

@test "onFailure: stop commits what came before the event, and nothing of it" {
    exactly "retry: {attempts: 1}" <<'PY'
def handle_event(context, data):
    if data == b"bad":
        raise ValueError("bad")
    return data
PY
    printf '%s\n' one two bad three | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    run_x 1 bruco -e
    contains "$stderr" "ValueError"
    equals "$(read_values "$OUT" | paste -sd' ')" "one two"
    equals "$(committed)" 2
    nothing_hangs
    run_x 1 bruco -e
    equals "$(read_values "$OUT" | paste -sd' ')" "one two"
    sed -i 's/bad/other/' handler.py
    run_x 0 bruco -e
    equals "$(read_values "$OUT" | paste -sd' ')" "bad one three two"
    all_committed
}

@test "crashes of the handler are counted over a restart of everything, in the transactions' offsets" {
    exactly "onFailure: deadLetter, retry: {attempts: 3, backoff: 0s}" "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $DEAD}" <<'PY'
import os
def handle_event(context, data):
    if data == b"poison":
        with open("ran", "a") as file:
            file.write("x")
        if os.path.getsize("ran") == 2:
            while True:
                pass
        os._exit(3)
    return data
PY
    printf '%s\n' one poison two | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    start_x bruco bruco
    wait_for 30 eval '[[ $(cat ran) == xx ]] 2>/dev/null'
    wait_for 10 eval 'kafka-offsets -b "$BROKERS" metadata "$GROUP" "$IN" | grep -q attempts=1:1'
    kill_x bruco KILL
    wait_x bruco 137
    wait_for 20 eval '[[ -z $(kafka-offsets -b "$BROKERS" members "$GROUP") ]]' # its session has timed out
    run_x 0 bruco -e
    equals "$(read_values "$OUT" | paste -sd' ')" "one two"
    equals "$(read_values "$DEAD")" poison
    equals "$(cat ran)" xxxx # one crash was committed, one run was cut off unseen: then two more
    all_committed
    nothing_hangs
}

@test "a slow handler holds no transaction open" {
    exactly "workers: 1" "metrics: {listen: '127.0.0.1:0'}" <<'PY'
import time
def handle_event(context, data):
    if data == b"slow":
        time.sleep(6)
    return data
PY
    sed -i '/^metrics/d; s/topic: /properties: {transaction.timeout.ms: 2000}, topic: /' config.yaml
    printf '%s\n' one slow two | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    start_x bruco bruco
    wait_for 30 count_is "$OUT" 1
    nothing_hangs
    wait_for 30 count_is "$OUT" 3
    file_lacks bruco.err restarting
    run_x 0 bruco status --json
    is_true '.totals.transactions >= 2 and .totals.transactions_aborted == 0 and .totals.out == 3 and .times.commit.count >= 2' stdout
    stop_x bruco
}

@test "a transaction that times out while the sink is stopped is aborted, and its records come again" {
    exactly "workers: 1" <<<'def handle_event(context, data): return data'
    sed -i 's/topic: /properties: {transaction.timeout.ms: 6000}, commitInterval: 3s, topic: /' config.yaml
    start_x bruco bruco
    wait_for 30 ready bruco
    seq 100 | send_to_in
    wait_for 20 eval '[[ -n $(kafka-offsets -b "$BROKERS" open "$OUT") ]]'
    kill -STOP "$(stage_of bruco bruco-sink)"
    wait_for 40 nothing_hangs # the broker has ended it
    kill -CONT "$(stage_of bruco bruco-sink)"
    wait_for 40 ready bruco 2
    wait_for 30 count_is "$OUT" 100
    stop_x bruco
    file_has bruco.err "bruco-sink: error: fenced: the transaction has timed out"
    count_is "$OUT" 100
    all_committed
}

@test "a pause, a reload and recycled workers double and lose nothing" {
    exactly "workers: 2, maxEvents: 500" <<<'def handle_event(context, data): return data'
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 1000
    start_x bruco bruco
    wait_for 30 ready bruco
    wait_for 30 out_at_least 500
    run_x 0 bruco pause
    wait_for 20 eval '[[ -z $(kafka-offsets -b "$BROKERS" open "$OUT") ]]'
    run_x 0 bruco resume
    echo 'def handle_event(context, data): return data # again' >handler.py
    run_x 0 bruco reload --wait
    wait_for 30 out_at_least 2000
    stop_x fill 143
    stop_x bruco
    file_lacks bruco.err 'restarting the pipeline'
    run_x 0 bruco -e
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
    all_committed
}

@test "the transactional ID: of groupInstanceId, as given, and by hand there are no transactions" {
    exactly "workers: 1" <<<'def handle_event(context, data): return data'
    sed -i "s/consumerGroup: /groupInstanceId: me, consumerGroup: /; 1i name: pipe" config.yaml
    run_x 0 bruco -v -e
    contains "$stderr" "transactionalId 'bruco/pipe/$GROUP/me'"
    sed -i 's/topic: /transactionalId: "${WHO:-mine}", topic: /' config.yaml
    run_x 0 bruco -v -e
    contains "$stderr" "transactionalId 'mine'"
    run_x 78 bruco-source -c config.yaml
    contains "$stderr" "processingGuarantee: exactlyOnce is for bruco"
    run_x 78 bruco-sink -c config.yaml
    contains "$stderr" "processingGuarantee: exactlyOnce is for bruco"
}

@test "a sink in another cluster ends it with 78, and nothing is committed" {
    local real=$BROKERS
    exactly "workers: 1" <<<'def handle_event(context, data): return data'
    start_broker -t out:2
    sed -i "/^sink/s/\[.*\], topic: .*/[$BROKERS], topic: out}/" config.yaml
    BROKERS=$real
    seq 10 | send_to_in
    run_x 78 bruco -e
    contains "$stderr" "bruco-sink: error: source and sink are in different clusters, '"
    equals "$(committed)" 0
}

@test "a record that the broker refuses aborts its transaction and stops the pipeline, 1" {
    exactly "onFailure: skip" <<'PY'
import bruco
def handle_event(context, data):
    return bruco.Message(data, key=None) if data == b"keyless" else bruco.Message(data, key=data)
PY
    new_topic 1 cleanup.policy=compact
    OUT=$TOPIC
    sed -i "/^sink/s/topic: .*/topic: $OUT}/" config.yaml
    printf '%s\n' one | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    run_x 0 bruco -e
    printf '%s\n' two keyless three | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    run_x 1 bruco -e
    contains "$stderr" "bruco-sink: error: the broker refuses a record for '$OUT', and with it the transaction: record is invalid for the topic"
    count_is "$OUT" 1
    nothing_hangs
    equals "$(committed)" 1
}
