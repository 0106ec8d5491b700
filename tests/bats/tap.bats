#!/usr/bin/env bats
# `bruco tap` on Kafka itself: what it shows, what it leaves out, and when it ends.

load helpers
load pipelines
load failures

LIMIT=120

setup() {
    common_setup
    kafka_topics 4 max.message.bytes=4194304
    new_topic 2
    DEAD=$TOPIC
}

# A pipeline with this many workers, ready.
start_pipeline() { # start_pipeline WORKERS ON_FAILURE [processor line ...]
    config "$@"
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
}

# start_tap NAME [OPTION ...]: and it is in place.
start_tap() {
    start_x "$1" bruco tap "${@:2}"
    wait_for 20 file_has "$1.err" 'info: tapping bruco-'
}

end_tap() { # end_tap NAME: by Ctrl-C
    kill_x "$1" INT
    wait_x "$1" 0
}

numbers() { # numbers FILE: its members offset and partition become null, so that only the rest counts
    sed -E 's/"partition": [0-9]+, "offset": [0-9]+/"partition": null, "offset": null/' "$1"
}

@test "tap --in shows each record as 'bruco-sink json' does, and ends after -n" {
    pass_on
    start_pipeline 2 stop
    start_tap all --in
    start_tap few -n 7
    { good 30; printf 'b\xff\tb\xfe\n'; } | send
    fill 3000 --special 10 --rate 1000 # a tap leaves out what comes faster than it is read
    topic "$IN" >want
    equals "$(wc -l <want)" 3041
    wait_for 20 lines_in all.out 3041
    end_tap all
    sort all.out | diff - want
    file_lacks all.err 'left out'
    wait_x few 0
    lines_in few.out 7
    equals "$(sort few.out | comm -13 want - | wc -l)-$(wc -l <few.out)" 0-7
    stop_x bruco
}

