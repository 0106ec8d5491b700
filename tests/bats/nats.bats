#!/usr/bin/env bats
# NATS on a real server: core NATS, at most once. jetstream.bats has streams, nats_secure.bats who may do what.

load helpers
load driver
load nats

LIMIT=40

@test "nats: the example of the earlier Bruco, unchanged but for the path" {
    NATS=4222
    ! nats ask x 2>/dev/null || skip "port 4222 is in use"
    start_nats
    mkdir -p hack/examples/basic
    cat >hack/examples/basic/handler.py <<'END'
import os

def handle_event(context, data):
    return {"was": data.decode(), "env": os.environ["VAR1"]}
END
    cat >config.yaml <<'END'
processor:
  handlerPath: ./hack/examples/basic
  moduleName: handler
  workers: 4
  env:
    - name: VAR1
      value: var1-value
source:
  kind: nats
  serverUrl: "localhost:4222"
  queueGroup: test
  subject: in.sub
sink:
  kind: nats
  serverUrl: "localhost:4222"
  subject: out.sub
END
    run_x 0 bruco check -c config.yaml
    start_x bruco bruco -c config.yaml
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    listen_at out out.sub
    seq 100 | nats pub in.sub
    wait_for 20 lines_in out.out 100
    equals "$(data_of out.out | jq -c .was | tr -d '"' | sort -n)" "$(seq 100)"
    equals "$(data_of out.out | jq -r .env | sort -u)" var1-value
    stop_listening out
    stop_x bruco
    stop_nats
    lacks_trouble bruco.err
    file_has bruco.err "subscribed to 'in.sub' at most once"
    file_has bruco.err 'summary: in 100, out 100,'
}

@test "nats: subject, headers, key and reply of a message are its event's, and an output may name a subject" {
    start_nats
    nats_project <<'END'
from bruco import Message

def handle_event(context, data):
    event = context.event
    if ":reply" in event.headers:
        return Message(data.upper(), topic=event.headers[":reply"].decode())
    headers = sorted([name, value.decode()] for name, value in event.headers.items())
    return Message([event.topic, event.key and event.key.decode(), headers, data.decode()], headers={**event.headers, "X": "1"})
END
    sed -i 's/subject: out}/subject: out, topics: ["_INBOX.>"]}/' app/config.yaml
    start_app bruco
    listen_at out out
    echo one | nats pub in.a.b -H 'A: 1' -H 'message-key: k' -H 'b-C: two words'
    echo '' | nats pub in.a
    wait_for 20 lines_in out.out 2
    equals "$(data_of out.out | jq -cs 'sort')" \
        '[["in.a",null,[],""],["in.a.b","k",[["A","1"],["b-C","two words"]],"one"]]'
    equals "$(jq -cs 'sort_by(.headers) | map(.headers)' out.out)" \
        '[[["A","1"],["X","1"],["b-C","two words"],["message-key","k"]],[["X","1"]]]'
    equals "$(nats ask in.question hello)" HELLO
    stop_listening out
    stop_x bruco
    stop_nats
    lacks_trouble bruco.err
}

@test "nats: a queue group shares the messages, without one each instance has all" {
    start_nats
    nats_project <<<'def handle_event(context, data): return data'
    sed -i 's/subject: "in.>"/&, queueGroup: both/' app/config.yaml
    start_app one --set name=one
    start_app two --set name=two
    listen_at out out
    seq 2000 | nats pub in.x
    wait_for 30 lines_in out.out 2000
    equals "$(data_of out.out | sort -n)" "$(seq 2000)"
    stop_x one
    stop_x two
    for name in one two; do
        # Each had some of them.
        is_true '. > 100' <<<"$(sed -nE 's/.*summary: in ([0-9]+),.*/\1/p' "$name.err")"
    done
    sed -i 's/, queueGroup: both//' app/config.yaml
    start_app one --set name=one
    start_app two --set name=two
    seq 10 | nats pub in.x
    wait_for 30 lines_in out.out 2020
    stop_x one
    stop_x two
    stop_listening out
    stop_nats
}

