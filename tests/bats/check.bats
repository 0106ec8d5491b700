load helpers

# What is wrong with a configuration, all of it, each with its place.

setup() {
    common_setup
    echo 'def handle_event(context, data): return data' >handler.py
}

# refuses LINE ...: the configuration on standard input has exactly these mistakes.
refuses() {
    cat >config.yaml
    run_x 78 bruco check
    equals "$output" ""
    equals "$stderr" "$(printf '%s\n' "$@")"
}

# accepts [LINE ...]: it is good; these are the warnings.
accepts() {
    cat >config.yaml
    run_x 0 bruco check -c config.yaml
    equals "$output" "config.yaml: ok"
    equals "$stderr" "$( (($# == 0)) || printf '%s\n' "$@")"
}

# A processor and a source that are good, for tests of something else: seven lines.
good_start() {
    cat <<'YAML'
processor:
  handlerPath: .
source:
  kind: kafka
  brokers: [localhost:9092]
  topics: [in]
  consumerGroup: me
YAML
}

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
  env:
    - name: GREETING
      value: "it's \$\$5: hello"
    - name: DB_PASSWORD
      value: "***"
source:
  kind: kafka
  window: 4MiB
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
  prefetch: 64MiB
  properties:
    sasl.username: me
    sasl.password: "***"
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
    sasl.password: "***"
YAML
    equals "$output" "$(<expected)"
    run_x 0 bruco check --print expected
    equals "$output" "$(<expected)"
}

@test "a result that cannot be written is not a success" {
    [[ -c /dev/full ]] || skip "/dev/full is missing"
    good_start >config.yaml
    run_x 69 sh -c 'bruco check >/dev/full'
    contains "$stderr" "cannot write to standard output: No space left on device"
}

# ---- bad ones: keys

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

