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
        run_x 1 kafka-compare -b "$BROKERS" --order keyed "$input" "$TOPIC"
        run_x 0 kafka-compare -b "$BROKERS" --order none "$input" "$TOPIC"
    }
    late 1
    run_x 1 kafka-compare -b "$BROKERS" --order key "$input" "$TOPIC"
    contains "$output" "out of order 1"
    late 1000000
    run_x 0 kafka-compare -b "$BROKERS" --order key "$input" "$TOPIC"
}

@test "kafka-compare finds each record in the output, in the dead letter or in neither" {
    real_broker
    new_topic 1
    input=$TOPIC
    run_x 0 kafka-fill -b "$BROKERS" -t "$input" -n 40 -k 1
    bruco-source -e kafka -b "$BROKERS" -t "$input" -g "g-$input" -o earliest | bruco-sink json >all
    # put NAME JSON ...: a topic with these records
    put() {
        new_topic 1
        printf '%s\n' "${@:2}" | bruco-source json | bruco-sink kafka -b "$BROKERS" -t "$TOPIC"
        declare -g "$1=$TOPIC"
    }
    line() { # line ID: the input's record
        sed -n "$(($1 + 1))p" all
    }
    letter() { # letter ID [OFFSET]: the same as a dead letter
        line "$1" | /usr/bin/python3 -c '
import json, sys
record = json.loads(sys.stdin.readline())
record["headers"] += [["bruco-error", "bad"], ["bruco-attempts", "3"], ["bruco-topic", sys.argv[1]],
                      ["bruco-partition", "0"], ["bruco-offset", sys.argv[2]]]
print(json.dumps(record))' "$input" "${2:-$1}"
    }
    # Of 40 records 0 and 20 are poison, 10 and 30 are filtered.
    mapfile -t plain < <(sed -e '1d;11d;21d;31d' all)
    compare() { # compare STATUS OUTPUT DEAD-LETTER NUMBERS
        run_x "$1" kafka-compare -b "$BROKERS" --exact --poison 20 --filtered 20 \
            --dead-letter "$3" "$input" "$2"
        contains "$output" "$4"
    }
    put good "${plain[@]}"
    put dead "$(letter 0)" "$(letter 20)"
    compare 0 "$good" "$dead" "lost 0, duplicates 0, invented 0, out of order 0"
    contains "$output" "dead letter 2, filtered 2, misplaced 0, mislabelled 0"
    put short "$(letter 0)"
    compare 1 "$good" "$short" "lost 1,"
    put wrong "$(letter 0)" "$(letter 20 21)"
    compare 1 "$good" "$wrong" "misplaced 0, mislabelled 1"
    put escaped "$(line 0)" "${plain[@]}"
    compare 1 "$escaped" "$short" "misplaced 1,"
    put blamed "$(letter 0)" "$(letter 5)" "$(letter 20)"
    put without "$(sed -e '1d;6d;11d;21d;31d' all)"
    compare 1 "$without" "$blamed" "misplaced 1,"
    put twice "$(letter 0)" "$(letter 20)" "$(letter 20)"
    compare 1 "$good" "$twice" "duplicates 1,"
    put unfiltered "${plain[@]}" "$(line 10)"
    compare 1 "$unfiltered" "$dead" "misplaced 1,"
}

@test "kafka-compare sees what was committed before it was delivered, and where copies are" {
    real_broker
    new_topic 1
    input=$TOPIC
    run_x 0 kafka-fill -b "$BROKERS" -t "$input" -n 100
    new_topic 1
    run_x 0 kafka-copy -b "$BROKERS" --break double "$input" "$TOPIC"
    samples() { # samples STATUS NUMBERS LINE ...
        printf '%s\n' "${@:3}" >samples
        run_x "$1" kafka-compare -b "$BROKERS" --samples samples --copies copies "$input" "$TOPIC"
        contains "$output" "$2"
    }
    samples 0 "samples 3, committed early 0, went back 0" \
        "1 committed -1 ends 0 dead seen 0" "2 committed 0 ends 9 dead seen 0" \
        "3 committed 100 ends 101 dead seen 0"
    [[ $(<copies) =~ ^0\ [0-9]+\ 0\ [0-9]+$ ]]
    samples 1 "committed early 50, went back 0" "1 committed 50 ends 0 dead seen 0"
    samples 1 "committed early 0, went back 1" \
        "1 committed 50 ends 80 dead seen 0" "2 committed 49 ends 80 dead seen 0"
}

@test "kafka-watch says what is committed, and what can be read" {
    real_broker
    new_topic 2
    input=$TOPIC
    run_x 0 kafka-fill -b "$BROKERS" -t "$input" -n 1000
    new_topic 3
    run_x 0 kafka-copy -b "$BROKERS" "$input" "$input"
    run_x 0 bruco-source -n 200 kafka -b "$BROKERS" -t "$input" -g "g-$input" -o earliest
    mkfifo hold
    start_x watch kafka-watch -b "$BROKERS" -g "g-$input" "$input" "$input" "$TOPIC" <>hold
    seen() { # every record was seen, in its partition
        [[ $(tail -n 1 watch.out) =~ \ committed\ ([0-9]+)\ ([0-9]+)\ ends\ ([0-9]+)\ ([0-9]+)\ dead\ 0\ 0\ 0\ seen\ ([0-9]+)\ ([0-9]+)$ ]] &&
            ((BASH_REMATCH[1] + BASH_REMATCH[2] == 200 &&
                BASH_REMATCH[3] == BASH_REMATCH[5] && BASH_REMATCH[4] == BASH_REMATCH[6] &&
                BASH_REMATCH[3] + BASH_REMATCH[4] == 2000))
    }
    wait_for 20 seen
    kill_x watch TERM
    wait_x watch 143
}

@test "the tools refuse a wrong command line" {
    for tool in fill copy compare offsets watch; do
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
    export BRUCO_KAFKA_RUN=$BATS_TEST_TMPDIR/one BRUCO_KAFKA_SMALL=1
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
