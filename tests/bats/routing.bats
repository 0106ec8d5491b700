# Messages through the real broker: key, headers, timestamp, topic and partition that a handler
# chooses, and what becomes of a topic or a partition that isn't there.

load helpers

LIMIT=120

setup() {
    common_setup
    real_broker
    new_topic 1
    IN=$TOPIC
    new_topic 4
    OUT=$TOPIC
    new_topic 3
    MORE=$TOPIC
    new_topic 1
    DEAD=$TOPIC
    export OUT MORE
    # The value is a Python expression for the result.
    cat >handler.py <<'PY'
import datetime, os
from bruco import Message
OUT, MORE = os.environ["OUT"], os.environ["MORE"]

def several(*results):
    yield from results

def handle_event(context, data):
    return eval(data, globals(), {"data": data, "context": context})
PY
}

# run ON_FAILURE STATUS EXPRESSION ...: all records of IN through the pipeline; $stderr has the log
run_messages() {
    cat >config.yaml <<YAML
processor: {onFailure: $1, inheritEnv: [OUT, MORE], retry: {attempts: 1}}
source: {kind: kafka, brokers: [$BROKERS], topics: [$IN], offset: earliest, consumerGroup: g-$IN}
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT${SINK_MORE:-, topics: [$MORE]}}
YAML
    [[ $1 != deadLetter ]] || cat >>config.yaml <<YAML
deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $DEAD}
YAML
    # JSON would take the expressions' quotes apart: each is a line, key TAB value
    printf 'key\t%s\n' "${@:3}" | bruco-source -q lines -K |
        bruco-sink -q kafka -b "$BROKERS" -t "$IN"
    run_x "$2" bruco -q -e -c config.yaml
}

# records TOPIC: partition, key, value, timestamp (when it is small) and headers, a line each, sorted
records() {
    bruco-source -q -e kafka -b "$BROKERS" -t "$1" -g "look-$RANDOM$RANDOM" -o earliest |
        bruco-sink -q json | python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line)
    old = r["timestamp"] if r["timestamp"] < 1e12 else "now"
    print(r["partition"], r["key"], r["value"], old,
          " ".join(f"{n}={v}" for n, v in r["headers"] if n != "bruco-traceback"))' | sort
}

@test "key, headers, timestamp, topic and partition arrive as the handler says" {
    run_messages stop 0 'Message("plain", partition=1)' \
        'Message(None, key="tomb", partition=2)' \
        'Message(b"nokey", key=None, partition=0, headers={"a": "1", "b": None})' \
        'Message("old", timestamp=123456789, partition=3, headers=[("a", "1"), ("a", "2")])' \
        'Message("date", timestamp=datetime.datetime.fromtimestamp(7, datetime.timezone.utc), partition=3)' \
        'Message("more", topic=MORE, partition=2)' \
        'Message("own", topic=OUT, partition=1)' \
        'several(Message(1, topic=MORE, partition=0), Message(2, partition=0), None)' \
        'context.response(5, {"r": 1})'
    equals "$(records "$OUT" | grep -v '"r"')" '0 None nokey now a=1 b=None
0 key 2 now 
1 key own now 
1 key plain now 
2 tomb None now 
3 key date 7000 
3 key old 123456789 a=1 a=2'
    contains "$(records "$OUT")" ' 5 {"r": 1} now content-type=application/json'
    equals "$(records "$MORE")" '0 key 1 now 
2 key more now '
}

@test "a topic without a partition: the partitioner chooses by the message's key" {
    run_messages stop 0 "several(*(Message(str(i), topic=MORE, key=str(i % 5)) for i in range(50)))"
    equals "$(records "$MORE" | wc -l)" 50
    equals "$(records "$MORE" | awk '{print $1, $2}' | sort -u | wc -l)" 5
    equals "$(records "$OUT")" ""
}

@test "stop: a topic that is not in the sink's ends the pipeline with 1; what was before it is there" {
    run_messages stop 1 '"before"' 'Message("x", topic="elsewhere")' '"after"'
    contains "$stderr" "error: a record for 'elsewhere' can't be delivered: topic is not in sink.topics ($IN[0]@1)"
    equals "$(records "$OUT" | cut -d' ' -f3)" before
}

@test "stop: a partition that the topic has not" {
    run_messages stop 1 '"before"' 'Message("x", partition=4)'
    contains "$stderr" "error: a record for partition 4 can't be delivered: the topic has no such partition ($IN[0]@1)"
    equals "$(records "$OUT" | cut -d' ' -f3)" before
}