@test "nats: a drain unsubscribes, and finishes what it took" {
    start_nats
    nats_project 'workers: 2' <<'END'
import os, time

def handle_event(context, data):
    open("begun", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return data
END
    start_app bruco
    listen_at out out
    seq 5000 | nats pub in.x
    wait_for 20 test -e app/begun
    kill_x bruco TERM
    wait_for 20 file_has bruco.err 'draining: [0-9]+ records under way'
    # Nobody is subscribed any more.
    wait_for 20 eval '[[ $(nats ask in.x) == 503 ]]'
    seq 5001 5010 | nats pub in.x
    touch app/go
    wait_x bruco 0
    wait_for 20 lines_in out.out 5000
    equals "$(data_of out.out | sort -n)" "$(seq 5000)"
    stop_listening out
    stop_nats
}

@test "nats: messages of a subject keep their order with 'ordering: partition', those of a key with 'key'" {
    start_nats
    nats_project 'workers: 4' 'ordering: partition' <<'END'
import random, time

def handle_event(context, data):
    time.sleep(random.random() / 500)
    return context.event.topic + " " + data.decode()
END
    start_app bruco
    listen_at out out
    for n in {1..8}; do
        seq 200 | nats pub "in.$n" &
    done
    wait_for 30 lines_in out.out 1600
    for n in {1..8}; do
        equals "$(data_of out.out | sed -n "s/^in.$n //p")" "$(seq 200)"
    done
    stop_x bruco
    sed -i 's/ordering: .*/ordering: key/' app/config.yaml
    : >out.out
    start_app bruco
    for n in {1..8}; do
        seq 200 | nats pub in.x -H "message-key: $n" &
    done
    wait_for 30 lines_in out.out 1600
    for n in {1..8}; do
        equals "$(jq -r "select(.headers == [[\"message-key\", \"$n\"]]).data" out.out | sed 's/^in.x //')" "$(seq 200)"
    done
    stop_x bruco
    stop_listening out
    stop_nats
}

@test "nats: what comes faster than it is processed is dropped and counted, and memory is bounded" {
    ! grep -q __asan_init "$BRUCO_BIN/bruco" || skip "a sanitizer takes memory of its own"
    start_nats
    nats_project 'workers: 1' <<'END'
import os, time

def handle_event(context, data):
    while not os.path.exists("go"):
        time.sleep(0.01)
END
    sed -i 's/subject: "in.>"/&, pending: 8MiB/' app/config.yaml
    start_app bruco
    before=$(awk '/VmHWM/{print $2}' "/proc/$(stages bruco-source)/status")
    for _ in {1..6}; do # 180 MB; it may hold 8, and what libnats and a lane have besides
        head -c 30000000 /dev/zero | tr '\0' x | fold -w 1000 | nats pub in.x
    done
    wait_for 20 file_has bruco.err 'messages were dropped, [0-9]+ in all: they come faster than they are processed'
    after=$(awk '/VmHWM/{print $2}' "/proc/$(stages bruco-source)/status")
    ((after - before < 60000)) || { echo "from $before to $after kB"; false; }
    # The server has not cut this client off.
    touch app/go
    wait_for 20 eval 'bruco status --json -c app | is_true ".partitions[0].in_flight == 0" -'
    stop_x bruco
    stop_nats
}

@test "nats: a server that is not there is waited for, at the start and later" {
    NATS=$(free_port)
    nats_project <<<'def handle_event(context, data): return data'
    start_x bruco bruco app
    # The source begins when the others are ready.
    wait_for 20 file_has bruco.err "bruco-sink: warning: no NATS server can be reached at 127.0.0.1:$NATS"
    start_nats
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    for n in 1 2 3; do
        kill_x nats KILL
        wait_x nats 137
        wait_for 20 eval "[[ \$(grep -c 'no NATS server can be reached' bruco.err) -ge $((1 + 2 * n)) ]]"
        start_nats
        wait_for 20 eval "[[ \$(grep -c 'a NATS server can be reached at' bruco.err) -ge $((1 + 2 * n)) ]]"
        listen_at out out
        seq 10 | nats pub in.x
        wait_for 20 lines_in out.out 10
        stop_listening out
    done
    stop_x bruco
    stop_nats
    run_x 75 bruco --set maxWait=2s app
    contains "$stderr" "waited for 2s (maxWait): no NATS server can be reached at 127.0.0.1:$NATS"
}

@test "nats: nothing is acknowledged that the server may not have, whatever becomes of the connection" {
    start_nats
    listen_at out out
    # Cuts each connection after some bytes from the client.
    start_x proxy /usr/bin/python3 - "$NATS" <<'END'
import random, socket, sys, threading

random.seed(1)
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)

def copy(source, target, most):
    try:
        while most > 0 and (data := source.recv(4096)):
            target.sendall(data[:most])
            most -= len(data)
    except OSError:
        pass
    for peer in (source, target):
        try:
            peer.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

cuts = 0
while True:
    client, _ = server.accept()
    cuts += 1
    print("connection", flush=True)
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=copy, args=(client, peer, random.randint(1000, 400000) if cuts < 12 else 1 << 40)).start()
    threading.Thread(target=copy, args=(peer, client, 1 << 40)).start()
END
    wait_for 20 lines_in proxy.out 1
    seq 200000 >numbers
    start_x hand bash -c "bruco-source -l link lines <numbers |
        bruco-sink -l link nats -b 127.0.0.1:$(head -n 1 proxy.out) -t out"
    wait_x hand 0
    wait_for 60 eval 'jq -r .data out.out | tail -n 1 | grep -qx 200000'
    equals "$(data_of out.out | sort -nu)" "$(seq 200000)"
    # They are sent again from the beginning of a batch, in order.
    is_true '. >= 0' <<<"$(($(wc -l <out.out) - 200000))"
    (($(wc -l <proxy.out) > 12)) # it was cut a dozen times
    kill_x proxy KILL
    wait_x proxy 137
    stop_listening out
    stop_nats
}

@test "nats: killed programs cost what they had taken, and the pipeline goes on" {
    start_nats
    nats_project 'workers: 2' 'retry: {attempts: 100}' <<'END'
import time

def handle_event(context, data):
    time.sleep(0.001)
    return data
END
    sed -i '1i maxRestarts: 1000' app/config.yaml
    start_app bruco
    listen_at out out
    # A worker's death costs nothing.
    seq 3000 | nats pub in.x
    for _ in 1 2 3; do
        sleep 0.3
        kill -KILL "$(stages bruco-worker | head -n 1)"
    done
    wait_for 30 lines_in out.out 3000
    equals "$(data_of out.out | sort -n)" "$(seq 3000)"
    # That of source or sink costs what is under way, at most.
    for name in bruco-source bruco-sink; do
        ready=$(grep -c 'at most once' bruco.err)
        kill -KILL "$(stages "$name")"
        wait_for 30 eval "(( \$(grep -c 'at most once' bruco.err) > $ready )) && has_stages bruco-worker 2"
        : >out.out
        seq 100 | nats pub in.x
        wait_for 30 eval '[[ $(data_of out.out | sort -n | uniq) == "$(seq 100)" ]]'
    done
    stop_x bruco
    stop_listening out
    stop_nats
}

@test "nats: what can't be a message fails as onFailure says, with the reason" {
    start_nats 'max_payload: 2000'
    nats_project 'onFailure: skip' 'retry: {attempts: 1}' <<'END'
from bruco import Message

def handle_event(context, data):
    what = data.decode()
    if what == "large":
        return "x" * 3000
    if what == "headers":
        return Message("x" * 1000, headers={"a": "b" * 1000})
    if what == "key":
        return Message("x", key="a\nb")
    if what == "header":
        return Message("x", headers={"a": "b\r\nc: d"})
    if what == "name":
        return Message("x", headers={"a b": "c"})
    if what == "topic":
        return Message("x", topic="elsewhere")
    if what == "wild":
        return Message("x", topic="more.*")
    if what == "more":
        return Message("x", topic="more.a")
    return what
END
    sed -i 's/subject: out}/subject: out, topics: [more.*]}/' app/config.yaml
    start_app bruco
    listen_at out out
    listen_at more 'more.>'
    printf '%s\n' large headers key header name topic wild more fine | nats pub in.x
    wait_for 20 lines_in out.out 1
    wait_for 20 lines_in more.out 1
    equals "$(data_of out.out)" fine
    stop_x bruco
    count_in bruco.err "a record can't be delivered: message is larger than the server's max_payload \(in.x\[0\]@[01]\), skipped" 2
    file_has bruco.err 'key has a NUL byte, a line break or blanks around it, which a NATS header can.t carry \(in.x\[0\]@2\)'
    count_in bruco.err "a header has a name or value that NATS can't carry \(in.x" 2
    file_has bruco.err "a record for 'elsewhere' can't be delivered: topic is not in sink.topics"
    file_has bruco.err "event failed: ValueError: result.topic: 'more.\*' can't be the name of a topic"
    for listener in out more; do
        stop_listening "$listener"
    done
    stop_nats
}

@test "nats: by hand, with a link and without one" {
    start_nats
    echo 'def handle_event(context, data): return data.upper()' >handler.py
    listen_at out out
    start_x hand bash -c "bruco-source -v -n 3 nats -b 127.0.0.1:$NATS -t 'in.*' -g g | bruco-worker | bruco-sink json"
    wait_for 20 file_has hand.err 'subscribed to'
    printf '%s\n' a b c d e | nats pub in.x
    wait_x hand 0
    equals "$(jq -r .value hand.out)" $'A\nB\nC'
    seq 3 | bruco-source lines | bruco-sink nats -b "127.0.0.1:$NATS" -t out
    wait_for 20 lines_in out.out 3
    run_x 64 bruco-source -e nats -b "127.0.0.1:$NATS" -t x
    run_x 64 bruco-source nats -b "127.0.0.1:$NATS" -t 'a..b'
    contains "$stderr" "subject 'a..b' has an empty token"
    run_x 64 bruco-sink nats -b "127.0.0.1:$NATS" -t 'a.*' </dev/null
    contains "$stderr" "subject 'a.*' has a wildcard"
    run_x 64 bruco-source nats -b "127.0.0.1:$NATS" -t a -o latest
    contains "$stderr" '-L, --no-group, -o, -p and -X are for kind kafka'
    run_x 64 bruco-source nats -t a
    contains "$stderr" 'source.serverUrl is missing'
    stop_listening out
    stop_nats
}

@test "nats: check knows its keys" {
    echo 'def handle_event(context, data): pass' >handler.py
    cat >config.yaml <<'END'
processor:
source:
  kind: nats
  serverUrl: [a:4222, me:word@b]
  subject: in.>.x
  queueGroup: a b
  security: {username: me, token: x, certificate: handler.py, nkey: U}
sink:
  kind: nats
  serverUrl: a:4222
  subject: in.*
  topics: [a.*, b..c]
END
    run_x 78 bruco check -c config.yaml
    contains "$stderr" "config.yaml:4:23: source.serverUrl: expected host:port or nats://user:password@host:port, found"
    contains "$stderr" "config.yaml:5:12: source.subject: 'in.>.x' goes on behind '>'"
    contains "$stderr" "source.queueGroup: 'a b' has a blank in it"
    contains "$stderr" "source.security.username needs 'password'"
    contains "$stderr" "source.security.token: 'username' says already who it is"
    contains "$stderr" "source.security.certificate needs 'key'"
    contains "$stderr" "source.security.nkey needs 'seedFile'"
    contains "$stderr" "sink.subject: 'in.*' has a wildcard"
    contains "$stderr" "sink.topics: 'b..c' has an empty token"
    cat >config.yaml <<'END'
processor:
source: {kind: nats, serverUrl: "nats://me:word-One1@a", subject: in.*}
sink: {kind: nats, serverUrl: "nats://me:word-One1@a", subject: in.x, topic: x}
END
    run_x 78 bruco check -c config.yaml
    contains "$stderr" "warning: sink.subject: 'in.x' is among the source's: what is written there is read again"
    sed -i 's/, topic: x//' config.yaml
    run_x 0 bruco check --print -c config.yaml
    contains "$output" 'ordering: none'
    file_lacks stdout One1
}
