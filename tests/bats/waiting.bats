#!/usr/bin/env bats
# What is waited for on a real broker, and what is said meanwhile.

load helpers

setup() {
    common_setup
    real_broker
    NAME=w-$BASHPID-$RANDOM$RANDOM
}

teardown() {
    [[ ! -e own ]] || BRUCO_KAFKA_RUN=$PWD/own "$ROOT/tests/kafka/broker" stop
    common_teardown
}

# times_said COUNT: so often was it said that the sink's topic does not exist.
times_said() {
    (($(grep -c 'does not exist yet' sink.err) >= $1))
}

create() {
    kafka-offsets -b "$BROKERS" create "$@"
}

@test "a sink's topic that does not exist: a warning, and a line when it is there" {
    bruco-source -q lines <<<one >frames
    start_x sink bruco-sink kafka -b "$BROKERS" -t "$NAME" <frames
    wait_for 20 file_has sink.err "warning: topic '$NAME' does not exist yet, waiting"
    create "$NAME" 1
    wait_x sink 0
    file_has sink.err "info: topic '$NAME' is there now"
    run_x 0 kafka-offsets -b "$BROKERS" count "$NAME"
    equals "$output" 1
}

@test "a source's topics that do not exist: one warning for all, and a line for each" {
    start_x source bruco-source kafka -b "$BROKERS" -t "$NAME-a,$NAME-b" -g "$NAME" -o earliest
    wait_for 20 file_has source.err "warning: topics '$NAME-a' and '$NAME-b' do not exist yet, waiting"
    create "$NAME-a" 1
    wait_for 60 file_has source.err "info: topic '$NAME-a' is there now"
    wait_for 60 file_has source.err "info: 1 partition assigned"
    stop_x source
    file_lacks source.err "error"
}

@test "with -e a topic that does not exist ends it with 78" {
    create "$NAME" 1
    run_x 78 bruco-source -e kafka -b "$BROKERS" -t "$NAME-not,$NAME" -g "$NAME" -o earliest
    contains "$stderr" "error: topic '$NAME-not' does not exist, and with -e nothing is waited for"
}

@test "a sink's topic that does not exist is told at a growing distance" {
    bruco-source -q lines <<<one >frames
    start_x sink bruco-sink kafka -b "$BROKERS" -t "$NAME" <frames
    # At 0, 1, 3 and 7 seconds: the fourth comes four seconds after the third.
    wait_for 30 times_said 4
    /usr/bin/python3 - <<'END'
import datetime
times = [datetime.datetime.fromisoformat(line.split("Z ")[0]) for line in open("sink.err") if "not exist yet" in line]
gaps = [(b - a).total_seconds() for a, b in zip(times, times[1:])]
assert len(gaps) == 3 and gaps[0] < gaps[1] < gaps[2] and gaps[2] > 3, gaps
END
    create "$NAME" 1
    wait_x sink 0
    count_in sink.err "is there now" 1
}

@test "maxWait: a start that waits too long for a topic or a broker ends with 75 and says for what" {
    local away=127.0.0.1:1
    # pipeline SOURCE-TOPIC SINK-TOPIC [BROKERS-OF-SINK]
    pipeline() {
        printf '%s\n' 'maxWait: 3s' 'processor: {handlerPath: .}' \
            "source: {kind: kafka, brokers: [${4:-$BROKERS}], topics: [$1], consumerGroup: $NAME, offset: earliest}" \
            "sink: {kind: kafka, brokers: [${3:-$BROKERS}], topic: $2}" >config.yaml
    }
    echo 'def handle_event(context, data): return data' >handler.py
    create "$NAME" 1
    pipeline "$NAME-no" "$NAME"
    run_x 75 bruco-source -c config.yaml
    equals "$(grep -c error stderr)" 1
    contains "$(tail -n 1 stderr)" "bruco-source: error: waited for 3s (maxWait): topic '$NAME-no' does not exist"
    run_x 75 bruco
    contains "$stderr" "bruco-source: error: waited for 3s (maxWait): topic '$NAME-no' does not exist"
    contains "$(tail -n 1 stderr)" "bruco: error: bruco-source ended with status 75"
    file_lacks stderr restarting
    pipeline "$NAME" "$NAME-no"
    bruco-source -q lines <<<one >frames
    run_x 75 bruco-sink -c config.yaml <frames
    contains "$(tail -n 1 stderr)" "bruco-sink: error: waited for 3s (maxWait): topic '$NAME-no' does not exist"
    run_x 75 bruco
    contains "$stderr" "bruco-sink: error: waited for 3s (maxWait): topic '$NAME-no' does not exist"
    file_lacks stderr restarting
    pipeline "$NAME" "$NAME" "$away"
    run_x 75 bruco
    file_has stderr "bruco-sink: error: waited for 3s \(maxWait\): no broker can be reached: .*127.0.0.1:1.*refused"
    pipeline "$NAME" "$NAME" "$BROKERS" "$away"
    run_x 75 bruco-source -c config.yaml
    file_has stderr "bruco-source: error: waited for 3s \(maxWait\): no broker can be reached: .*127.0.0.1:1.*refused"
    # What is there in time ends nothing, nor does what goes away later.
    pipeline "$NAME-late" "$NAME"
    sed -i 's/maxWait: .*/maxWait: 20s/' config.yaml
    start_x bruco bruco
    wait_for 20 file_has bruco.err "does not exist yet"
    create "$NAME-late" 1
    wait_for 30 file_has bruco.err "bruco: info: ready"
    stop_x bruco
}

@test "workers without a partition are told, with what would use them" {
    create "$NAME" 2
    echo 'def handle_event(context, data): return None' >handler.py
    config() {
        cat >config.yaml <<YAML
processor: {workers: 3, ordering: $1}
source: {kind: kafka, brokers: [$BROKERS], topics: [$NAME], consumerGroup: $NAME, offset: earliest}
YAML
    }
    config partition
    run_x 0 bruco -e
    contains "$stderr" "info: 1 of 3 workers have nothing to do: with 'ordering: partition' each partition has one worker; 'ordering: key' uses them all"
    config key
    run_x 0 bruco -e
    [[ $stderr != *"nothing to do"* ]]
}

@test "an idle connection that the broker closes is no warning" {
    requires java
    export BRUCO_KAFKA_RUN=$PWD/own
    BROKERS=$(BRUCO_KAFKA_MORE=connections.max.idle.ms=2000 BRUCO_KAFKA_SMALL=1 \
        "$ROOT/tests/kafka/broker" start)
    create "$NAME" 1
    feed() { # a record for each of these files, once it is there
        local file
        for file; do
            until [[ -e $file || ! -d $BATS_TEST_TMPDIR ]]; do sleep 0.05; done
            bruco-source -q lines <<<"$file"
        done
    }
    start_x sink bruco-sink -v kafka -b "$BROKERS" -t "$NAME" < <(feed one two three)
    for number in 1 2; do
        wait_for 60 closed "$number"
        touch "$(sed -n "${number}p" <(printf '%s\n' one two))"
    done
    wait_for 60 closed 3
    touch three
    wait_x sink 0
    run_x 0 kafka-offsets -b "$BROKERS" count "$NAME"
    equals "$output" 3
    if file_has sink.err "warning: .*(reached|can't be used)"; then
        cat sink.err
        return 1
    fi
}

closed() { # closed N: so many connections were closed by the broker
    (($(grep -c "Disconnected" sink.err) >= $1))
}
