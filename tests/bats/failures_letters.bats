#!/usr/bin/env bats
# On the real broker: dead letters that can't be written, outputs that can't, and letters that are
# replayed.

load helpers
load pipelines
load failures

LIMIT=120

@test "a dead letter that can't be written stops the pipeline, and nothing beyond is committed" {
    handler
    new_topic 1 max.message.bytes=200
    DEAD=$TOPIC
    config 1 deadLetter 'retry: {attempts: 1}'
    { good 100; bad unwell 1; good 100 101; } | send "$IN" --partition 3
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "a dead letter can't be delivered to '$DEAD'"
    equals "$(committed)" 100
    equals "$(ends "$DEAD")" 0
}

# An event "big N" gives N bytes.
big_handler() {
    cat >handler.py <<'PY'
def handle_event(context, data):
    if data.startswith(b"big"):
        return b"x" * int(data[4:])
    return data
PY
}

with_property() { # with_property NAME VALUE: for the sink
    sed -i "/^  topic: $OUT/a\\  properties: {$1: $2}" config.yaml
}

@test "an output that is too large for the client: dead letter, skip or stop" {
    big_handler
    config 1 deadLetter
    with_property message.max.bytes 100000
    { good 100; printf 'bad-big-1\tbig 150000\n'; good 100 101; } | send "$IN" --partition 0
    run_x 0 bruco -e -c config.yaml
    good_delivered 200
    topic "$DEAD" >dead.json
    fields 'r["key"], len(r["value"]), h["bruco-error"], h["bruco-topic"], h["bruco-offset"]' <dead.json >got
    equals "$(cat got)" "('bad-big-1', 150000, 'message size too large', '$IN', '100')"
    GROUP=$GROUP-skip
    config 1 skip
    with_property message.max.bytes 100000
    run_x 0 bruco -e -c config.yaml
    contains "$stderr" "a record can't be delivered: message size too large ($IN[0]@100), skipped"
    equals "$(committed)" 201
    GROUP=$GROUP-stop
    config 1 stop
    with_property message.max.bytes 100000
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "error: a record can't be delivered: message size too large ($IN[0]@100)"
    equals "$(committed)" 100
}

@test "a record of more than maxRecordSize: dead letter without its value, or skip" {
    big_handler
    config 2 deadLetter
    echo 'maxRecordSize: 64KiB' >>config.yaml
    big='["name", "'$(printf '%070000d' 0)'"]'
    {
        echo '{"key": "bad-1", "value": "'"$(printf '%0100000d' 0)"'", "headers": [["a", "1"]]}'
        echo '{"key": "bad-2", "value": "short", "headers": ['"$big"']}'
        echo '{"key": "'"$(printf '%070000d' 0)"'", "value": "short"}'
    } | bruco-source -q json | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    good 100 | send "$IN" --partition 0
    run_x 0 bruco -e -c config.yaml
    good_delivered 100
    topic "$DEAD" >dead.json
    equals "$(fields 'int(h["bruco-offset"]), r["key"], r["value"], h.get("a"), h["bruco-error"].split()[0], h["bruco-error"].split(": ")[1]' <dead.json | sort)" \
        "(0, 'bad-1', None, '1', 'record', 'its value is left out')
(1, 'bad-2', None, None, 'record', 'its value and headers are left out')
(2, None, None, None, 'record', 'its value, headers and key are left out')"
    equals "$(committed)" 103
    GROUP=$GROUP-skip
    config 1 skip
    echo 'maxRecordSize: 64KiB' >>config.yaml
    run_x 0 bruco -e -c config.yaml
    contains "$stderr" "record of 1000"
    contains "$stderr" "is larger than maxRecordSize, 65536 bytes: its value is left out ($IN[0]@0, 0 attempts), skipped"
    equals "$(committed)" 103
}

