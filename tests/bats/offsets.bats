#!/usr/bin/env bats
# Where a partition begins for a group, and that its lag ends at 0: on the real broker.

load helpers

LIMIT=120

setup() {
    common_setup
    real_broker
    new_topic 2
    IN=$TOPIC
    new_topic 2
    OUT=$TOPIC
    GROUP=g-$IN
    cat >handler.py <<'PY'
def handle_event(context, data):
    return data
PY
}

# config [OFFSET [source line ...]]
config() {
    cat >config.yaml <<YAML
processor: {workers: 2}
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [$IN]
  offset: ${1:-earliest}
  consumerGroup: $GROUP
$(printf '  %s\n' "${@:2}")
sink:
  kind: kafka
  brokers: [$BROKERS]
  topic: $OUT
YAML
}

fill() { # fill COUNT [option ...]
    kafka-fill -b "$BROKERS" -t "$IN" -n "$@" >/dev/null
}

ready() { # ready NAME
    file_has "$1.err" 'bruco: info: ready'
}

ends() { # ends TOPIC: the sum of its partitions' ends
    kafka-offsets -b "$BROKERS" ends "$1" | awk '{ sum += $3 } END { print sum + 0 }'
}

lag() { # lag [TOPIC]: a line a partition, sorted and without doubles
    kafka-offsets -b "$BROKERS" group "$GROUP" "${1:-$IN}" | awk '{ print $4 }' | sort -u
}

lag_is_0() { [[ $(lag "$@") == 0 ]]; }
count_is() { [[ $(kafka-offsets -b "$BROKERS" count "$1") == "$2" ]]; }
count_is_below() { (($(kafka-offsets -b "$BROKERS" count "$1") < $2)); }

# ---- the end: control records, aborted and compacted ones

@test "lag is 0 behind transactions, committed and aborted, while it runs" {
    config
    fill 300 --transaction commit
    start_x run bruco -c config.yaml
    wait_for 60 lag_is_0
    fill 300 --first 300 --transaction abort
    wait_for 60 lag_is_0
    fill 300 --first 600
    fill 1 --first 900 --transaction abort
    wait_for 60 lag_is_0
    stop_x run
    lag_is_0
    count_is "$OUT" 600
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "-e ends behind transactions, committed and aborted, with lag 0" {
    config
    fill 300 --transaction abort # nothing but these
    run_x 0 bruco -e -c config.yaml
    lag_is_0
    fill 300 --first 300 --transaction commit
    run_x 0 bruco -e -c config.yaml
    lag_is_0
    fill 300 --first 600 --transaction abort
    run_x 0 bruco -e -c config.yaml
    lag_is_0
    count_is "$OUT" 300
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "-e ends where it began to, among control records, however much comes behind" {
    new_topic 1
    IN=$TOPIC
    config
    fill 10 --transaction commit # its end is behind the control record, at 11
    cat >handler.py <<PY
import subprocess
def handle_event(context, data):
    if context.event.offset == 0: # its end is known now, and more comes behind it
        subprocess.run(["$BRUCO_TESTS/kafka-fill", "-b", "$BROKERS", "-t", "$IN", "-n", "10",
                        "--first", "10"], check=True, stdout=subprocess.DEVNULL)
    return data
PY
    run_x 0 bruco -e -c config.yaml
    equals "$(kafka-offsets -b "$BROKERS" group "$GROUP" "$IN")" "0 11 21 10"
    count_is "$OUT" 10
}

@test "lag is 0 where records were compacted away" {
    new_topic 1 cleanup.policy=compact segment.ms=100 min.cleanable.dirty.ratio=0.001 \
        delete.retention.ms=0
    IN=$TOPIC
    config
    fill 1000 -k 5 --transaction commit
    wait_for 60 compacted
    run_x 0 bruco -e -c config.yaml
    lag_is_0
    start_x run bruco -c config.yaml
    fill 10 -k 5 --first 5000 --transaction abort
    wait_for 60 lag_is_0
    stop_x run
    run_x 0 kafka-compare -b "$BROKERS" --order none "$IN" "$OUT"
}

compacted() { # an aborted record begins a new segment, so that the old one is cleaned
    fill 1 -k 5 --first 3000 --transaction abort
    count_is_below "$IN" 100
}

@test "what is under way is not committed past, whatever lies behind it" {
    cat >handler.py <<'PY'
import os, time
def handle_event(context, data):
    open("began", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.05)
    return data
PY
    new_topic 2
    IN=$TOPIC
    config
    seq 3 | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    start_x run bruco -c config.yaml
    wait_for 60 test -e began
    for round in 1 2 3; do # in both partitions; of the other one the end is seen and committed
        fill 100 --first $((round * 100)) --transaction abort
        wait_for 60 partition_1_is_done
    done
    equals "$(kafka-offsets -b "$BROKERS" group "$GROUP" "$IN" | awk '$1 == 0 { print $2 }')" 0
    touch go
    wait_for 60 lag_is_0
    stop_x run
    count_is "$OUT" 3
}

partition_1_is_done() {
    [[ $(kafka-offsets -b "$BROKERS" group "$GROUP" "$IN" | awk '$1 == 1 { print $4 }') == 0 ]]
}
