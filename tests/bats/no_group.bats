#!/usr/bin/env bats
# bruco-source without a consumer group, and what a cluster has: on the real broker.

load helpers
load pipelines

LIMIT=60

setup() {
    common_setup
    real_broker
}

# into TOPIC PARTITION VALUE ...
into() {
    printf '%s\n' "${@:3}" | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$1" --partition "$2"
}

# read TOPICS OPTION ...: to the end, without a group; topic[partition]@offset=value in $output
read_x() {
    run_x 0 bash -c 'set -o pipefail
        bruco-source -e kafka -b "$@" --no-group | bruco-sink -q json |
        jq -r "\"\(.topic)[\(.partition)]@\(.offset)=\(.value)\""' - "$BROKERS" -t "$@"
    output=$(sed "s/^${1}\[/[/" stdout | sort)
}

@test "where it starts: beginning, end, a number, -N of each partition, a time" {
    new_topic 3
    into "$TOPIC" 0 a b c d e
    into "$TOPIC" 1 f g
    ends=$'[0]@3=d\n[0]@4=e\n[1]@0=f\n[1]@1=g'
    for all in beginning earliest 0 -1000 2020-01-01; do
        read_x "$TOPIC" -o "$all"
        equals "$(sed 's/.*=//' <<<"$output" | tr -d '\n')" abcdefg
    done
    read_x "$TOPIC" -o -2
    equals "$output" "$ends"
    read_x "$TOPIC" -o 3 -p 0
    equals "$output" $'[0]@3=d\n[0]@4=e'
    for none in end latest @9999999999999; do
        read_x "$TOPIC" -o "$none"
        equals "$output" ""
    done
    # A number that a partition does not have, or not yet, is told.
    read_x "$TOPIC" -o 4
    equals "$output" '[0]@4=e'
    contains "$stderr" "info: $TOPIC[1] has no offset 4: from its end, 2"
    contains "$stderr" "info: $TOPIC[2] has no offset 4: from its beginning, 0"
    contains "$stderr" "info: 3 partitions to read, without a group"
    # Without -o it is as it is in a group: what comes.
    start_x tail bash -c "bruco-source -n 2 kafka -b $BROKERS -t $TOPIC --no-group | bruco-sink -q lines"
    wait_for 20 file_has tail.err "3 partitions to read"
    into "$TOPIC" 1 new newer
    wait_x tail 0
    equals "$(<tail.out)" $'new\nnewer'
}

@test "it joins no group and commits nothing, even beside a member of the file's" {
    new_topic 2
    into "$TOPIC" 0 a b
    cat >config.yaml <<YAML
source: {kind: kafka, brokers: ["$BROKERS"], topics: [$TOPIC], consumerGroup: g-$TOPIC, groupInstanceId: one, offset: earliest}
YAML
    start_x member bruco-source -c config.yaml
    wait_for 20 file_has member.err 'ready|assigned'
    wait_for 20 eval "kafka-offsets -b $BROKERS group g-$TOPIC $TOPIC | grep -q '^0 2 2 0'"
    run_x 0 bash -c 'set -o pipefail; bruco-source -e -c config.yaml --no-group -o -1 | bruco-sink -q lines'
    equals "$output" b
    # With a link, what is acknowledged is committed nowhere, either.
    run_x 0 bash -c 'set -o pipefail; bruco-source -e -l link -c config.yaml --no-group -p 0 | bruco-sink -q -l link lines'
    equals "$output" $'a\nb'
    stop_x member
    file_lacks member.err 'revoked|fenced'
    equals "$(kafka-offsets -b "$BROKERS" members "g-$TOPIC" | wc -l)" 1 # the member's own place, for its next run
}

