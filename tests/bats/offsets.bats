#!/usr/bin/env bats
# Where a partition begins for a group, and that its lag ends at 0: on the real broker.

load helpers
load pipelines

LIMIT=120

setup() {
    common_setup
    kafka_topics 2
    pass_on
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

# ---- the beginning: topics that come later, groups of others

put() { # put TOPIC PARTITION WORD ...
    printf '%s\n' "${@:3}" | bruco-source -q lines |
        bruco-sink -q kafka -b "$BROKERS" -t "$1" --partition "$2"
}

values() { # of the output, sorted
    bruco-source -q -e kafka -b "$BROKERS" -t "$OUT" -g "look-$RANDOM$RANDOM" -o earliest |
        bruco-sink -q lines | sort | paste -sd' '
}

metadata() { # metadata TOPIC: without doubles
    kafka-offsets -b "$BROKERS" metadata "$GROUP" "$1" | cut -d' ' -f2- | sort -u
}

metadata_is() { [[ $(metadata "$1") =~ $2 ]]; }
out_has() { (($(ends "$OUT") >= $1)); }

two_topics() { # the second one does not exist yet
    LATER=$IN-later
    config latest 'properties: {topic.metadata.refresh.interval.ms: 500}'
    sed -i "s/topics: .*/topics: [$IN, $LATER]/" config.yaml
}

@test "latest: a topic that is made while it runs begins with its first record" {
    two_topics
    put "$IN" 0 old
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    metadata_is "$IN" '^bruco partitions=2 topics=[0-9a-f]{8}$'
    kafka-offsets -b "$BROKERS" create "$LATER" 2
    put "$LATER" 1 one two
    wait_for 60 out_has 2
    stop_x run
    equals "$(values)" "one two"
    file_has run.err "$LATER\[1\] is new to the group, from its beginning"
}

@test "latest: a topic that is made while nothing runs begins with its first record" {
    two_topics
    put "$IN" 0 old
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    stop_x run
    kafka-offsets -b "$BROKERS" create "$LATER" 2
    put "$LATER" 0 one
    put "$LATER" 1 two
    put "$IN" 1 three
    run_x 0 bruco -e -c config.yaml
    equals "$(values)" "one three two"
}

@test "latest: a topic that is waited for begins with its first record" {
    two_topics
    sed -i "s/topics: .*/topics: [$LATER]/" config.yaml
    start_x run bruco -c config.yaml
    wait_for 60 file_has run.err "$LATER.* does not exist yet"
    kafka-offsets -b "$BROKERS" create "$LATER" 1
    put "$LATER" 0 one two
    wait_for 60 out_has 2
    stop_x run
    equals "$(values)" "one two"
}

@test "latest: a topic that is deleted and made anew begins with its first record" {
    two_topics
    kafka-offsets -b "$BROKERS" create "$LATER" 1
    put "$LATER" 0 old old
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    stop_x run
    kafka-offsets -b "$BROKERS" delete "$LATER"
    wait_for 30 made_anew
    put "$LATER" 0 one
    run_x 0 bruco -e -c config.yaml
    equals "$(values)" "one"
}

made_anew() {
    kafka-offsets -b "$BROKERS" create "$LATER" 1 2>/dev/null
}

@test "latest: a topic that was there, and is new in the configuration, begins at its end" {
    config latest
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    stop_x run
    two_topics
    kafka-offsets -b "$BROKERS" create "$LATER" 1
    put "$LATER" 0 old
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    put "$LATER" 0 one
    wait_for 60 out_has 1
    stop_x run
    equals "$(values)" "one"
}

# What another client has committed in partition 0 alone: 1 of the 2 records that are in each.
begun_by_another() {
    for partition in 0 1; do
        put "$IN" "$partition" "$partition-one" "$partition-two"
    done
    kafka-offsets -b "$BROKERS" commit "$GROUP" "$IN" 0 1
}

@test "latest, earliest, a time to come: where another client has committed in some partitions" {
    offsets=(latest earliest 2100-01-01)
    wants=("0-two 1-three" "0-two 1-one 1-three 1-two" "0-two 1-three")
    starts=(2 0 2)
    for i in 0 1 2; do
        new_topic 2
        IN=$TOPIC
        new_topic 2
        OUT=$TOPIC
        GROUP=g-$IN
        begun_by_another
        config "${offsets[i]}"
        start_x run bruco -c config.yaml
        wait_for 60 ready run
        contains "$(grep -c "by source.offset: $IN\[1\] at ${starts[i]}$" run.err)" 1
        put "$IN" 1 1-three
        wait_for 60 lag_is_0
        stop_x run
        equals "$(values)" "${wants[i]}"
        metadata_is "$IN" '^bruco partitions=2$'
        kafka-offsets -b "$BROKERS" grow "$IN" 3 # from now on it is ours
        put "$IN" 2 2-one
        run_x 0 bruco -e -c config.yaml
        contains "$(values)" 2-one
    done
}

# ---- patterns

pattern() { # pattern [OFFSET]: of topics, found soon
    PATTERN="^$IN(-.*)?\$"
    config "${1:-latest}" 'properties: {topic.metadata.refresh.interval.ms: 500}'
    sed -i "s/topics: .*/topics: ['$PATTERN']/" config.yaml
}

@test "a pattern: what it matches begins as offset says, and what comes later with its first record" {
    pattern
    kafka-offsets -b "$BROKERS" create "$IN-b" 1
    put "$IN" 0 old
    put "$IN-b" 0 old
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    put "$IN" 1 one
    put "$IN-b" 0 two
    wait_for 60 out_has 2
    metadata_is "$IN" '^bruco partitions=2 topics=[0-9a-f]{8}(,[0-9a-f]{8})+$'
    # While it runs: and one that does not match.
    kafka-offsets -b "$BROKERS" create "$IN-c" 2
    kafka-offsets -b "$BROKERS" create "x$IN" 1
    put "$IN-c" 1 three
    put "x$IN" 0 no
    wait_for 60 out_has 3
    file_has run.err "$IN-c\[1\] is new to the group, from its beginning"
    bruco pause -c config.yaml "$IN-c" >said
    file_has said "paused $IN-c"
    stop_x run
    # While nothing runs: made, and made anew.
    kafka-offsets -b "$BROKERS" create "$IN-d" 1
    put "$IN-d" 0 four
    kafka-offsets -b "$BROKERS" delete "$IN-b"
    LATER=$IN-b
    wait_for 30 made_anew
    put "$IN-b" 0 five
    run_x 0 bruco -e -c config.yaml
    equals "$(values)" "five four one three two"
    # Another pattern that matches what was there before it.
    put "x$IN" 0 no
    sed -i "s/topics: .*/topics: ['$PATTERN', '^x$IN\$']/" config.yaml
    start_x again bruco -c config.yaml
    wait_for 60 ready again
    wait_for 60 file_has again.err 'assigned'
    put "x$IN" 0 six
    wait_for 60 out_has 6
    stop_x again
    equals "$(values)" "five four one six three two"
    file_lacks again.err ' is new to the group'
}

@test "a pattern that matches nothing is waited for, and the cluster's own topics are not meant" {
    pattern
    PATTERN="^$IN-none"
    sed -i "s/topics: .*/topics: ['$PATTERN', '^__']/" config.yaml
    start_x run bruco -c config.yaml
    wait_for 60 file_has run.err "topics '\^$IN-none' and '\^__' do not exist yet, waiting"
    kafka-offsets -b "$BROKERS" create "$IN-none-1" 1
    put "$IN-none-1" 0 one two
    wait_for 60 out_has 2
    stop_x run
    equals "$(values)" "one two"
    file_has run.err "topic '\^$IN-none' is there now"
    file_lacks run.err '__consumer_offsets'
    # With -e nothing is waited for.
    sed -i "s/topics: .*/topics: ['^$IN-nothing']/" config.yaml
    run_x 78 bruco -e -c config.yaml
    contains "$stderr" "topic '^$IN-nothing' does not exist, and with -e nothing is waited for"
    # A circle is found by its pattern, and bruco dev has no topic to make.
    sed -i "s/topics: .*/topics: ['^${OUT:0:4}']/" config.yaml
    run_x 0 bruco check -c config.yaml
    contains "$stderr$output" "'$OUT' is among source.topics"
    run_x 78 bruco dev -c config.yaml
    contains "$stderr" "no topic can be made of the pattern '^${OUT:0:4}': name one with --set source.topics=NAME"
}

@test "a pattern over a take-over: a topic made while the source was away is found" {
    pattern
    start_x run bruco -c config.yaml
    wait_for 60 ready run
    kafka-offsets -b "$BROKERS" create "$IN-b" 1
    put "$IN-b" 0 one
    kill -KILL "$(pgrep -P "$(<run.pid)" -x bruco-source)"
    wait_for 60 out_has 1
    stop_x run
    equals "$(values)" "one"
}

@test "a pattern: an instance that has a new topic alone knows that it is new" {
    new_topic 1
    IN=$TOPIC
    pattern
    sed -i "s/^  offset:/  balanceStrategy: roundrobin\n&/" config.yaml
    start_x one bruco -c config.yaml
    wait_for 60 ready one
    stop_x one
    kafka-offsets -b "$BROKERS" create "$IN-b" 1
    put "$IN-b" 0 one two
    start_x one bruco -c config.yaml
    start_x two bruco -c config.yaml
    wait_for 60 out_has 2
    wait_for 60 file_has one.err '1 partition assigned'
    wait_for 60 file_has two.err '1 partition assigned'
    stop_x one
    stop_x two
    equals "$(values)" "one two"
}
