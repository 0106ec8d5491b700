#!/usr/bin/env bats
# Secrets of each kind and origin are found in nothing that Bruco prints, logs or serves.

load helpers
load driver

setup() {
    common_setup
    export CANARY=canary-variable CANARY_WORD=canary-word CANARY_NUMBER=99995353
    printf 'canary-file\n' >password
    printf -- '-----BEGIN PRIVATE KEY-----\ncanary-pem\n-----END PRIVATE KEY-----\n' >key
}

# no_canary FILE ...: they are not empty all, and no secret is in them.
no_canary() {
    cat "$@" >all
    [[ -s all ]]
    file_lacks all 'canary|5353'
}

# client_secrets: properties of a Kafka client that are secret, from all origins.
client_secrets() {
    cat <<'YAML'
    debug: all
    client.id: "${CANARY_WORD}"
    sasl.username: canary-user
    sasl.password: "${file:password}"
    sasl.oauthbearer.config: principal=canary-principal
    sasl.kerberos.service.name: x${CANARY}y
    client.rack: https://canary-a:canary-b@127.0.0.1/?token=canary-c
    ssl.key.pem: "${file:key}"
    ssl.key.password: canary-literal
YAML
}

# variables: what a handler's environment may hold
variables() {
    cat <<'YAML'
  env:
    - {name: A, value: "x ${CANARY}"}
    - {name: B_TOKEN, value: "${NO_SUCH:-canary-default}"}
    - {name: C, value: "${file:key}"}
    - {name: A_TOKEN, value: canary-token}
    - {name: DATABASE_URL, value: "postgres://canary-me:canary-url@host/db"}
    - {name: HOOK, value: "https://host/hook?a=b&access_token=canary-query"}
    - {name: ODBC, value: "Server=db;Uid=me;Pwd=canary-pwd;X=y"}
    - {name: STORAGE, value: "AccountName=me;AccountKey=canary-key=="}
    - {name: CERTIFICATE, value: "-----BEGIN RSA PRIVATE KEY-----\ncanary-pem\n"}
YAML
}

# section NAME LINE ...: of kind kafka, with these lines and all secrets
section() {
    echo "$1:"
    printf '  %s\n' "kind: kafka" "brokers: '$BROKERS'" "${@:2}" "properties:"
    client_secrets
}

# cmdlines: of all processes of the session of bruco
cmdlines() {
    session_processes "$(<bruco.pid)"
}

pipeline() {
    start_broker -t in:1 -t out:1 -t dead:1
    URL=127.0.0.1:$(free_port)
    mkdir -p app
    cat >app/handler.py <<'PY'
import json, os

def init_context(context):
    with open("taken.json", "w") as file:
        json.dump(dict(os.environ), file)

def handle_event(context, data):
    if data == b"bad":
        raise ValueError("bad")
    return data
PY
    {
        cat <<YAML
metrics: {listen: "$URL"}
processor:
  handlerPath: app
  retry: {attempts: 1}
  onFailure: deadLetter
YAML
        variables
        section source "topics: [in]" "consumerGroup: g" "offset: earliest"
        section sink "topic: out"
        section deadLetter "topic: dead"
    } >config.yaml
}

@test "a pipeline with debug: all and -v: log, command lines, status, metrics, letters, reload" {
    requires jq curl
    pipeline
    printf '%s\n' one bad two | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t in
    start_x bruco bruco -v -c config.yaml
    wait_for 30 file_has bruco.err 'info: ready'
    wait_for 30 sh -c 'bruco status -c config.yaml --json | jq -e ".totals.acknowledged == 3" >/dev/null'
    cmdlines >cmdline
    (($(wc -l <cmdline) == 4))
    bruco status -c config.yaml --json >status.json
    bruco status -c config.yaml >status.txt
    curl -sf "http://$URL/metrics" >metrics
    echo canary-changed >password
    export CANARY=canary-of-the-reload
    sed -i 's/canary-literal/canary-other/; s/canary-pwd/canary-new/' config.yaml
    bruco reload -c config.yaml >reload 2>&1 || true
    cmdlines >>cmdline
    stop_x bruco
    bruco-source kafka -q -b "$BROKERS" -t out,dead -g reader -o earliest -e >letters
    file_has letters bad
    no_canary bruco.err bruco.out cmdline status.json status.txt metrics reload letters
    # That there was something to be found:
    equals "$(jq -r '[.A, .A_TOKEN, .ODBC] | join(" ")' app/taken.json)" \
        "x canary-variable canary-token Server=db;Uid=me;Pwd=canary-new;X=y"
    file_has bruco.err 'CONF: .* client.id = \$\{CANARY_WORD\}'
    file_has bruco.err 'CONF: .* sasl.kerberos.service.name = x\$\{CANARY\}y$'
    file_has bruco.err 'CONF: .* client.rack = https://\*\*\*@127.0.0.1/\?token=\*\*\*$'
}

