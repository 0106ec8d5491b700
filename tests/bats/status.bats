#!/usr/bin/env bats
# What a running pipeline tells of itself: `bruco status`, the summary, the console.

load helpers
load driver
load pipelines

status_is() { # status_is FILTER [OPTION ...]: a condition on the JSON, as jq has it
    local answer # jq finds nothing wrong with nothing
    answer=$(bruco status "${@:2}" --json 2>/dev/null) && is_true "$1" <<<"$answer"
}

@test "status: stages, lanes, partitions and totals of a pipeline, as the broker and the system have them" {
    requires jq
    on_kafka <<'END'
def handle_event(context, data):
    return None if context.event.offset % 10 == 0 else data
END
    echo "name: one/two" >>config.yaml
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    fill 1000
    wait_for 60 status_is '.totals.acknowledged == 1000 and .totals.lag == 0'
    run_x 0 bruco status --json
    cp stdout status.json
    kafka-offsets -b "$BROKERS" group "$GROUP" "$IN" | awk '{ print $1, $2 }' | sort >group
    jq -r '.partitions[] | "\(.partition) \(.committed)"' status.json | sort >mine
    diff group mine
    is_true --argjson out "$(ends "$OUT")" '.totals | .in == 1000 and .out == $out and
        .filtered == 1000 - $out and .failed == {handler: 0, death: 0, refused: 0}' status.json
    is_true '[.partitions[] | .lag == 0 and .committed == .end and .state == "at the end"] | all' status.json
    is_true '.ready and .why == null and .state == "running" and (.lanes | length) == 2' status.json
    for stage in bruco-source bruco-sink; do
        equals "$(jq -r ".stages[] | select(.name == \"$stage\").pid" status.json)" "$(stage_of bruco $stage)"
    done
    is_true '[.stages[] | .ready and .memory_bytes > 1000000 and .starts == 1] | all' status.json
    run_x 0 bruco status
    contains "${lines[0]}" "one/two: running for"
    contains "$output" "bruco-worker-1"
    contains "$output" "$IN"
    stop_x bruco
    file_has bruco.err "summary: in 1000, out $(ends "$OUT"), filtered $((1000 - $(ends "$OUT"))), bytes in [0-9]+, .* records/s, lag 0$"
}

@test "status: what a worker runs and for how long, and who waits for it" {
    requires jq
    on_kafka "timeout: 100s" <<'END'
import os, time
def handle_event(context, data):
    while not os.path.exists("go"):
        time.sleep(0.05)
    return data
END
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    fill 2000
    wait_for 60 status_is '[.lanes[] | .run == "running" and .seq == 1 and .for_s > 0.3] | all'
    wait_for 60 status_is '.totals.oldest_s > 0.3 and .totals.in_flight > 0 and .totals.lag == 2000'
    wait_for 60 status_is '[.partitions[] | .state | test("waits for worker")] | any'
    run_x 0 bruco status
    file_has stdout "running event 1 for [0-9.]+ s"
    touch go
    wait_for 60 status_is '.totals.lag == 0 and .totals.oldest_s == 0 and .totals.in_flight == 0'
    wait_for 60 status_is '.times.handler.count > 50 and .times.handler.p99_s >= .times.handler.p50_s'
    stop_x bruco
}

@test "status: deaths, retries, dead letters and restarts are counted through all of them" {
    requires jq
    on_kafka 'onFailure: deadLetter' 'retry: {attempts: 2, backoff: 1ms}' <<'END'
import os
def handle_event(context, data):
    if context.event.offset % 50 == 7:
        raise ValueError("bad")
    if context.event.offset % 100 == 60:
        os._exit(3)
    return data
END
    kafka-offsets -b "$BROKERS" create "$OUT-dead" 1
    echo "deadLetter: {kind: kafka, brokers: [\"$BROKERS\"], topic: $OUT-dead}" >>config.yaml
    fill 1000
    start_x bruco bruco -c config.yaml
    wait_for 120 status_is '.totals.acknowledged == 1000 and .totals.lag == 0'
    bruco status --json >status.json
    is_true --argjson dead "$(ends "$OUT-dead")" --argjson out "$(ends "$OUT")" '.totals |
        .out == $out + $dead and .dead_letters == $dead and .skipped == 0 and
        .failed.handler + .failed.death == $dead and .failed.death > 0 and .failed.handler > 0 and
        .retried >= .failed.handler and .restarts.exit == 2 * .failed.death and .resent > 0' status.json ||
        { jq .totals status.json; false; }
    kill -KILL "$(stage_of bruco bruco-source)"
    wait_for 60 ready bruco 2
    wait_for 60 status_is '.totals.restarts.signal == 1 and .totals.acknowledged >= 1000'
    stop_x bruco
}

