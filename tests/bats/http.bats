#!/usr/bin/env bats
# The http source: requests are records, and what becomes of a record is the answer.

load helpers
load driver
load http

LIMIT=90

@test "http: a request is an event, and what the handler returns is the answer" {
    http_project 'workers: 2' <<'END'
from bruco import Message

def handle_event(context, data):
    event = context.event
    what = event.headers[":path"].decode().split("?")[0]
    if what == "/who":
        names = {":method", ":path", "x-one", "x-two"}
        return [[n, v.decode()] for n, v in event.headers.items() if n in names] + [event.topic]
    if what == "/teapot":
        return context.response(data="short", content_type="text/x-tea", status=418)
    if what == "/moved":
        return Message("", headers={":status": "303", "location": "/there"})
    if what == "/words":
        return (word for word in ("one ", "two"))
    if what == "/nothing":
        return None
    if what == "/bytes":
        return b"\xff\x00"
    return data.upper()
END
    start_http
    answers 200 HELLO / hello
    file_has headers '^Content-Type: text/plain; charset=utf-8$'
    answers 200 '[["x-one", "1"], ["x-two", "2"], [":method", "PUT"], [":path", "/who?a=%20b"], "http"]' \
        -m PUT -H 'X-One: 1' -H 'X-TWO: 2' '/who?a=%20b' x
    file_has headers '^Content-Type: application/json$'
    file_lacks headers '^[Xx]-' # the handler keeps them, but they are the request's
    answers 418 short /teapot x
    file_has headers '^content-type: text/x-tea$'
    answers 303 '' /moved x
    file_has headers '^location: /there$'
    answers 200 'one two' /words x
    answers 200 '' /nothing x
    answers 200 '' -m GET /
    ask /bytes | cmp - <(printf '200\n\\xff\0')
    file_has headers '^Content-Type: application/octet-stream$'
    stop_x bruco
    lacks_trouble bruco.err
    file_has bruco.err 'summary: in 8, out 8, filtered 1,'
}

@test "http: the example of the earlier Bruco, unchanged but for the path" {
    mkdir -p hack/examples/basic
    cat >hack/examples/basic/handler.py <<'END'
def handle_event(context, data):
    return {"was": data.decode()}
END
    cat >config.yaml <<'END'
processor:
  handlerPath: ./hack/examples/basic
  workers: 1

source:
  kind: http
  ignoreProcessorResponse: false
  # port: 8090
END
    PORT=8080
    ! ask /healthz 2>/dev/null || skip "port 8080 is in use"
    start_x bruco bruco -c config.yaml
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    answers 200 '{"was": "bruco is great"}' / 'bruco is great'
    HOST=::1 answers 200 '{"was": ""}' / '' || HOST='[::1]' answers 200 '{"was": ""}' / ''
    stop_x bruco
}

@test "http: an event that fails is answered 500, and the others go on" {
    http_project 'workers: 1' 'retry: {attempts: 2, backoff: 10ms}' <<'END'
import os
import bruco

def handle_event(context, data):
    if data == b"raise":
        raise ValueError("secret of the house")
    if data == b"reject":
        raise bruco.Reject("no such order")
    if data == b"die":
        os._exit(3)
    if data == b"split":
        return bruco.Message("x", headers={"x": "a\r\nSet-Cookie: b", "z": "a\x01", "ok": "1"})
    if data == b"status":
        return bruco.Message("x", headers={":status": "99"})
    return data
END
    start_http
    answers 500 'the handler failed' / raise
    file_lacks headers secret
    answers 500 'the handler failed' / reject
    answers 500 'the handler failed' / die
    answers 200 fine / fine
    answers 200 x / split
    file_lacks headers 'Cookie|^z'
    file_has headers '^ok: 1$'
    answers 500 x / status
    stop_x bruco
    file_has bruco.err 'event failed: ValueError: secret of the house \(http\[0\]@0, 2 attempts\), skipped'
    file_has bruco.err 'event failed: Reject: no such order|event failed: bruco.Reject: no such order'
    file_has bruco.err 'event failed: worker exited with status 3 while the event ran \(http\[0\]@2, 2 attempts\), skipped'
    file_has bruco.err "the handler's status '99' is not from 200 to 599"
}

