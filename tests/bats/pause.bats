#!/usr/bin/env bats
# `bruco pause` and `bruco resume` on the real broker: what stands still, what goes on, and that nothing is
# lost, doubled or overtaken by it.

load helpers
load driver
load pipelines

LIMIT=120

status_is() { # status_is FILTER: a condition on the JSON, as jq has it
    local answer
    answer=$(bruco status --json 2>/dev/null) && is_true "$1" <<<"$answer"
}

# start_flow RATE [processor line ...]: records come without an end, and are copied.
start_flow() {
    requires jq
    on_kafka "${@:2}" <<<'def handle_event(context, data): return data'
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate "$1"
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    wait_for 60 out_at_least 500
}

# The records end; all come out exactly once, in their order.
end_flow() {
    stop_x fill 143
    wait_for 120 status_is '.totals.lag == 0 and .totals.in_flight == 0'
    stop_x bruco
    run_x 0 kafka-compare -b "$BROKERS" --exact --order "${ORDER:-partition}" "$IN" "$OUT"
}

stands_still() { # what is under way is done, and then for a second nothing moves
    wait_for 60 status_is '.totals.in_flight == 0'
    local before
    before=$(ends "$OUT")
    sleep 1
    equals "$(ends "$OUT")" "$before"
    wait_for 20 status_is "[.partitions[].committed] | add == $before"
}

@test "pause: all stands still, resume: all goes on, and nothing is lost, doubled or overtaken" {
    start_flow 2000
    run_x 0 bruco pause
    equals "$(sort stdout)" "$(printf 'paused %s[%d]\n' "$IN" 0 "$IN" 1 "$IN" 2 "$IN" 3)"
    stands_still
    status_is '[.partitions[] | .paused and .state == "paused"] | all'
    run_x 0 bruco pause # once more is no harm
    run_x 0 bruco status
    equals "$(grep -c ' paused$' stdout)" 4
    run_x 0 bruco resume
    equals "$(sort stdout)" "$(printf 'resumed %s[%d]\n' "$IN" 0 "$IN" 1 "$IN" 2 "$IN" 3)"
    wait_for 60 out_at_least $(($(ends "$OUT") + 2000))
    status_is '[.partitions[] | .paused == false] | all'
    file_has bruco.err "bruco: info: paused: all"
    file_has bruco.err "bruco: info: resumed: all"
    end_flow
}

@test "what waits for full lanes stays where it is" {
    requires jq
    on_kafka <<'END'
import time
def handle_event(context, data):
    time.sleep(0.002)
    return data
END
    fill 10000
    start_x bruco bruco -c config.yaml
    wait_for 60 out_at_least 500
    run_x 0 bruco pause
    stands_still
    status_is '.totals.in < 5000 and ([.partitions[].in_flight] | add) > 1000'
    run_x 0 bruco resume
    wait_for 120 status_is '.totals.lag == 0'
    stop_x bruco
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "pause of one partition: the others go on" {
    start_flow 2000
    run_x 0 bruco pause "$IN:2"
    equals "$output" "paused $IN[2]"
    partition() { # partition N: its committed offset
        bruco status --json | jq ".partitions[] | select(.partition == $1).committed"
    }
    still() { # not until its records in flight are 0: some may wait in the source, as for a full lane
        before=$(partition 2)
        sleep 1.5
        [[ $(partition 2) == "$before" ]]
    }
    wait_for 60 still
    for other in 0 1 3; do
        goal=$(($(partition $other) + 500))
        wait_for 60 status_is ".partitions[] | select(.partition == $other) | .committed >= $goal"
    done
    equals "$(partition 2)" "$before"
    status_is '[.partitions[] | .paused == (.partition == 2)] | all'
    run_x 0 bruco resume "$IN"
    wait_for 60 status_is ".partitions[] | select(.partition == 2) | .committed >= $((before + 500))"
    end_flow
}

@test "ten quick pauses of all kinds under load, with lanes that are full" {
    ORDER=key
    start_flow 3000 'ordering: key'
    for i in 1 2 3 4 5 6 7 8 9 10; do
        case $((i % 3)) in
        0) place= ;;
        1) place=$IN:$((i % 4)) ;;
        2) place=$IN ;;
        esac
        run_x 0 bruco pause $place
        wait_for 60 out_at_least $(($(ends "$OUT") + (i % 3 == 1 ? 200 : 0)))
        run_x 0 bruco resume $place
        wait_for 60 out_at_least $(($(ends "$OUT") + 300))
    done
    end_flow
}

@test "a pause outlives a source that is killed, a worker, and a sink" {
    start_flow 500
    run_x 0 bruco pause "$IN"
    stands_still
    before=$(ends "$OUT")
    for stage in bruco-source bruco-worker bruco-sink; do
        readies=$(grep -c 'info: ready' bruco.err)
        kill -KILL "$(stage_of bruco $stage | head -n 1)"
        [[ $stage == bruco-worker ]] || wait_for 60 ready bruco $((readies + 1))
    done
    wait_for 60 status_is '(.partitions | length) == 4 and ([.partitions[] | .paused] | all)'
    stands_still
    equals "$(ends "$OUT")" "$before"
    run_x 0 bruco resume
    wait_for 60 out_at_least $((before + 500))
    end_flow
}