@test "an output that is too large for the topic becomes a dead letter, and none of its neighbours" {
    big_handler
    new_topic 2 max.message.bytes=4194304
    DEAD=$TOPIC
    config 2 deadLetter
    { good 2000; printf 'bad-big-1\tbig 1500000\n'; good 2000 2001; printf 'bad-big-2\tbig 1200000\n'
        good 2000 4001; } | send
    run_x 0 bruco -e -c config.yaml
    good_delivered 6000
    topic "$DEAD" >dead.json
    fields 'r["key"], len(r["value"]), h["bruco-error"], h["bruco-topic"], h["bruco-offset"].isdigit()' \
        <dead.json | sort >got
    equals "$(cat got)" "('bad-big-1', 1500000, 'message size too large', '$IN', True)
('bad-big-2', 1200000, 'message size too large', '$IN', True)"
    equals "$(committed)" 6002
}

@test "a topic with a smaller limit than batch.size: nobody is blamed for another's size" {
    big_handler
    new_topic 1 max.message.bytes=100000
    OUT=$TOPIC
    config 1 skip
    { good 5000; printf 'bad-big-1\tbig 150000\n'; good 5000 5001; } | send "$IN" --partition 0
    run_x 0 bruco -e -c config.yaml
    equals "$(grep -c "a record can't be delivered" stderr)" 1
    contains "$stderr" "a record can't be delivered: message size too large ($IN[0]@5000), skipped"
    equals "$(committed)" 10001
    good_delivered 10000
}

@test "replay: a dead letter's topic is an input like any other" {
    handler
    config 1 deadLetter 'retry: {attempts: 1}'
    { good 10; bad unwell 3; bad segfault 2; } | send
    run_x 0 bruco -e -c config.yaml
    equals "$(ends "$DEAD")" 5
    good_delivered 10
    printf 'def handle_event(context, data):\n    return data\n' >handler.py # it was mended
    sed -e "s/topics: .*/topics: [$DEAD]/" -e "s/consumerGroup: .*/consumerGroup: $GROUP-replay/" \
        -e 's/offset: .*/offset: earliest/' config.yaml >replay.yaml # as bruco-source(1) says
    run_x 0 bruco -e -c replay.yaml
    good_delivered 10 5
    equals "$(ends "$DEAD")" 5
    handler # it was not: the second failure's headers take the place of the first one's
    sed -i 's/^def segfault.*/def segfault(data): os._exit(3)/' handler.py
    sed -i "s/$GROUP-replay/$GROUP-again/" replay.yaml
    run_x 0 bruco -e -c replay.yaml
    topic "$DEAD" | fields 'r["key"].split("-")[1], h["bruco-topic"] == "'"$DEAD"'", h["bruco-error"]' | sort | uniq -c | sed 's/^ *//' >got
    equals "$(cat got)" "2 ('segfault', False, 'worker killed by signal 11 (SIGSEGV)')
2 ('segfault', True, 'worker exited with status 3 while the event ran')
3 ('unwell', False, 'ValueError: bad id')
3 ('unwell', True, 'ValueError: bad id')"
    topic "$DEAD" | fields 'sum(pair[0] == "bruco-topic" for pair in r["headers"])' | sort -u >got
    equals "$(cat got)" 1
}

@test "who sends a record, or makes an output, does not say why it failed" {
    cat >handler.py <<'END'
import os
from bruco import Message
def handle_event(context, data):
    if data == b"die":
        os.kill(os.getpid(), 9)
    return Message(data, topic="elsewhere", headers=[("a", "1"), ("bruco-error", "all is well")])
END
    config 1 deadLetter 'retry: {attempts: 1}'
    for value in die go; do
        echo '{"key": "'$value'", "value": "'$value'", "headers": [["b", "2"], ["bruco-error", "all is well"]]}'
    done | bruco-source -q json | bruco-sink -q kafka -b "$BROKERS" -t "$IN"
    run_x 0 bruco -e -c config.yaml
    topic "$DEAD" >dead.json
    fields 'r["key"], [pair[1] for pair in r["headers"] if pair[0] == "bruco-error"]' <dead.json | sort >got
    contains "$(head -n 1 got)" "('die', ['worker killed by signal 9"
    contains "$(tail -n 1 got)" "('go', ['topic is not in sink.topics'])"
    equals "$(grep -c 'all is well' got || true)" 0
}