@test "check --print shows where it comes from, and can be read again" {
    BROKERS=127.0.0.1:1
    {
        printf '%s\n' "maxRestarts: 7" "processor:" "  retry: {attempts: '${SMALL:-3}'}"
        variables
        section source "topics: [\"\${CANARY}\", visible]" "consumerGroup: \${CANARY_WORD}"
        section sink "topic: \"\${CANARY}\""
    } >config.yaml
    echo 'def handle_event(context, data): pass' >handler.py
    run_x 0 bruco check --print
    no_canary stdout stderr
    cp stdout printed.yaml
    local part
    for part in 'sasl.username: "***"' 'sasl.password: "${file:password}"' 'ssl.key.password: "***"' \
        'value: "x ${CANARY}"' 'value: "${NO_SUCH:-***}"' 'value: "postgres://***@host/db"' \
        'value: "https://host/hook?a=b&access_token=***"' 'value: "Server=db;Uid=me;Pwd=***;X=y"' \
        'value: "AccountName=me;AccountKey=***"' 'client.rack: "https://***@127.0.0.1/?token=***"' \
        '- "${CANARY}"' 'consumerGroup: "${CANARY_WORD}"' 'topic: "${CANARY}"'; do
        contains "$output" "$part"
    done
    run_x 0 bruco check --print printed.yaml
    same_bytes stdout printed.yaml
    run_x 0 bruco check -v
    no_canary <(echo . && cat stdout stderr)
}

@test "what is wrong with a value is said without the value, by Bruco and by librdkafka" {
    local program
    cat >config.yaml <<'YAML'
maxRestarts: ${CANARY}
processor: {ordering: "${CANARY_WORD}", timeout: "${CANARY}", env: [{name: "A=${CANARY}", value: x}]}
source:
  kind: kafka
  brokers: [a, "https://canary-me:canary-password@host", "x:${CANARY}"]
  topics: ["${CANARY} x"]
  consumerGroup: g
  offset: "${file:password}"
  balanceStrategy: "${CANARY}"
  properties:
    security.protocol: "${CANARY}"
    socket.timeout.ms: "${CANARY_NUMBER}"
    linger.ms: "x${file:key}"
    debug: ${CANARY}
    sasl.kerberos.keytab: "${CANARY}`"
    sasl.password: &canary-anchor
    sasl.password canary-typed: x
sink: {kind: "${CANARY}"}
YAML
    run_x 78 bruco check
    no_canary stdout stderr
    (($(wc -l <stderr) >= 14))
    for program in "bruco-source -c" "bruco-sink -c" "bruco-worker --lines -c" "bruco -c" "bruco reload -c" "bruco venv -c"; do
        run_x 78 $program config.yaml || run_x 69 $program config.yaml
        no_canary <(echo . && cat stdout stderr)
    done
    sed -i '/maxRestarts/d; /^processor/d; s/"https:[^]]*/b/; s/" x"/x/; /offset/d; /balance/d; /keytab/d; /anchor/d; /typed/d; s/^sink.*//; s/ x"]/"]/' config.yaml
    run_x 78 bruco check
    no_canary stdout stderr
    contains "$stderr" 'source.properties: invalid value "${CANARY}" for configuration property "security.protocol"'
    contains "$stderr" 'property "socket.timeout.ms" value ${CANARY_NUMBER} is outside allowed range'
    run_x 78 bruco-source -v -c config.yaml
    no_canary stdout stderr
}

