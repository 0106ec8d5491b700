#!/usr/bin/env bats
# The worker's last moments: close_context, and recycling by maxEvents and maxMemory.

load helpers

LIMIT=120

# processor [LINE ...]: a configuration from lines to lines with these keys in its processor, and a
# handler from standard input.
processor() {
    cat >handler.py
    printf '%s\n' 'shutdownTimeout: 10s' processor: '  handlerPath: .' "${@/#/  }" \
        'source: {kind: lines}' 'sink: {kind: lines}' >config.yaml
}

# ---- close_context

closing_handler() { # closing_handler [LINE ...]: the body of close_context
    cat <<END
import logging
def init_context(context):
    context.count = 0
def handle_event(context, data):
    context.count += 1
    if data == b"bad":
        raise ValueError("bad")
    return data
def close_context(context):
    context.logger.info("closed after %d", context.count)
$(printf '    %s\n' "$@")
END
}

@test "close_context is called once, with the context, when the input has ended" {
    closing_handler >handler.py
    run_x 0 bruco-worker --lines < <(seq 3)
    equals "$output" $'1\n2\n3'
    count_in stderr 'bruco-worker: info: closed after 3' 1
}

@test "close_context may be async" {
    closing_handler >handler.py
    cat >>handler.py <<'END'
closing = close_context
import asyncio
async def close_context(context):
    await asyncio.sleep(0.001)
    closing(context)
END
    run_x 0 bruco-worker --lines < <(seq 3)
    count_in stderr 'info: closed after 3' 1
    file_lacks stderr 'never awaited'
}

@test "what close_context raises is logged with its traceback and changes nothing else" {
    closing_handler 'raise KeyError("lost")' >handler.py
    run_x 0 bruco-worker --lines < <(seq 3)
    equals "$output" $'1\n2\n3'
    contains "$stderr" "error: close_context of 'handler' failed: KeyError: 'lost'"
    contains "$stderr" 'in close_context'
    closing_handler 'raise SystemExit(3)' >handler.py
    run_x 0 bruco-worker --lines < <(seq 3)
    contains "$stderr" "error: close_context of 'handler' failed: SystemExit: 3"
    echo 'close_context = 5
def handle_event(context, data): return data' >handler.py
    run_x 78 bruco-worker --lines < <(seq 3)
    contains "$stderr" "error: close_context in module 'handler' is not a function"
}

@test "close_context is called after a failed event too, not when init_context failed" {
    closing_handler >handler.py
    run_x 1 bruco-worker --lines < <(printf '%s\n' 1 bad 3)
    equals "$output" 1
    count_in stderr 'info: closed after 2' 1
    echo 'def init_context(context): raise ValueError("no")' >>handler.py
    run_x 70 bruco-worker --lines < <(seq 3)
    file_lacks stderr 'closed'
}

@test "a close_context that hangs is ended after shutdownTimeout; status and records stay" {
    closing_handler 'import time' 'while True: time.sleep(1)' | processor
    sed -i 's/^shutdownTimeout.*/shutdownTimeout: 300ms/' config.yaml
    run_x 0 bruco-worker --lines -c config.yaml < <(seq 3)
    equals "$output" $'1\n2\n3'
    contains "$stderr" 'warning: close_context did not end within 300ms'
    run_x 0 bruco < <(seq 3)
    equals "$output" $'1\n2\n3'
    contains "$stderr" 'bruco: info: done'
}

@test "under bruco each worker closes its context at the end and after SIGTERM" {
    closing_handler | processor 'workers: 2'
    run_x 0 bruco < <(seq 10)
    count_in stderr 'bruco-worker-[01]: info: closed after [0-9]+$' 2
    equals "$(($(sed -n 's/.*closed after //p' stderr | paste -sd+)))" 10
    mkfifo feed
    exec 7<>feed
    start_x bruco bruco <feed 7>&-
    echo 1 >&7
    wait_for 20 lines_in bruco.out 1
    stop_x bruco
    exec 7>&-
    count_in bruco.err 'bruco-worker-[01]: info: closed after [0-9]+$' 2
}

# ---- recycling

# logged FILE PATTERN COUNT: so often it was logged, with what was left out as a repetition.
logged() {
    equals "$(grep -E "$2" "$1" |
        awk 'match($0, /repeated [0-9]+ more/) { sum += substr($0, RSTART + 9); next } { sum++ } END { print sum }')" "$3"
}

@test "maxEvents: a new worker after so many events, nothing lost, nothing twice, in order" {
    closing_handler | processor 'maxEvents: 1000'
    seq 10500 >input
    run_x 0 bruco <input
    same_bytes stdout input
    count_in stderr 'bruco-worker-0: info: recycled after 1000 events' 10
    count_in stderr 'bruco-worker-0: info: closed after 1000$' 10
    count_in stderr 'bruco-worker-0: info: closed after 500$' 1
    lacks_trouble stderr
}

@test "recycling costs no restart and no pause" {
    closing_handler | processor 'maxEvents: 5'
    echo 'maxRestarts: 0' >>config.yaml
    seq 200 >input
    run_x 0 bruco <input
    same_bytes stdout input
    logged stderr 'recycled after 5 events' 40
}

@test "an event that fails counts as one event, however often it is tried" {
    closing_handler | processor 'maxEvents: 4' 'onFailure: skip' 'retry: {attempts: 3, backoff: 1ms}'
    run_x 0 bruco < <(printf '%s\n' 1 bad 3 4 5)
    equals "$output" $'1\n3\n4\n5'
    count_in stderr 'info: closed after 6$' 1
    count_in stderr 'info: closed after 1$' 1
}

