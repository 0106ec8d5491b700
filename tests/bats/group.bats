#!/usr/bin/env bats
# The place in the consumer group, on the real broker, with a user's defaults: who keeps it, who
# leaves, and what becomes of commits that the broker refuses.

load helpers
load pipelines

LIMIT=120

setup() {
    common_setup
    kafka_topics 4
    pass_on
}

config() { # config [source line ...]
    cat >config.yaml <<YAML
processor: {workers: 1}
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [${TOPICS:-$IN}]
  offset: earliest
  consumerGroup: $GROUP
$(printf '  %s\n' "$@")
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT}
YAML
}

start_ready() { # start_ready NAME [configuration]
    start_x "$1" bruco -c "${2:-config.yaml}"
    wait_for 60 ready "$1"
}

# The names of the members, without the part that the broker makes anew at each join.
members() {
    kafka-offsets -b "$BROKERS" members "$GROUP" | sed -E 's/-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$//' | sort
}

members_are() { # members_are COUNT
    (($(members | wc -l) == $1))
}

all_committed() { # all_committed TOPIC COUNT
    (($(committed "$1") == $2))
}

two_instances() {
    start_ready one
    start_ready two
    wait_for 60 file_has one.err 'info: 2 partitions assigned'
}

@test "source and sink killed under a living driver: their place is taken over, the others keep theirs" {
    config
    two_instances
    before=$(members)
    equals "$(wc -l <<<"$before")" 2
    for stage in bruco-source bruco-sink bruco-source; do
        readies=$(grep -c 'bruco: info: ready' two.err)
        kill -KILL "$(stage_of two "$stage")"
        wait_for 60 ready two $((readies + 1))
    done
    equals "$(members)" "$before"
    kafka-fill -b "$BROKERS" -t "$IN" -n 1000 >/dev/null
    wait_for 60 all_committed "$IN" 1000
    # The other one has heard of nothing since the two were together.
    equals "$(grep -c 'partitions revoked' one.err)" 1
    stop_x two
    stop_x one
}

@test "a clean stop leaves the group, and the others go on with its partitions" {
    config
    two_instances
    stop_x two
    equals "$(members | wc -l)" 1
    wait_for 60 file_has one.err 'info: 4 partitions assigned'
    kafka-fill -b "$BROKERS" -t "$IN" -n 1000 >/dev/null
    wait_for 60 all_committed "$IN" 1000
    stop_x one
    equals "$(members)" ""
}

@test "instances that stop at the same time all leave the group" {
    config
    two_instances
    kill_x one TERM
    kill_x two TERM
    wait_x one 0
    wait_x two 0
    equals "$(members)" ""
}

@test "a groupInstanceId keeps its place over a clean stop, and a restart causes no rebalance" {
    config
    start_ready one
    config 'groupInstanceId: mine'
    start_ready two
    wait_for 60 file_has one.err 'info: 2 partitions assigned'
    stop_x two
    members | grep -x mine
    start_ready two
    equals "$(grep -c 'partitions revoked' one.err)" 1
    stop_x two
    stop_x one
}

@test "an instance whose groupInstanceId another one takes ends in one line, for good" {
    config 'groupInstanceId: mine'
    start_ready one
    start_ready two
    wait_x one 77
    equals "$(grep -c 'bruco-source: error' one.err)" 1
    contains "$(<one.err)" "fenced: another instance has joined the group '$GROUP' with the same groupInstanceId 'mine'"
    equals "$(grep -c restarting one.err)" 0
    kafka-fill -b "$BROKERS" -t "$IN" -n 1000 >/dev/null
    wait_for 60 all_committed "$IN" 1000
    stop_x two
}

@test "after the death of a whole instance, the next one says what it waits for" {
    config
    start_ready one
    for pid in "$(<one.pid)"; do kill -KILL "$pid"; done
    wait_for 20 process_ended "$(<one.pid)"
    start_x two bruco -c config.yaml
    wait_for 60 file_has two.err "info: waiting for the group '$GROUP': .* until its session times out \(10 s"
    wait_for 60 ready two
    stop_x two
}

@test "of two topics one is deleted under load: the other flows, and a stop tells what was refused" {
    new_topic 2
    other=$TOPIC
    TOPICS="$IN, $other" config
    cat >handler.py <<'PY'
import time

def handle_event(context, data):
    time.sleep(0.001)
    return data
PY
    kafka-fill -b "$BROKERS" -t "$IN" -n 3000 >/dev/null
    start_ready one
    wait_for 60 eval '(($(committed "$IN") > 0))'
    kafka-offsets -b "$BROKERS" delete "$IN"
    wait_for 60 file_has one.err "error: cannot commit $IN\[[0-3]\]@[0-9]+: Broker: Unknown topic or partition"
    kafka-fill -b "$BROKERS" -t "$other" -n 2000 >/dev/null
    wait_for 60 all_committed "$other" 2000
    # One line a partition, and none for the other topic's.
    equals "$(grep -c "cannot commit $IN" one.err)" "$(grep -o "cannot commit $IN\[[0-9]\]" one.err | sort -u | wc -l)"
    file_lacks one.err "cannot commit $other"
    # If the group has not taken the topic away meanwhile, what was refused is the last commit.
    kill_x one TERM
    wait_for 60 process_ended "$(<one.pid)"
    status=0
    wait "$(<one.pid)" || status=$?
    if file_has one.err "the last commit was refused: records may be repeated"; then
        equals "$status" 75
    else
        file_has one.err "partitions revoked"
        equals "$status" 0
    fi
    equals "$(members)" ""
}

@test "a source that takes its place again leaves out a topic that is gone" {
    new_topic 2
    other=$TOPIC
    TOPICS="$IN, $other" config
    start_ready one
    kafka-offsets -b "$BROKERS" delete "$IN"
    kill -KILL "$(stage_of one bruco-source)"
    kafka-fill -b "$BROKERS" -t "$other" -n 1000 >/dev/null
    wait_for 60 all_committed "$other" 1000
    stop_x one
}

@test "a source that takes its place again sees partitions that were added meanwhile" {
    config
    start_ready one
    kafka-offsets -b "$BROKERS" grow "$IN" 8
    kill -KILL "$(stage_of one bruco-source)"
    kafka-fill -b "$BROKERS" -t "$IN" -n 1000 >/dev/null
    wait_for 60 all_committed "$IN" 1000
    file_has one.err "8 partitions assigned"
    stop_x one
}
