#!/usr/bin/env bats
# The HTTP endpoint of a running pipeline: metrics as Prometheus has them, and health.

load helpers
load driver
load pipelines

LIMIT=120

setup() {
    common_setup
    URL=127.0.0.1:$(free_port)
}

teardown() {
    [[ ! -e own ]] || BRUCO_KAFKA_RUN=$PWD/own "$ROOT/tests/kafka/broker" stop
    common_teardown
}

metrics_at() { # metrics_at URL [LINE ...]: for config.yaml
    printf '%s\n' "metrics: {listen: \"$1\", stallAfter: ${STALL:-60s}}" "${@:2}" >>config.yaml
}

get() { # get PATH: its body on standard output, its status last on a line of its own
    /usr/bin/python3 - "http://$URL$1" <<'END'
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=20)
except urllib.error.HTTPError as error:
    answer = error
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
print(answer.read().decode().rstrip("\n"))
print(answer.status)
END
}

value() { # value METRIC: as it is now; several are summed
    get /metrics | awk -v name="$1" '$1 == name || index($1, name "{") == 1 { sum += $2; n++ }
        END { if (n) printf "%.15g\n", sum }'
}

value_is() { # a condition
    [[ $(value "$1") == "$2" ]]
}

answers() { # a condition: answers PATH STATUS [TEXT], an extended regular expression
    local answer
    answer=$(get "$1" 2>/dev/null) && [[ ${answer##*$'\n'} == "$2" && $answer =~ ${3:-} ]]
}

@test "metrics: promtool has nothing to say, and the counts are those of the topics after kills" {
    on_kafka 'onFailure: deadLetter' <<'END'
def handle_event(context, data):
    if context.event.offset % 100 == 7:
        raise ValueError("bad")
    return None if context.event.offset % 10 == 0 else data
END
    kafka-offsets -b "$BROKERS" create "$OUT-dead" 1
    metrics_at "$URL" "deadLetter: {kind: kafka, brokers: [\"$BROKERS\"], topic: $OUT-dead}"
    fill 3000
    start_x bruco bruco -c config.yaml
    for i in 1 2 3; do
        wait_for 60 ready bruco "$i"
        kill -KILL "$(stage_of bruco $([[ $i == 2 ]] && echo bruco-sink || echo bruco-source))"
    done
    wait_for 60 ready bruco 4
    wait_for 20 workers_are bruco 2
    wait_for 20 kill_worker bruco
    fill 3000
    wait_for 120 value_is bruco_lag_records 0
    equals "$(committed)" 6000
    wait_for 20 value_is bruco_partition_committed_offset 6000
    # What was repeated after a kill is counted in both, so that the counts are at least what is there.
    (($(value bruco_records_done_total) >= 6000))
    (($(value bruco_dead_letters_total) >= 60 && $(value bruco_records_failed_total) >= 60))
    (($(value bruco_records_filtered_total) >= 600))
    (($(value bruco_records_in_total) >= $(value bruco_records_done_total)))
    (($(value bruco_restarts_total) >= 4))
    equals "$(value bruco_stage_ready)" 4
    answers /readyz 200 '^ready'
    get /metrics | sed '$d' >metrics.txt
    PATH=$("$ROOT/tools/prometheus"):$PATH
    run_x 0 promtool check metrics <metrics.txt
    equals "$output$stderr" ""
    stop_x bruco
}

@test "metrics: without a kill they are exact" {
    on_kafka 'onFailure: skip' 'retry: {attempts: 1}' <<'END'
def handle_event(context, data):
    if context.event.offset % 100 == 7:
        raise ValueError("bad")
    if context.event.offset % 10 != 0:
        yield data
        yield data
END
    metrics_at "$URL"
    fill 2000 --special 500
    start_x bruco bruco -c config.yaml
    wait_for 60 value_is bruco_records_done_total 2500
    wait_for 60 value_is bruco_lag_records 0
    equals "$(value bruco_records_in_total)" 2500
    equals "$(value bruco_records_out_total)" "$(ends "$OUT")"
    equals "$(value bruco_records_out_total)" \
        $((2 * (2500 - $(value bruco_records_filtered_total) - $(value bruco_records_skipped_total))))
    equals "$(value bruco_records_failed_total)" "$(value bruco_records_skipped_total)"
    equals "$(value bruco_records_in_flight) $(value bruco_outputs_in_flight)" "0 0"
    stop_x bruco
}

@test "a real Prometheus scrapes it, and its rules and the dashboard's expressions are sound" {
    requires jq
    PATH=$("$ROOT/tools/prometheus"):$PATH
    cp -r "$ROOT/examples/monitoring" .
    run_x 0 "$ROOT/tools/pages" "$ROOT/examples/monitoring/README.md"
    jq -r '"groups: [{name: dashboard, rules: [", (.panels[].targets[].expr | gsub("[$]__rate_interval"; "5m") |
        "{record: x, expr: \(tojson)},"), "]}]"' monitoring/dashboard.json >expressions.yml
    (($(grep -c record expressions.yml) > 20))
    run_x 0 promtool check rules expressions.yml
    on_kafka <<<'def handle_event(context, data): return data'
    metrics_at "$URL"
    fill 100
    start_x bruco bruco -c config.yaml
    wait_for 60 value_is bruco_records_done_total 100
    wait_for 20 value_is bruco_lag_records 0
    # Each metric that alerts and dashboard name is there.
    get /metrics >metrics.txt
    for name in $(cat monitoring/alerts.yml monitoring/dashboard.json | grep -oE 'bruco_[a-z_]+' | sort -u); do
        grep -q "^$name[{ ]" metrics.txt || { echo "no metric $name"; false; }
    done
    sed -i "s/127.0.0.1:9095/$URL/; s/15s/1s/" monitoring/prometheus.yml
    local listen
    listen=127.0.0.1:$(free_port)
    start_x prometheus prometheus --config.file monitoring/prometheus.yml --storage.tsdb.path data \
        --web.listen-address "$listen" --log.level warn
    scraped() {
        URL=$listen get '/api/v1/query?query=bruco_records_done_total' | head -n 1 |
            is_true '.data.result[0].value[1] == "100"'
    }
    wait_for 60 scraped
    URL=$listen get '/api/v1/rules' | head -n 1 | is_true '[.data.groups[].rules[] | .health != "err"] | all'
    URL=$listen get '/api/v1/targets' | head -n 1 | is_true '.data.activeTargets[0].lastError == ""'
    stop_x prometheus
    stop_x bruco
}

@test "readyz: red while starting, and when a worker cannot start; healthz is green" {
    on_kafka <<'END'
import os, signal
def init_context(context):
    if not os.path.exists("good"):
        os.kill(os.getpid(), signal.SIGKILL)
def handle_event(context, data): return data
END
    metrics_at "$URL"
    start_x bruco bruco -c config.yaml
    wait_for 60 answers /readyz 503 'starting|waiting|does not start'
    wait_for 60 answers /readyz 503 'does not start: it has failed'
    answers /healthz 200 ok
    touch good
    wait_for 120 answers /readyz 200
    stop_x bruco
}

@test "readyz: red when one partition is stuck, and when the sink is; green again" {
    STALL=2s
    on_kafka "timeout: 1000s" <<'END'
import os, time
def handle_event(context, data):
    while data == b"stuck" and not os.path.exists("go"):
        time.sleep(0.05)
    return data
END
    metrics_at "$URL"
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    wait_for 20 answers /readyz 200
    echo stuck | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN"
    wait_for 30 answers /readyz 503 "$IN\[[0-3]\] is 1 records? behind and nothing of it was done for"
    equals "$(value bruco_ready)" 0
    touch go
    wait_for 30 answers /readyz 200
    kill -STOP "$(stage_of bruco bruco-sink)"
    fill 100
    wait_for 30 answers /readyz 503 "nothing of it was done for"
    kill -CONT "$(stage_of bruco bruco-sink)"
    wait_for 30 answers /readyz 200
    stop_x bruco
}

@test "readyz: red while the broker is away, green when it is back" {
    requires java
    STALL=2s
    export BRUCO_KAFKA_RUN=$PWD/own
    BROKERS=$(BRUCO_KAFKA_SMALL=1 "$ROOT/tests/kafka/broker" start)
    kafka-offsets -b "$BROKERS" create in 1
    kafka-offsets -b "$BROKERS" create out 1
    pass_on
    kafka_config "workers: 1"
    metrics_at "$URL"
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    wait_for 30 answers /readyz 200
    kill -STOP "$(awk '{ print $1 }' own/pid)"
    wait_for 60 answers /readyz 503 'no broker of the source has answered for'
    answers /healthz 200
    kill -CONT "$(awk '{ print $1 }' own/pid)"
    wait_for 60 answers /readyz 200
    stop_x bruco
}

@test "requests: GET only, paths that are there, and an address that is free" {
    project <<<'def handle_event(context, data): return data'
    echo "metrics: {listen: \"$URL\"}" >>app/config.yaml
    start_bruco
    answers /healthz 200
    answers /readyz?a=b 200 ready
    answers /nosuch 404 'there is /metrics, /healthz and /readyz'
    run_x 0 /usr/bin/python3 - "$URL" <<'END'
import http.client, sys
for method in ("POST", "HEAD", "PUT", "DELETE", "NOSUCH"):
    client = http.client.HTTPConnection(sys.argv[1], timeout=20)
    client.request(method, "/metrics", body=None if method == "HEAD" else "x" * 1000)
    answer = client.getresponse()
    answer.read()
    assert (answer.status, answer.headers["Allow"]) == (405, "GET"), (method, answer.status)
END
    mkfifo other.pipe
    run_x 69 bruco app
    contains "$stderr" "bruco: error: cannot listen at '$URL' (metrics.listen): Address already in use"
    end_feed
    wait_x bruco 0
    # Without the key nothing listens.
    sed -i '/^metrics/d' app/config.yaml
    run_x 0 bruco app <<<one
    file_lacks stderr metrics
}

@test "metrics: on an IPv6 address" {
    [[ -e /proc/net/if_inet6 ]] && grep -q ' lo$' /proc/net/if_inet6 || skip "no IPv6 on loopback"
    project <<<'def handle_event(context, data): return data'
    URL="[::1]:${URL#*:}"
    echo "metrics: {listen: \"$URL\"}" >>app/config.yaml
    start_bruco
    answers /readyz 200
    end_feed
    wait_x bruco 0
}

@test "slow, huge, malformed and ten thousand connections: records go on, and it answers again" {
    LIMIT=200 # places that are kept would take 280 s
    on_kafka <<<'def handle_event(context, data): return data'
    metrics_at "$URL"
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 2000
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    wait_for 60 out_at_least 1000
    run_x 0 /usr/bin/python3 - "$URL" "$(<bruco.pid)" <<'END'
import os, random, signal, socket, sys, time, urllib.request
host, port = sys.argv[1].split(":")
driver = int(sys.argv[2])
def connect(timeout=30):
    return socket.create_connection((host, int(port)), timeout=timeout)
def send(text, wait=True):
    client = connect()
    try:
        client.sendall(text)
        if not wait:
            return client.close()
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    except OSError:
        pass # it was dropped, as the endpoint likes
    client.close()
def scrape():
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=60) as answer:
        assert b"bruco_ready 1" in answer.read()
send(b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"y" * (1 << 20))
send(b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n")
send(b"".join(b"X%d: 1\r\n" % i for i in range(10000)))
for bad in (b"\r\n\r\n", b"\0" * 100, b"GET", b"GET / HTTP/9.9\r\n\r\n", b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /../../etc/passwd HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
    send(bad)
random.seed(5)
for _ in range(300):
    send(random.randbytes(random.randrange(400)), wait=False)
scrape()
# Gone before they are let in, each with half a request: would they keep their places, this took minutes.
for _ in range(30):
    os.kill(driver, signal.SIGSTOP)
    for _ in range(60):
        send(b"GET /met", wait=False)
    os.kill(driver, signal.SIGCONT)
    scrape()
# All places taken by clients that send a byte now and then: each is let go in time.
slow = [connect() for _ in range(64)]
for client in slow:
    client.sendall(b"GET /metrics HTTP/1.1\r\n")
deadline = time.monotonic() + 45
done = False
while not done and time.monotonic() < deadline:
    for client in slow:
        try:
            client.sendall(b"X")
        except OSError:
            pass
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=2) as answer:
            done = b"bruco_ready 1" in answer.read()
    except OSError:
        pass
assert done
for client in slow:
    client.close()
# One that asks and does not read.
lazy = connect()
lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
lazy.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
for _ in range(10000):
    connect().close()
scrape()
END
    before=$(ends "$OUT")
    wait_for 60 out_at_least $((before + 2000))
    (($(ls "/proc/$(<bruco.pid)/fd" | wc -l) < 64))
    stop_x fill 143
    stop_x bruco
    lacks_trouble bruco.err
}
