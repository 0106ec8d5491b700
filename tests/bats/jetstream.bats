#!/usr/bin/env bats
# Streams of JetStream on a real server, at both ends: at least once.

load helpers
load driver
load nats

LIMIT=60

@test "of a stream, a message is acknowledged when it is delivered, and begins again where it was" {
    stream_project <<'END'
def handle_event(context, data):
    return f"{context.event.topic} {context.event.offset} {data.decode()}"
END
    seq 3 | nats pub in.x # before there is a consumer
    start_app bruco
    listen_at out out
    wait_for 20 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    seq 4 6 | nats pub in.y
    wait_for 20 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    seq 7 8 | nats pub in.z
    equals "$(not_acknowledged IN app)" 2
    start_app bruco
    wait_for 20 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    equals "$(data_of out.out | tail -n 2)" $'in.z 7 7\nin.z 8 8'
    stop_x bruco
    lacks_trouble bruco.err
    stop_listening out
    stop_nats
}

@test "of a stream nothing is lost, whatever is killed" {
    stream_project 'workers: 2' 'retry: {attempts: 100}' <<'END'
import time

def handle_event(context, data):
    time.sleep(0.002)
    return data
END
    make_stream OUT out # what was delivered
    seq 5000 | nats pub in.x
    start_app bruco
    for name in bruco-worker bruco-source bruco-sink bruco-source bruco-worker; do
        sleep 0.5
        wait_for 30 eval "[[ -n \$(stages $name) ]]"
        kill -KILL "$(stages "$name" | head -n 1)"
    done
    sleep 0.5
    kill_x nats KILL
    wait_x nats 137
    start_nats 'jetstream {store_dir: "store"}'
    sleep 1
    kill_x bruco KILL
    wait_x bruco 137
    start_app bruco
    wait_for 60 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    stored_in OUT >stored
    equals "$(sort -nu stored)" "$(seq 5000)"
    stop_nats
}

@test "of a stream, what a slow handler has not done yet is not sent again" {
    stream_project 'workers: 1' <<'END'
import time

def handle_event(context, data):
    time.sleep(0.5)
    return data
END
    listen_at out out
    seq 12 | nats pub in.x # 6 s, with an ack wait of 2
    start_app bruco
    wait_for 30 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    equals "$(data_of out.out)" "$(seq 12)"
    stop_listening out
    # A stop gives back at once what is in no lane.
    seq 13 20 | nats pub in.x
    start_app bruco
    stop_x bruco
    start_app bruco
    wait_for 30 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    stop_nats
}

@test "a stream that is not there is waited for; two instances share a consumer with a queue group" {
    start_nats 'jetstream {store_dir: "store"}'
    nats_project <<<'def handle_event(context, data): return data'
    sed -i 's/subject: "in.>"/&, stream: IN, durable: app, queueGroup: app/' app/config.yaml
    start_x one bruco --set name=one app
    wait_for 20 file_has one.err "warning: the NATS server at .*: consumer 'app' of stream 'IN': "
    make_stream IN 'in.>'
    wait_for 20 file_has one.err 'bruco: info: ready'
    start_app two --set name=two
    listen_at out out
    seq 1000 | nats pub in.x
    wait_for 20 lines_in out.out 1000
    equals "$(data_of out.out | sort -n)" "$(seq 1000)"
    stop_x one
    stop_x two
    for name in one two; do
        is_true '. > 10' <<<"$(sed -nE 's/.*summary: in ([0-9]+),.*/\1/p' "$name.err")"
    done
    stop_listening out
    stop_nats
    sed -i 's/, durable: app//' app/config.yaml
    run_x 78 bruco check app
    contains "$stderr" 'source.durable (for the stream) is missing'
}

# ---- the sink

# into_stream [MORE]: the project's results go to the stream OUT
into_stream() {
    make_stream OUT 'out.>' "${1:-}"
    sed -i 's/subject: out}/subject: out.x, topics: ["out.>"], stream: OUT}/' app/config.yaml
}