@test "status where no pipeline runs, and where the socket is something else" {
    project <<<'def handle_event(context, data): return data'
    run_x 69 bruco status app
    contains "$stderr" "no pipeline 'app' runs here"
    run_x 69 bruco status --socket nothing
    contains "$stderr" "cannot connect to 'nothing'"
    echo text >file
    run_x 69 bruco status --socket file
    run_x 64 bruco status --socket file app
    run_x 78 bruco status -c nosuch.yaml
}

@test "pipelines of a host do not meet: by name, then by number; sockets are the owner's alone" {
    requires jq
    echo_project
    start_bruco
    mkdir other
    sed 's/^processor/name: other\n&/' app/config.yaml >other/config.yaml
    cp app/handler.py other
    for run in second third; do mkfifo $run.pipe; done
    start_x second bruco app <>second.pipe
    start_x third bruco other <>third.pipe
    wait_for 20 ready second
    wait_for 20 ready third
    equals "$(cd "$XDG_RUNTIME_DIR/bruco" && stat -c '%n %a' . *.sock | sort)" \
        "$(printf '%s\n' '. 700' 'app-2.sock 600' 'app.sock 600' 'other.sock 600')"
    driver_of() { jq -r '.stages[0].pid' <<<"$output" | xargs ps -o ppid= -p | tr -d ' '; }
    run_x 0 bruco status --json app
    equals "$(driver_of)" "$(<bruco.pid)"
    run_x 0 bruco status --json --socket "$XDG_RUNTIME_DIR/bruco/app-2.sock"
    equals "$(driver_of)" "$(<second.pid)"
    run_x 0 bruco status --json -c other/config.yaml
    equals "$(driver_of)" "$(<third.pid)"
    for run in bruco second third; do stop_x $run; done
    equals "$(ls "$XDG_RUNTIME_DIR/bruco")" ""
}

@test "status of a driver that does not answer" {
    echo_project
    start_bruco
    kill_x bruco STOP
    run_x 69 bruco status app
    contains "$stderr" "has not answered for 10 s"
    kill_x bruco CONT
    run_x 0 bruco status app
    end_feed
    wait_x bruco 0
}

@test "a folder that others may write to is not used, which hinders nothing" {
    echo_project
    mkdir -p "$XDG_RUNTIME_DIR/bruco"
    chmod 777 "$XDG_RUNTIME_DIR/bruco"
    run_x 0 bruco app <<<one
    equals "$output" one
    contains "$stderr" "warning: there is no console, so no 'bruco status'"
    run_x 69 bruco status app
}

@test "the console lives on after whatever clients do" {
    requires jq
    echo_project
    start_bruco
    run_x 0 /usr/bin/python3 - "$XDG_RUNTIME_DIR/bruco/app.sock" <<'END'
import json, socket, sys, threading
def connect():
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.settimeout(20)
    return client
def ask(text):
    client = connect()
    client.sendall(text)
    client.shutdown(socket.SHUT_WR)
    try:
        with client.makefile() as lines:
            return lines.readline()
    except ConnectionResetError: # it was dropped with something unread
        return ""
for bad in (b"\n", b"[]\n", b"{}\n", b'{"command": 5}\n', b"\x00\xff\n", b"[" * 3000 + b"\n"):
    answer = json.loads(ask(bad))
    assert answer["status"] == 64 and "command" in answer["error"], (bad, answer)
assert json.loads(ask(b'{"command": "nosuch"}\n'))["error"] == "this pipeline knows no command 'nosuch'"
assert ask(b"x" * 100000) == "" # too long
assert ask(b'{"command": "sta') == ""
for _ in range(100): # gone before the answer comes
    client = connect()
    client.sendall(b'{"command": "status"}\n')
    client.close()
silent = [connect() for _ in range(16)] # take all places, and say nothing: for five seconds
assert json.loads(ask(b'{"command": "status"}\n'))["ready"]
END
    feed one
    wait_for 20 file_has bruco.out one
    run_x 0 bruco status app
    end_feed
    wait_x bruco 0
}

