#!/usr/bin/env bats
# Full lanes on the real broker: who waits for whom, what is kept aside, and a stop meanwhile.

load helpers

LIMIT=120
IN_LANE=1000 # more than the records of a lane with a window of 64 KiB

setup() {
    common_setup
    real_broker
}

# config PARTITIONS WORKERS ORDERING [source line ...]
config() {
    new_topic "$1"
    IN=$TOPIC
    new_topic "$1"
    OUT=$TOPIC
    cat >config.yaml <<YAML
processor: {workers: $2, ordering: $3}
source:
  kind: kafka
  brokers: [$BROKERS]
  topics: [$IN]
  offset: earliest
  consumerGroup: g-$IN
  window: 64KiB
  properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 500}
$(printf '  %s\n' "${@:4}")
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT}
YAML
}

# Event 7 lasts until there is a file `go`; each event's line in the file `seen` comes first.
stuck_handler() {
    cat >handler.py <<'PY'
import os
import time

seen = os.open("seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def handle_event(context, data):
    os.write(seen, b"%d\n" % context.event.partition)
    if context.event.partition == 0 and context.event.offset == 7:
        while not os.path.exists("go"):
            time.sleep(0.01)
    time.sleep(0.0005)
    return data
PY
}

fill() { # fill COUNT [option ...]
    kafka-fill -b "$BROKERS" -t "$IN" -n "$@" >/dev/null
}

send_to() { # send_to PARTITION COUNT
    seq -f "to $1, number %.0f ...................................................." "$2" |
        bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition "$1"
}

ends() { # ends TOPIC: the sum of its partitions' ends
    kafka-offsets -b "$BROKERS" ends "$1" | awk '{ sum += $3 } END { print sum + 0 }'
}

delivered_at_least() { (($(ends "$OUT") >= $1)); }
seen_of() { if [[ -e seen ]]; then grep -c "^$1" seen; else echo 0; fi; } # seen_of PARTITION
seen_at_least() { (($(seen_of "$1") >= $2)); }
committed_is() {
    equals "$(kafka-offsets -b "$BROKERS" group "g-$IN" "$IN" | awk '{ sum += $2 } END { print sum }')" "$1"
}

all_once() { # all_once ORDER
    run_x 0 kafka-compare -b "$BROKERS" --exact --order "$1" "$IN" "$OUT"
}

@test "a saturated lane does not hold up its neighbour" {
    config 2 2 partition
    cat >handler.py <<'PY'
import os
import time

seen = os.open("seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def handle_event(context, data):
    os.write(seen, b"%d\n" % context.event.partition)
    if context.event.partition == 0 and os.path.exists("slow"):
        time.sleep(0.002)
    return data
PY
    touch slow
    send_to 0 30000
    start_x run bruco -c config.yaml
    wait_for 60 seen_at_least 0 1000
    send_to 1 2000 # in the client these are behind what was prefetched of partition 0
    wait_for 60 seen_at_least 1 2000
    (($(seen_of 0) < 25000))
    rm slow
    wait_for 60 delivered_at_least 32000
    stop_x run
    all_once partition
}

@test "ordering none: while one event lasts, all but what its lane has is done by others" {
    config 1 4 none
    stuck_handler
    fill 20000
    start_x run bruco -c config.yaml
    wait_for 60 delivered_at_least $((20000 - IN_LANE))
    touch go
    wait_for 60 delivered_at_least 20000
    stop_x run
    run_x 0 kafka-compare -b "$BROKERS" --exact --order none "$IN" "$OUT"
}

@test "ordering key: while one event lasts, only the keys of its lane wait" {
    config 1 4 key
    stuck_handler
    fill 20000 -k 200
    start_x run bruco -c config.yaml
    wait_for 60 delivered_at_least 12000
    touch go
    wait_for 60 delivered_at_least 20000
    stop_x run
    all_once key
}

@test "ordering key: what waits behind others' deliveries is done before a stop; nothing twice" {
    config 1 4 key
    stuck_handler
    fill 20000 -k 200
    start_x run bruco -c config.yaml
    wait_for 60 delivered_at_least 12000
    kill_x run TERM
    wait_for 10 file_has run.err 'bruco-source: info: draining: [0-9]+ records under way'
    touch go
    wait_x run 0
    committed_is "$(ends "$OUT")"
    run_x 0 bruco -e -c config.yaml
    committed_is 20000
    all_once key
}

@test "what waits is bounded, and all of it is delivered in the end" {
    config 1 2 key 'prefetch: 8MiB'
    stuck_handler
    fill 20000 -k 2
    start_x run bruco -v -c config.yaml
    wait_for 60 file_has run.err 'paused .*, [0-9]+ records in its backlog'
    (($(grep -oE '[0-9]+ records in its backlog' run.err | sort -n | tail -n 1 | cut -d' ' -f1) < 4000))
    touch go
    wait_for 60 delivered_at_least 20000
    stop_x run
    all_once key
}

# under_way: the records that the last stop found under way.
under_way() {
    grep -oE 'draining: [0-9]+ records? under way$' run.err | tail -n 1 | grep -oE '[0-9]+'
}

# slow_handler SECONDS: what an event takes; each event's line in the file `seen` comes first.
slow_handler() {
    cat >handler.py <<PY
import os
import time

seen = os.open("seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def handle_event(context, data):
    os.write(seen, b"%d\\n" % context.event.partition)
    time.sleep($1)
    return data
PY
}

@test "a lane gets a second's work: a stop finds no more under way, whatever an event takes" {
    config 1 1 partition "window: 4MiB"
    sed -i '/window: 64KiB/d' config.yaml
    fill 20000
    slow_handler 0.03
    start_x run bruco -c config.yaml
    wait_for 30 seen_at_least 0 80
    stop_x run
    (($(under_way) >= 2 && $(under_way) <= 60))
    slow_handler 0.0005
    for seen in 3000 6000 9000; do # on a busy machine a stop may find the source waiting for Kafka
        start_x run bruco -c config.yaml
        wait_for 30 seen_at_least 0 "$seen"
        stop_x run
        (($(under_way) <= 60)) || break
    done
    (($(under_way) > 60)) # more work for a faster handler
    slow_handler 0.03
    sed -i 's/window: 4MiB/window: 4MiB\n  windowTime: 0s/' config.yaml
    rm seen
    start_x run bruco -c config.yaml
    wait_for 30 seen_at_least 0 50
    kill_x run TERM
    wait_for 10 file_has run.err 'draining: [0-9]+ records under way, for about [0-9]+ s more'
    (($(under_way) > 2000)) # without it, as much as there are bytes for
    kill_x run TERM
    wait_x run 143
}

@test "a batch, and events in flight, get what they need however slow they are" {
    config 1 1 partition
    sed -i 's/processor: {/processor: {concurrency: 40, batch: {size: 300, wait: 20ms}, /' config.yaml
    cat >handler.py <<'PY'
import os
import time

seen = os.open("seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def handle_batch(context, events):
    os.write(seen, b"0 %d\n" % len(events))
    time.sleep(1)
    return [event.body for event in events]
PY
    fill 2000
    start_x run bruco -c config.yaml
    wait_for 60 file_has seen '^0 300$'
    stop_x run
    cat >handler.py <<'PY'
import asyncio
import os

seen = os.open("seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
now = 0

async def handle_event(context, data):
    global now
    now += 1
    os.write(seen, b"1 %d\n" % now)
    await asyncio.sleep(1)
    now -= 1
    return data
PY
    start_x run bruco -c config.yaml
    wait_for 60 file_has seen '^1 40$'
    stop_x run
}

# librdkafka 2.2.0 to 2.13.1 counts the end of a partition, if it comes in a batch, as a record.
@test "partitions that reach their end again and again are paused and resumed, and nothing is missed" {
    config 4 2 partition 'prefetch: 4MiB'
    slow_handler 0.002
    start_x run bruco -v -c config.yaml
    for ((i = 0; i < 25; i++)); do
        fill 300 # as much as takes both workers 0.3 s
        sleep 0.2
    done
    fill 6000
    wait_for 60 file_has run.err 'paused .*, [0-9]+ records in its backlog'
    wait_for 60 file_has run.err 'resumed .*, [0-9]+ records in its backlog'
    for ((i = 0; i < 5; i++)); do
        fill 300
        sleep 0.2
    done
    wait_for 60 delivered_at_least 15000
    stop_x run
    committed_is 15000
    all_once partition
}