@test "by hand: -X in the command line, in the log, and in what is wrong" {
    start_broker -t in:1
    mkfifo hold
    start_x bruco bruco-sink -v kafka -b "$BROKERS" -t in -X debug=all -X sasl.password=canary-password \
        --property=sasl.username=canary-user -X client.rack=https://canary-a:canary-b@host -X client.id=plain <>hold
    wait_for 30 file_has bruco.err 'CONF: .* client.rack'
    cmdlines >cmdline
    file_has cmdline 'sasl.password=\*{15} .*client.id=plain'
    kill_x bruco KILL
    wait_x bruco 137
    no_canary bruco.err bruco.out cmdline
    run_x 64 bruco-sink kafka -b "$BROKERS" -t in -X sasl.password:canary </dev/null
    no_canary stdout stderr
    run_x 78 bruco-sink kafka -b "$BROKERS" -t in -X security.protocol=sasl_plaintext -X sasl.mechanism=PLAIN \
        -X sasl.username=canary-user -X sasl.password=canary-word -X linger.ms=canary-word </dev/null
    no_canary stdout stderr
    contains "$stderr" "linger.ms"
    run_x 78 bruco-sink kafka -b "$BROKERS" -t in -X debug=https://canary-a:canary-b@host </dev/null
    no_canary stdout stderr
    contains "$stderr" '"https://***@host"'
    printf '%s\n' one | bruco-source -q lines >one
    run_x 78 bruco-sink -v kafka -b "$BROKERS" -t in -X ssl.key.pem="$(<key)" -X security.protocol=ssl <one
    no_canary stdout stderr
    contains "$stderr" "ssl.key.pem"
}

@test "bruco-worker -c by hand: what source and sink use is not in os.environ" {
    mkdir app
    cat >app/handler.py <<'PY'
import os
import subprocess
def handle_event(context, data):
    with open("/proc/self/environ", "rb") as file:
        own = b"canary" in file.read()
    child = subprocess.run(["env"], stdout=subprocess.PIPE).stdout
    return f"{os.environ.get('CANARY')} {os.environ.get('CANARY_WORD')} {os.environ['KEPT']} {own} {b'canary' in child}"
PY
    cat >app/config.yaml <<'YAML'
processor: {handlerPath: .}
source: {kind: "${CANARY}"}
deadLetter: {kind: kafka, brokers: b, topic: "${CANARY_WORD:-x}"}
YAML
    KEPT=kept run_x 0 bruco-worker --lines -c app <<<x
    equals "$output" "None None kept False False"
    KEPT=kept run_x 0 bruco-worker --lines -d app <<<x
    equals "$output" "canary-variable canary-word kept True True"
}

@test "pip's words, with an index that needs a password" {
    lines_project '{}' <<<'def handle_event(context, data): return data'
    printf '%s\n' '--index-url http://canary-user:canary-password@127.0.0.1:1/simple?token=canary' tinypackage >app/requirements.txt
    export XDG_CACHE_HOME=$PWD/cache PIP_RETRIES=0 PIP_TIMEOUT=1
    BRUCO_DISABLE_PIP=no run_x 69 bruco -v app <<<x
    no_canary stdout stderr
    contains "$stderr" "pip: "
}

# memory_of PID PATTERN: what its mappings hold whose line in maps matches, as far as it can be read
memory_of() {
    /usr/bin/python3 - "$@" <<'PY'
import re, sys
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", buffering=0) as mem:
    for line in maps:
        start, end = (int(one, 16) for one in line.split()[0].split("-"))
        if re.search(sys.argv[2], line) and line.split()[1].startswith("r"):
            try:
                mem.seek(start)
                sys.stdout.buffer.write(mem.read(end - start))
            except OSError:
                pass
PY
}

