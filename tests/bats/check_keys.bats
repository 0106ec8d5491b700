# bruco check: keys that are unknown, missing or at odds with one another.

load helpers
load check

@test "an unknown key, with the one that was meant" {
    refuses "config.yaml:5:3: unknown key 'topcis' in source (did you mean 'topics'?)" \
        "config.yaml:2:1: source.topics is missing" <<'YAML'
processor:
source:
  kind: kafka
  brokers: b
  topcis: [a]
  consumerGroup: g
YAML
}

@test "an unknown section" {
    refuses "config.yaml:2:1: unknown key 'sinks' (did you mean 'sink'?)" <<'YAML'
source: {kind: lines}
sinks: {kind: lines}
processor:
YAML
}

@test "a key in snake case" {
    refuses "config.yaml:3:3: unknown key 'handler_path' in processor (did you mean 'handlerPath'?)" <<'YAML'
source: {kind: lines}
processor:
  handler_path: .
YAML
}

@test "a key that belongs elsewhere" {
    refuses "config.yaml:3:1: unknown key 'workers' (it belongs to 'processor')" \
        "config.yaml:4:1: unknown key 'brokers' (it belongs to 'source' or 'sink')" <<'YAML'
source: {kind: lines}
processor:
workers: 4
brokers: b
YAML
}

@test "a setting of librdkafka among the keys" {
    refuses \
        "config.yaml:8:3: unknown key 'sasl.username' in source (settings of librdkafka belong to 'source.properties')" \
        "config.yaml:9:3: unknown key 'group.id' in source (did you mean 'consumerGroup'?)" < <(
        good_start
        echo '  sasl.username: me'
        echo '  group.id: me'
    )
}

@test "a key given twice" {
    refuses "config.yaml:5:3: duplicate key 'kind' (the first one is at 3:3)" \
        "config.yaml:6:1: duplicate key 'source' (the first one is at 2:1)" <<'YAML'
processor:
source:
  kind: lines
  window: 1MiB
  kind: lines
source:
  kind: json
YAML
}

@test "events in flight, and batches" {
    accepts <<'YAML'
processor:
  concurrency: 1024
  batch: {size: 10000, wait: 1m}
source: {kind: lines}
YAML
    run_x 0 bruco check --print
    contains "$output" "  concurrency: 1024
  batch:
    size: 10000
    wait: 60s"
    refuses "config.yaml:2:16: processor.concurrency: expected a number from 1 to 1024, found '0'" \
        "config.yaml:3:17: processor.batch.size: expected a number from 1 to 10000, found '10001'" \
        "config.yaml:3:30: processor.batch.wait: expected a duration from 0s to 60s, found '2m'" \
        "config.yaml:3:34: unknown key 'linger' in processor.batch (did you mean 'wait'?)" <<'YAML'
processor:
  concurrency: 0
  batch: {size: 10001, wait: 2m, linger: 5}
source: {kind: lines}
YAML
}

@test "retries, timeout, what becomes of failures" {
    accepts <<'YAML'
processor:
  retry: {attempts: 5, backoff: 1s, maxBackoff: 1m}
  timeout: 5s
  onFailure: deadLetter
source: {kind: lines}
deadLetter: {kind: lines}
YAML
    refuses "config.yaml:2:11: unknown key 'maxAttempts' in processor.retry (did you mean 'attempts'?)" \
        "config.yaml:2:36: processor.retry.backoff: expected a duration from 0s to 1h, found 'long'" \
        "config.yaml:2:42: unknown key 'timeout' in processor.retry (it belongs to 'processor')" \
        "config.yaml:3:3: unknown key 'backoff' in processor (it belongs to 'processor.retry')" \
        "config.yaml:4:14: processor.onFailure: expected stop, skip or deadLetter, found 'deadletter' (did you mean 'deadLetter'?)" \
        "config.yaml:6:1: unknown key 'dlq' (did you mean 'deadLetter'?)" <<'YAML'
processor:
  retry: {maxAttempts: 3, backoff: long, timeout: 3s}
  backoff: 3s
  onFailure: deadletter
source: {kind: lines}
dlq: {kind: lines}
YAML
    refuses "config.yaml:1:24: processor.onFailure: 'deadLetter' needs a section 'deadLetter' at the top level" \
        <<<$'processor: {onFailure: deadLetter}\nsource: {kind: lines}'
    refuses "config.yaml:1:20: deadLetter.kind: unknown kind 'kafak' (did you mean 'kafka'?)" \
        <<<$'deadLetter: {kind: kafak}\nprocessor: {onFailure: deadLetter}\nsource: {kind: lines}'
    accepts "config.yaml:3:13: warning: deadLetter has no effect without 'processor.onFailure: deadLetter'" \
        <<<$'processor: {onFailure: skip}\nsource: {kind: lines}\ndeadLetter: {kind: lines}'
}