@test "keys of later versions" {
    refuses "config.yaml:1:1: 'metrics' is not supported yet" \
        "config.yaml:3:3: 'processor.isolation: strict' is not supported yet (only 'none')" \
        "config.yaml:4:3: 'processor.network: false' is not supported yet (only 'true')" \
        "config.yaml:5:3: 'processor.user' is not supported yet" \
        "config.yaml:6:3: 'processor.limits' is not supported yet" <<'YAML'
metrics: {listen: ':9100'}
processor:
  isolation: strict
  network: false
  user: nobody
  limits: {files: 5}
source: {kind: lines}
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

# ---- bad ones: values

@test "kinds" {
    refuses "config.yaml:2:16: source.kind: unknown kind 'kafak' (did you mean 'kafka'?)" \
        "config.yaml:3:14: sink.kind: kind 'http' does not exist yet (kafka, lines, json, frames or discard)" <<'YAML'
processor:
source: {kind: kafak}
sink: {kind: http, port: 80}
YAML
    refuses "config.yaml:2:16: source.kind: kind 'nats' of earlier versions does not exist (kafka, lines, json or frames)" \
        "config.yaml:3:14: sink.kind: unknown kind 'postgres' (kafka, lines, json, frames or discard)" <<'YAML'
processor:
source: {kind: nats, serverUrl: localhost:4222}
sink: {kind: postgres}
YAML
    refuses "config.yaml:2:16: source.kind: 'discard' is a kind of sink only (kafka, lines, json or frames)" <<'YAML'
processor:
source: {kind: discard}
YAML
}

@test "wrong types" {
    refuses "config.yaml:1:7: name: expected a text, found a list" \
        "config.yaml:3:12: processor.workers: expected a number from 1 to 256 or auto, found a map" \
        "config.yaml:4:14: processor.moduleName: expected the name of a Python module, found nothing" \
        "config.yaml:5:8: processor.env: expected a list of 'name:' and 'value:', found a map" \
        "config.yaml:6:9: source: expected a map of keys, found a list" \
        "config.yaml:7:7: sink: expected a map of keys, found 'kafka'" <<'YAML'
name: [a]
processor:
  workers: {a: b}
  moduleName:
  env: {A: b}
source: [kafka]
sink: kafka
YAML
}

@test "durations" {
    refuses "config.yaml:1:18: shutdownTimeout: expected a duration from 0s to 24h, found '5 minutes'" \
        "config.yaml:5:21: source.rebalanceTimeout: expected a duration from 1s to 1h, found '200ms'" \
        < <(
            echo 'shutdownTimeout: 5 minutes'
            echo 'processor:'
            echo 'source:'
            echo '  kind: kafka'
            echo '  rebalanceTimeout: 200ms'
            good_start | sed 1,4d
        )
}

@test "durations that are too long" {
    refuses "config.yaml:1:19: shutdownTimeout: expected a duration from 0s to 24h, found '25h'" \
        <<<'{shutdownTimeout: 25h, processor: , source: {kind: lines}}'
}

@test "times of a group's member that contradict one another are the user's, not the stages', to mend" {
    printf 'source: {kind: kafka, brokers: [a:1], topics: [t], consumerGroup: g, properties: {heartbeat.interval.ms: 20000}}\nprocessor:\n' >config.yaml
    run_x 78 bruco check
    contains "$(head -n 1 stderr)" "config.yaml:1:"
    contains "$stderr" "heartbeat.interval.ms"
    [[ $stderr != *bruco-source* ]]
}

@test "receive.message.max.bytes holds a record of maxRecordSize, or it is a mistake" {
    local source="source: {kind: kafka, brokers: [a:1], topics: [t], consumerGroup: g, properties: {receive.message.max.bytes:"
    printf 'maxRecordSize: 1MiB\n%s 1114111}}\nprocessor:\n' "$source" >config.yaml
    run_x 78 bruco check
    # librdkafka may have a word on it, too
    equals "$(head -n 1 stderr)" "config.yaml:2:110: source.properties: with this maxRecordSize 'receive.message.max.bytes' is 1114112 at least"
    printf 'maxRecordSize: 1MiB\nprocessor:\n%s 1114112}}\n' "$source" >config.yaml
    run_x 0 bruco check
}

@test "sizes" {
    refuses "config.yaml:1:16: maxRecordSize: expected a size from 4KiB to 256MiB, found '4M'" \
        "config.yaml:3:31: source.window: expected a size from 4KiB to 1GiB, found '2GiB'" <<'YAML'
maxRecordSize: 4M
processor:
source: {kind: lines, window: 2GiB}
YAML
}

@test "counts" {
    refuses "config.yaml:1:14: maxRestarts: expected a number from 0 to 1000, found '-1'" \
        "config.yaml:3:12: processor.workers: expected a number from 1 to 256 or auto, found '257'" <<'YAML'
maxRestarts: -1
processor:
  workers: 257
source: {kind: lines}
YAML
    refuses "config.yaml:1:23: processor.workers: expected a number from 1 to 256 or auto, found 'two'" \
        <<<'{processor: {workers: two}, source: {kind: lines}}'
}

@test "words" {
    good_start | sed 's/handlerPath: ./ordering: kye/' >start
    refuses "config.yaml:2:13: processor.ordering: expected partition, key or none, found 'kye' (did you mean 'key'?)" \
        "config.yaml:8:20: source.balanceStrategy: expected range, roundrobin or sticky, found 'cooperative-sticky'" \
        "config.yaml:9:34: sink.partitioner: expected hash, murmur2, random or manual, found 'murmur3' (did you mean 'murmur2'?)" \
        < <(
            cat start
            echo '  balanceStrategy: cooperative-sticky'
            echo "sink: {kind: kafka, partitioner: murmur3, brokers: b, topic: t}"
        )
}

@test "true or false" {
    refuses "config.yaml:8:18: source.fireAndForget: expected true or false, found 'yes'" < <(
        good_start
        echo '  fireAndForget: yes'
    )
}

@test "offsets" {
    local what="latest, earliest or a time such as 2026-01-31T12:00:00Z"
    refuses "config.yaml:8:11: source.offset: expected $what, found 'earlest' (did you mean 'earliest'?)" \
        < <(good_start && echo '  offset: earlest')
    refuses "config.yaml:8:11: source.offset: expected $what, found '2026-02-30'" \
        < <(good_start && echo '  offset: 2026-02-30')
    refuses "config.yaml:8:11: source.offset: a number ('1234') means another record in each partition; expected $what (bruco-source -o takes a number)" \
        < <(good_start && echo '  offset: 1234')
}

@test "brokers" {
    refuses "config.yaml:4:13: source.brokers: expected host:port, found 'b:99999'" \
        "config.yaml:4:22: source.brokers: expected host:port, found ':9092'" \
        "config.yaml:4:31: source.brokers: expected a text, found nothing" \
        "config.yaml:7:30: sink.brokers: expected a list, found an empty one" <<'YAML'
processor:
source:
  kind: kafka
  brokers: [b:99999, ':9092', null]
  topics: a
  consumerGroup: g
sink: {kind: kafka, brokers: [], topic: b}
YAML
}

@test "topics" {
    refuses "config.yaml:5:12: source.topics: '^orders.*' is a pattern; patterns of topics are not supported" \
        "config.yaml:5:23: source.topics: 'a b' has other characters than Kafka allows (letters, digits, '.', '_', '-')" \
        "config.yaml:5:31: source.topics: 'c' is given twice" \
        "config.yaml:7:42: sink.topic: '..' is not a name that Kafka allows" <<'YAML'
processor:
source:
  kind: kafka
  brokers: b
  topics: [^orders.*, a b, c, c]
  consumerGroup: g
sink: {kind: kafka, brokers: [b], topic: ..}
YAML
}

@test "partitions" {
    refuses "config.yaml:8:54: sink.partition: expected a number from 0 to 2147483647, found '-1'" \
        < <(good_start && echo 'sink: {kind: kafka, brokers: b, topic: t, partition: -1}')
    refuses "config.yaml:8:1: sink.partition (for the manual partitioner) is missing" \
        < <(good_start && echo 'sink: {kind: kafka, brokers: b, topic: t, partitioner: manual}')
}

@test "fireAndForget against ordering" {
    refuses "config.yaml:9:18: source.fireAndForget: true means 'processor.ordering: none', but that is 'partition' (at 3:13)" \
        < <(good_start | sed '2a\  ordering: partition' && echo '  fireAndForget: true')
}

@test "environment of the workers" {
    refuses "config.yaml:3:7: unknown key 'nmae' in processor.env (did you mean 'name'?)" \
        "config.yaml:4:7: processor.env: 'value' is missing here" \
        "config.yaml:6:14: processor.env: 'A' is given twice" \
        "config.yaml:7:14: processor.env: expected the name of a variable, found 'A=B'" \
        "config.yaml:8:7: processor.env: expected 'name:' and 'value:', found 'A=b'" <<'YAML'
processor:
  env:
    - nmae: A
    - name: B
    - {name: A, value: a}
    - {name: A, value: b}
    - {name: A=B, value: b}
    - A=b
source: {kind: lines}
YAML
}

@test "properties that Bruco sets itself" {
    refuses "config.yaml:9:5: source.properties: 'group.id' cannot be set here: use 'consumerGroup'" \
        "config.yaml:10:5: source.properties: 'enable.auto.commit' cannot be set here: Bruco commits offsets itself, after delivery" \
        "config.yaml:11:5: source.properties: 'plugin.library.paths' cannot be set here: it loads code into the program" \
        "config.yaml:12:5: source.properties: 'Client ID' is not a setting of librdkafka" \
        "config.yaml:13:11: source.properties: expected a text for 'sasl', found a map" \
        "config.yaml:14:46: sink.properties: 'acks' cannot be set here: it stays at 'all': an offset is committed only after delivery" \
        < <(
            good_start
            cat <<'YAML'
  properties:
    group.id: me
    enable.auto.commit: true
    plugin.library.paths: /tmp/x.so
    Client ID: me
    sasl: {mechanism: PLAIN}
sink: {kind: kafka, brokers: b, properties: {acks: 1}, topic: t}
YAML
        )
}

# ---- bad ones: the handler

@test "the handler's folder" {
    refuses "config.yaml:1:27: processor.handlerPath: cannot open '$(pwd -P)/handlers': No such file or directory" \
        <<<'{processor: {handlerPath: ./handlers}, source: {kind: lines}}'
    refuses "config.yaml:1:27: processor.handlerPath: '$(pwd -P)/handler.py' is a file, expected the folder that holds it" \
        <<<'{processor: {handlerPath: handler.py}, source: {kind: lines}}'
}

@test "the handler's module" {
    refuses "config.yaml:1:26: processor.moduleName: no module 'handlr' in '$(pwd -P)' (did you mean 'handler'?)" \
        <<<'{processor: {moduleName: handlr}, source: {kind: lines}}'
    refuses "config.yaml:1:26: processor.moduleName: expected a module, found the file 'handler.py' (write 'handler')" \
        <<<'{processor: {moduleName: handler.py}, source: {kind: lines}}'
    refuses "config.yaml:1:26: processor.moduleName: expected the name of a Python module such as 'handler' or 'pkg.handler', found 'pkg/handler'" \
        <<<'{processor: {moduleName: pkg/handler}, source: {kind: lines}}'
    mv handler.py other.py
    refuses "config.yaml: processor.moduleName: no module 'handler' in '$(pwd -P)'" \
        <<<'{processor: , source: {kind: lines}}'
    refuses "config.yaml:1:26: processor.moduleName: expected a module, found the file 'other.py' (write 'other')" \
        <<<'{processor: {moduleName: other.py}, source: {kind: lines}}'
    touch requirements.txt
    accepts "config.yaml: warning: processor.moduleName: no module 'handler' in '$(pwd -P)'; one of requirements.txt?" \
        <<<'{processor: , source: {kind: lines}}'
}

@test "modules that are there" {
    mkdir -p pkg/sub
    cp handler.py pkg/sub/deep.py
    touch native.cpython-311-x86_64-linux-gnu.so
    local module
    for module in handler pkg pkg.sub pkg.sub.deep native; do
        accepts <<<"{processor: {moduleName: $module}, source: {kind: lines}}"
    done
    refuses "config.yaml:1:26: processor.moduleName: no module 'pkg.deep' in '$(pwd -P)'" \
        <<<'{processor: {moduleName: pkg.deep}, source: {kind: lines}}'
}

# ---- bad ones: substitution

@test "variables" {
    KAFKA_PASSWORD=x refuses "config.yaml:7:18: variable 'KAFKA_GROUP' is not set" \
        "config.yaml:8:31: variable 'KAFKA_PASWORD' is not set (did you mean 'KAFKA_PASSWORD'?)" \
        "config.yaml:9:11: cannot substitute '\${A?b}': expected \${NAME}, \${NAME:-text} or \${file:PATH} (write \$\$ for a '\$' itself)" \
        "config.yaml:10:20: '\${' without its '}' (write \$\$ for a '\$' itself)" \
        < <(
            good_start | sed 's/: me$/: ${KAFKA_GROUP}/'
            cat <<'YAML'
  properties: {sasl.password: '${KAFKA_PASWORD}'}
  window: ${A?b}
  groupInstanceId: ${A
YAML
        )
}

@test "files" {
    refuses "config.yaml:8:31: cannot read file '$(pwd -P)/no-such-secret': No such file or directory" < <(
        good_start
        echo "  properties: {sasl.password: '\${file:no-such-secret}'}"
    )
}

@test "a substituted value adds no structure" {
    X=$'a\nwindow: 1MiB' refuses \
        "config.yaml:7:18: source.consumerGroup: expected a text, found a text with a line break or control character" \
        < <(good_start | sed 's/: me$/: ${X}/')
    X='b:1, c:2' accepts < <(good_start | sed 's/\[localhost:9092\]/${X}/')
}

# ---- bad ones: YAML

@test "syntax errors have a place" {
    refuses "config.yaml:2:1: syntax error: a tab cannot indent, use spaces" < <(
        printf 'source:\n\tkind: lines\n'
    )
    refuses "config.yaml:2:17: syntax error: no ':' is expected here (a text with ': ' in it must be quoted; keys of one map stand in one column)" <<'YAML'
source:
  kind: lines of: text
YAML
    refuses "config.yaml:3:1: syntax error: did not find expected ',' or '}' while parsing a flow mapping (begun at 1:9)" <<'YAML'
source: {kind: lines,
  window: 1MiB
YAML
    refuses "config.yaml:1:17: syntax error: '\${' inside {} or [] must be quoted" \
        <<<'source: {kind: ${KIND}}'
    refuses "config.yaml:1:7: not a text in UTF-8: invalid leading UTF-8 octet" \
        < <(printf 'name: \xff\n')
}

@test "aliases, anchors, tags, merge keys, a second document" {
    refuses "config.yaml:1:7: anchors ('&n') are not supported" \
        "config.yaml:3:15: aliases ('*n') are not supported" \
        "config.yaml:5:3: merge keys ('<<') are not supported" \
        "config.yaml:6:9: tags ('!kind') are not supported" \
        "config.yaml:7:1: a second document: a configuration is one document" <<'YAML'
name: &n a
processor:
  moduleName: *n
source:
  <<: {window: 1MiB}
  kind: !kind lines
---
name: b
YAML
}

@test "a file that is too large or too deep" {
    refuses "config.yaml: larger than 1 MiB" < <(head -c 1048577 /dev/zero | tr '\0' '#')
    refuses "config.yaml:1:38: nested more than 32 levels deep" < <(
        printf 'name: '
        head -c 100000 /dev/zero | tr '\0' '['
    )
    refuses "config.yaml:1:1: expected keys such as 'source:', found a list" <<<'- a'
}

# ---- the page

@test "the page's examples are good" {
    local example
    mkdir -p examples/basic
    cp handler.py examples/basic
    echo secret >token
    export KAFKA_PASSWORD=secret
    awk '/^\.Bd/ { n++; next } /^\.Ed/ { out = ""; next }
        n { if (out == "" && !(n in seen)) { seen[n]; out = "example-" n }; if (out) print >out }' \
        "$ROOT/man/bruco.yaml.5"
    mapfile -t examples < <(grep -l '^source:' example-*)
    ((${#examples[@]} == 3))
    for example in "${examples[@]}"; do
        accepts <"$example"
    done
}

@test "the page has every key and every property that is refused" {
    local word words
    mapfile -t words < <(
        grep -hoE '\{\.name = "[A-Za-z]+", \.type' "$ROOT"/lib/config/{schema,kinds/*}.c | cut -d '"' -f 2
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
