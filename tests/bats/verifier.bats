#!/usr/bin/env bats
# Whoever finds nothing wrong must be able to: kafka-compare and the verdict of the scenario exactly-once, on
# topics with one fault each.

load helpers
load pipelines

setup() {
    common_setup
    kafka_topics 2
    new_topic 2
    DEAD=$TOPIC
    into "$IN" 1 30
}

# into TOPIC FIRST COUNT ...: records are what their number says, in any topic; all with one key
into() {
    local topic=$1
    shift
    while (($# > 0)); do
        run_x 0 kafka-fill -b "$BROKERS" -t "$topic" -k 1 --first "$1" -n "$2"
        shift 2
    done
}

out() { # out FIRST COUNT ...: an output of its own
    new_topic 2
    OUT=$TOPIC
    into "$OUT" "$@"
}

sees() { # sees STATUS TEXT [option ...]
    run_x "$1" kafka-compare -b "$BROKERS" --exact "${@:3}" "$IN" "$OUT"
    contains "$output" "$2"
}

@test "kafka-compare sees a record that is lost, doubled, invented or out of order" {
    out 1 30
    sees 0 "input 30, output 30, lost 0, duplicates 0, invented 0, out of order 0"
    out 1 10 12 19
    sees 1 "lost 1, duplicates 0, invented 0, out of order 0"
    contains "$output" "lost: input ["
    out 1 30 7 1
    sees 1 "lost 0, duplicates 1, invented 0, out of order 0"
    contains "$output" "duplicate: input ["
    out 1 31
    sees 1 "lost 0, duplicates 0, invented 1, out of order 0"
    contains "$output" "invented: output ["
    out 1 5 7 1 6 1 8 23
    sees 1 "lost 0, duplicates 0, invented 0, out of order 1"
    sees 1 "lost 0, duplicates 0, invented 0, out of order 1" --order key
    sees 0 "out of order 0" --order none
}

@test "kafka-compare sees what is in neither of output and dead letter, in both, in the wrong one, or says no place" {
    local options=(--dead-letter "$DEAD" --poison 29)
    out 1 28 30 1
    sees 1 "lost 1, duplicates 0, invented 0," "${options[@]}"
    into "$DEAD" 29 1
    sees 1 "lost 0, duplicates 0, invented 0," "${options[@]}"
    contains "$output" "dead letter 1, filtered 0, misplaced 0, mislabelled 1"
    into "$DEAD" 5 1 31 1
    sees 1 "lost 0, duplicates 1, invented 1," "${options[@]}"
    contains "$output" "again in dead letter ["
    contains "$output" "invented: dead letter ["
    contains "$output" "misplaced 1,"
    sees 1 "misplaced 3," "${options[@]}" --filtered 13 # 6 and 19, which are to be nowhere
    sees 1 "misplaced 5," --dead-letter "$DEAD" --poison 10 # 10, 20 and 30, and what is in the dead letter
}

# What tests/chaos/exactly_once.py says of $IN, $OUT and $DEAD when a run is over.
verdict() {
    mkdir -p run
    run_x 0 /usr/bin/python3 - "$ROOT/tests/chaos" run "$BROKERS" "$IN" "$OUT" "$DEAD" <<'PY'
import pathlib, sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from exactly_once import ExactlyOnce

run = ExactlyOnce(pathlib.Path(sys.argv[2]), 1, 0, 0)
run.checks = ("--poison", 1000)
run.broker, run.topics = SimpleNamespace(address=sys.argv[3]), sys.argv[4:]
run.load = SimpleNamespace(count=30)
print(*run.judge(run.check())["wrong"], sep="\n")
PY
}

@test "the scenario exactly-once sees a transaction that was left open, and each of these faults" {
    out 1 30
    verdict
    equals "$output" ""
    kafka-fill -b "$BROKERS" -t "$OUT" -n 3 --transaction open >/dev/null
    kafka-fill -b "$BROKERS" -t "$DEAD" -n 3 --transaction open >/dev/null
    verdict
    contains "$output" "a transaction is open in $OUT: "
    contains "$output" "a transaction is open in $DEAD: "
    equals "$(wc -l <stdout)" 2
    out 2 6 9 1 8 1 10 21 30 2
    verdict
    equals "$(grep -v open stdout)" "1 lost
1 invented
1 out of order
1 duplicates after none"
}
