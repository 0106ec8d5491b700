#!/usr/bin/env bats
# context.event.id: the same whenever a record comes again, another one for any other record.

load helpers
load pipelines
load http
load nats

LIMIT=60

# ids_handler: appends the id of each event that it begins, with its value, to the file `ids`, and waits
# while there is a file `hold`.
ids_handler() {
    cat >"${1:-.}/handler.py" <<END
import os, time

def handle_event(context, data):
    with open("$PWD/ids", "a") as ids:
        print(context.event.id, data.decode(), file=ids)
    while os.path.exists("$PWD/hold"):
        time.sleep(0.01)
    return data
END
}

of_value() { # of_value VALUE: the ids with which it came
    awk -v value="$1" '$2 == value { print $1 }' ids
}

@test "ids: Kafka's are cluster, topic, partition and offset, and stay when a worker or all is killed" {
    local cluster
    kafka_topics 2
    ids_handler
    kafka_config
    sed -i "s/topics: .in., consumerGroup: g/topics: [$IN, $OUT], consumerGroup: $GROUP/; s/sink:.*/sink: {kind: discard}/" config.yaml
    for topic in "$IN" "$OUT"; do
        bruco-source -q lines <<<"in-${topic: -3}" | bruco-sink -q kafka -b "$BROKERS" -t "$topic" --partition 1
    done
    touch hold
    start_x bruco bruco -c config.yaml
    wait_for 30 file_has ids "in-"
    kill_worker bruco
    wait_for 30 lines_in ids 2
    kill_x bruco KILL
    wait_x bruco 137
    rm hold
    run_x 0 bruco -e -c config.yaml
    cluster=$(sed -n 's/:.*//p;q' ids)
    [[ $cluster =~ ^[A-Za-z0-9_-]{10,}$ ]]
    equals "$(cut -d ' ' -f 1 ids | sort -u)" "$(printf '%s\n' "$cluster:$IN:1:0" "$cluster:$OUT:1:0" | sort)"
    (($(wc -l <ids) >= 4))

    # Frames keep it; another cluster has another one, though topic, partition and offset are the same.
    bruco-source -q -e kafka -b "$BROKERS" -t "$IN" -g look -o earliest >in.frames
    : >ids
    bruco-worker -q <in.frames >out.frames
    bruco-worker -q <in.frames >out.frames
    equals "$(sort -u ids)" "$cluster:$IN:1:0 in-${IN: -3}"
    equals "$(python3 "$ROOT/tests/frames.py" read <out.frames | grep -c "system")" 0
    start_broker -t "$IN:2"
    bruco-source -q lines <<<other | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 1
    bruco-source -q -e kafka -b "$BROKERS" -t "$IN" -g look -o earliest | bruco-worker -q >out.frames
    [[ $(of_value other) == *":$IN:1:0" && $(of_value other) != "$cluster:"* ]]
}

@test "ids: batches and overlapping calls have them, and an event that is kept keeps it" {
    python3 "$ROOT/tests/frames.py" write 'record(1, b"a", topic="t", partition=3, offset=5, system="here")' \
        'record(2, b"b", topic="t", partition=3, offset=6, system="here")' >in.frames
    echo 'def handle_batch(context, events): return [event.id for event in events]' >handler.py
    run_x 0 bash -o pipefail -c 'bruco-worker -q <in.frames | bruco-sink -q lines'
    equals "$output" $'here:t:3:5\nhere:t:3:6'
    cat >handler.py <<'END'
async def handle_event(context, data):
    before, context.before = getattr(context, "before", None), context.event
    return [context.event.id, before and before.id]
END
    run_x 0 bash -o pipefail -c 'bruco-worker -q <in.frames | bruco-sink -q lines'
    equals "$output" $'["here:t:3:5", null]\n["here:t:3:6", "here:t:3:5"]'

    # The frame of the first event is long overwritten when its id is asked for.
    python3 "$ROOT/tests/frames.py" write \
        'b"".join(record(n, b"x" * 500, topic="t", partition=3, offset=n, system=f"sys{n}") for n in range(1, 3000))' >in.frames
    cat >handler.py <<'END'
def handle_event(context, data):
    context.first = getattr(context, "first", context.event)
    return context.first.id
END
    run_x 0 bash -o pipefail -c 'bruco-worker -q <in.frames | bruco-sink -q lines | sort -u'
    equals "$output" sys1:t:3:1
}

@test "ids: a file's stay after a crash and a rotation, and differ after a truncation" {
    ids_handler
    cat >config.yaml <<END
stateDirectory: state
processor: {moduleName: handler}
source: {kind: file, path: in.log, offset: earliest}
sink: {kind: lines}
END
    echo one >in.log
    touch hold
    start_x bruco bruco -c config.yaml
    wait_for 20 file_has ids one
    kill_x bruco KILL
    wait_x bruco 137
    mv in.log in.log.1
    echo two >in.log
    rm hold
    start_x bruco bruco -c config.yaml
    wait_for 20 file_has ids two
    wait_for 20 lines_in bruco.out 2
    echo one >in.log # cut, and written anew
    wait_for 20 lines_in bruco.out 3
    stop_x bruco
    [[ $(of_value one | head -n 1) =~ ^[0-9a-f]{16}:$PWD/in.log:0:0$ ]]
    equals "$(of_value one | sed -n 2p)" "$(of_value one | sed -n 1p)"
    equals "$(cut -d ' ' -f 1 ids | sort -u | wc -l)" 3
}

