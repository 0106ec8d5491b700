#!/usr/bin/env bats
# NATS on a real server: users, permissions, TLS, and what a refusal is.

load helpers
load driver
load nats

LIMIT=40

@test "nats: a server that refuses is obeyed, with one line and status 77" {
    start_nats 'authorization {users: [{user: bruco, password: "right-One1", permissions: {subscribe: ["in.>"], publish: [out]}},
        {user: other, password: "other-One1"}]}'
    nats_project <<<'def handle_event(context, data): return data'
    run_x 77 bruco app
    contains "$stderr" "the NATS server at 127.0.0.1:$NATS: Authorization Violation"
    sed -i 's/subject: "in.>"/&, security: {username: bruco, password: "${PASS}"}/; s/subject: out/&, security: {username: bruco, password: "${PASS}"}/' app/config.yaml
    PASS=wrong-One1 run_x 77 bruco app
    equals "$(grep -c 'error: the NATS server at' stderr)" 1
    file_lacks stderr 'One1'
    export PASS=right-One1 NATS_USER=other:other-One1
    start_app bruco -v
    listen_at out out
    seq 3 | nats pub in.x
    wait_for 20 lines_in out.out 3
    stop_x bruco
    file_lacks bruco.err One1
    # What this user may not do.
    run_x 77 bruco --set source.subject=secret.x app
    contains "$stderr" "Permissions Violation for Subscription to \"secret.x\""
    run_x 77 bash -c "set -o pipefail; bruco-source lines | bruco-sink nats -b nats://bruco:right-One1@127.0.0.1:$NATS -t secret.y" <<<x
    contains "$stderr" "Permissions Violation for Publish to \"secret.y\""
    # Refused in mid-run.
    start_app bruco
    kill_x nats KILL
    wait_x nats 137
    start_nats 'authorization {users: [{user: other, password: "other-One1"}]}'
    wait_x bruco 77
    file_has bruco.err 'the NATS server at .*: Authorization Violation'
    stop_listening out || true
    stop_nats
}

@test "nats: tokens, and TLS with certificates" {
    requires openssl
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext \
        'subjectAltName=DNS:localhost' -keyout key.pem -out ca.pem 2>/dev/null
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext \
        'subjectAltName=DNS:localhost' -keyout key2.pem -out ca2.pem 2>/dev/null
    start_nats 'authorization {token: "secret-One1"}' "tls {cert_file: ca.pem, key_file: key.pem, ca_file: ca.pem, verify: true}"
    printf secret-One1 >token
    config() { # config CA CERTIFICATE KEY [HOST]
        cat >config.yaml <<END
source: {kind: lines}
sink: {kind: nats, serverUrl: "tls://${4-localhost}:$NATS", subject: out, security: {token: "\${file:token}", ca: $1, certificate: $2, key: $3}}
END
    }
    config ca.pem ca.pem key.pem
    run_x 0 bruco config.yaml <<<x
    run_x 0 bruco check --print -c config.yaml
    file_lacks stdout One1
    config ca2.pem ca.pem key.pem
    run_x 77 bruco config.yaml <<<x
    contains "$stderr" certificate
    # With TLS 1.3 the server judges the client's behind the handshake, and just hangs up.
    config ca.pem ca2.pem key2.pem
    run_x 75 bruco --set maxWait=2s config.yaml <<<x
    contains "$stderr" "the server hung up before its first answer"
    config ca.pem ca.pem key.pem 127.0.0.1
    run_x 77 bruco config.yaml <<<x
    printf wrong >token
    config ca.pem ca.pem key.pem
    run_x 77 bruco config.yaml <<<x
    contains "$stderr" 'Authorization Violation'
    config ca.pem ca.pem key2.pem
    run_x 78 bruco config.yaml <<<x
    stop_nats
    # A server without TLS.
    start_nats
    config ca.pem ca.pem key.pem
    run_x 77 bruco config.yaml <<<x
    stop_nats
}
