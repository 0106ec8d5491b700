#!/usr/bin/env bats
# handle_batch: batches of the right size, a result for each event, failures that hit the culprit
# alone, and one end mark for all. RECORDS scales the run under load.

load helpers
load pipelines

: "${RECORDS:=100000}" "${KILLS:=6}"
LIMIT=60

setup() {
    common_setup
}

@test "batches of size, and what is left at the end; outputs in order, filtered ones left out" {
    cat >handler.py <<'PY'
def handle_batch(context, events):
    assert context.event is None
    with open("sizes", "a") as sizes: sizes.write(f"{len(events)}\n")
    return [None if e.offset is not None and e.offset % 3 == 0 else e.data.upper() for e in events]
PY
    config "batch: {size: 100, wait: 1s}"
    seq 1050 | sed 's/.*/n&/' >events
    run_x 0 bruco -c config.yaml <events
    equals "$output" "$(awk 'NR % 3 != 1 { print toupper($0) }' events)"
    equals "$(sort -n sizes | uniq -c | awk '{ print $1 "x" $2 }' | paste -sd' ')" "1x50 10x100"
    rm sizes
    run_x 0 bruco-worker --lines -c config.yaml <events
    equals "$output" "$(awk '{ print toupper($0) }' events)"
    run_x 0 bash -c 'bruco-source lines <events | bruco-worker -c config.yaml | bruco-sink lines'
    equals "$output" "$(awk 'NR % 3 != 1 { print toupper($0) }' events)"
}

@test "a batch that does not fill waits no longer than wait, and not for ever" {
    cat >handler.py <<'PY'
def handle_batch(context, events):
    return [f"{e.data.decode()} of {len(events)}" for e in events]
PY
    config "batch: {size: 1000, wait: 200ms}"
    mkfifo numbers
    exec {open}<>numbers
    start_x bruco bruco -c config.yaml <numbers
    printf '%s\n' a b c >numbers
    wait_for 20 lines_in bruco.out 3
    echo d >numbers
    wait_for 20 lines_in bruco.out 4
    exec {open}>&-
    stop_x bruco
    equals "$(<bruco.out)" "a of 3
b of 3
c of 3
d of 1"
}

@test "results: none at all, generators, another length, no list" {
    cat >handler.py <<'PY'
def parts(event):
    for part in event.data.split(): yield part
def handle_batch(context, events):
    if len(events) == 1: return [events[0].data]
    what = events[0].data
    if what == b"none": return None
    if what == b"lazy": return (parts(e) for e in events)
    if what == b"short": return [b"x"]
    if what == b"text": return "no"
PY
    config "batch: {size: 3, wait: 1m}" "retry: {attempts: 1}"
    run_x 0 bruco -c config.yaml < <(printf '%s\n' none 2 3 lazy "e f" "" short 8 9 text 11 12)
    equals "$output" "lazy
e
f
short
8
9
text
11
12"
    contains "$stderr" "warning: cannot use what the handler returned: ValueError: handle_batch returned 1 results for 3 events (a batch of 3 events, which run one at a time now)"
    contains "$stderr" "TypeError: handle_batch returned a str, not a list of results (a batch"
}

@test "an exception runs the events alone: only the culprit uses up its attempts" {
    cat >handler.py <<'PY'
def handle_batch(context, events):
    for event in events:
        with open("calls", "a") as calls: calls.write(f"{event.data.decode()} {event.attempt} {len(events)}\n")
        if event.data == b"42": raise ValueError("no")
    return [e.data for e in events]
PY
    start_broker -t in:1 -t out:1 -t dead:1
    kafka_config "batch: {size: 50, wait: 1s}" "retry: {attempts: 3, backoff: 1ms}" "onFailure: deadLetter"
    dead_letter
    send < <(seq 200)
    run_x 0 bruco -e -c config.yaml
    equals "$(values_of out)" "$(seq 200 | sed 42d)"
    equals "$(values_of dead)" 42
    equals "$(grep '^42 ' calls | paste -sd,)" "42 1 50,42 1 1,42 2 1,42 3 1"
    equals "$(grep '^43 ' calls | paste -sd,)" "43 1 1"
    equals "$(grep -c '^60 ' calls)" 1
    contains "$stderr" "error: handler raised ValueError: no (in[0]@41, attempt 3)"
}

@test "bruco.Failed, an exception, or a result that can't be encoded fails its event alone" {
    cat >handler.py <<'PY'
import bruco
def parts():
    yield "a part"
    raise KeyError("eleven")
def one(event):
    number = int(event.data)
    if number == 3: return bruco.Failed(ValueError("three"))
    if number == 5: return KeyError("five")
    if number == 7: return object()
    if number == 9 and event.attempt < 2: return bruco.Failed(OSError("once"))
    if number == 11: return parts()
    return event.data
def handle_batch(context, events):
    return [one(e) for e in events]
PY
    config "batch: {size: 10, wait: 1m}" "retry: {attempts: 2, backoff: 1ms}" "onFailure: skip"
    run_x 0 bruco -c config.yaml < <(seq 20)
    equals "$output" "$(seq 20 | sed '3d;5d;7d;11d')"
    contains "$stderr" "handler gave ValueError: three (stdin[0]@2, attempt 2)"
    contains "$stderr" "handler gave KeyError: 'five' (stdin[0]@4, attempt 2)"
    contains "$stderr" "cannot use what the handler returned: TypeError: "
    contains "$stderr" "handler gave OSError: once (stdin[0]@8, attempt 1, retrying in "
    contains "$stderr" "handler raised KeyError: 'eleven' (stdin[0]@10, attempt 2)"
    equals "$(grep -c 'skipped$' stderr)" 4
    config "batch: {size: 10, wait: 1m}" "retry: {attempts: 1}" # onFailure: stop
    run_x 1 bruco -c config.yaml < <(seq 20)
    equals "$output" "1
2"
}