@test "skip: nothing of the event is delivered, and the rest goes on" {
    run_messages skip 0 'several("one", Message("x", topic="elsewhere"), "two")' \
        'Message("y", topic=MORE, partition=3)' 'Message("fine", topic=MORE, partition=2)' '"after"'
    contains "$stderr" "warning: a record for 'elsewhere' can't be delivered: topic is not in sink.topics ($IN[0]@0), skipped"
    contains "$stderr" "warning: a record for '$MORE' can't be delivered: the topic has no such partition ($IN[0]@1), skipped"
    equals "$(records "$OUT" | cut -d' ' -f3)" after
    equals "$(records "$MORE" | cut -d' ' -f3)" fine
}

@test "deadLetter: the outputs of the event go there, with the reason" {
    run_messages deadLetter 0 'several("one", Message("x", topic="elsewhere", key="k"))' \
        'Message("y", partition=9)' '{1}' '"after"'
    equals "$(records "$OUT" | cut -d' ' -f3)" after
    equals "$(records "$DEAD" | wc -l)" 4
    contains "$(records "$DEAD")" "0 k x now bruco-error=topic is not in sink.topics bruco-topic=$IN bruco-partition=0 bruco-offset=0"
    contains "$(records "$DEAD")" "0 key y now bruco-error=the topic has no such partition bruco-topic=$IN bruco-partition=0 bruco-offset=1"
    contains "$(records "$DEAD")" "0 key one now bruco-error=another output of its event was refused bruco-topic=$IN bruco-partition=0 bruco-offset=0"
    contains "$(records "$DEAD")" "0 key {1} now bruco-error=TypeError: result: a set has no form in JSON bruco-attempts=1 bruco-topic=$IN bruco-partition=0 bruco-offset=2"
}

@test "a sink.partition that the topic has not is refused like one of a message" {
    SINK_MORE=", topics: [$MORE], partition: 42"
    run_messages stop 1 '"one"' '"two"'
    contains "$stderr" "error: a record can't be delivered: the topic has no such partition ($IN[0]@0)"
    [[ $stderr != *restarting* ]]
    run_messages skip 0 '"three"' '"four"'
    equals "$(grep -c 'the topic has no such partition (.*), skipped$' stderr)" 4
    equals "$(records "$OUT")" ""
}

@test "a partition that is added while the pipeline runs is found" {
    cat >handler.py <<'PY'
from bruco import Message
def handle_event(context, data):
    return Message(data, partition=int(data))
PY
    cat >config.yaml <<YAML
processor: {onFailure: stop}
source: {kind: kafka, brokers: [$BROKERS], topics: [$IN], offset: earliest, consumerGroup: g-$IN}
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT}
YAML
    start_x bruco bruco -c config.yaml
    put() { bruco-sink -q kafka -b "$BROKERS" -t "$IN" < <(bruco-source -q lines <<<"$1"); }
    has() { [[ $(kafka-offsets -b "$BROKERS" count "$OUT") == "$1" ]]; }
    put 3
    wait_for 30 has 1
    kafka-offsets -b "$BROKERS" grow "$OUT" 6
    put 5
    wait_for 30 has 2
    stop_x bruco
}

@test "sink.topics by pattern: a topic that matches and exists is written to, another is refused" {
    kafka-offsets -b "$BROKERS" create "$OUT-a" 2
    SINK_MORE=", topics: ['^$OUT-[a-z]\$']"
    sed -i 's/^OUT, MORE.*/&\nimport subprocess/' handler.py
    run_messages skip 0 'Message("one", topic=OUT + "-a", partition=1)' \
        'subprocess.run(["kafka-offsets", "-b", "'"$BROKERS"'", "create", OUT + "-b", "1"], check=True) and Message("two", topic=OUT + "-b")' \
        'Message("no", topic=OUT + "-c")' 'Message("no", topic=OUT + "-c")' \
        'Message("no", topic=OUT + "-bb")' 'Message("no", topic=OUT + "-a", partition=2)' \
        'Message("three", topic=OUT + "-a", partition=0)' '"four"'
    equals "$(records "$OUT-a")" '0 key three now 
1 key one now '
    equals "$(records "$OUT-b")" '0 key two now '
    equals "$(records "$OUT" | cut -d' ' -f2-)" 'key four now '
    count_in stderr "a record for '$OUT-c' can't be delivered: topic does not exist .*skipped" 2
    count_in stderr "a record for '$OUT-bb' can't be delivered: topic is not in sink.topics" 1
    count_in stderr "a record for '$OUT-a' can't be delivered: the topic has no such partition" 1
}
