#!/usr/bin/env bats
# TLS, SASL and permissions, on a real broker: what is a refusal, and what is only a broker that is
# down. The broker is this file's own; its listeners are those of BRUCO_KAFKA_SECURE.

load helpers
load secure

# properties NAME ...: sets $P, options for each of these
properties() {
    local name
    P=()
    for name; do
        case $name in
        alice) P+=(-X sasl.username=alice -X sasl.password=alice-secret) ;;
        wrong) P+=(-X sasl.username=alice -X sasl.password=bob-secret) ;;
        PLAIN | SCRAM-*) P+=(-X sasl.mechanism="$name") ;;
        ca) P+=(-X ssl.ca.location="$TLS/ca.pem") ;;
        client | other) P+=(-X ssl.certificate.location="$TLS/$name.pem" -X ssl.key.location="$TLS/$name.key") ;;
        *) P+=(-X security.protocol="$name") ;;
        esac
    done
}

@test "a refusal ends it with 77, and is told once" {
    refused() { # refused WORDS ADDRESS PROPERTY ...
        properties "${@:3}"
        run_x 77 bruco-sink kafka -b "$2" -t "$OUT" "${P[@]}" <>hold
        contains "$stderr" "bruco-sink: error: "
        contains "$stderr" "$1"
        equals "$(grep -vc 'warning: librdkafka: SSL:' stderr)" 1
        run_x 77 bruco-source kafka -b "$2" -t "$OUT" -g "g-$OUT" "${P[@]}"
        contains "$stderr" "bruco-source: error: "
        contains "$stderr" "$1"
    }
    mkfifo hold
    refused "SASL authentication error: Authentication failed: Invalid username or password (user '***', PLAIN)" \
        "$(at sasl_plaintext)" sasl_plaintext PLAIN wrong
    refused "SASL authentication error: " "$(at sasl_plaintext)" sasl_plaintext SCRAM-SHA-256 wrong
    refused "SASL authentication error: " "$(at sasl_ssl)" sasl_ssl ca PLAIN wrong
    refused "Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-256" \
        "$(at sasl_plaintext)" sasl_plaintext SCRAM-SHA-512 alice
    refused "ssl://$(at ssl)/bootstrap: the broker's certificate is not signed by an authority that this client trusts" \
        "$(at ssl)" ssl
    refused "the broker's certificate is not for this host name (subject=/CN=broker, issuer=/CN=bruco-test-ca)" \
        "localhost:$(at ssl | cut -d: -f2)" ssl ca
    refused "ssl://$(at expired)/bootstrap: the broker's certificate has expired (subject=/CN=broker" "$(at expired)" ssl ca
    refused "the broker refuses this client (without a certificate): " "$(at mutual)" ssl ca
    # A new client does not send it at all.
    refused "the broker refuses this client (certificate '$TLS/other.pem'): " "$(at mutual)" ssl ca other
}

@test "what is accepted, for the tests of what is not" {
    accepted() { # accepted LISTENER PROPERTY ...
        properties "${@:2}"
        run_x 0 bruco-sink kafka -b "$(at "$1")" -t "$OUT" "${P[@]}" \
            < <(bruco-source lines <<<"$1")
        [[ $stderr != *error* ]]
    }
    accepted ssl ssl ca
    accepted mutual ssl ca client
    accepted sasl_plaintext sasl_plaintext PLAIN alice
    accepted sasl_ssl sasl_ssl ca PLAIN alice
    count_is "$OUT" 4
}