@test "http: with ignoreProcessorResponse a request is answered before it is handled" {
    http_project <<'END'
import time

def handle_event(context, data):
    while not __import__("os").path.exists("go"):
        time.sleep(0.01)
    context.logger.info("handled %s", data.decode())
END
    sed -i "s/kind: http,/& ignoreProcessorResponse: true,/" app/config.yaml
    start_http
    answers 202 '' / one
    answers 202 '' / two
    file_lacks bruco.err handled
    touch app/go
    wait_for 20 file_has bruco.err 'handled two'
    stop_x bruco
}

@test "http: to a topic: 200 when the record is delivered, 500 when it is not" {
    start_broker -t out
    http_project 'workers: 2' <<'END'
from bruco import Message

def handle_event(context, data):
    if data == b"elsewhere":
        return Message(data, topic="unlisted")
    return None if data == b"none" else Message(data, key=context.event.headers["x-key"])
END
    echo "sink: {kind: kafka, brokers: [\"$BROKERS\"], topic: out}" >>app/config.yaml
    start_http
    answers 200 '' -H 'X-Key: k1' / one
    answers 200 '' -H 'X-Key: k1' / none
    answers 500 'the handler failed' / elsewhere
    answers 200 '' -H 'X-Key: k2' / two
    # It is there when the answer is.
    bruco-source -q -e kafka -b "$BROKERS" -t out -g g -o earliest | bruco-sink -q lines -K | sort >got
    equals "$(<got)" $'k1\tone\nk2\ttwo'
    stop_x bruco
}