@test "keys of kafka with another kind" {
    refuses "config.yaml:2:23: 'source.topics' is a key of kind 'kafka', not of kind 'lines'" \
        "config.yaml:3:22: 'sink.properties' is a key of kind 'kafka', not of kind 'json'" <<'YAML'
processor:
source: {kind: lines, topics: [a]}
sink:   {kind: json, properties: {a: b}}
YAML
}

@test "required keys" {
    refuses "config.yaml: source is missing" <<<'processor:'
    refuses "config.yaml:1:15: source.kind is missing" <<<'{processor: , source: {window: 1MiB}}'
    refuses "config.yaml:1:38: source.brokers is missing" "config.yaml:1:38: source.topics is missing" \
        "config.yaml:1:38: source.consumerGroup is missing" "config.yaml:2:1: sink.brokers is missing" \
        "config.yaml:2:1: sink.topic is missing" "config.yaml:3:1: deadLetter.topic is missing" <<'YAML'
{processor: {onFailure: deadLetter}, source: {kind: kafka},
sink: {kind: kafka},
deadLetter: {kind: kafka, brokers: b}}
YAML
    refuses "config.yaml:1:38: sink.kind is missing" <<<'{processor: , source: {kind: lines}, sink: }'
}

@test "properties that librdkafka refuses, found without a broker" {
    good_start >start
    refuses "config.yaml:9:5: source.properties: 'sesion.timeout.ms' is not a setting of librdkafka $(rdkafka)" \
        "config.yaml:10:5: source.properties: configuration property \"fetch.min.bytes\" value 0 is outside allowed range 1..100000000" \
        "config.yaml:11:46: sink.properties: invalid value \"zip\" for configuration property \"compression.codec\"" \
        < <(
            cat start
            echo '  properties:'
            echo '    sesion.timeout.ms: 1'
            echo '    fetch.min.bytes: 0'
            echo 'sink: {kind: kafka, brokers: b, properties: {compression.codec: zip}, topic: t}'
        )
    run_x 78 bruco-source -c config.yaml
    contains "$stderr" "config.yaml:9:5: source.properties: 'sesion.timeout.ms' is not a setting"
    run_x 78 bruco-sink -c config.yaml </dev/null
    contains "$stderr" "config.yaml:11:46: sink.properties: invalid value \"zip\""
    run_x 78 bruco
    contains "$stderr" "config.yaml:9:5: source.properties: 'sesion.timeout.ms' is not a setting"
}

@test "a property's file that can't be read, properties that don't go together" {
    good_start >start
    cat start - >config.yaml <<<'  properties: {security.protocol: ssl, ssl.ca.location: nowhere.pem}'
    run_x 78 bruco check
    contains "$stderr" "config.yaml:8:40: source.properties: ssl.ca.location failed: "
    equals "$(wc -l <stderr)" 1
    cat start - >config.yaml <<'YAML'
deadLetter: {kind: kafka, brokers: b, topic: t, properties: {retries: 0}}
YAML
    sed -i 's/handlerPath: ./onFailure: deadLetter/' config.yaml
    run_x 78 bruco check
    contains "$stderr" "config.yaml:8:62: deadLetter.properties: "
}

# The version of librdkafka that the programs use.
rdkafka() {
    bruco-sink --version | sed -n 's/^librdkafka //p'
}

@test "a sink or dead letter that is read again" {
    accepts "config.yaml:8:57: warning: sink.topic: 'in' is among source.topics: what is written there is read again" < <(
        good_start
        echo 'sink: {kind: kafka, brokers: "b,localhost:9092", topic: in}'
    )
    accepts < <(
        good_start
        echo 'sink: {kind: kafka, brokers: other:9092, topic: in}'
    )
    accepts "config.yaml:8:59: warning: deadLetter.topic: 'in' is among source.topics: what is written there is read again" < <(
        good_start | sed 's/handlerPath: ./onFailure: deadLetter/'
        echo 'deadLetter: {kind: kafka, brokers: localhost:9092, topic: in}'
    )
}

@test "a handler's folder where earlier versions looked for it" {
    mkdir -p conf deep/er
    mv handler.py deep/er
    good_start | sed 's|handlerPath: .|handlerPath: deep/er|' >conf/config.yaml
    run_x 78 bruco check conf
    equals "$stderr" "conf/config.yaml:2:16: processor.handlerPath: cannot open '$(pwd -P)/conf/deep/er': No such file or directory (did you mean '../deep/er'? paths begin at the folder of this file)"
    sed -i 's|handlerPath: .*|handlerPath: ../deep/er|' conf/config.yaml
    run_x 0 bruco check conf
    sed -i 's|handlerPath: .*|handlerPath: deeep/er|' conf/config.yaml
    run_x 78 bruco check conf
    [[ $stderr != *"did you mean"* ]]
}
