load helpers

teardown() {
    for run in one two; do
        BRUCO_KAFKA_RUN=$BATS_TEST_TMPDIR/$run "$ROOT/tests/kafka/broker" stop
    done
    common_teardown
}

# The tools that judge all others are judged here.

@test "kafka-fill repeats a load exactly, and another seed gives another" {
    real_broker
    for seed in 1 1 2; do
        new_topic 3 max.message.bytes=3000000
        topics+=("$TOPIC")
        run_x 0 kafka-fill -b "$BROKERS" -t "$TOPIC" -n 3000 --special 1000 -S "$seed"
    done
    run_x 0 kafka-compare -b "$BROKERS" --exact "${topics[0]}" "${topics[1]}"
    contains "$output" "input 4000, output 4000, lost 0, duplicates 0, invented 0, out of order 0"
    run_x 1 kafka-compare -b "$BROKERS" "${topics[0]}" "${topics[2]}"
    run_x 0 kafka-offsets -b "$BROKERS" count "${topics[0]}"
    equals "$output" 4000
}

@test "kafka-compare sees each fault" {
    real_broker
    new_topic 2 max.message.bytes=3000000
    input=$TOPIC
    run_x 0 kafka-fill -b "$BROKERS" -t "$input" -n 1000 --special 600
    check() { # check FAULT COMPARE-STATUS EXACT-STATUS NUMBERS
        new_topic 2 max.message.bytes=3000000
        run_x 0 kafka-copy -b "$BROKERS" ${1:+--break "$1"} "$input" "$TOPIC"
        run_x "$2" kafka-compare -b "$BROKERS" "$input" "$TOPIC"
        contains "$output" "$4"
        run_x "$3" kafka-compare -b "$BROKERS" --exact "$input" "$TOPIC"
    }
    check "" 0 0 "lost 0, duplicates 0, invented 0, out of order 0"
    check lose 1 1 "lost 1, duplicates 0, invented 0, out of order 0"
    check double 0 1 "lost 0, duplicates 1, invented 0, out of order 0"
    check invent 1 1 "lost 0, duplicates 0, invented 1, out of order 0"
    check late 1 1 "lost 0, duplicates 0, invented 0, out of order 1"
    for fault in key value timestamp null-key null-value null-header empty-key empty-value \
        header-lost header-value header-order; do
        check "$fault" 1 1 "lost 1, duplicates 0, invented 1, out of order 0"
    done
}

@test "kafka-compare --order key looks at each key alone" {
    real_broker
    late() { # a topic of ten records with so many keys, and its copy with one record late
        new_topic 1
        input=$TOPIC
        run_x 0 kafka-fill -b "$BROKERS" -t "$input" -n 10 -k "$1"
        new_topic 1
        run_x 0 kafka-copy -b "$BROKERS" --break late "$input" "$TOPIC"
        run_x 1 kafka-compare -b "$BROKERS" --order partition "$input" "$TOPIC"
        contains "$output" "out of order 1"
        run_x 0 kafka-compare -b "$BROKERS" --order none "$input" "$TOPIC"
    }
    late 1
    run_x 1 kafka-compare -b "$BROKERS" --order key "$input" "$TOPIC"
    contains "$output" "out of order 1"
    late 1000000
    run_x 0 kafka-compare -b "$BROKERS" --order key "$input" "$TOPIC"
}

@test "the tools refuse a wrong command line" {
    for tool in fill copy compare offsets; do
        run_x 64 "kafka-$tool"
        run_x 64 "kafka-$tool" --nosuch
        run_x 0 "kafka-$tool" --help
        contains "$output" "usage: kafka-$tool "
    done
    run_x 69 kafka-offsets -b 127.0.0.1:1 ping
}

@test "tests/kafka/broker keeps its data through kill and restart, and two run side by side" {
    requires java
    broker=$ROOT/tests/kafka/broker
    export BRUCO_KAFKA_RUN=$BATS_TEST_TMPDIR/one
    run_x 0 "$broker" start
    first=$output
    run_x 0 "$broker" start
    equals "$output" "$first"
    run_x 0 env BRUCO_KAFKA_RUN="$BATS_TEST_TMPDIR/two" "$broker" start
    [[ $output != "$first" ]]
    run_x 0 env BRUCO_KAFKA_RUN="$BATS_TEST_TMPDIR/two" "$broker" stop
    run_x 0 "$broker" topic kept 2
    run_x 0 kafka-fill -b "$first" -t kept -n 5000
    run_x 0 "$broker" kill
    run_x 1 "$broker" status
    run_x 0 "$broker" restart
    equals "$output" "$first"
    run_x 0 kafka-offsets -b "$first" count kept
    equals "$output" 5000
    run_x 0 "$broker" stop
    [[ ! -e $BRUCO_KAFKA_RUN ]]
    run_x 1 "$broker" status
}