@test "http: what is no request, or too much of one" {
    http_project <<<'def handle_event(context, data): return str(len(data))'
    sed -i "s/kind: http,/& requestTimeout: 2s,/" app/config.yaml
    set_key maxRecordSize 64KiB
    start_http
    /usr/bin/python3 - "$PORT" <<'END'
import socket, sys

PORT = int(sys.argv[1])

def connection():
    return socket.create_connection(("127.0.0.1", PORT), timeout=30)

def read(peer):
    got = b""
    while True:
        try:
            more = peer.recv(65536)
        except ConnectionResetError:
            return got
        if not more:
            return got
        got += more

def exchange(data):
    with connection() as peer:
        try:
            peer.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read(peer)

def check(data, status, why=None):
    answer = exchange(data)
    line = answer.split(b"\r\n")[0]
    assert line.startswith(b"HTTP/1.1 %d " % status), (data[:60], answer[:300])
    assert why is None or why in answer, answer[:500]

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
assert exchange(b"nonsense\r\n\r\n") == b""
check(b"GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400)
check(HEAD + b"Content-Length: -5\r\n\r\n", 400)
check(HEAD + b"Content-Length: 99999999999\r\n\r\n", 413, b"maxRecordSize")
check(HEAD + b"Content-Length: 70000\r\n\r\n" + b"x" * 70000, 413)
check(HEAD + b"Content-Length: 65000\r\n\r\n" + b"x" * 65000, 200, b"65000")
# Framed, it is a little larger than what is allowed.
check(HEAD + b"Content-Length: 65530\r\n\r\n" + b"x" * 65530, 413)
chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
check(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 4 + b"0\r\n\r\n", 200, b"16384")
check(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17 + b"0\r\n\r\n", 413)
check(HEAD + b"X: " + b"y" * 40000 + b"\r\n\r\n", 431)
check(b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, b"Allow: GET")
# Without an end: it is not read for ever.
with connection() as peer:
    try:
        peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for i in range(100000):
            peer.sendall(chunk)
        raise SystemExit("400 MB were read")
    except (BrokenPipeError, ConnectionResetError):
        pass
# Two on one connection; HEAD has no body; the health path is not the handler's.
with connection() as peer:
    peer.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                 b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
                 b"GET /healthz?now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got = read(peer)
    assert got.count(b"HTTP/1.1 200 OK") == 3, got
    assert got.split(b"\r\n\r\n")[1].startswith(b"3HTTP"), got
    assert got.endswith(b"\r\n\r\nok\n"), got
# Expect: 100-continue
with connection() as peer:
    peer.sendall(HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert peer.recv(1000).startswith(b"HTTP/1.1 100"), "no 100"
    peer.sendall(b"ab")
    assert b"\r\n\r\n2" in read(peer)
# A body that does not come; headers that do not come.
with connection() as peer, connection() as silent, connection() as slow:
    peer.sendall(HEAD + b"Content-Length: 10\r\n\r\nab")
    slow.sendall(b"POST / HTTP/1.1\r\nX:")
    assert read(peer).startswith(b"HTTP/1.1 408 "), "no 408"
    assert read(silent) == b"" and read(slow) == b""
END
    answers 200 2 / ab
    stop_x bruco
    file_has bruco.err 'http: 413 for a request: the request is larger than maxRecordSize'
    file_has bruco.err 'a request did not arrive in time, answered 408'
}

@test "http: bodies that are not whole take no more memory than is said" {
    http_project <<<'def handle_event(context, data): return str(len(data))'
    set_key maxRecordSize 1MiB
    start_http
    /usr/bin/python3 - "$PORT" <<'END'
import socket, sys, time

peers = []
for n in range(70):
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
    peer.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000001\r\n\r\n" + b"x" * 1000000)
    peers.append(peer)

def unread():
    """Bytes that have come to the server and that it has not read yet."""
    rows = [line.split() for line in open("/proc/net/tcp")][1:]
    return sum(int(row[4].split(":")[1], 16) for row in rows if int(row[1].split(":")[1], 16) == int(sys.argv[1]))

deadline = time.monotonic() + 60
while unread() > 0 and time.monotonic() < deadline:
    time.sleep(0.05)
answers = []
for peer in peers:
    peer.sendall(b"x")
    answers.append(peer.recv(65536).split(b"\r\n")[0])
busy = answers.count(b"HTTP/1.1 503 Service Unavailable")
assert 1 <= busy <= 6 and answers.count(b"HTTP/1.1 200 OK") == 70 - busy, (busy, answers)
END
    answers 200 2 / ab
    stop_x bruco
    file_has bruco.err 'http: 503 for a request: too many requests at once'
}

@test "http: when all workers are busy for longer than queueTimeout: 503 with Retry-After" {
    http_project 'workers: 1' <<'END'
import os, time

def handle_event(context, data):
    open("begun-" + data.decode(), "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return data
END
    sed -i "s/kind: http,/& queueTimeout: 300ms,/" app/config.yaml
    start_http
    asking=()
    for n in {1..6}; do
        (mkdir "c$n" && cd "c$n" && ask / "r$n" >answer) &
        asking+=("$!")
    done
    # A worker has two at most before it is known how fast it is.
    wait_for 20 eval '[[ $(grep -l '^503' c*/answer | wc -l) == 4 ]]'
    for n in {1..6}; do
        ! file_has "c$n/answer" '^503' || file_has "c$n/headers" '^Retry-After: 1$'
    done
    # Paused: refused at once, and not healthy.
    bruco pause -c app
    answers 503 'paused' / x
    answers 503 'paused' /healthz
    bruco resume -c app
    touch app/go
    wait "${asking[@]}"
    equals "$(grep -l '^200' c*/answer | wc -l)" 2
    # Now they wait for less than that.
    for n in {1..50}; do
        (mkdir "d$n" && cd "d$n" && ask / "r$n" >answer) &
        asking+=("$!")
    done
    wait "${asking[@]}"
    equals "$(grep -l '^200' d*/answer | wc -l)" 50
    stop_x bruco
    file_has bruco.err 'http: 503 for a request: all workers are busy'
}

@test "http: a stop answers what it took, and refuses the rest" {
    http_project 'workers: 2' <<'END'
import os, time

def handle_event(context, data):
    open("begun", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return data
END
    start_http
    (mkdir one && cd one && ask / one >answer) &
    asking=$!
    wait_for 20 test -e app/begun
    kill_x bruco TERM
    wait_for 20 file_has bruco.err 'draining: 1 record under way'
    run ! ask / two 2>/dev/null # nobody listens any more
    touch app/go
    wait_x bruco 0
    wait "$asking"
    equals "$(<one/answer)" $'200\none'
}

@test "http: a killed worker costs nobody an answer, a killed source or sink only those under way" {
    http_project 'workers: 2' 'retry: {attempts: 100}' <<'END'
import time

def handle_event(context, data):
    time.sleep(0.02)
    return data
END
    set_key maxRestarts 1000
    start_http
    start_x load /usr/bin/python3 - "$PORT" <<'END'
import http.client, sys, threading

def one(number, results):
    for n in range(150):
        body = f"{number}-{n}"
        for attempt in range(200):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
                connection.request("POST", "/", body)
                answer = connection.getresponse()
                got = answer.read().decode()
            except OSError:
                results.append("error")
            except http.client.HTTPException:
                results.append("error")
            else:
                results.append(str(answer.status))
                if answer.status == 200:
                    assert got == body, (got, body) # never another's
                    break
            threading.Event().wait(0.05)
        else:
            raise SystemExit("no answer")

results = []
threads = [threading.Thread(target=one, args=(n, results)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(results.count("200"), results.count("503"), results.count("error"), flush=True)
END
    for _ in {1..5}; do
        sleep 0.2
        kill -KILL "$(stages bruco-worker | head -n 1)"
    done
    # So far nothing else than 200: the others below may cost some.
    for name in bruco-source bruco-sink bruco-source; do
        sleep 0.5
        wait_for 20 has_stages "$name" 1
        kill -KILL "$(stages "$name")"
    done
    wait_x load 0
    read -r good busy errors <load.out
    equals "$good" 600
    stop_x bruco
}

@test "http: ten thousand connections that say little, and an honest client" {
    (($(ulimit -Hn) >= 10500)) || skip "needs more open files"
    ulimit -n "$(ulimit -Hn)"
    http_project 'workers: 1' <<<'def handle_event(context, data): return data'
    sed -i "s/kind: http,/& requestTimeout: 5s,/" app/config.yaml
    start_http
    start_x crowd /usr/bin/python3 - "$PORT" <<'END'
import socket, sys, time

STARTS = [b"", b"POST", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le", b"\x16\x03\x01",
          b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"]
peers = []
for n in range(10000):
    peer = socket.socket()
    peer.connect(("127.0.0.1", int(sys.argv[1])))
    peer.sendall(STARTS[n % len(STARTS)])
    peers.append(peer)
print("there", flush=True)
deadline = time.monotonic() + 60
for n, peer in enumerate(peers):
    peer.settimeout(max(1, deadline - time.monotonic()))
    try:
        while peer.recv(4096):
            pass
    except ConnectionResetError:
        pass
print("gone", flush=True)
END
    wait_for 60 file_has crowd.out there
    for n in {1..20}; do
        answers 200 "$n" / "$n"
    done
    wait_for 90 file_has crowd.out gone
    wait_x crowd 0
    answers 200 after / after
    stop_x bruco
    file_has bruco.err 'summary: in 21, out 21,'
}

@test "http: by hand, with a link and without one" {
    echo 'def handle_event(context, data): return data.upper()' >handler.py
    PORT=$(free_port)
    start_x hand bash -c "bruco-source -n 2 http --listen 127.0.0.1:$PORT | bruco-worker | bruco-sink lines"
    wait_for 20 file_has hand.err 'listening at port'
    answers 202 '' / one
    answers 202 '' / two
    wait_x hand 0
    equals "$(<hand.out)" $'ONE\nTWO'
    PORT=$(free_port)
    start_x hand bash -c "bruco-source -l link -n 2 http --listen 127.0.0.1:$PORT | bruco-worker |
        bruco-sink -l link reply"
    wait_for 20 file_has hand.err 'listening at port'
    answers 200 ONE / one
    answers 200 TWO / two
    wait_x hand 0
    run_x 64 bruco-sink reply </dev/null
    contains "$stderr" 'kind reply needs a link to a source that answers'
    run_x 64 bruco-source -e http --listen 1
    run_x 64 bruco-source http --listen nowhere
    contains "$stderr" "'nowhere' is not a port, or an address and a port"
    run_x 64 bruco-source lines --listen 8080
    contains "$stderr" '--listen is for kind http'
}

@test "http: with a certificate it speaks TLS and nothing else" {
    requires openssl
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext \
        'subjectAltName=DNS:localhost' -keyout key.pem -out ca.pem 2>/dev/null
    http_project <<<'def handle_event(context, data): return data.upper()'
    sed -i "s|kind: http,|& certificate: ../ca.pem, key: ../key.pem,|" app/config.yaml
    start_http
    SCHEME=https HOST=localhost answers 200 HELLO / hello
    run_x 0 bruco check --print app
    file_has stdout "key: $PWD/app/../key.pem|key: $PWD/key.pem"
    run ! ask / hello
    run ! openssl s_client -connect "127.0.0.1:$PORT" -tls1_1 </dev/null
    stop_x bruco
    # A key that is not the certificate's.
    openssl genrsa -out key.pem 2048 2>/dev/null
    run_x 78 bruco app
    contains "$stderr" 'cannot use the certificate'
}

@test "http: check knows its keys" {
    http_project 'ordering: key' <<<'def handle_event(context, data): pass'
    run_x 0 bruco check app
    contains "$stderr$output" 'warning: processor.ordering has no effect with an http source'
    cat >>app/config.yaml <<'END'
deadLetter: {kind: reply}
END
    sed -i 's/listen: .*/listen: localhost, port: 70000, healthPath: x, certificate: nowhere.pem}/' app/config.yaml
    run_x 78 bruco check app
    contains "$stderr" "source.port: expected a number from 1 to 65535, found '70000'"
    contains "$stderr" "source.healthPath: expected a path such as '/healthz', or none, found 'x'"
    contains "$stderr" "source.listen: expected an IP address (127.0.0.1, ::1, 0.0.0.0), found 'localhost'"
    contains "$stderr" "source.certificate: cannot read 'nowhere.pem': No such file or directory"
    contains "$stderr" "deadLetter.kind: 'reply' is for sink only"
    echo 'source: {kind: http, key: config.yaml}' >config.yaml
    run_x 78 bruco check -c config.yaml
    contains "$stderr" 'source.certificate (for the key) is missing'
    printf '%s\n' 'source: {kind: lines}' 'sink: {kind: reply}' >config.yaml
    run_x 78 bruco check -c config.yaml
    contains "$stderr" "config.yaml:2:14: sink.kind: 'reply' needs a source that answers ('source.kind: http')"
    # Somebody listens there already.
    http_project <<<'def handle_event(context, data): pass'
    start_http
    sed -i 's/^shutdown/maxRestarts: 0\n&/' app/config.yaml
    cp -r app app2
    run_x 75 bruco app2
    contains "$stderr" "cannot listen at port $PORT of 127.0.0.1: Address already in use"
    stop_x bruco
}