@test "summary: in the JSON log as members, at SIGUSR1, and with -q after a failure only" {
    requires jq
    project <<'END'
def handle_event(context, data):
    if data == b"bad": raise ValueError("bad")
    return None if data == b"no" else data
END
    sed -i 's/^processor: {/&onFailure: skip, /' app/config.yaml
    run_x 0 bruco --log-format json app < <(printf '%s\n' one no bad two)
    is_true -s 'map(select(.message | startswith("summary:")))[0] | .in == 4 and .out == 2 and .filtered == 1 and
        .failed == 1 and .skipped == 1 and .bytes_in > 0 and .seconds >= 0 and (.rate | type) == "number"' stderr
    run_x 0 bruco -q app < <(printf 'one\n')
    equals "$stderr" ""
    sed -i 's/onFailure: skip/onFailure: stop/' app/config.yaml
    run_x 1 bruco -q app < <(printf 'one\nbad\n')
    file_has stderr "bruco: warning: summary: in 2, out 1, retried 2, bytes in"
}

@test "SIGUSR1: a summary of what was done so far, and it goes on" {
    echo_project
    start_bruco
    feed one two
    wait_for 20 lines_in bruco.out 2
    kill_x bruco USR1
    wait_for 20 file_has bruco.err "info: summary: in 2, out 2, bytes in"
    feed three
    wait_for 20 lines_in bruco.out 3
    end_feed
    wait_x bruco 0
    count_in bruco.err "summary:" 2
}

@test "bruco-status(5) has every column, member and metric that there is, and no other" {
    requires jq mandoc
    on_kafka <<<'def handle_event(context, data): return data'
    echo 'metrics: {listen: "127.0.0.1:'"$(free_port)"'"}' >>config.yaml
    fill 10
    start_x bruco bruco -c config.yaml
    wait_for 60 status_is '.totals.lag == 0 and (.partitions | length) == 4'
    bruco status --json >status.json
    bruco status >table
    url=$(grep -oE 'http://[^ ]*/metrics' bruco.err)
    /usr/bin/python3 - "$ROOT/man/bruco-status.5" "$url" <<'END'
import json, re, sys, urllib.request
page = open(sys.argv[1]).read()
quoted = set()
for line in re.findall(r"^\.(?:It .*?)?(?:Pq )?Ql (.*)$", page, re.M) + re.findall(r"Ql ([^)\n]*)", page):
    quoted.update(word for word in re.split(r"[ ,:;)]+", line) if word)
members = set()
def walk(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            members.add(name)
            walk(inner)
    elif isinstance(value, list):
        for inner in value:
            walk(inner)
walk(json.load(open("status.json")))
assert not members - quoted, ("not in the page", members - quoted)
metrics = set(re.findall(r"^# TYPE (\S+)", urllib.request.urlopen(sys.argv[2]).read().decode(), re.M))
said = {word for word in quoted if word.startswith("bruco_")}
assert metrics == said, (metrics ^ said)
columns = set()
for line in open("table"):
    if re.match(r"[A-Z]{4,}  ", line):
        columns.update(re.split(r"  +", line.strip()))
missing = {column for column in columns if not re.search(r"^\.It (.*, )?" + re.escape(column) + r"\b", page, re.M)
           and not re.search(r"^\.It " + re.escape(column), page, re.M)}
assert len(columns) > 15 and not missing, missing
END
    stop_x bruco
}