@test "the short keys mean what the properties do" {
    keys() { # keys LISTENER LINE ...: a sink with these lines
        printf '%s\n' "source: {kind: lines}" "sink:" "  kind: kafka" "  brokers: $(at "$1")" \
            "  topic: $OUT" "${@:2}" >config.yaml
        run_x 0 bruco check config.yaml
        equals "$stderr" ""
        run_x 0 bruco-sink -c config.yaml < <(bruco-source lines <<<"$1")
        [[ $stderr != *error* ]]
    }
    export USER_NAME=alice CERTIFICATE KEY
    CERTIFICATE=$(<"$TLS/client.pem") KEY=$(<"$TLS/client.key")
    echo alice-secret >password
    ln -s "$TLS/ca.pem" ca.pem
    keys ssl "  security: {ca: ca.pem}"
    keys mutual "  security: {ca: ca.pem, certificate: $TLS/client.pem, key: $TLS/client.key}"
    keys mutual "  security: {ca: '\${file:ca.pem}', certificate: '\${CERTIFICATE}', key: '\${KEY}'}"
    keys mutual "  security: {ca: ca.pem, certificate: $TLS/chained.pem, key: $TLS/chained.key}"
    keys sasl_ssl "  security: {ca: ca.pem, username: '\${USER_NAME}', password: '\${file:password}'}"
    keys sasl_plaintext "  security: {protocol: sasl_plaintext, mechanism: plain, username: alice," \
        "    password: alice-secret}"
    run_x 0 bruco check --print config.yaml
    contains "$output" '    password: "***"'
    count_is "$OUT" 6
}

# Kafka refuses SCRAM of librdkafka before 2.6.1, and 2.8 is the first that sends a chain in PEM.
version_at_least() { # version_at_least VERSION
    local version
    version=$(bruco-sink --version | sed -n 's/^librdkafka //p')
    [[ $(printf '%s\n' "$1" "$version" | sort -V | head -n 1) == "$1" ]]
}

@test "what librdkafka's version can't do is a hint; what it can is accepted" {
    try() { # try VERSION LISTENER HINT SECURITY
        printf '%s\n' "source: {kind: lines}" "sink:" "  kind: kafka" "  brokers: $(at "$2")" \
            "  topic: $OUT" "  security: {ca: '\${file:$TLS/ca.pem}', $4}" >config.yaml
        if version_at_least "$1"; then
            run_x 0 bruco-sink -c config.yaml < <(bruco-source lines <<<"$2")
        else
            run_x 77 bruco-sink -c config.yaml < <(bruco-source lines <<<"$2")
            contains "$stderr" "$3"
        fi
    }
    for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
        try 2.6.1 sasl_ssl "(user 'alice', $mechanism); or it is librdkafka: Kafka refuses SCRAM of a version before 2.6.1" \
            "mechanism: $mechanism, username: alice, password: alice-secret"
    done
    try 2.8 mutual "or it lacks the authorities between: librdkafka before 2.8 sends them from a file in PEM only" \
        "certificate: '\${file:$TLS/chained.pem}', key: '\${file:$TLS/chained.key}'"
}

@test "the wrong protocol is waited for, with a hint" {
    hint() { # hint WORDS ADDRESS PROPERTY ...
        properties "${@:3}"
        start_x sink bruco-sink kafka -b "$2" -t "$OUT" "${P[@]}" <>hold
        wait_for 30 file_has sink.err "warning: no broker can be reached, waiting: .*$1"
        kill_x sink KILL
        wait_x sink 137
    }
    mkfifo hold
    hint "connecting to a SSL listener\?" "$(at ssl)" plaintext
    hint "connecting to a PLAINTEXT broker listener\?" "$BROKERS" ssl
    hint "broker might require SASL authentication" "$(at sasl_plaintext)" plaintext
}

@test "a handshake that is cut is waited for" {
    cut() { # cut LISTENER MODE PROPERTY ...
        properties "${@:3}"
        new_topic
        start_proxy
        mode "$2"
        mode "to $(at "$1")"
        bruco-source lines <<<"$2" >frames
        start_x sink bruco-sink kafka -b "$ADDRESS" -t "$TOPIC" "${P[@]}" <frames
        wait_for 30 file_has sink.err "warning: no broker can be reached, waiting: "
        mode pass
        wait_x sink 0
        ! file_has sink.err "error:"
        count_is "$TOPIC" 1
        end_proxy
    }
    cut ssl "cut 1" ssl ca
    cut sasl_plaintext "cut 1" sasl_plaintext PLAIN alice # the versions of its requests
    cut sasl_plaintext "cut 2" sasl_plaintext PLAIN alice # SaslHandshake
    cut sasl_plaintext "cut 3" sasl_plaintext PLAIN alice # SaslAuthenticate
    cut sasl_ssl "cut 1" sasl_ssl ca PLAIN alice
}