@test "-e ends behind control records, aborted and compacted ones" {
    fill() {
        kafka-fill -b "$BROKERS" -t "$TOPIC" "$@" >/dev/null
    }
    new_topic 2
    fill -n 20 --transaction commit
    fill -n 20 --first 100 --transaction abort
    read_x "$TOPIC" -o beginning
    equals "$(wc -l <stdout)" 20
    # Nothing but control records and what was aborted.
    read_x "$TOPIC" -o -1
    equals "$output" ""
    read_x "$TOPIC" -o end
    equals "$output" ""
    new_topic 1 cleanup.policy=compact segment.ms=100 min.cleanable.dirty.ratio=0.001 delete.retention.ms=0
    fill -n 500 -k 5 --transaction commit
    wait_for 60 eval "fill -n 1 -k 5 --first 3000 --transaction abort
        (( \$(kafka-offsets -b $BROKERS count $TOPIC) < 50 ))"
    read_x "$TOPIC" -o beginning
    equals "$(wc -l <stdout)" 5
    read_x "$TOPIC" -o 3 # it is not there any more, and the partition begins before it
    equals "$(wc -l <stdout)" 5
    # An open transaction hides what is behind it; the end is where that begins.
    read_x "$TOPIC" -o end
    equals "$output" ""
}

@test "several topics, and patterns: what is there at the start" {
    new_topic 2
    base=$TOPIC
    for name in "$base-x" "$base-y"; do
        kafka-offsets -b "$BROKERS" create "$name" 1
        into "$name" 0 "$name"
    done
    into "$base" 1 "$base"
    run_x 0 bash -c "bruco-source -e kafka -b $BROKERS -t '^$base-,$base' --no-group -o beginning | bruco-sink -q lines"
    equals "$(sort stdout)" "$(printf '%s\n' "$base" "$base-x" "$base-y")"
    contains "$stderr" "4 partitions to read"
    # By a pattern and by its name a topic is read once.
    run_x 0 bash -c "bruco-source -e kafka -b $BROKERS -t '^$base-x,$base-x' --no-group -o beginning | bruco-sink -q lines"
    equals "$output" "$base-x"
    run_x 78 bruco-source -e kafka -b "$BROKERS" -t "^$base-z" --no-group
    contains "$stderr" "error: topic '^$base-z' does not exist, and with -e nothing is waited for"
}

@test "a topic that is not there is waited for, a partition is not" {
    new_topic 2
    late=$TOPIC-late
    start_x source bash -c "bruco-source -n 3 kafka -b $BROKERS -t $TOPIC,$late --no-group -o beginning | bruco-sink -q lines"
    wait_for 20 file_has source.err "warning: topic '$late' does not exist yet, waiting"
    kafka-offsets -b "$BROKERS" create "$late" 1
    into "$late" 0 a b
    into "$TOPIC" 1 c
    wait_x source 0
    equals "$(sort source.out)" $'a\nb\nc'
    file_has source.err "topic '$late' is there now"
    run_x 78 bruco-source -e kafka -b "$BROKERS" -t "$TOPIC-no" --no-group
    contains "$stderr" "error: topic '$TOPIC-no' does not exist, and with -e nothing is waited for"
    run_x 78 bruco-source kafka -b "$BROKERS" -t "$TOPIC" --no-group -p 0,7
    contains "$stderr" "error: topic '$TOPIC' has 2 partitions, and so no partition 7"
    equals "$(wc -l <stderr)" 1
}

@test "a slow reader holds it back, a stop ends it, a broker that is away is waited for" {
    new_topic 2
    kafka-fill -b "$BROKERS" -t "$TOPIC" -n 100000 >/dev/null
    printf 'source: {kind: kafka, brokers: ["%s"], topics: [%s], prefetch: 1MiB}\n' "$BROKERS" "$TOPIC" >config.yaml
    # As long as it takes until partitions are paused.
    start_x slow bash -c 'bruco-source -v -e -c config.yaml --no-group -o beginning | (sleep 9; bruco-sink -q lines) | sort | uniq | wc -l'
    start_x away bruco-source kafka -b 127.0.0.1:1 -t x --no-group
    start_x tail bruco-source kafka -b "$BROKERS" -t "$TOPIC" --no-group
    wait_for 20 file_has tail.err "2 partitions to read"
    stop_x tail
    wait_for 20 file_has away.err "warning: no broker can be reached, waiting: 127.0.0.1:1"
    equals "$(wc -l <away.err)" 1
    stop_x away
    wait_x slow 0
    equals "$(<slow.out)" 100000
    file_has slow.err 'debug: paused .*in its backlog'
}

