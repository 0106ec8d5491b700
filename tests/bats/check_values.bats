# bruco check: values that are wrong.

load helpers
load check

@test "kinds" {
    refuses "config.yaml:2:16: source.kind: unknown kind 'kafak' (did you mean 'kafka'?)" \
        "config.yaml:3:14: sink.kind: kind 'http' does not exist yet (kafka, lines, json, frames, discard, reply, nats, file or exec)" <<'YAML'
processor:
source: {kind: kafak}
sink: {kind: http, port: 80}
YAML
    refuses "config.yaml:2:16: source.kind: unknown kind 'redis' (kafka, lines, json, frames, http, nats, file or exec)" \
        "config.yaml:3:14: sink.kind: unknown kind 'postgres' (kafka, lines, json, frames, discard, reply, nats, file or exec)" <<'YAML'
processor:
source: {kind: redis}
sink: {kind: postgres}
YAML
    refuses "config.yaml:2:16: source.kind: 'discard' is a kind of sink only (kafka, lines, json, frames, http, nats, file or exec)" <<'YAML'
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
    local what="latest, earliest, -N (N before the end) or a time such as 2026-01-31T12:00:00Z"
    refuses "config.yaml:8:11: source.offset: expected $what, found 'earlest' (did you mean 'earliest'?)" \
        < <(good_start && echo '  offset: earlest')
    refuses "config.yaml:8:11: source.offset: expected $what, found '2026-02-30'" \
        < <(good_start && echo '  offset: 2026-02-30')
    refuses "config.yaml:8:11: source.offset: a number ('1234') means another record in each partition; expected $what (bruco-source -o takes a number)" \
        < <(good_start && echo '  offset: 1234')
    refuses "config.yaml:8:11: source.offset: expected $what, found '-0'" \
        < <(good_start && echo '  offset: -0')
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

@test "brokers with a protocol that is none of Kafka's" {
    refuses "config.yaml:4:12: source.brokers: expected host:port, found 'kafka://b:9092' (leave out 'kafka://')" \
        "config.yaml:7:31: sink.brokers: expected host:port, found 'http://c' (leave out 'http://')" <<'YAML'
processor:
source:
  kind: kafka
  brokers: kafka://b:9092
  topics: a
  consumerGroup: g
sink: {kind: kafka, brokers: [http://c, 'SASL_SSL://d:1'], topic: b}
YAML
}

@test "topics" {
    refuses "config.yaml:5:12: source.topics: '^(orders' is no regular expression: Unmatched ( or \\(" \
        "config.yaml:5:22: source.topics: 'a b' has other characters than Kafka allows (letters, digits, '.', '_', '-')" \
        "config.yaml:5:30: source.topics: 'c' is given twice" \
        "config.yaml:7:42: sink.topic: '..' is not a name that Kafka allows" <<'YAML'
processor:
source:
  kind: kafka
  brokers: b
  topics: [^(orders, a b, c, c]
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

@test "properties that a shell, a test or nobody would act on" {
    export KEYTAB="a\"; touch $PWD/keytab; \"" PRINCIPAL="a; touch $PWD/principal"
    refuses "config.yaml:9:27: source.properties: 'sasl.kerberos.keytab' cannot have this value: librdkafka pastes it into a shell's command: no '\"' may be in it" \
        "config.yaml:10:30: source.properties: 'sasl.kerberos.principal' cannot have this value: librdkafka pastes it into a shell's command: no ';' may be in it" \
        "config.yaml:11:46: sink.properties: 'test.mock.num.brokers' cannot be set here: it is for librdkafka's own tests: no broker would get the records" \
        < <(
            good_start
            cat <<'YAML'
  properties: {security.protocol: sasl_plaintext, sasl.mechanism: GSSAPI,
    sasl.kerberos.keytab: "${KEYTAB}",
    sasl.kerberos.principal: "${PRINCIPAL}"}
sink: {kind: kafka, brokers: b, properties: {test.mock.num.brokers: 1}, topic: t}
YAML
        )
    [[ ! -e keytab && ! -e principal ]]
    for property in "sasl.kerberos.keytab=$KEYTAB" "sasl.kerberos.principal=$PRINCIPAL"; do
        run_x 64 bruco-sink kafka -b 127.0.0.1:1 -t t -X security.protocol=sasl_plaintext \
            -X sasl.mechanism=GSSAPI -X "$property"
        contains "$stderr" "property '${property%%=*}' can't have this value: librdkafka pastes it"
    done
    [[ ! -e keytab && ! -e principal ]]
    run_x 78 bruco-sink kafka -b 127.0.0.1:1 -t t -X no.such=1
    contains "$stderr" "property 'no.such' is not a setting of librdkafka"
}

@test "properties that would defeat exactlyOnce" {
    local exact="properties: with 'processingGuarantee: exactlyOnce'"
    local fails="'socket.max.fails' is 1: with the connection of a request that has timed out goes the request, which may otherwise arrive in a later transaction"
    local old="'broker.version.fallback' is 0.10.0 at least: older requests know nothing of transactions, and give a source what was aborted"
    refuses "config.yaml:9:5: source.properties: 'isolation.level' cannot be set here: it stays 'read_committed': aborted records are not to be processed" \
        "config.yaml:10:23: source.$exact $fails" \
        "config.yaml:11:30: source.$exact $old" \
        "config.yaml:15:34: sink.$exact $fails" \
        "config.yaml:16:30: sink.$exact $old" \
        "config.yaml:17:5: sink.properties: 'enable.idempotence' cannot be set here: it stays on, or retries inside the client would double records" \
        < <(
            good_start
            cat <<'YAML'
  properties:
    isolation.level: read_uncommitted
    socket.max.fails: 0
    broker.version.fallback: 0.9.0
sink:
  kind: kafka
  brokers: localhost:9092
  properties: {socket.max.fails: 2,
    broker.version.fallback: 0.8.2,
    enable.idempotence: false}
  topic: t
processingGuarantee: exactlyOnce
YAML
        )
    accepts < <(
        good_start
        echo "  properties: {socket.max.fails: 0}"
        echo "sink: {kind: kafka, brokers: localhost:9092, properties: {socket.max.fails: 2}, topic: t}"
    )
}

@test "with exactlyOnce librdkafka's own rules are told at the property's place, by either of its names" {
    exact() { # exact PLACE PROPERTY MESSAGE
        refuses "config.yaml:8:$1: sink.properties: $3" < <(
            good_start
            echo "sink: {kind: kafka, brokers: localhost:9092, topic: t, properties: {$2}}"
            echo "processingGuarantee: exactlyOnce"
        )
    }
    local long="\`message.timeout.ms\` must be set <= \`transaction.timeout.ms\`"
    local few="\`retries\` must be set >= 1 when \`enable.idempotence\` is true"
    exact 69 "message.timeout.ms: 40000" "$long"
    exact 69 "delivery.timeout.ms: 40000" "$long"
    exact 69 "retries: 0" "$few"
    exact 69 "message.send.max.retries: 0" "$few"
}
