# The bench works: every part that needs no download, with a few records. No timing is asserted.

load helpers

# The cell of a table's row: cell ROW COLUMN, the row by its first cell, within a section.
section() { # section TITLE
    sed -n "/^## $1/,/^## /p" RESULTS.md
}

@test "the short bench runs all of its parts and writes a table and a plot" {
    real_broker
    export BRUCO_KAFKA=$BROKERS
    LIMIT=600 run_x 0 "$ROOT/tests/bench/bench" --short --work work
    same_bytes stdout RESULTS.md
    for title in "Identity, 100 bytes" "JSON: parse" "A handler of 1 ms"; do
        for contender in "one C loop" "bruco, 1 worker" "bruco, 2 workers"; do
            section "$title" | grep -E "^\| $contender \| [0-9,]+ \| [0-9,]+ \| [0-9.]+ \|"
        done
    done
    section "Latency" | grep -E "^\| bruco, 1 worker \| [0-9.]+ \|"
    for rate in 10 100 1,000 5,000 20,000 100,000; do
        for contender in "one C loop" "one C loop, linger 0" "bruco, 1 worker"; do
            sed -n "/^### $rate records/,/^##/p" RESULTS.md |
                grep -E "^\| $contender \| [0-9,]+ \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| [0-9]+\.[0-9]*[1-9]"
        done
    done
    grep -E "before the bench: [0-9.]+ % idle, .*over the bench, .* % steal, .*after it: " RESULTS.md
    run ! grep -E "failed: |time was up" RESULTS.md
    for target in "start, exec to ready" "restart of a killed worker" "idle, 2 workers: memory" \
        "beside a lane that gets three times" "system calls per record" "own allocations per record" "identity, 1 worker: CPU, to the C loop's"; do
        grep -E "^\| $target[^|]*\|[^|]+\| (source )?[0-9.]+" RESULTS.md
    done
    head -c 5 results.svg | grep "^<svg "
    tail -n 1 results.svg | grep "^</svg>"
    contains "$(section Contenders)" "| confluent-kafka, best prefetch | left out |"
    contains "$(section Contenders)" "| Kafka Streams, at least once | left out |"
}

@test "a contender that fails is in the table with its reason, and the bench goes on" {
    real_broker
    export BRUCO_KAFKA=$BROKERS
    mkdir programs
    ln -s "$BRUCO_BIN"/* programs/
    rm programs/bruco
    printf '#!/bin/sh\n[ "$1" != --version ] || { echo bruco 0; exit; }\necho "broken on purpose" >&2\nexit 3\n' >programs/bruco
    chmod +x programs/bruco
    LIMIT=300 BRUCO_BIN=$PWD/programs run_x 0 "$ROOT/tests/bench/bench" --short --work work identity
    section Identity | grep -F "| bruco, 1 worker | failed: ended early: broken on purpose |"
    section Identity | grep -E "^\| one C loop \| [0-9,]+ \| [0-9,]+ "
}

@test "a run whose output lacks records, or has too many, does not count" {
    real_broker
    export BRUCO_KAFKA=$BROKERS
    mkdir programs
    ln -s "$BRUCO_TESTS"/* programs/
    rm programs/bench-span
    # One record more than there are: as if a contender had doubled one.
    printf '#!/bin/sh\nset -- $("%s/bench-span" "$@") && echo "$(($1 + 1)) $2 $3"\n' "$BRUCO_TESTS" >programs/bench-span
    chmod +x programs/bench-span
    LIMIT=300 BRUCO_TESTS=$PWD/programs run_x 0 "$ROOT/tests/bench/bench" --short --work work --contenders loop identity
    section Identity | grep -E "one C loop \| failed: 5000 records went in, 5001 came out"
}

@test "records in transactions are counted without the marks at their ends" {
    real_broker
    topic=bench-transactions-$RANDOM$RANDOM
    run_x 0 kafka-offsets -b "$BROKERS" create "$topic" 4 message.timestamp.type=LogAppendTime
    run_x 0 java -cp "$ROOT/tests/kafka/libs/*" org.apache.kafka.tools.ProducerPerformance \
        --topic "$topic" --num-records 3000 --record-size 100 --throughput 6000 \
        --producer-props "bootstrap.servers=$BROKERS" \
        --transactional-id "$topic" --transaction-duration-ms 50
    run_x 0 bench-span -b "$BROKERS" -t -n 3000 "$topic"
    read -r count first last <stdout
    [[ $count == 3000 ]]
    ((first > 0 && last >= first))
    run_x 0 kafka-offsets -b "$BROKERS" ends "$topic"
    (($(awk '{sum += $3 - $2} END {print sum}' stdout) > 3000))
    run_x 69 bench-span -b "$BROKERS" -t -T 1 -n 1000000 "$topic"
    contains "$(<stderr)" "of 1000000 records in time"
    run_x 0 kafka-offsets -b "$BROKERS" delete "$topic"
}

@test "compare: builds and settings in turn, each with what it cost and how that is to the first" {
    real_broker
    export BRUCO_KAFKA=$BROKERS
    run_x 0 "$ROOT/tests/bench/compare" -n 20000 -r 2 loop . ".,processor.isolation=strict,metrics.listen=127.0.0.1:$(free_port)"
    equals "${lines[0]}" "20000 records of 100 bytes, 4 partitions, handler identity, 1 worker(s), 2 rounds"
    equals "$(grep -c 'records/s, .* CPU-seconds for a million$' stdout)" 3
    equals "$(grep -c '^    to loop: CPU [0-9.]* (.*), time [0-9.]* (.*)$' stdout)" 2
    run_x 1 "$ROOT/tests/bench/compare" -n 10 -r 1 . .,processor.isolation=hard
    contains "$stderr" "processor.isolation"
    run_x 64 "$ROOT/tests/bench/compare" -f hexagon
}