@test "-L: brokers, topics and partitions, as a table and as JSON" {
    new_topic 3
    run_x 0 bruco-source kafka -b "$BROKERS" -L
    equals "$stderr" ""
    [[ ${lines[0]} =~ ^cluster\ [^:]+:\ 1\ broker,\ [0-9]+\ topics?$ ]]
    grep -qE "^ +1  $BROKERS +controller$" stdout
    equals "$(grep -cE "^$TOPIC +[012] +1  1 +1 +-$" stdout)" 3
    run_x 0 bruco-source kafka -b "$BROKERS" -t "$TOPIC" -L
    contains "$output" ': 1 broker, 1 topic'
    run_x 0 bruco-source kafka -b "$BROKERS" -t "^$TOPIC$" -L --json
    is_true ".brokers == [{id: 1, address: \"$BROKERS\"}] and .controller == 1 and (.cluster | length) > 10" stdout
    is_true ".topics == [{topic: \"$TOPIC\", error: null, partitions:
        [range(3) | {partition: ., leader: 1, replicas: [1], in_sync: [1], error: null}]}]" stdout
    run_x 78 bruco-source kafka -b "$BROKERS" -t "$TOPIC,nothing,^nothing" -L
    grep -qE "^$TOPIC +2 " stdout
    equals "$(sed 's/.*error: //' stderr)" $'topic \'nothing\' does not exist\nno topic matches \'^nothing\''
    # From a file, whose group does not matter.
    printf 'source: {kind: kafka, brokers: ["%s"], topics: [%s], consumerGroup: g}\n' "$BROKERS" "$TOPIC" >config.yaml
    run_x 0 bruco-source -c config.yaml -L
    contains "$output" ': 1 broker, 1 topic'
    for file in "" "-c wait.yaml"; do
        printf 'maxWait: 1s\nsource: {kind: kafka, brokers: ["127.0.0.1:1"], topics: [x], consumerGroup: g}\n' >wait.yaml
        run_x 75 bruco-source ${file:-kafka -b 127.0.0.1:1} -L
        equals "$(wc -l <stderr)" 1
        contains "$stderr" "no broker can be reached: 127.0.0.1:1"
        contains "$stderr" "waited for ${file:+1s (maxWait)}"
        equals "$output" ""
    done
}

@test "what makes no sense together is wrong usage" {
    refuses() { # refuses MESSAGE OPTION ...
        run_x 64 bruco-source kafka -b localhost:9092 "${@:2}"
        contains "$stderr" "$1"
    }
    refuses "-g names a group, and --no-group says that there is none" -t a -g g --no-group
    refuses "-p is for --no-group: the members of a group divide" -t a -g g -p 0
    refuses "--json is for -L" -t a --no-group --json
    for option in -e "-g g" "-l link" "-n 1" --no-group "-o end"; do
        refuses "-L reads no records" -t a -L $option
    done
    for offset in start -0 --1 1- 1.5 ''; do
        refuses "offset '$offset' is not earliest (beginning), latest (end), a number, -N or a time" -t a --no-group -o "$offset"
    done
    refuses "partition 'x' is not a number of 0 or more" -t a --no-group -p 0,x
    refuses "partition '-1' is not a number" -t a --no-group -p -1
    refuses "partition 3 is there twice" -t a --no-group -p 3,3
    refuses "-p names no partition" -t a --no-group -p ,
    refuses "source.topics is missing" --no-group
    refuses "source.consumerGroup is missing" -t a
    for kind in lines "nats -b x" http; do
        run_x 64 bruco-source $kind --no-group </dev/null
        contains "$stderr" "-L, --no-group, -o, -p and -X are for kind kafka"
    done
}

@test "in a group, -N is for its first positions, and is pinned" {
    kafka_topics 2
    into "$IN" 0 a b c
    into "$IN" 1 d
    pass_on
    cat >config.yaml <<YAML
processor:
source: {kind: kafka, brokers: ["$BROKERS"], topics: [$IN], consumerGroup: $GROUP, offset: -2}
sink: {kind: kafka, brokers: ["$BROKERS"], topic: $OUT}
YAML
    run_x 0 bruco check --print -c config.yaml
    contains "$output" '  offset: -2'
    run_x 0 bruco -e
    equals "$(values_of "$OUT" | sort)" $'b\nc\nd'
    into "$IN" 0 e f g
    run_x 0 bruco -e # not -2 again
    equals "$(values_of "$OUT" | sort)" $'b\nc\nd\ne\nf\ng'
}
