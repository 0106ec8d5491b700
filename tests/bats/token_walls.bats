#!/usr/bin/env bats
# Hostile handlers that look for the tokens of a tokenCommand, as an ordinary user.

load helpers
load walls
load secure
load tokens

setup() {
    secure_setup
    requires jq
    open_house
    become_ordinary
}

teardown() {
    leave_house
}

# hostile_tokens ISOLATION: a pipeline whose source and sink get a token every 12 seconds from a program that
# lives for 3. The handler attacks them and the driver, and then the program while it runs.
hostile_tokens() {
    new_topic && IN=$TOPIC
    mkdir app
    cp "$ROOT/tests/bats/walls.py" app/walls.py
    token_program
    token_mode slow
    echo 0 >app/program # at strict a file that comes later can't be read
    cat >app/handler.py <<'PY'
import time, walls
walls.SECRET = bytes(reversed(b"9JSZu9mbiAiOicGbhJye"))  # how each token begins
def handle_event(context, data):
    try:
        found = walls.attack_all()
    except OSError:  # strict: it can't even look for them
        found = {}
    old, deadline = open("program").read(), time.monotonic() + 60
    while (pid := open("program").read()) in ("", old) and time.monotonic() < deadline:
        time.sleep(0.05)
    found.update(walls.on_process("program", int(pid)))
    return {"found": found, "program": pid not in ("", old)}
PY
    cat >config.yaml <<YAML
processor: {handlerPath: app, isolation: $1}
source:
  kind: kafka
  brokers: $(at sasl_plaintext)
  topics: $IN
  consumerGroup: g-$IN
  offset: earliest
  security: {protocol: sasl_plaintext}
  tokenCommand: [./get-token, "15"]
sink:
  kind: kafka
  brokers: $(at sasl_plaintext)
  topic: $OUT
  security: {protocol: sasl_plaintext}
  tokenCommand: [./get-token, "15"]
YAML
    chown -R "$("${ORDINARY[@]}" id -u)" "$HOUSE"
    start_x bruco "${ORDINARY[@]}" bruco
    wait_for 60 file_has bruco.err "bruco: info: ready"
    send one
    wait_for 90 count_is "$OUT" 1
    stop_x bruco
    bruco-source -q -e kafka -b "$BROKERS" -t "$OUT" -g look -o earliest | bruco-sink -q lines >app/found.json
    cat app/found.json
    is_true .program app/found.json
}

@test "none: a handler has the tokens of all" {
    hostile_tokens none
    contains "$(found taken)" "source memory"
    contains "$(found taken)" "sink memory"
    contains "$(found taken)" "program memory"
}

@test "basic: a handler has no token of source and sink; the program is a process of its user like any other" {
    hostile_tokens basic
    equals "$(found refused | grep -v ^program)" "$({
        attacks_on driver source sink
        printf '%s\n' "own environment" "own descriptors"
    } | sort)"
    equals "$(found taken | grep "^program")" "program memory" # as bruco.yaml(5) says
}

@test "strict: a handler has no token of the program either" {
    hostile_tokens strict
    equals "$(found taken)$(found open)" ""
    equals "$(found refused | grep "^program")" "$(attacks_on program | sort)"
}