@test "into a stream: acknowledged when it is stored, and what comes again is dropped, whatever is killed" {
    stream_project 'workers: 2' 'retry: {attempts: 100}' <<'END'
import time

def handle_event(context, data):
    time.sleep(0.001)
    yield data
    yield data # the same twice is no duplicate
END
    into_stream
    seq 4000 | nats pub in.x
    start_app bruco
    for name in bruco-sink bruco-worker bruco-source bruco-sink; do
        sleep 0.4
        wait_for 30 eval "[[ -n \$(stages $name) ]]"
        kill -KILL "$(stages "$name" | head -n 1)"
    done
    sleep 0.4
    kill_x nats KILL
    wait_x nats 137
    start_nats 'jetstream {store_dir: "store"}'
    sleep 0.5
    kill_x bruco KILL
    wait_x bruco 137
    start_app bruco
    wait_for 60 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    stored_in OUT >stored
    equals "$(sort -n stored)" "$(seq 4000 | sed p)"
    equals "$(jq -r '.headers[] | select(.[0] == "Nats-Msg-Id")[1]' all.out | sort -u | wc -l)" 8000
    file_has all.out '\["Nats-Msg-Id", "app/in.x/0/1/0/[0-9a-f]{16}"\]'
    stop_nats
}

stands_still() { # a condition: nothing more comes into OUT
    local before
    before=$(messages_in OUT)
    sleep 0.5
    (($(messages_in OUT) == before))
}

@test "into a stream: of outputs that differ when they come again none is dropped" {
    stream_project 'retry: {attempts: 100}' <<'END'
import itertools, os, time

def handle_event(context, data):
    time.sleep(0.001)
    for number in range(2 if os.path.exists("more") else 1): # more of them in a later run
        yield {"id": int(data), "number": number, "run": os.getpid()}
END
    into_stream
    seq 1000 | nats pub in.x
    start_app bruco
    wait_for 20 eval '(( $(messages_in OUT) > 100 ))'
    # What is delivered from now on is not acknowledged, and is done again.
    kill -STOP "$(stages bruco-source)"
    wait_for 20 stands_still
    touch app/more
    kill_x bruco KILL
    wait_x bruco 137
    start_app bruco
    wait_for 60 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    stored_in OUT >stored
    # Who has a second output in the last run has the first one of that run, too.
    is_true -s 'group_by([.run, .id]) | map(map(.number) | sort) | map(. == [0] or . == [0, 1]) | all' stored
    is_true -s '[.[].id] | unique == [range(1; 1001)]' stored
    stop_nats
}

@test "into a stream: what is not acknowledged in time is sent again, and stored once" {
    stream_project <<'END'
import time

def handle_event(context, data):
    time.sleep(0.001)
    return data
END
    into_stream
    sed -i 's/ackWait: 2s/ackWait: 30s/' app/config.yaml
    seq 3000 | nats pub in.x
    start_app bruco
    wait_for 20 eval '(( $(messages_in OUT) > 100 ))'
    kill_x nats STOP
    wait_for 30 file_has bruco.err "the NATS server at .*: no acknowledgement within 5 s"
    kill_x nats CONT
    wait_for 30 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    stored_in OUT >stored
    equals "$(sort -n stored)" "$(seq 3000)"
    stop_nats
}

@test "into a stream: what a server that dies had not acknowledged is sent to the next one" {
    start_nats 'jetstream {store_dir: "store"}'
    make_stream OUT 'out.>'
    cat >config.yaml <<END
processor: {}
source: {kind: lines}
sink: {kind: nats, serverUrl: "nats://127.0.0.1:$NATS", subject: out.x, stream: OUT}
END
    cat >handler.py <<'END'
import time

def handle_event(context, data):
    time.sleep(0.001)
    return data
END
    seq 6000 >numbers
    start_x bruco bruco <numbers
    wait_for 20 eval '(( $(messages_in OUT) > 100 ))'
    kill_x nats STOP
    wait_for 30 file_has bruco.err "the NATS server at .*: no acknowledgement within 5 s"
    kill_x nats KILL
    wait_x nats 137
    start_nats 'jetstream {store_dir: "store"}'
    wait_x bruco 0
    stored_in OUT >stored
    equals "$(sort -nu stored)" "$(seq 6000)"
    stop_nats
}

