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
    ! file_has source.err "error"
}

@test "with -e a topic that does not exist ends it with 78" {
    create "$NAME" 1
    run_x 78 bruco-source -e kafka -b "$BROKERS" -t "$NAME-not,$NAME" -g "$NAME" -o earliest
    contains "$stderr" "error: topic '$NAME-not' does not exist, and with -e nothing is waited for"
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
    BROKERS=$(BRUCO_KAFKA_MORE=connections.max.idle.ms=4000 JAVA_HEAP=${JAVA_HEAP:-512m} \
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