@test "a pause is no reason to leave the group, and no stall" {
    requires jq
    on_kafka <<<'def handle_event(context, data): return data'
    sed -i 's/offset: earliest/&, rebalanceTimeout: 3s/; s/session.timeout.ms: 6000/&, max.poll.interval.ms: 6000/' config.yaml
    echo 'metrics: {stallAfter: 1s}' >>config.yaml
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    fill 100 # so that the client has handed out the partitions' ends, and is not told to pause them
    wait_for 60 status_is '.totals.lag == 0 and .totals.in == 100'
    run_x 0 bruco pause
    members=$(kafka-offsets -b "$BROKERS" members "$GROUP")
    fill 1000 --first 100
    wait_for 60 status_is '.totals.lag == 1000'
    sleep 10 # longer than the client may go without being asked
    equals "$(kafka-offsets -b "$BROKERS" members "$GROUP")" "$members"
    status_is '.ready and .totals.rebalances == 1 and .totals.in == 100 and .totals.lag == 1000'
    run_x 0 bruco resume
    wait_for 60 status_is '.totals.lag == 0'
    status_is '.totals.rebalances == 1'
    stop_x bruco
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "a stop while paused: at once, with all that was done committed, and the next run has the rest" {
    start_flow 3000
    run_x 0 bruco pause
    stop_x bruco
    equals "$(committed)" "$(ends "$OUT")"
    start_x bruco bruco -c config.yaml # a pause ends with its driver
    wait_for 60 out_at_least $(($(ends "$OUT") + 1000))
    end_flow
}

@test "with -e the end of what is paused is waited for" {
    requires jq
    on_kafka <<'END'
import os, time
def handle_event(context, data):
    if not os.path.exists("paused"): # it lasts until then, on a busy machine, too
        time.sleep(0.003)
    return data
END
    fill 6000
    start_x bruco bruco -e -c config.yaml
    wait_for 60 out_at_least 50
    run_x 0 bruco pause "$IN:1"
    touch paused
    wait_for 60 status_is '[.partitions[] | select(.partition != 1) | .lag == 0] | all'
    sleep 1
    status_is '.partitions[] | select(.partition == 1) | .paused and .lag > 0'
    run_x 0 bruco resume
    wait_x bruco 0
    run_x 0 kafka-compare -b "$BROKERS" --exact --order partition "$IN" "$OUT"
}

@test "partitions that are assigned while their topic is paused" {
    requires jq
    on_kafka <<<'def handle_event(context, data): return data'
    fill 500
    start_x one bruco -c config.yaml
    wait_for 60 ready one
    mkdir other
    cp handler.py other
    sed 's/^processor/name: other\n&/' config.yaml >other/config.yaml
    start_x two bruco -c other/config.yaml
    wait_for 60 file_has one.err 'info: 2 partitions assigned'
    wait_for 60 file_has two.err 'info: 2 partitions assigned'
    wait_for 60 status_is '.totals.lag == 0 and (.partitions | length) == 2'
    run_x 0 bruco pause "$IN"
    equals "$(wc -l <stdout)" 2
    stop_x two
    wait_for 60 status_is '(.partitions | length) == 4 and ([.partitions[] | .paused] | all)'
    before=$(ends "$OUT")
    fill 500 --first 500
    wait_for 60 status_is '.totals.lag == 500'
    sleep 1
    equals "$(ends "$OUT")" "$before"
    run_x 0 bruco resume "$IN"
    wait_for 60 status_is '.totals.lag == 0'
    stop_x one
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "what cannot be paused is named" {
    start_flow 100
    run_x 64 bruco pause nosuch
    contains "$stderr" "the source has no topic 'nosuch', but '$IN'"
    run_x 64 bruco pause "$IN:4"
    contains "$stderr" "$IN[4] is not assigned to this pipeline, which has 0, 1, 2, 3"
    run_x 64 bruco pause "$IN:x"
    contains "$stderr" "'$IN:x' is neither a topic nor TOPIC:PARTITION"
    run_x 64 bruco pause ":1"
    run_x 64 bruco pause "$IN" config.yaml more
    status_is '[.partitions[] | .paused == false] | all'
    end_flow
    run_x 69 bruco pause
    contains "$stderr" "no pipeline"
}

@test "standard input is paused as a whole" {
    echo_project
    start_bruco
    feed one
    wait_for 20 lines_in bruco.out 1
    run_x 64 bruco pause -c app stdin
    contains "$stderr" "a source of kind lines has no topics: it is paused as a whole"
    run_x 0 bruco pause -c app
    feed two
    sleep 1
    equals "$(<bruco.out)" one
    run_x 0 bruco resume -c app
    wait_for 20 lines_in bruco.out 2
    run_x 0 bruco pause -c app
    end_feed
    stop_x bruco
}
