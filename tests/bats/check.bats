# bruco check: good configurations, what is printed, and the page.

load helpers
load check

# ---- good ones

@test "the first example" {
    mkdir -p examples/basic
    mv handler.py examples/basic
    accepts <<'YAML'
processor:
  handlerPath: ./examples/basic
  moduleName: handler
  workers: 2
source:
  kind: kafka
  brokers:
    - localhost:9092
  topics:
    - test
  offset: latest
  consumerGroup: my-consumer-group
sink:
  kind: kafka
  brokers:
    - localhost:9092
  topic: test-out
  partitioner: hash
YAML
}

@test "a configuration of an earlier version" {
    accepts "config.yaml:20:20: warning: source.balanceStrategy: sticky is taken as roundrobin" \
        "config.yaml:23:22: info: source.channelBufferSize has no effect any more" \
        "config.yaml:30:14: warning: sink.partition has no effect with 'partitioner: hash' (at 31:16)" <<'YAML'
processor:
  handlerPath: .
  # OPTIONAL: default handler
  moduleName: handler
  workers: 3
  env:
    - name: VAR1
      value: var1-value
    - name: VAR2
      value: 2
source:
  kind: kafka
  brokers:
    - localhost:9092
  topics:
    - test1
    - test2
  offset: latest # values: latest, earliest
  consumerGroup: my-consumer-group
  balanceStrategy: sticky
  fireAndForget: true
  rebalanceTimeout: 120
  channelBufferSize: 256
  fetchDefaultBytes: 8
sink:
  kind: kafka
  brokers:
    - localhost:9092
  topic: test-out
  partition: 42
  partitioner: hash
YAML
}

@test "lines to lines, without a processor" {
    rm handler.py
    accepts <<<'{source: {kind: lines}, sink: {kind: lines}}'
}

@test "a handler beside the file that is not used" {
    accepts "config.yaml: warning: without 'processor' records are copied; handler.py beside it is not used" \
        <<<'source: {kind: lines}'
}

@test "values of later keys that say what happens anyway" {
    accepts <<'YAML'
processor:
  isolation: none
source: {kind: lines}
YAML
}

@test "a file, a folder, or neither; only one of them" {
    good_start >config.yaml
    run_x 0 bruco check
    equals "$output" "config.yaml: ok"
    mkdir sub
    mv config.yaml handler.py sub
    run_x 0 bruco check sub
    equals "$output" "sub/config.yaml: ok"
    run_x 0 bruco check -c sub/
    equals "$output" "sub/config.yaml: ok"
    run_x 0 bruco check --config=sub/config.yaml -q
    equals "$output$stderr" ""
    run_x 64 bruco check
    contains "$stderr" "bruco: error: no config.yaml here: name a file or a folder"
    run_x 64 bruco check -c sub sub
    contains "$stderr" "check takes one configuration, not 'sub' too"
    run_x 64 bruco check --prnt
    contains "$stderr" "bruco: unrecognized option '--prnt'"
    run_x 78 bruco check nowhere
    equals "$stderr" "nowhere: cannot read it: No such file or directory"
    mkdir empty
    run_x 78 bruco check empty
    equals "$stderr" "empty/config.yaml: cannot read it: No such file or directory"
}

@test "--print shows what is meant, without secrets, and can be read again" {
    cat >config.yaml <<'YAML'
name: orders
processor:
  timeout: 1.5m
  onFailure: deadLetter
  env:
    - {name: GREETING, value: "it's $$5: ${GREETING:-hello}"}
    - {name: DB_PASSWORD, value: "${PASSWORD}"}
source:
  kind: kafka
  brokers: a:1, b:2
  topics: [in]
  consumerGroup: me
  offset: 2026-01-31T13:00:00+01:00
  properties: {sasl.username: me, sasl.password: "${file:secret}"}
deadLetter:
  kind: kafka
  brokers: b
  topic: failed
  properties: {sasl.password: "${file:secret}"}
YAML
    echo hunter2 >secret
    PASSWORD=hunter3 run_x 0 bruco check --print
    cat >expected <<YAML
name: orders
shutdownTimeout: 30s
maxRecordSize: 16MiB
maxRestarts: 10
processingGuarantee: atLeastOnce
metrics:
  stallAfter: 60s
processor:
  handlerPath: $(pwd -P)
  moduleName: handler
  workers: 1
  ordering: partition
  retry:
    attempts: 3
    backoff: 200ms
    maxBackoff: 10s
    except: []
  timeout: 90s
  onFailure: deadLetter
  concurrency: 1
  batch:
    size: 500
    wait: 50ms
  logLevel: auto
  env:
    - name: GREETING
      value: "it's \$\$5: \${GREETING:-hello}"
    - name: DB_PASSWORD
      value: "\${PASSWORD}"
  isolation: basic
  inheritEnv: []
  network: true
source:
  kind: kafka
  window: 4MiB
  windowTime: 1s
  brokers:
    - a:1
    - b:2
  topics:
    - in
  consumerGroup: me
  offset: 2026-01-31T12:00:00.000Z
  balanceStrategy: range
  rebalanceTimeout: 60s
  fetchDefaultBytes: 1MiB
  prefetch: 32MiB
  properties:
    sasl.username: "***"
    sasl.password: "\${file:secret}"
sink:
  kind: discard
deadLetter:
  kind: kafka
  brokers:
    - b
  topic: failed
  topics: []
  partitioner: hash
  properties:
    sasl.password: "\${file:secret}"
YAML
    equals "$output" "$(<expected)"
    PASSWORD=hunter3 run_x 0 bruco check --print expected
    equals "$output" "$(<expected)"
}

@test "a result that cannot be written is not a success" {
    [[ -c /dev/full ]] || skip "/dev/full is missing"
    good_start >config.yaml
    run_x 69 sh -c 'bruco check >/dev/full'
    contains "$stderr" "cannot write to standard output: No space left on device"
}

# ---- the page

@test "the page's examples are good" {
    local example
    mkdir -p examples/basic
    cp handler.py examples/basic
    echo secret >token
    export KAFKA_PASSWORD=secret PGPASSWORD=secret
    awk '/^\.Bd/ { n++; next } /^\.Ed/ { out = ""; next }
        n { if (out == "" && !(n in seen)) { seen[n]; out = "example-" n }; if (out) print >out }' \
        "$ROOT/man/bruco.yaml.5"
    mapfile -t examples < <(grep -l '^source:' example-*)
    ((${#examples[@]} == 5))
    for example in "${examples[@]}"; do
        accepts <"$example"
    done
}

@test "the page has every key and every property that is refused" {
    local word words
    mapfile -t words < <(
        grep -hoE '\{\.name = "[A-Za-z]+",( \\)?$' "$ROOT"/lib/config/{schema,kinds/*}.c | cut -d '"' -f 2
    )
    ((${#words[@]} > 50))
    for word in "${words[@]}"; do
        grep -qE "^\.(It )?Cm (.* )?$word( |$)" "$ROOT/man/bruco.yaml.5" || {
            echo "key '$word' is not in the page"
            return 1
        }
    done
    mapfile -t words < <(
        sed -n '/} refused\[\]/,/^};/s/^[^"]*{"\([^"]*\)".*/\1/p' "$ROOT/lib/config/refused_properties.c"
    )
    ((${#words[@]} > 30))
    for word in "${words[@]}"; do
        grep -qE "^\.Ql $word( |$)" "$ROOT/man/bruco.yaml.5" || {
            echo "property '$word' is not in the page"
            return 1
        }
    done
}