@test "maxMemory: a worker that has grown makes room for a new one" {
    processor 'maxMemory: 400MiB' <<'END'
kept = []
def handle_event(context, data):
    kept.append(b"x" * (40 << 20))
    return data
END
    seq 50 >input
    run_x 0 bruco <input
    same_bytes stdout input
    contains "$stderr" 'bruco-worker-0: info: recycled after '
    grep -qE 'recycled after [0-9]+ events: it takes 4[0-9]{2}MiB' stderr
    lacks_trouble stderr
}

@test "a maxMemory that Python alone exceeds ends it at the start" {
    closing_handler | processor 'maxMemory: 1MiB'
    run_x 78 bruco < <(seq 3)
    grep -qE 'error: the worker takes [0-9]+MiB before its first event, but processor.maxMemory is 1MiB' stderr
}

@test "a worker that crashes while it closes is replaced all the same" {
    closing_handler 'import os' 'if context.count == 5: os.abort()' | processor 'maxEvents: 5'
    echo 'maxRestarts: 0' >>config.yaml
    seq 12 >input
    run_x 0 bruco <input
    same_bytes stdout input
    count_in stderr 'bruco: warning: worker 0 was killed by signal 6' 2
}

@test "maxEvents has no meaning by hand" {
    closing_handler | processor 'maxEvents: 2'
    run_x 0 bruco-worker --lines -c config.yaml < <(seq 5)
    equals "$output" "$(seq 5)"
    file_lacks stderr recycled
}

@test "recycling while it drains loses nothing" {
    closing_handler | processor 'workers: 2' 'maxEvents: 3'
    seq 5000 >input
    mkfifo feed
    exec 7<>feed
    start_x bruco bruco <feed 7>&-
    cat input >&7 &
    wait_for 20 lines_in bruco.out 20
    stop_x bruco
    kill "$!" 2>/dev/null || true
    exec 7>&-
    # A prefix of the input: what was taken came out, once.
    cmp <(sort -n bruco.out) <(head -n "$(wc -l <bruco.out)" input)
    file_lacks bruco.err 'error'
}

@test "maxEvents: a batch is cut where the worker ends" {
    processor 'batch: {size: 400, wait: 3s}' 'maxEvents: 1000' <<'END'
def handle_batch(context, events):
    context.logger.info("batch of %d", len(events))
    return [event.data for event in events]
END
    seq 2500 >input
    run_x 0 bruco <input
    same_bytes stdout input
    count_in stderr 'recycled after 1000 events' 2
    equals "$(sed -n 's/.*batch of //p' stderr | paste -sd' ')" "400 400 200 400 400 200 400 100"
    lacks_trouble stderr
}

# Events in flight, from and to Kafka: what comes out is what went in, once and in order.
flying_recycled() { # flying_recycled [LINE ...]
    cat >handler.py <<'END'
import asyncio, os, random
GROWS = "GROWS" in os.environ
kept = []
async def init_context(context):
    context.count = context.flying = 0
async def handle_event(context, data):
    context.count += 1
    context.flying += 1
    await asyncio.sleep(random.choice([0, 0, 0.0001, 0.002]))
    context.flying -= 1
    if GROWS: kept.append(b"x" * (1 << 20))
    return data
async def close_context(context):
    context.logger.info("closed after %d with %d in flight", context.count, context.flying)
END
    start_broker -t in:4 -t out:4
    printf '%s\n' 'maxRestarts: 0' processor: "${@/#/  }" \
        "source: {kind: kafka, brokers: [$BROKERS], topics: [in], offset: earliest, consumerGroup: g}" \
        "sink: {kind: kafka, brokers: [$BROKERS], topic: out}" >config.yaml
    kafka-fill -b "$BROKERS" -t in -n "$FLYING" >/dev/null
    run_x 0 bruco -e
    cp stderr bruco.err
    run_x 0 kafka-compare -b "$BROKERS" --exact in out
    lacks_trouble bruco.err
}

@test "async: maxEvents ends a worker when what is in flight is done, nothing lost, nothing twice" {
    : "${FLYING:=10100}" # no multiple of 500
    flying_recycled 'concurrency: 16' 'maxEvents: 500'
    logged bruco.err 'recycled after 500 events' $((FLYING / 500))
    logged bruco.err 'closed after 500 with 0 in flight' $((FLYING / 500))
}

@test "async: maxMemory ends a worker when what is in flight is done" {
    FLYING=3000
    export GROWS=1
    flying_recycled 'workers: 2' 'concurrency: 16' 'maxMemory: 300MiB' 'inheritEnv: [GROWS]'
    grep -qE 'recycled after [0-9]+ events: it takes [0-9]+MiB' bruco.err
    count_in bruco.err 'closed after [0-9]+ with [1-9]' 0
    (($(sed -n 's/.*closed after \([0-9]*\) .*/\1/p' bruco.err | paste -sd+) == FLYING))
}

# bats test_tags=kafka
@test "on Kafka: many recyclings, every record once and in order" {
    real_broker
    new_topic 4
    IN=$TOPIC
    new_topic 4
    OUT=$TOPIC
    closing_handler >handler.py
    cat >config.yaml <<END
processor: {workers: 2, maxEvents: 1000}
source: {kind: kafka, brokers: [$BROKERS], topics: [$IN], offset: earliest, consumerGroup: g-$IN}
sink: {kind: kafka, brokers: [$BROKERS], topic: $OUT}
END
    kafka-fill -b "$BROKERS" -t "$IN" -n "${RECORDS:=30000}" >/dev/null
    run_x 0 bruco -e
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}
