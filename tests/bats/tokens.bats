#!/usr/bin/env bats
# tokenCommand: the tokens of a program, for a real broker that takes them by OAUTHBEARER.

load helpers
load secure
load tokens

# sink_config SECONDS, source_config SECONDS: with tokens that are good for so long
sink_config() {
    cat >sink.yaml <<END
source: {kind: lines}
sink:
  kind: kafka
  brokers: $(at sasl_plaintext)
  topic: $OUT
  security: {protocol: sasl_plaintext}
  tokenCommand: [./get-token, "$1"]
END
}

pipeline_config() {
    new_topic 2
    IN=$TOPIC
    cat >config.yaml <<END
processor: {isolation: ${2:-basic}}
source:
  kind: kafka
  brokers: $(at sasl_ssl)
  topics: $IN
  consumerGroup: g-$IN
  offset: earliest
  security: {ca: $TLS/ca.pem}
  tokenCommand: [./get-token, "$1"]
sink:
  kind: kafka
  brokers: $(at sasl_plaintext)
  topic: $OUT
  security: {protocol: sasl_plaintext}
  tokenCommand: [./get-token, "$1"]
END
}

@test "source and sink get tokens, and new ones when 80 % of their time are over, without a gap" {
    local i=0
    token_program
    pipeline_config 8
    echo 'def handle_event(context, data): return data' >handler.py
    run_x 0 bruco check
    start_x bruco bruco
    wait_for 60 file_has bruco.err "bruco: info: ready"
    until lines_in runs 8; do # two programs, three tokens of each that are old
        i=$((i + 1))
        send "$i"
        wait_for 30 count_at_least "$OUT" "$i"
    done
    stop_x bruco
    count_is "$OUT" "$i"
    lacks_trouble bruco.err
    # Never sooner, whoever asks: a process has so many seconds between two of its tokens.
    /usr/bin/python3 - <<'END'
runs = {}
for line in open("runs"):
    at, parent = line.split()
    runs.setdefault(parent, []).append(float(at))
assert len(runs) == 2, runs
for times in runs.values():
    assert len(times) >= 3, runs
    assert min(b - a for a, b in zip(times, times[1:])) >= 5.5, runs # less what it took to begin
END
}

@test "a program that gives no token is told in one line each, and waited for" {
    token_program
    sink_config 60
    bruco-source lines <<<one >frames
    token_mode hang
    start_x sink bruco-sink -c sink.yaml <frames
    told() {
        token_mode "$1"
        wait_for 60 file_has sink.err "warning: tokenCommand '$PWD/get-token' gives no token, trying again: $2\$"
    }
    told hang "it did not end within 20 s"
    told fail "it ended with status 1: invalid_client: ask somebody"
    told junk "it did not print JSON \(line 1, column [0-9]*\)"
    told much "it printed more than 64 KiB"
    told expired "its token has expired"
    token_mode good
    wait_x sink 0 60
    file_has sink.err "info: tokenCommand '.*' gives tokens again"
    file_lacks sink.err "error:|no broker can be reached|hunter"
    count_is "$OUT" 1
}

@test "a program that is not there is a warning at the check, and waited for" {
    sink_config 60
    run_x 0 bruco check sink.yaml
    contains "$stderr" "sink.yaml:7:17: warning: sink.tokenCommand: there is no program '$PWD/get-token' here"
    bruco-source lines <<<one >frames
    start_x sink bruco-sink -c sink.yaml <frames
    wait_for 30 file_has sink.err "gives no token, trying again: it can't be run: No such file or directory"
    token_program
    wait_x sink 0 60
}

@test "a token that the broker refuses ends it with 77" {
    token_program
    sink_config 60
    token_mode other
    bruco-source lines <<<one >frames
    run_x 77 bruco-sink -c sink.yaml <frames
    count_in stderr "error: " 1
    contains "$stderr" "bruco-sink: error: sasl_plaintext://$(at sasl_plaintext)/bootstrap: SASL authentication error: "
    contains "$stderr" "invalid_token"
    file_lacks stderr hunter
    pipeline_config 60
    sed -i "s/^processor:.*/processor:/" config.yaml
    echo 'def handle_event(context, data): return data' >handler.py
    run_x 77 bruco
    contains "$stderr" "invalid_token"
}

@test "a token that ends while there is no new one is no refusal" {
    token_program
    pipeline_config 3
    echo 'def handle_event(context, data): return data' >handler.py
    start_x bruco bruco
    wait_for 60 file_has bruco.err "bruco: info: ready"
    send 1
    wait_for 30 count_is "$OUT" 1
    token_mode fail
    wait_for 30 file_has bruco.err "bruco-source: warning: tokenCommand .* gives no token"
    wait_for 30 file_has bruco.err "bruco-sink: warning: tokenCommand .* gives no token"
    # The broker cuts the connections when their tokens have ended, and refuses those on new ones.
    wait_for 60 file_has bruco.err "no broker can be reached"
    send 2
    token_mode good
    wait_for 60 count_is "$OUT" 2
    stop_x bruco
    file_lacks bruco.err "bruco[a-z-]*: error:|again in"
}

@test "a program that runs dies with its source" {
    token_program
    sink_config 60
    token_mode hang
    bruco-source lines <<<one >frames
    start_x sink bruco-sink -c sink.yaml <frames
    wait_for 20 lines_in runs 1
    kill_x sink KILL
    wait_x sink 137
    pkill_left() { ! pgrep -f "^/usr/bin/python3 $PWD/get-token" >/dev/null; }
    wait_for 10 pkill_left
    for pid in $(pgrep -f "^sleep 300$"); do # what it has begun itself is its own
        [[ $(readlink "/proc/$pid/cwd") != "$PWD" ]] || kill "$pid"
    done
}