@test "tap --out shows what goes out after the handler, with the topic that it goes to" {
    new_topic 2
    OTHER=$TOPIC
    cat >handler.py <<END
import bruco
def handle_event(context, data):
    number = int(data)
    if number % 3 == 0:
        return None
    if number % 3 == 1:
        return bruco.Message(b"<%d>" % number, topic="$OTHER", headers=[("n", "x")], timestamp=number)
    return bruco.Message("out %d" % number, timestamp=number) if number % 2 else "%d\xff" % number
END
    config 2 stop
    sed -i "s/^  topic: $OUT/&\n  topics: [$OTHER]/" config.yaml
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    start_tap out --out
    good 60 | send
    wait_for 20 lines_in out.out 40
    end_tap out
    fields 'r["topic"], r["key"], r["value"], r["headers"]' <out.out | sort >got
    { topic "$OUT"; topic "$OTHER"; } | fields 'r["topic"], r["key"], r["value"], r["headers"]' | sort | diff got -
    equals "$(grep -c "^('$OTHER', 'key-" got)" 20
    equals "$(fields 'r["offset"]' <out.out | sort -u)" None
    stop_x bruco
}

@test "tap --failed shows the dead letters, and with onFailure: skip and stop what they would be" {
    handler
    start_pipeline 1 deadLetter 'retry: {attempts: 2, backoff: 1ms}'
    start_tap failed --failed
    { good 20; bad unwell 3; bad die 1; good 20 21; } | send
    wait_for 60 lines_in failed.out 4
    end_tap failed
    wait_for 20 out_at_least 40
    numbers failed.out | sed "s/$IN/topic/g" | sort >got
    equals "$(grep -c '"bruco-error", "ValueError: bad id"' got)" 3
    equals "$(grep -c '"bruco-error", "worker killed by signal 9 (SIGKILL)"' got)" 1
    wait_for 20 eval '(($(ends "$DEAD") == 4))'
    topic "$DEAD" >dead
    numbers dead | sed "s/\"topic\": \"$DEAD\"/\"topic\": \"topic\"/; s/$IN/topic/g" | sort | diff got -
    stop_x bruco

    GROUP=$GROUP-skip
    start_pipeline 1 skip 'retry: {attempts: 1}'
    equals "$(ends "$DEAD")" 4
    start_tap skipped --failed --key bad-late -n 1
    printf 'bad-late\tbad unwell 9\n' | send
    wait_x skipped 0
    equals "$(fields 'r["value"], r["topic"], h["bruco-error"], h["bruco-attempts"]' <skipped.out)" \
        "('bad unwell 9', '$IN', 'ValueError: bad id', '1')"
    stop_x bruco
}

@test "tap --failed shows the output that stops the pipeline, and ends with it" {
    cat >handler.py <<'END'
import bruco
def handle_event(context, data):
    return bruco.Message(data, topic="elsewhere") if data == b"3" else data
END
    start_pipeline 1 stop
    start_tap failed --failed
    start_tap five --in -n 5
    good 3 | send "$IN" --partition 0
    wait_x bruco 1
    wait_x failed 0
    equals "$(fields 'r["key"], r["topic"], h["bruco-error"], h["bruco-topic"], h["bruco-offset"]' <failed.out)" \
        "('key-3', 'elsewhere', 'topic is not in sink.topics', '$IN', '2')"
    file_has failed.err 'info: the pipeline has ended'
    wait_x five 69
    lines_in five.out 3
}

@test "a rare key is found in a fast stream, and a partition's records are all of it" {
    pass_on
    start_pipeline 2 stop
    start_tap rare --in --key 'key 7' -n 5
    start_tap rare_out --out --key 'key 7' -n 5
    start_tap two --in --partition 2 --key mine
    fill 60000
    for ((i = 0; i < 5; i++)); do
        printf 'key 7\t%s\nkey 70\tno\n' $i
    done | send "$IN" --partition 1
    printf 'mine\tyes\n' | send "$IN" --partition 2
    printf 'mine\tno\n' | send "$IN" --partition 3
    wait_x rare 0
    wait_x rare_out 0
    equals "$(fields 'r["partition"], r["value"]' <rare.out)" "$(for i in 0 1 2 3 4; do echo "(1, '$i')"; done)"
    equals "$(fields 'r["value"]' <rare_out.out)" "$(seq 0 4)"
    wait_for 20 lines_in two.out 1
    wait_for 20 out_at_least 60012
    end_tap two
    equals "$(fields 'r["partition"], r["value"]' <two.out)" "(2, 'yes')"
    stop_x bruco
}

@test "tap --out --partition goes by where the input came from" {
    cat >handler.py <<'END'
import bruco
def handle_event(context, data):
    return bruco.Message(data, partition=3 if int(data) % 2 else 1)
END
    start_pipeline 1 stop
    start_tap of_one --out --partition 1
    good 50 | send "$IN" --partition 0
    good 50 51 | send "$IN" --partition 1
    wait_for 20 out_at_least 100
    wait_for 20 lines_in of_one.out 50
    end_tap of_one
    equals "$(fields 'r["value"]' <of_one.out)" "$(seq 51 100)"
    stop_x bruco
}

@test "frames of a tap can be run again, by a worker and by 'bruco test', with the same outputs" {
    cat >handler.py <<'END'
def handle_event(context, data):
    if data.startswith(b"bad"):
        raise ValueError("bad id")
    return None if data.endswith(b"0") else b"%s at %d" % (data, context.event.offset)
END
    start_pipeline 2 skip 'retry: {attempts: 1}'
    start_tap in --frames -n 200
    start_tap failed --failed --frames -n 1
    start_tap out --out --frames
    good 200 | send
    wait_x in 0
    bad unwell 1 | send
    wait_x failed 0
    wait_for 20 out_at_least 180
    kill_x out INT
    wait_x out 0
    stop_x bruco
    topic "$OUT" | fields 'r["key"], r["value"]' | sort >want
    bruco-worker -c config.yaml <in.out 2>worker.err | bruco-sink -q json >again.json 2>sink.err
    fields 'r["key"], r["value"]' <again.json | sort | diff want -
    bruco-sink -q json <out.out | fields 'r["key"], r["value"], r["topic"]' | sort |
        diff <(topic "$OUT" | fields 'r["key"], r["value"], r["topic"]' | sort) -
    cp in.out taken.frames
    run_x 0 bruco test -q taken.frames
    equals "$(wc -l <stdout)" 180
    cp failed.out once-more.frames
    run_x 1 bruco test -q once-more.frames
    contains "$output" "ValueError: bad id"
}

late_is_shown() { # sends a record, and whether one has been shown by both
    printf 'late\tlate\n' | send
    grep -aq late stopped.out && grep -q late out.out
}

@test "a tap that never reads: 100,000 records pass, and it tells how many it left out" {
    pass_on
    start_pipeline 2 stop
    start_tap stopped --in --frames
    start_tap out --out
    kill_x stopped STOP
    kill_x out STOP
    fill 100000 --special 2000 # these are large
    wait_for 100 out_at_least 102000
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
    kill_x stopped CONT
    kill_x out CONT
    wait_for 20 late_is_shown
    wait_for 20 out_at_least "$(ends "$IN")"
    end_tap stopped
    end_tap out
    bruco-sink -q json <stopped.out >stopped.json
    for tap in stopped.json out.out; do
        shown=$(wc -l <$tap)
        left=$(sed -n 's/.*left out: \([0-9]*\) records, .*/\1/p' "${tap%.*}.err")
        echo "$tap: $shown records, left out $left"
        ((left > 10000 && shown > 10))
        equals $((left + shown)) "$(ends "$IN")"
    done
    python3 "$ROOT/tests/frames.py" read <stopped.out | grep -oE 'seq=[0-9]+' >numbers
    { seq $(wc -l <stopped.json) && wc -l <stopped.json; } | sed 's/^/seq=/' | diff - numbers # and an end mark
    stop_x bruco
}

@test "a tap that ends after -n tells what it left out before its last record, and no more" {
    local big last
    pass_on
    start_pipeline 2 stop
    start_tap three --key k -n 3
    kill_x three STOP
    big=$(head -c 900000 /dev/zero | tr '\0' x)
    for ((last = 1; last <= 6; last++)); do
        printf 'k\t%s %s\n' $last "$big" | send "$IN" --partition 0
    done
    wait_for 20 out_at_least 6
    kill_x three CONT
    while ! process_ended "$(<three.pid)"; do
        printf 'k\t%s\n' $((last++)) | send "$IN" --partition 0
        ((last < 100))
    done
    wait_x three 0
    fields 'r["value"].split()[0]' <three.out >numbers
    lines_in numbers 3
    file_has three.err "left out: $(($(tail -n 1 numbers) - 3)) record"
    (($(tail -n 1 numbers) > 6))
    stop_x bruco
}

@test "a reader behind the tap that stops holds up nothing either, and Ctrl-C ends the tap" {
    pass_on
    start_pipeline 2 stop
    mkfifo pipe
    exec 8<>pipe
    start_x tap bash -c 'exec bruco tap >pipe'
    wait_for 20 file_has tap.err 'info: tapping bruco-source'
    fill 50000
    wait_for 100 out_at_least 50000
    end_tap tap
    file_has tap.err 'left out: [0-9]+ records'
    exec 8>&-
    stop_x bruco
}

@test "a tap ends when its reader does, though nothing passes, and gives its place back" {
    pass_on
    start_pipeline 1 stop
    for ((i = 0; i < 6; i++)); do
        start_x head bash -c 'set -o pipefail; bruco tap | head -n 1'
        wait_for 20 file_has head.err 'info: tapping bruco-source'
        printf 'k\t%s\n' $i | send
        wait_x head 141
        equals "$(fields 'r["value"]' <head.out)" $i
    done
    stop_x bruco
}

@test "the fifth tap of a stage is refused, until one of the others has ended" {
    pass_on
    start_pipeline 1 stop
    for tap in one two three four; do
        start_tap $tap --in
    done
    run_x 75 bruco tap --in
    equals "$stderr" "bruco: error: bruco-source has 4 taps already, which is the most"
    start_tap out --out # another stage
    end_tap two
    start_tap five --in
    good 3 | send
    for tap in one three four five out; do
        wait_for 20 lines_in $tap.out 3
        end_tap $tap
    done
    stop_x bruco
}

@test "a tap goes on when its stage is killed and started again" {
    pass_on
    start_pipeline 1 stop
    start_tap in --in
    start_tap out --out
    good 3 | send
    wait_for 20 lines_in in.out 3
    wait_for 20 lines_in out.out 3
    kill -KILL "$(stage_of bruco bruco-source)"
    wait_for 60 ready bruco 2
    for tap in in out; do
        wait_for 60 file_has $tap.err 'warning: bruco-[a-z]* was started again, records in between are not shown'
    done
    kill -KILL "$(stage_of bruco bruco-sink)"
    wait_for 60 ready bruco 3
    for tap in in out; do
        wait_for 60 eval "((\$(grep -c 'was started again' $tap.err) == 2))"
    done
    good 3 101 | send
    for tap in in out; do
        wait_for 60 grep -q '"value": "103"' $tap.out
        end_tap $tap
    done
    stop_x bruco
}

@test "mistakes on the command line, no pipeline, and a request that is none" {
    run_x 64 bruco tap --in --out
    contains "$stderr" "one of --in, --out and --failed at a time"
    run_x 64 bruco tap -n 0
    contains "$stderr" "count '0' is not a whole number of 1 or more"
    run_x 64 bruco tap --partition -1
    run_x 64 bruco tap --key "$(printf 'k%.0s' {1..1025})"
    contains "$stderr" "a key of more than 1024 bytes"
    pass_on
    config 1 stop
    run_x 69 bruco tap -c config.yaml
    contains "$stderr" "no pipeline "
    start_pipeline 1 stop
    long=$(head -c 1200 /dev/zero | base64 -w 0)
    for request in "\"edge\": \"in\", \"key\": \"$long\"" '"edge": "side"' '"edge": "in", "key": "%"' '"edge": "in", "partition": -2' '"key": "aw=="'; do
        echo "{\"command\": \"tap\", $request}" >request
        run_x 0 /usr/bin/python3 -c '
import glob, os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(glob.glob(os.environ["XDG_RUNTIME_DIR"] + "/bruco/*.sock")[0])
s.sendall(open("request", "rb").read())
print(s.makefile().readline())'
        contains "$output" '"status":64'
    done
    stop_x bruco
}