@test "one of two addresses refuses, or cuts each handshake: the other will do; both: 77" {
    properties ssl ca
    local name=localhost:$(at ssl | cut -d: -f2)
    bruco-source lines <<<one >frames
    for first in 1 2 3; do # the client begins with either
        run_x 0 bruco-sink kafka -b "$name,$(at ssl)" -t "$OUT" "${P[@]}" <frames
    done
    start_proxy
    mode "cut 1"
    mode "to $(at ssl)"
    for first in 1 2 3; do
        run_x 0 bruco-sink kafka -b "$ADDRESS,$(at ssl)" -t "$OUT" "${P[@]}" <frames
    done
    count_is "$OUT" 6
    run_x 77 bruco-sink kafka -b "$name,localhost:$(at mutual | cut -d: -f2)" -t "$OUT" "${P[@]}" <frames
    contains "$stderr" "error: ssl://localhost:"
    run_x 77 bruco-sink kafka -b "$name,$ADDRESS" -t "$OUT" "${P[@]}" <frames # within 10 s, and no other accepts
    end_proxy
    count_is "$OUT" 6
}

# pipeline ADDRESS: from $IN to $OUT, with alice and TLS at the source's side, which is never long in trying again
pipeline() {
    cat >handler.py <<PY
import os, time
def handle_event(context, data):
    if data == b"slow":
        open("slow", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.05)
    return data
PY
    cat >config.yaml <<YAML
processor:
source:
  kind: kafka
  brokers: [$1]
  topics: [$IN]
  consumerGroup: g-$IN
  offset: earliest
  properties:
    security.protocol: sasl_ssl
    sasl.mechanism: PLAIN
    sasl.username: alice
    sasl.password: alice-secret
    ssl.ca.location: $TLS/ca.pem
    reconnect.backoff.max.ms: 1000
    topic.metadata.refresh.interval.ms: 2000
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT}
YAML
}

