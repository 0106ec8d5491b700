#!/usr/bin/env bats
# async def handle_event: what becomes of events that fail, take too long, kill the worker or are still in
# flight at its end.

load helpers
load pipelines

LIMIT=120

@test "a key's events wait for the one that is tried again" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    event = context.event
    with open("begun", "a") as begun:
        begun.write(f"{event.key.decode()} {data.decode()} {event.attempt}\n")
    await asyncio.sleep(0)
    if int(data) <= 2 and event.attempt < 3: raise ValueError(f"no {data}")
    return data
PY
    seq 9 | awk '{ print "k" $1 % 3 "\t" $1 }' >events
    config "concurrency: 8" "ordering: key" "retry: {attempts: 3, backoff: 50ms}"
    run_x 0 bash -c 'bruco-source lines -K <events | bruco-worker -c config.yaml | bruco-sink lines'
    equals "$output" "$(seq 9)"
    equals "$(grep ^k0 begun)" "$(printf 'k0 %s\n' '3 1' '6 1' '9 1')"
    equals "$(grep ^k1 begun)" "$(printf 'k1 %s\n' '1 1' '1 2' '1 3' '4 1' '7 1')"
    equals "$(grep ^k2 begun)" "$(printf 'k2 %s\n' '2 1' '2 2' '2 3' '5 1' '8 1')"
}

@test "an attempt after a pause does not hold up the others; skip" {
    cat >handler.py <<'PY'
import asyncio, time
first = {}
async def handle_event(context, data):
    await asyncio.sleep(0)
    number = int(data)
    if number % 10 == 0:
        first.setdefault(number, time.monotonic())
        if context.event.attempt < 3 or number == 50: raise ValueError(f"no {number}")
        assert time.monotonic() - min(first.values()) < 3, "one pause after the other"
    return f"{number} {context.event.attempt}"
PY
    config "concurrency: 32" "onFailure: skip" "retry: {attempts: 3, backoff: 500ms}"
    run_x 0 bruco -c config.yaml < <(seq 100)
    equals "$output" "$(seq 100 | awk '$1 != 50 { print $1, $1 % 10 ? 1 : 3 }')"
    contains "$stderr" "warning: handler raised ValueError: no 10 (stdin[0]@9, attempt 1, retrying in "
    contains "$stderr" "error: handler raised ValueError: no 50 (stdin[0]@49, attempt 3)"
    contains "$stderr" "event failed: ValueError: no 50 (stdin[0]@49, 3 attempts), skipped"
}

@test "onFailure stop: what came before it leaves, nothing behind it does" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    number = int(data)
    await asyncio.sleep(0.05 if number < 20 else 0)
    if number == 20: raise ValueError("no")
    return data
PY
    config "concurrency: 64" "retry: {attempts: 1}"
    run_x 1 bruco -c config.yaml < <(seq 100)
    equals "$output" "$(seq 19)"
}

@test "what is still in flight at the end is cancelled, and close_context may await" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    number = int(data)
    if number == 5:
        await asyncio.sleep(0.05)
        raise ValueError("no")
    try: await asyncio.sleep(0.01 if number < 5 else 1000)
    except asyncio.CancelledError:
        context.logger.info("cancelled")
        if number == 7: return b"late"
        raise
    return data
async def close_context(context):
    await asyncio.sleep(0.1)
    context.logger.info("closed")
PY
    config "concurrency: 10" "retry: {attempts: 1}"
    run_x 1 bruco -c config.yaml < <(seq 10)
    equals "$output" "$(seq 4)"
    contains "$stderr" "info: closed"
    equals "$(grep -c "info: cancelled" stderr)" 5
}

