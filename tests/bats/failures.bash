# For tests of events that fail, on Kafka itself, with topics $IN, $OUT and $DEAD; after helpers and
# pipelines.

setup() {
    common_setup
    kafka_topics 4
    new_topic 2
    DEAD=$TOPIC
}

# The handler notes each call for a bad event in the file `calls`. A bad event's value says what it
# does: "bad WHAT NUMBER".
handler() {
    cat >handler.py <<'PY'
import ctypes, os, resource, time
calls = os.open("calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def init_context(context):
    soft = 400 << 20
    if "ASAN_OPTIONS" not in os.environ: # the sanitizer's own memory is much more
        resource.setrlimit(resource.RLIMIT_DATA, (soft, resource.RLIM_INFINITY))

def handle_event(context, data):
    if data.startswith(b"bad "):
        os.write(calls, data + b"\n")
        globals()[data.split()[1].decode()](bytes(data))
    return data

def unwell(data): raise ValueError("bad id")
def segfault(data): ctypes.string_at(0)
def exit(data): os._exit(0)
def loop(data):
    while True: pass
def hang(data): # waits for itself in C, with the interpreter's lock: no exception gets in
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2): ctypes.PyDLL(None).pthread_mutex_lock(mutex)
def hog(data): bytearray(1 << 40)
def die(data): os.kill(os.getpid(), 9)
def stubborn(data): # its first attempt dies, the second waits for what comes, and so on
    if open("calls", "rb").read().splitlines().count(data) == 2: time.sleep(1000)
    os.kill(os.getpid(), 9)
PY
}

# config WORKERS ON_FAILURE [processor line ...]
config() {
    cat >config.yaml <<YAML
processor:
  workers: $1
  onFailure: $2
$(printf '  %s\n' "${@:3}")
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [$IN]
  offset: earliest
  consumerGroup: $GROUP
  properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 500}
sink:
  kind: kafka
  brokers: [$BROKERS]
  topic: $OUT
YAML
    [[ $2 != deadLetter ]] || cat >>config.yaml <<YAML
deadLetter:
  kind: kafka
  brokers: [$BROKERS]
  topic: $DEAD
YAML
}

# good COUNT [FIRST]: events that are well, "key-N TAB N".
good() {
    seq "${2:-1}" $((${2:-1} + $1 - 1)) | sed 's/.*/key-&\t&/'
}

# bad WHAT COUNT
bad() {
    seq "$2" | sed "s/.*/bad-$1-&\tbad $1 &/"
}

send() { # key TAB value on standard input, to IN or the topic given
    bruco-source -q lines -K | bruco-sink -q kafka -b "$BROKERS" -t "${1:-$IN}" "${@:2}"
}

# The records of a topic as JSON, sorted.
topic() {
    bruco-source -q -e kafka -b "$BROKERS" -t "$1" -g "look-$RANDOM$RANDOM" -o earliest |
        bruco-sink -q json | sort
}

# fields FILTER: a line a record of JSON on standard input; FILTER is a Python expression of `r`, the
# record, and `h`, its headers.
fields() {
    /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line); h = dict(r["headers"])
    print(eval(sys.argv[1]))' "$1"
}

keys_of() {
    topic "$1" | fields 'r["key"]' | sort
}

calls_of() { # calls_of WHAT NUMBER
    grep -cx "bad $1 $2" calls
}

# All good events are delivered once, and each key in order.
good_delivered() { # good_delivered COUNT
    topic "$OUT" >out.json
    fields 'r["key"]' <out.json | sort | uniq -d >twice
    equals "$(cat twice)" ""
    equals "$(fields 'r["key"]' <out.json | grep -c '^key-')" "$1"
    equals "$(grep -c '"key": "bad-' out.json)" "${2:-0}"
}