@test "pages, board and the workers' memory, which a core file would hold, have no secret of source and sink" {
    ((EUID == 0)) || skip "needs root, to look"
    pipeline
    sed -i '/^  env:/,/CERTIFICATE/d' config.yaml
    printf '%s\n' one bad two | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t in
    start_x bruco bruco -c config.yaml
    wait_for 30 file_has bruco.err 'info: ready'
    wait_for 30 sh -c 'bruco status -c config.yaml --json | jq -e ".totals.acknowledged == 3" >/dev/null'
    local driver pid name
    driver=$(<bruco.pid)
    memory_of "$driver" 'memfd:bruco' >pages
    (($(stat -c %s pages) > 2500000)) # the board among them
    for pid in $driver $(<"/proc/$driver/task/$driver/children"); do
        name=$(<"/proc/$pid/comm")
        memory_of "$pid" . >"memory.$name"
    done
    stop_x bruco
    grep -q canary memory.bruco-source # or it is no test
    grep -q canary memory.bruco-sink
    no_canary pages memory.bruco-worker
}

@test "no core file is left by driver, source, sink and worker, whatever the limit is" {
    local pattern
    pattern=$(</proc/sys/kernel/core_pattern)
    [[ $pattern == core* ]] || skip "core files go elsewhere: $pattern"
    ulimit -c unlimited 2>/dev/null || skip "core files are not allowed"
    pipeline
    sed -i 's/^processor:/maxRestarts: 100\n&/' config.yaml
    printf '%s\n' one | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t in
    sleep 1000 & # that there would be one
    wait_for 10 grep -qx sleep "/proc/$!/comm"
    kill -ABRT $!
    wait $! || true
    [[ -n $(compgen -G 'core*') ]] || skip "no process leaves one here"
    rm core*
    local stage
    for stage in bruco-source bruco-sink bruco-worker bruco; do
        start_x bruco bruco --set "source.consumerGroup=$stage" -c config.yaml # the last one's is not over yet
        wait_for 30 file_has bruco.err 'info: ready'
        if [[ $stage == bruco ]]; then
            kill_x bruco ABRT
            wait_x bruco 134
        else
            kill -ABRT "$(pgrep -P "$(<bruco.pid)" -x "$stage")"
            wait_for 30 file_has bruco.err "signal 6"
            kill_x bruco KILL
            wait_x bruco 137
        fi
        equals "$(find . -name 'core*')" ""
    done
}

@test "each process keeps the copies of a secret that it needs, and wipes those that were made on the way" {
    ((EUID == 0)) || skip "needs root, to look"
    ! grep -q __asan_init "$BRUCO_BIN/bruco" || skip "a sanitizer keeps what is freed"
    start_broker -t in:1 -t out:1
    echo 'def handle_event(context, data): return data' >handler.py
    cat >config.yaml <<YAML
processor: {handlerPath: .}
source: {kind: kafka, brokers: "$BROKERS", topics: [in], consumerGroup: g, offset: earliest,
  properties: {sasl.password: "canary-\${CANARY_WORD}-of-source"}}
sink: {kind: kafka, brokers: "$BROKERS", topic: out, properties: {sasl.password: "\${file:password}"}}
YAML
    echo one | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t in
    start_x bruco bruco -c config.yaml
    wait_for 30 file_has bruco.err 'info: ready'
    wait_for 30 sh -c 'bruco status -c config.yaml --json | jq -e ".totals.acknowledged == 1" >/dev/null'
    local driver pid name
    driver=$(<bruco.pid)
    for pid in $driver $(<"/proc/$driver/task/$driver/children"); do
        name=$(<"/proc/$pid/comm")
        memory_of "$pid" . >memory
        echo "$name $(grep -aoF canary-canary-word-of-source memory | wc -l) $(grep -aoF canary-file memory | wc -l)"
    done | sort >copies
    stop_x bruco
    # The driver: the configuration, and the part for the next start of the stage. Source: librdkafka's, and
    # the one by which log lines are searched. The sink one more, for its next producer.
    equals "$(<copies)" "bruco 2 2
bruco-sink 0 3
bruco-source 2 0
bruco-worker 0 0"
}