@test "timeout: the event that waits is told, its neighbours go on" {
    cat >handler.py <<'PY'
import asyncio, bruco
told = []
async def handle_event(context, data):
    number = int(data)
    try:
        if number == 9: # its second attempt has time left when the others' is up
            if context.event.attempt == 1: raise ValueError("later")
            while not told: await asyncio.sleep(0.001)
        if number == 5: await asyncio.sleep(1000)
        if number == 6: await asyncio.gather(asyncio.sleep(1000))
        if number == 7: await asyncio.wait_for(asyncio.sleep(1000), 0.001)
        if number == 8: await asyncio.Event().wait()
    except asyncio.TimeoutError:
        return "own"
    except bruco.Timeout as timeout:
        told.append(number)
        if number == 8: return "caught"
        raise
    await asyncio.sleep(0.001)
    return data
PY
    config "concurrency: 8" "timeout: 500ms" "retry: {attempts: 2, backoff: 300ms}" "onFailure: skip"
    run_x 0 bruco -c config.yaml < <(seq 200)
    equals "$output" "$(seq 200 | sed '5,6d' | sed 's/^7$/own/; s/^8$/caught/')"
    contains "$stderr" "error: handler raised bruco.Timeout: no result within 500ms (stdin[0]@4, attempt 2)"
    contains "$stderr" "error: handler raised bruco.Timeout: no result within 500ms (stdin[0]@5, attempt 2)"
}

@test "timeout: an event that blocks the event loop, and one that does not listen" {
    cat >handler.py <<'PY'
import asyncio, bruco, time
async def handle_event(context, data):
    number = int(data)
    await asyncio.sleep(0)
    if number == 50:
        while True: pass
    if number == 60: time.sleep(1000)
    while number == 70:
        try: await asyncio.sleep(1000)
        except BaseException: pass
    return data
PY
    start_broker -t in:1 -t out:1 -t dead
    kafka_config "concurrency: 8" "timeout: 500ms" "retry: {attempts: 1}" "onFailure: deadLetter"
    dead_letter
    send < <(seq 200)
    run_x 0 bruco -e -c config.yaml
    equals "$(values_of out)" "$(seq 200 | sed '50d;60d;70d')"
    equals "$(values_of dead | sort)" "50
60
70"
    contains "$stderr" "handler raised bruco.Timeout: no result within 500ms (in[0]@49, attempt 1)"
    contains "$stderr" "handler raised bruco.Timeout: no result within 500ms (in[0]@59, attempt 1)"
    contains "$stderr" "event failed: worker killed: the event ran longer than processor.timeout (in[0]@69, 1 attempt), to the dead letter"
}

@test "a culprit among many that kills the worker: it alone is a dead letter, nothing lost or doubled" {
    cat >handler.py <<'PY'
import asyncio, ctypes, os, signal
async def handle_event(context, data):
    number = int(data)
    await asyncio.sleep(0.001 * (number % 4))
    if number % 500 == 100: ctypes.string_at(0)
    if number % 500 == 200: os._exit(0)
    if number % 500 == 201: os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(0)
    return data
PY
    start_broker -t in:3 -t out -t dead
    kafka_config "workers: 2" "concurrency: 32" "retry: {attempts: 2, backoff: 1ms}" "onFailure: deadLetter"
    dead_letter
    send < <(seq 2000)
    run_x 0 bruco -e -c config.yaml
    seq 2000 | awk '$1 % 500 == 100 || $1 % 500 == 200 || $1 % 500 == 201' | sort >bad
    values_of dead | sort >dead
    same_bytes dead bad
    equals "$(values_of out | sort)" "$(seq 2000 | sort | comm -23 - bad)"
    contains "$stderr" "event failed: worker killed by signal 11 (SIGSEGV)"
    contains "$stderr" "event failed: worker exited with status 0 while the event ran"
    equals "$(grep -c "event failed: .*, 2 attempts), to the dead letter" stderr)" 12
}