@test "a batch that takes too long; one that blocks for ever" {
    cat >handler.py <<'PY'
import time
def handle_batch(context, events):
    if any(e.data == b"5" for e in events): time.sleep(1000)
    return [e.data for e in events]
PY
    config "batch: {size: 10, wait: 1m}" "retry: {attempts: 1}" "timeout: 300ms" "onFailure: skip"
    run_x 0 bruco -c config.yaml < <(seq 20)
    equals "$output" "$(seq 20 | sed 5d)"
    contains "$stderr" "handler raised bruco.Timeout: no result within 300ms (a batch of 10 events"
    contains "$stderr" "handler raised bruco.Timeout: no result within 300ms (stdin[0]@4, attempt 1)"
}

@test "async def handle_batch, with a timeout; background tasks go on between batches" {
    cat >handler.py <<'PY'
import asyncio
async def tick(context):
    while True:
        context.ticks += 1
        await asyncio.sleep(0.001)
async def init_context(context):
    context.ticks = 0
    context.ticker = asyncio.get_running_loop().create_task(tick(context))
async def one(event):
    await asyncio.sleep(1000 if event.data == b"5" else 0)
    return event.data
async def handle_batch(context, events):
    if events[0].data == b"ticks": return [str(context.ticks > 5)]
    return await asyncio.gather(*(one(e) for e in events))
PY
    config "batch: {size: 10, wait: 100ms}" "retry: {attempts: 1}" "timeout: 300ms" "onFailure: skip"
    mkfifo numbers
    exec {open}<>numbers
    start_x bruco bruco -c config.yaml <numbers
    seq 20 >numbers
    wait_for 20 lines_in bruco.out 19
    echo ticks >numbers
    wait_for 20 lines_in bruco.out 20
    exec {open}>&-
    stop_x bruco
    equals "$(<bruco.out)" "$(seq 20 | sed 5d)
True"
    contains "$(<bruco.err)" "handler raised bruco.Timeout: no result within 300ms (stdin[0]@4, attempt 1)"
}

@test "a culprit that kills the worker: it alone is a dead letter, nothing lost or doubled" {
    cat >handler.py <<'PY'
import ctypes, os
def handle_batch(context, events):
    for event in events:
        number = int(event.data)
        if number % 1000 == 100: ctypes.string_at(0)
        if number % 1000 == 150: os._exit(3)
    return [e.data for e in events]
PY
    start_broker -t in:3 -t out -t dead
    kafka_config "workers: 2" "batch: {size: 40}" "retry: {attempts: 2}" "onFailure: deadLetter"
    dead_letter
    send < <(seq 4000)
    run_x 0 bruco -e -c config.yaml
    seq 4000 | awk '$1 % 1000 == 100 || $1 % 1000 == 150' | sort >bad
    values_of dead | sort >dead
    same_bytes dead bad
    equals "$(values_of out | sort)" "$(seq 4000 | sort | comm -23 - bad)"
    equals "$(grep -c "event failed: .*, 2 attempts), to the dead letter" stderr)" 8
}

@test "workers killed at random under load: nothing lost, doubled or overtaken" {
    cat >handler.py <<'PY'
import time
def handle_batch(context, events):
    time.sleep(0.01)
    return [e.data for e in events]
PY
    start_broker -t in:4 -t out:4
    kafka_config "workers: 2" "batch: {size: 100, wait: 5ms}"
    echo "maxRestarts: 1000" >>config.yaml
    IN=in OUT=out kills_in_full_flow "$KILLS"
}

@test "a stop does not wait for a batch to fill" {
    cat >handler.py <<'PY'
def handle_batch(context, events):
    return [e.data for e in events]
PY
    config "batch: {size: 10, wait: 1m}"
    for kind in "" async; do
        sed -i "s/^.*def/$kind def/; s/^ //" handler.py
        rm -f numbers
        mkfifo numbers
        exec {open}<>numbers
        start_x bruco bruco -v -c config.yaml <numbers
        seq 13 >numbers
        wait_for 20 lines_in bruco.out 10
        stop_x bruco 0 20
        exec {open}>&-
        equals "$(<bruco.out)" "$(seq 13)"
    done
}

@test "both functions, or none" {
    config "workers: 1"
    printf 'def handle_batch(context, events): pass\ndef handle_event(context, data): pass\n' >handler.py
    run_x 78 bruco -c config.yaml
    contains "$stderr" "error: both handle_event and handle_batch in module 'handler'"
    printf 'handle_batch = 5\n' >handler.py
    run_x 78 bruco -c config.yaml
    contains "$stderr" "error: handle_batch in module 'handler' is not a function"
    printf 'def handle_batch(context, events): return [e.data for e in events]\n' >handler.py
    config "concurrency: 4"
    run_x 0 bruco -c config.yaml </dev/null
    contains "$stderr" "warning: processor.concurrency is 4, but there is no async def handle_event: it has no effect"
}

# ---- on Kafka itself

batches_on_kafka() {
    on_kafka "batch: {size: 500, wait: 5ms}" <<'PY'
import time
def handle_batch(context, events):
    time.sleep(0.005)
    return [e.data for e in events]
PY
}

# bats test_tags=kafka
@test "on Kafka: every record once and in order, with workers killed at random" {
    batches_on_kafka
    kills_in_full_flow "$KILLS" --special 2000
}

# bats test_tags=kafka
@test "on Kafka: SIGTERM in full flow and start again: nothing lost, nothing twice" {
    batches_on_kafka
    stops_in_full_flow 3
}