@test "into a stream: one that is not there, is another or is full is waited for" {
    stream_project 'ordering: partition' <<<'def handle_event(context, data): return data'
    make_stream OTHER 'other.>'
    sed -i 's/subject: out}/subject: out.x, stream: OUT}/' app/config.yaml
    start_app bruco
    seq 2000 | nats pub in.x
    wait_for 20 file_has bruco.err "warning: the NATS server at .*: no stream takes subject 'out.x', or JetStream is not enabled"
    # It takes 800; more are refused, not lost.
    make_stream OUT 'out.>' '"discard": "new", "max_msgs": 800'
    wait_for 20 file_has bruco.err "warning: the NATS server at .*: stream 'OUT': maximum messages exceeded"
    stored_in OUT >all
    equals "$(<all)" "$(seq 800)"
    wait_for 20 eval '[[ $(not_acknowledged IN app) == 1200 ]]'
    for _ in 1 2; do
        nats ask '$JS.API.STREAM.PURGE.OUT' >purged
        wait_for 20 eval '[[ $(messages_in OUT) == 800 || $(not_acknowledged IN app) == 0 ]]'
        stored_in OUT >>all
    done
    equals "$(sort -n all)" "$(seq 2000)"
    stop_x bruco
    nats pub in.x <<<last
    start_x bruco bruco --set sink.subject=other.x --set shutdownTimeout=1s app
    wait_for 20 file_has bruco.err "warning: the NATS server at .*: stream 'OUT': expected stream does not match"
    stop_x bruco 75
    equals "$(not_acknowledged IN app)" 1
    stop_nats
}

@test "into a stream: what it will never take fails as onFailure says, and orders to the server are not passed on" {
    stream_project 'onFailure: skip' 'retry: {attempts: 1}' <<'END'
from bruco import Message

def handle_event(context, data):
    if data == b"large":
        yield b"x" * 3000
    elif data == b"more":
        yield Message(data, topic="out.y")
    else:
        yield data
        yield data + b"!"
END
    into_stream '"discard": "old", "max_msg_size": 2000'
    sed -i 's/stream: OUT/&, deduplicate: false/' app/config.yaml # else its own id would take the place
    start_app bruco
    for message in large more two; do
        nats pub in.x -H "Nats-Msg-Id: $message" -H 'Nats-Expected-Stream: IN' -H 'a: b' <<<$message
    done
    wait_for 20 eval '[[ $(not_acknowledged IN app) == 0 ]]'
    stop_x bruco
    stored_in OUT >stored
    equals "$(<stored)" $'more\ntwo\ntwo!'
    equals "$(jq -c '[.headers[] | select(.[0] == "a" or (.[1] | contains("IN")))]' all.out | sort -u)" '[["a","b"]]'
    file_has bruco.err "a record can't be delivered: message is larger than the stream takes \(in.x\[0\]@1\), skipped"
    stop_nats
}

@test "into a stream: a publisher without permission ends with 77, and check knows the keys" {
    start_nats 'jetstream {store_dir: "store"}' 'authorization {users: [{user: other, password: "other-One1"},
        {user: bruco, password: "right-One1", permissions: {subscribe: ["_INBOX.>"], publish: [out.x]}}]}'
    export NATS_USER=other:other-One1
    make_stream OUT 'out.>'
    cat >config.yaml <<END
source: {kind: lines}
sink: {kind: nats, serverUrl: "nats://bruco:right-One1@127.0.0.1:$NATS", subject: out.x, stream: OUT}
END
    run_x 0 bruco config.yaml <<<one
    stored_in OUT >stored
    equals "$(<stored)" one
    run_x 77 bruco --set sink.subject=out.y config.yaml <<<two
    contains "$stderr" 'Permissions Violation for Publish to "out.y"'
    run_x 0 bruco check --print -c config.yaml
    contains "$output" 'deduplicate: false'
    run_x 78 bruco check --set sink.deduplicate=true -c config.yaml
    contains "$stderr" 'sink.deduplicate: needs a source of kind kafka, or nats with a stream'
    sed -i 's/, stream: OUT/, deduplicate: true/' config.yaml
    run_x 78 bruco check -c config.yaml
    contains "$stderr" "sink.deduplicate needs 'stream'"
    stop_nats
}