@test "after ready, cut handshakes are waited for and nothing is restarted" {
    start_proxy
    BRUCO_KAFKA_PROXY=${ADDRESS#*:} BRUCO_KAFKA_PROXIED=SASL_SSL own_broker
    mode "to $(at proxied)"
    pipeline "$ADDRESS"
    start_x bruco bruco
    wait_for 60 file_has bruco.err "bruco: info: ready"
    send {1..100}
    wait_for 30 count_is "$OUT" 100
    for at in 1 3 5; do # in TLS, in the versions, in SASL
        mode "cut $at"
        wait_for 150 told "$at" # the client tries again at growing distances
        mode pass
        send "$at"
        wait_for 60 count_is "$OUT" $((100 + (at + 1) / 2))
    done
    stop_x bruco
    if file_has bruco.err ": error: |again in"; then
        cat bruco.err
        return 1
    fi
    end_proxy
}

told() { # told N: another line for each cut
    (($(grep -cE "no broker can be reached|can't be used" bruco.err) > ($1 - 1) / 2))
}

@test "after ready, a refusal lets what is under way be done, then ends it with 77" {
    own_broker
    pipeline "$(at sasl_ssl)"
    start_x bruco bruco
    wait_for 60 file_has bruco.err "bruco: info: ready"
    send 1 slow
    wait_for 30 test -e slow
    wait_for 30 count_is "$OUT" 1
    sed -i 's/user_alice="alice-secret"/user_alice="another"/' own/server.properties
    "$ROOT/tests/kafka/broker" restart >restart.out
    wait_for 150 file_has bruco.err "bruco-source: error: .*SASL authentication error"
    process_alive bruco
    touch go
    wait_x bruco 77 60
    count_is "$OUT" 2
    file_has bruco.err "bruco: error: .*77|bruco-source"
}

deny() { # deny USER OPTION ...
    run_x 0 "$ROOT/tests/kafka/broker" acl --add --force --deny-principal "User:$1" "${@:2}"
}

@test "a permission that is missing names what is refused, and to whom, 77" {
    properties sasl_plaintext PLAIN alice
    bruco-source lines <<<one >frames
    deny alice --operation Write --topic "$OUT"
    run_x 77 bruco-sink kafka -b "$(at sasl_plaintext)" -t "$OUT" "${P[@]}" <frames
    contains "$stderr" "cannot produce to '$OUT': Broker: Topic authorization failed (user '***', PLAIN)"
    deny alice --operation Read --group "g-$OUT"
    run_x 77 bruco-source kafka -b "$(at sasl_plaintext)" -t "$OUT" -g "g-$OUT" "${P[@]}"
    contains "$stderr" "Group authorization failed"
    contains "$stderr" "(consumer group 'g-$OUT') (user '***', PLAIN)"
    deny alice --operation Read --topic "$OUT"
    deny alice --operation Describe --topic "$OUT"
    run_x 77 bruco-source kafka -b "$(at sasl_plaintext)" -t "$OUT" -g "other-$OUT" "${P[@]}"
    contains "$stderr" "$OUT"
    contains "$stderr" "Topic authorization failed"
    run_x 77 bruco-source kafka -b "$(at sasl_plaintext)" -t "$OUT" --no-group "${P[@]}"
    contains "$stderr" "cannot read topic '$OUT': Broker: Topic authorization failed (user '***', PLAIN)"
    run_x 77 bruco-source kafka -b "$(at sasl_plaintext)" -t "$OUT" -L "${P[@]}"
    contains "$stderr" "error: topic '$OUT': Broker: Topic authorization failed (user '***', PLAIN)"
    run_x 0 bruco-source kafka -b "$(at sasl_plaintext)" -L "${P[@]}" # those that this user may see
    file_lacks stdout "$OUT"
    properties sasl_plaintext PLAIN wrong
    run_x 77 bruco-source kafka -b "$(at sasl_plaintext)" -L "${P[@]}"
    contains "$stderr" "Invalid username or password (user '***', PLAIN)"
    equals "$(wc -l <stderr)" 1
}

# two_users: from $IN by alice to $OUT by bob, and to $DEAD by bob, all new
two_users() {
    local bob="security: {protocol: sasl_plaintext, mechanism: PLAIN, username: bob, password: bob-secret}"
    new_topic && IN=$TOPIC
    new_topic && OUT=$TOPIC
    new_topic && DEAD=$TOPIC
    cat >handler.py <<'PY'
def handle_event(context, data):
    if data == b"bad":
        raise ValueError("bad")
    return data
PY
    cat >config.yaml <<YAML
processor: {onFailure: deadLetter, retry: {attempts: 1}}
source:
  kind: kafka
  brokers: [$(at sasl_plaintext)]
  topics: [$IN]
  consumerGroup: g-$IN
  offset: earliest
  security: {protocol: sasl_plaintext, mechanism: PLAIN, username: alice, password: alice-secret}
sink: {kind: kafka, brokers: [$(at sasl_plaintext)], topic: $OUT, $bob}
deadLetter: {kind: kafka, brokers: [$(at sasl_plaintext)], topic: $DEAD, $bob}
YAML
}

@test "a permission that is taken away in mid-run ends it with 77; what is not delivered is not committed" {
    taken() { # taken VALUE LINE: with $1 sent after it was taken away
        send "$1"
        wait_x bruco 77 120
        count_in bruco.err " error: $2" 1
    }
    begin() {
        two_users
        start_x bruco bruco
        wait_for 60 file_has bruco.err "bruco: info: ready"
        send one bad
        wait_for 30 count_is "$OUT" 1
        wait_for 30 count_is "$DEAD" 1
    }
    begin
    deny alice --operation Read --group "g-$IN"
    taken two "cannot (commit|consume).*Group authorization failed.*\(consumer group 'g-$IN'.*user 'alice', PLAIN\)"
    begin
    deny alice --operation Read --topic "$IN"
    taken two "cannot consume: .*Topic authorization failed.*\(topic '$IN'\) \(user 'alice', PLAIN\)"
    begin
    deny bob --operation Write --topic "$OUT"
    taken two "cannot produce to '$OUT': Broker: Topic authorization failed \(user 'bob', PLAIN\)"
    [[ $(kafka-offsets -b "$BROKERS" group "g-$IN" "$IN") == "0 2 3 1" ]]
    begin
    deny bob --operation Write --topic "$DEAD"
    taken bad "cannot produce to '$DEAD': Broker: Topic authorization failed \(user 'bob', PLAIN\)"
    [[ $(kafka-offsets -b "$BROKERS" group "g-$IN" "$IN") == "0 2 3 1" ]]
    run_x 77 bruco # from the start, too
    contains "$stderr" "cannot produce to '$DEAD': Broker: Topic authorization failed (user 'bob', PLAIN)"
}

# exactly_as_bob: from $IN to $OUT by bob, in transactions
exactly_as_bob() {
    local bob="security: {protocol: sasl_plaintext, mechanism: PLAIN, username: bob, password: bob-secret}"
    new_topic && IN=$TOPIC
    new_topic && OUT=$TOPIC
    echo 'def handle_event(context, data): return data' >handler.py
    cat >config.yaml <<YAML
name: exact
processingGuarantee: exactlyOnce
processor: {}
source: {kind: kafka, brokers: [$(at sasl_plaintext)], topics: [$IN], consumerGroup: g-$IN, offset: earliest}
sink: {kind: kafka, brokers: [$(at sasl_plaintext)], topic: $OUT, $bob}
YAML
    sed -i "/^source/s/}$/, security: {protocol: sasl_plaintext, mechanism: PLAIN, username: alice, password: alice-secret}}/" config.yaml
}

@test "exactly once: a transactional ID or a group that the sink may not use is named, with whom, 77" {
    exactly_as_bob
    send one
    run_x 0 bruco -e
    wait_for 10 count_is "$OUT" 1 # the markers may come after the answer to the commit
    deny bob --operation Read --group "g-$IN" --allow-principal User:alice
    send two
    run_x 77 bruco -e
    contains "$stderr" "bruco-sink: error: cannot commit in a transaction: Broker: Group authorization failed (consumer group 'g-$IN') (user 'bob', PLAIN)"
    count_in stderr ' error: ' 2 # the sink's, and that it ended so
    count_is "$OUT" 1
    exactly_as_bob
    deny bob --operation Write --transactional-id "bruco/exact/g-$IN/" --resource-pattern-type prefixed
    run_x 77 bruco -e
    contains "$stderr" "bruco-sink: error: cannot produce in transactions: Broker: Transactional Id authorization failed (transactionalId 'bruco/exact/g-$IN/"
    contains "$stderr" "/1') (user 'bob', PLAIN)"
    count_in stderr ' error: ' 2
}

@test "a broker that is restarted under TLS is waited for" {
    own_broker
    pipeline "$(at sasl_ssl)"
    start_x bruco bruco
    wait_for 60 file_has bruco.err "bruco: info: ready"
    send {1..50}
    wait_for 60 count_is "$OUT" 50
    "$ROOT/tests/kafka/broker" kill
    "$ROOT/tests/kafka/broker" restart >restart.out
    send {1..50}
    wait_for 180 count_is "$OUT" 100
    stop_x bruco
    file_lacks bruco.err "bruco[a-z-]*: error:|again in"
}