@test "an event that kills the worker while nothing else is in flight has used an attempt" {
    cat >handler.py <<'PY'
import asyncio, os
async def handle_event(context, data):
    if data == b"7":
        await asyncio.sleep(0)
        with open("attempts", "a") as file: file.write(f"{context.event.attempt}\n")
        if context.event.attempt == 2: raise ValueError("no")
        os._exit(3)
    return data
PY
    start_broker -t in:1 -t out:1 -t dead:1
    kafka_config "concurrency: 1" "retry: {attempts: 3, backoff: 1ms}" "onFailure: deadLetter"
    dead_letter
    send < <(seq 20)
    run_x 0 bruco -e -c config.yaml
    equals "$(paste -sd, attempts)" 1,2,3
    contains "$stderr" "3 attempts), to the dead letter"
    equals "$(values_of out)" "$(seq 20 | sed 7d)"
    run_x 0 bash -c "bruco-source -e kafka -b $BROKERS -t dead -g look -o earliest | bruco-sink json"
    equals "$(wc -l <<<"$output")" 1
    contains "$output" '"value": "7"'
    contains "$output" '["bruco-attempts", "3"]'
}

@test "a stop leaves what waits for another attempt, and what is behind it" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    await asyncio.sleep(0.3)
    if data == b"9": raise ValueError("later")
    return data
PY
    start_broker -t in:1 -t out:1
    kafka_config "concurrency: 4" "retry: {attempts: 3, backoff: 1h, maxBackoff: 1h}"
    send < <(seq 20)
    start_x bruco bruco -c config.yaml
    wait_for 20 file_has bruco.err "attempt 1, retrying in"
    stop_x bruco
    contains "$(<bruco.err)" "stopping: record 9 is not tried again here"
    equals "$(values_of out)" "$(seq 8)"
    sed -i 's/data == b"9"/False/' handler.py
    run_x 0 bruco -e -c config.yaml
    equals "$(values_of out)" "$(seq 20)"
}

@test "what is left under way at the end may clean up, and gives nothing any more" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    if data == b"3":
        await asyncio.sleep(0.2)
        raise ValueError("bad")
    try:
        await asyncio.sleep(0 if data < b"3" else 600)
    except asyncio.CancelledError:
        open("cleaned", "a").write(data.decode() + "\n")
        await asyncio.sleep(0)
        if data == b"5": raise ValueError("in vain")
    return data
PY
    start_broker -t in:1 -t out:1
    kafka_config "concurrency: 8" "retry: {attempts: 1}"
    send < <(seq 6)
    run_x 1 bruco -e -c config.yaml
    contains "$stderr" "ValueError: bad (in[0]@2, attempt 1)"
    contains "$stderr" "ValueError: in vain"
    equals "$(values_of out)" "$(seq 2)"
    equals "$(sort cleaned)" "$(seq 4 6)"
}

@test "a cancellation that an event leaves behind hits no other event" {
    cat >handler.py <<'PY'
import asyncio
kept = []
async def handle_event(context, data):
    number = int(data)
    loop = asyncio.get_running_loop()
    if number % 5 == 1:
        asyncio.current_task().cancel()  # at its next wait, which does not come
    elif number % 5 == 2:
        loop.call_later(0.002, asyncio.current_task().cancel)  # when it is long over
    elif number % 5 == 3:
        kept.append(asyncio.current_task())
    elif number % 5 == 4:
        await asyncio.sleep(0.005)
        while kept: kept.pop().cancel()
        await asyncio.sleep(0.005)
    elif number == 500:
        asyncio.current_task().cancel()
        await asyncio.sleep(0)  # its own hits itself
    return data
PY
    local concurrency
    for concurrency in 1 3; do
        config "concurrency: $concurrency" "retry: {attempts: 1}" "onFailure: skip"
        run_x 0 bruco -c config.yaml < <(seq 500)
        equals "$output" "$(seq 499)"
        equals "$(grep -c 'handler raised' stderr)" 1
        contains "$stderr" "handler raised asyncio.exceptions.CancelledError (stdin[0]@499, attempt 1)"
    done
}
