#!/usr/bin/env bats
# Records that the real broker refuses, among good ones and under load: exactly they are dealt with
# by onFailure, the line about each says where its input came from, their neighbours are delivered
# once, and no key is overtaken. EVENTS, BAD and STOPS scale it up.

load helpers

: "${EVENTS:=20000}" # records
: "${BAD:=20}"       # of each kind
: "${STOPS:=1}"      # of each kind, where each ends the pipeline
LIMIT=${LIMIT:-180}

setup() {
    common_setup
    real_broker
    new_topic 4
    IN=$TOPIC
    GROUP=g-$IN
    out_topic 3
    new_topic 1 message.timestamp.after.max.ms=9223372036854775807 max.message.bytes=16777216
    DEAD=$TOPIC
}

# out_topic PARTITIONS: all limits that a topic can have. A record of 5 MB is too large for it, one of
# 2 MB for a segment.
out_topic() {
    new_topic "$1" cleanup.policy=compact min.compaction.lag.ms=9223372036854775807 \
        message.timestamp.before.max.ms=315360000000 message.timestamp.after.max.ms=3600000 \
        max.message.bytes=4194304 segment.bytes=1048576
    OUT=$TOPIC
}

# handler KIND ...: every STEPth record is made one that is refused, by these kinds in turn.
handler() {
    : >mended # places of records that are good now
    STEP=$((EVENTS / (BAD * $#)))
    cat >handler.py <<PY
import time
from bruco import Message
step, kinds = $STEP, "$*".split()
PY
    cat >>handler.py <<'PY'
def future(data): return Message(data, timestamp=int(time.time() * 1000) + 10 * 86400000)
def old(data): return Message(data, timestamp=1000) # more than ten years
def nokey(data): return Message(data, key=None)
def segment(data): return Message(data + b" " * 2000000)
def size(data): return Message(data + b" " * 5000000)
def partition(data): return Message(data, partition=99)

def mended(event):
    with open("mended") as places:
        return f"{event.topic}[{event.partition}]@{event.offset}\n" in places

def handle_event(context, data):
    place, rest = divmod(int(data.split()[0]), step)
    if rest != step // 2 or context.event.topic is None or mended(context.event):
        return data
    return globals()[kinds[place % len(kinds)]](bytes(data))
PY
}

batches() {
    cat >>handler.py <<'PY'
class Context:
    def __init__(self, event): self.event = event
def handle_batch(context, events):
    return [single(Context(event), event.data) for event in events]
single = handle_event
del handle_event
PY
}

mended() {
    printf 'def %s(context, data):\n    return %s\n' "${1:-handle_event}" "${2:-data}" >handler.py
}

# config ON_FAILURE [processor line ...]
config() {
    cat >config.yaml <<YAML
processor:
  workers: 2
  onFailure: $1
$(printf '  %s\n' "${@:2}")
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [$IN]
  offset: earliest
  consumerGroup: $GROUP
sink:
  kind: kafka
  brokers: [$BROKERS]
  topic: $OUT
YAML
    [[ $1 != deadLetter ]] || cat >>config.yaml <<YAML
deadLetter:
  kind: kafka
  brokers: [$BROKERS]
  topic: $DEAD
YAML
}

fill() {
    kafka-fill -b "$BROKERS" -t "$IN" -n "$EVENTS" -k 500 >fill.out
}

dump() { # dump TOPIC: as JSON
    bruco-source -q -e kafka -b "$BROKERS" -t "$1" -g "look-$RANDOM$RANDOM" -o earliest | bruco-sink -q json
}

committed() {
    kafka-offsets -b "$BROKERS" group "$GROUP" "$IN" | awk '$2 != "-" { sum += $2 } END { print sum + 0 }'
}

# check [once] EXPRESSION: what the topics hold. Each key's records are in the output in the order of
# the input, the first occurrence of each (once: there is no other); missing are exactly those for
# which the expression of `id` holds, and they are the dead letters if there are some.
check() {
    dump "$IN" >in.json
    dump "$OUT" >out.json
    dump "$DEAD" >dead.json
    python3 - "$@" <<'PY'
import collections, json, sys
step = next(int(line.split("=")[1].split(",")[0]) for line in open("handler.py") if line.startswith("step"))
once = sys.argv[1] == "once"
bad = eval("lambda id: " + sys.argv[-1])
def ids(name):
    keys = collections.defaultdict(list)
    for line in open(name):
        r = json.loads(line)
        keys[r["key"]].append(int(r["value"].split()[0]))
    return keys
given, got = ids("in.json"), ids("out.json")
letters = sorted(id for of_key in ids("dead.json").values() for id in of_key)
faults = []
twice = 0
for key, all_ids in given.items():
    first = list(dict.fromkeys(got.get(key, [])))
    twice += len(got.get(key, [])) - len(first)
    want = [id for id in all_ids if not bad(id)]
    if first != want:
        lost, more = set(want) - set(first), set(first) - set(want)
        at = next((i for i, pair in enumerate(zip(first, want)) if pair[0] != pair[1]), 0)
        faults.append(f"{key}: lost {sorted(lost)[:5]}, invented {sorted(more)[:5]}, "
                      f"from place {at} {first[at:at + 4]} for {want[at:at + 4]}")
if set(got) - set(given):
    faults.append("invented keys")
if once and twice:
    faults.append(f"{twice} twice")
if letters and letters != sorted(id for of_key in given.values() for id in of_key if bad(id)):
    faults.append("the dead letters are others")
print(f"{len(given)} keys, {twice} twice, {len(letters)} dead letters")
print("\n".join(faults[:10]))
sys.exit(bool(faults))
PY
}

# Each line says where the input came from, and which that is.
lines_are() { # lines_are COUNT ENDING
    grep -oE "a record( for partition 99)? can't be delivered: [^(]* \($IN\[[0-9]\]@[0-9]+\)$2\$" stderr |
        sort -u >lines
    equals "$(wc -l <lines)" "$1"
    /usr/bin/python3 - "$IN" <<'PY'
import json, re, sys
step = next(int(line.split("=")[1].split(",")[0]) for line in open("handler.py") if line.startswith("step"))
at = {(r["partition"], r["offset"]): int(r["value"].split()[0]) for r in map(json.loads, open("in.json"))}
for line in open("lines"):
    partition, offset = map(int, re.search(r"\[(\d)\]@(\d+)\)", line).groups())
    assert at[partition, offset] % step == step // 2, line
PY
}

KINDS="future old nokey segment size partition"

@test "skip: of each kind exactly the refused ones are left out, once each, and no key is overtaken" {
    handler $KINDS
    config skip
    fill
    run_x 0 bruco -e -c config.yaml
    cp stderr run.err
    [[ $stderr != *restarting* ]]
    check once 'id % step == step // 2'
    lines_are $((BAD * 6)) ', skipped'
    equals "$(committed)" "$EVENTS"
}

@test "deadLetter: exactly the refused ones are dead letters, and they say why and whence" {
    handler $KINDS
    config deadLetter
    fill
    run_x 0 bruco -e -c config.yaml
    cp stderr run.err
    [[ $stderr != *restarting* ]]
    check once 'id % step == step // 2'
    equals "$(wc -l <dead.json)" $((BAD * 6))
    lines_are $((BAD * 6)) ', to the dead letter'
    equals "$(committed)" "$EVENTS"
}

@test "batches: refused ones of a batch concern nobody else" {
    handler $KINDS
    batches
    config deadLetter 'batch: {size: 100, wait: 20ms}'
    fill
    run_x 0 bruco -e -c config.yaml
    cp stderr run.err
    [[ $stderr != *restarting* ]]
    check once 'id % step == step // 2'
    equals "$(wc -l <dead.json)" $((BAD * 6))
}

@test "stop: each kind ends it with 1 and its place, and after it was mended all comes in order" {
    local places="$IN\\[[0-9]\\]@[0-9]+" stops
    BAD=$STOPS
    out_topic 1 # what goes to other partitions than the refused one is not held back by a stop
    handler $KINDS
    config stop
    fill
    for ((stops = 0; stops < STOPS * 6; stops++)); do
        run_x 1 bruco -e -c config.yaml
        (($(committed) < EVENTS))
        grep -oE "error: a record( for partition 99)? can't be delivered: .*\($places\)$" stderr >line
        cat line >>lines
        grep -oE "$places" line >>mended
    done
    equals "$(sort -u mended | wc -l)" $((STOPS * 6)) # each is another one
    equals "$(grep -c 'timestamp is not' lines)" $((STOPS * 2))
    equals "$(grep -c 'record is invalid' lines)" "$STOPS"
    equals "$(grep -c 'size too large' lines)" $((STOPS * 2)) # for the topic, for its segments
    equals "$(grep -c 'no such partition' lines)" "$STOPS"
    run_x 0 bruco -e -c config.yaml
    check 'False'
    equals "$(committed)" "$EVENTS"
}

@test "every record is refused: one after the other, and all are dead letters" {
    EVENTS=2000
    handler nokey
    sed -i 's/if rest != .*/if False:/' handler.py
    config deadLetter
    fill
    run_x 0 bruco -e -c config.yaml
    cp stderr run.err
    [[ $stderr != *restarting* ]]
    check once 'True'
    equals "$(wc -l <dead.json)" 2000
    equals "$(committed)" 2000
}

@test "a dead letter survives its own timestamp, size and missing key" {
    new_topic 1 cleanup.policy=compact min.compaction.lag.ms=9223372036854775807 max.message.bytes=1000000
    DEAD=$TOPIC
    EVENTS=2000
    BAD=5
    handler future nokey size
    config deadLetter
    fill
    run_x 0 bruco -e -c config.yaml
    dump "$DEAD" >dead.json
    equals "$(wc -l <dead.json)" 15
    python3 - "$IN" <<'PY'
import json, sys, time
for r in map(json.loads, open("dead.json")):
    h = dict(r["headers"])
    assert h["bruco-topic"] == sys.argv[1] and h["bruco-offset"].isdigit()
    if "timestamp" in h["bruco-error"]:
        assert abs(r["timestamp"] / 1000 - time.time()) < 3600, r
        assert int(h["bruco-timestamp"]) > (time.time() + 9 * 86400) * 1000
    elif "size" in h["bruco-error"]:
        assert r["value"] is None and h["bruco-without"] == "value", h
    else:
        place = "/".join(h["bruco-" + x] for x in ("topic", "partition", "offset"))
        assert h["bruco-key"] is None and r["key"] == place + "/0", r
PY
    equals "$(committed)" 2000
}

# The broker takes from a producer that is new to a partition whatever comes first. So the second
# record waits for the first one's answer, or it would be delivered when that one is refused.
@test "the first records of a producer in a partition: none is behind one that is refused" {
    requires java
    export BRUCO_KAFKA_RUN=$BATS_TEST_TMPDIR/kafka JAVA_HEAP=256m BRUCO_KAFKA_SMALL=1
    BROKERS=$("$ROOT/tests/kafka/broker" start) || return
    new_topic 1
    kafka=$(cut -d' ' -f1 <"$BRUCO_KAFKA_RUN/pid")
    printf 'processor: {onFailure: skip}\nsink: {kind: kafka, brokers: ["%s"], topic: %s, properties: {debug: "eos,msg"}}\n' \
        "$BROKERS" "$TOPIC" >config.yaml
    mkfifo records frames
    exec 7<>records 8<>frames # opening one end alone would wait for the other
    start_x sink bruco-sink -v -c config.yaml <frames 7>&- 8>&-
    in_session bruco-source -q json <records >frames 7>&- 8>&-
    source=$!
    exec 8>&-
    wait_for 30 file_has sink.err 'state change WaitPID -> Assigned'
    kill -STOP "$kafka"
    printf '%s\n' '{"key": "k", "value": "1", "timestamp": 9000000000000}' '{"key": "k", "value": "2"}' >&7
    sleep 0.5 # long enough for them to leave: if not, nothing is shown
    printf '%s\n' '{"key": "k", "value": "3"}' >&7
    sleep 0.5
    kill -CONT "$kafka"
    exec 7>&-
    wait "$source"
    wait_x sink 0
    grep "a record can't be delivered: timestamp is not .*, skipped" sink.err
    dump "$TOPIC" | grep -o '"value": "."' >got
    "$ROOT/tests/kafka/broker" stop
    equals "$(cat got)" $'"value": "2"\n"value": "3"'
}