@test "ids: without a place to come again from they are new each time, but not for a worker's successor" {
    local first
    ids_handler
    seq 3 >in
    run_x 0 bruco-worker -q --lines <in
    run_x 0 bruco-worker -q --lines <in
    run_x 0 bash -o pipefail -c 'bruco-source -q lines <in | bruco-worker -q'
    equals "$(cut -d ' ' -f 1 ids | sort -u | wc -l)" 9
    : >ids
    config 'workers: 1'
    touch hold
    start_x bruco bruco -c config.yaml <in
    wait_for 20 lines_in ids 1
    kill_worker bruco
    wait_for 20 lines_in ids 2
    rm hold
    wait_x bruco 0
    equals "$(cut -d ' ' -f 1 ids | sort -u | wc -l)" 3
    equals "$(wc -l <ids)" 4

    : >ids
    echo '{"value": "x"}' >json
    run_x 0 bash -o pipefail -c 'cat json json | bruco -q --set source.kind=json -c config.yaml'
    equals "$(cut -d ' ' -f 1 ids | sort -u | wc -l)" 2
    printf '%s\n' '{"value": "x"}' '{"topic": "t", "partition": 1, "offset": 7, "value": "y"}' >app.json
    echo 'def handle_event(context, data): return context.event.id' >handler.py
    run_x 0 bruco test --update app.json
    equals "$(jq -r .value app.expected.json)" $'test-1\ntest:t:1:7'
    run_x 0 bruco test -q app.json
}

@test "ids: each HTTP request has one of its own" {
    http_project <<'END'
def handle_event(context, data): return context.event.id
END
    start_http
    for try in 1 2 3; do echo "$(ask / same | tail -n 1)"; done >ids
    [[ $(head -n 1 ids) =~ ^[0-9a-f]{16}:http:0:0$ ]]
    stop_x bruco
    equals "$(sort -u ids | wc -l)" 3
}

@test "ids: a stream's message has the stream's name, the time it was made, and its number" {
    start_nats 'jetstream {store_dir: "store"}'
    make_stream IN 'in.>'
    ids_handler
    cat >config.yaml <<END
processor: {moduleName: handler}
source: {kind: nats, serverUrl: "127.0.0.1:$NATS", subject: "in.>", stream: IN, durable: app, ackWait: 2s}
sink: {kind: discard}
END
    touch hold
    seq 2 | nats pub in.x
    start_x bruco bruco -c config.yaml
    wait_for 20 file_has ids ' 1$'
    kill_x bruco KILL
    wait_x bruco 137
    rm hold
    start_x bruco bruco -c config.yaml
    wait_for 20 file_has ids ' 2$'
    wait_for 20 lines_in ids 3
    stop_x bruco
    [[ $(of_value 1 | sort -u) =~ ^IN@[0-9]{19}:in.x:0:1$ ]]
    [[ $(of_value 2 | sort -u) =~ ^IN@[0-9]{19}:in.x:0:2$ ]]
    stop_nats
}

@test "ids: events that a test makes have different ones" {
    run_x 0 env PYTHONPATH="$ROOT/lib/python" /usr/bin/python3 -c "
from bruco.testing import Event
a, b = Event(b'x'), Event(b'x')
assert a.id and a.id == a.id and a.id != b.id
print(Event(id='mine').id)"
    equals "$output" mine
}

booked() { # booked SQL: from the table of the example
    /usr/bin/python3 -c 'import sqlite3, sys; print(sqlite3.connect("book.db").execute(sys.argv[1]).fetchone()[0])' "$1"
}

booked_at_least() { (($(booked 'SELECT count(*) FROM bookings') >= $1)); }

@test "ids: the handler of examples/once books each payment once, whatever is killed" {
    kafka_topics 2
    cp "$ROOT/examples/once/handler.py" .
    kafka_config 'workers: 2' "env: [{name: BOOK, value: $PWD/book.db}]" 'retry: {attempts: 100}'
    sed -i "s/topics: .in., consumerGroup: g/topics: [$IN], consumerGroup: $GROUP/; s/topic: out/topic: $OUT/" config.yaml
    # slow enough that the kill of the source finds some that are done and not committed, as a rule
    printf 'maxRestarts: 100\nrateLimit: 300/s\n' >>config.yaml
    seq -f '{"account": "a", "amount": %g}' 2000 | bruco-source -q lines |
        bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partitioner random
    start_x bruco bruco -c config.yaml
    wait_for 30 ready bruco
    wait_for 30 booked_at_least 100
    kill -KILL "$(stage_of bruco bruco-source)"
    for share in 300 500 700 900 1100; do
        wait_for 30 booked_at_least "$share"
        wait_for 20 kill_worker bruco
    done
    wait_for 30 booked_at_least 1300
    kill_x bruco KILL
    wait_x bruco 137
    run_x 0 bruco -q -e -c config.yaml
    equals "$(booked 'SELECT count(*) FROM bookings')" 2000
    equals "$(booked 'SELECT sum(amount) FROM bookings')" 2001000
    (($(ends "$OUT") >= 2000)) # more, when something came again, as it nearly always does
}
