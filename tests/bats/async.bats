#!/usr/bin/env bats
# async def handle_event: events in flight, their order, and what becomes of those that fail, take
# too long, or kill the worker. RECORDS scales the runs under load.

load helpers
load pipelines

: "${RECORDS:=100000}" "${KILLS:=6}"
LIMIT=120

setup() {
    common_setup
}

@test "outputs keep the input's order, whatever the calls take" {
    cat >handler.py <<'PY'
import asyncio
async def init_context(context):
    await asyncio.sleep(0)
    context.begun = 0
async def handle_event(context, data):
    context.begun += 1
    begun = context.begun
    number = int(data)
    for _ in range(number % 7):
        await asyncio.sleep(0)
    if number % 11 == 0: await asyncio.sleep(0.01)
    if number % 5 == 0: return None
    return f"{context.event.value.decode()} {begun} {context.event.attempt}"
PY
    for concurrency in 1 7 64; do
        config "concurrency: $concurrency"
        run_x 0 bruco -c config.yaml < <(seq 3000)
        seq 3000 | awk '$1 % 5 != 0 { print $1, $1, 1 }' >expected
        same_bytes stdout expected
    done
}

@test "as many as concurrency says are in flight, and never more" {
    cat >handler.py <<'PY'
import asyncio
def init_context(context):
    context.flying = context.most = 0
async def handle_event(context, data):
    context.flying += 1
    context.most = max(context.most, context.flying)
    while context.most < 16 and int(data) <= 16: # all of them have to be there
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.001)
    context.flying -= 1
    return str(context.most)
PY
    config "concurrency: 16"
    run_x 0 bruco -c config.yaml < <(seq 500)
    equals "$(sort -u stdout)" 16
}

@test "by hand too, from a pipe and from a file" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    await asyncio.sleep(0)
    return data
PY
    config "concurrency: 8"
    seq 1000 >numbers
    run_x 0 bruco-worker --lines -c config.yaml <numbers
    same_bytes stdout numbers
    run_x 0 bruco-worker --lines -c config.yaml < <(cat numbers)
    same_bytes stdout numbers
    run_x 0 bash -c 'bruco-source lines <numbers | bruco-worker -c config.yaml | bruco-sink lines'
    same_bytes stdout numbers
    run_x 0 bruco-worker --json -m handler <<<'{"value": "x", "key": "k"}'
    contains "$output" '"key": "k", "value": "x"'
}

@test "an async generator, and what a plain function returns" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    for i in range(int(data)):
        await asyncio.sleep(0)
        yield f"{data.decode()}.{i}"
PY
    config "concurrency: 4"
    run_x 0 bruco -c config.yaml < <(printf '%s\n' 2 0 1)
    equals "$output" "2.0
2.1
1.0"
}

@test "each call has its own event and context variables; the loop's background tasks go on" {
    cat >handler.py <<'PY'
import asyncio, contextvars, logging
own = contextvars.ContextVar("own", default="clean")
ticks = 0
async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep(0.001)
async def init_context(context):
    context.ticker = asyncio.get_running_loop().create_task(tick())
async def child(context):
    await asyncio.sleep(0.002)
    return context.event.value
async def handle_event(context, data):
    before = own.get()
    own.set(bytes(data))
    async_child = asyncio.create_task(child(context))
    logging.warning("at %s", data.decode())
    seen = ticks
    while ticks == seen:
        await asyncio.sleep(0)
    value = await async_child
    assert before == "clean" and own.get() == data == value == context.event.value
    return data
PY
    config "concurrency: 8"
    run_x 0 bruco --log-format json -c config.yaml < <(seq 50)
    equals "$output" "$(seq 50)"
    for number in 1 25 50; do
        contains "$(grep "at $number\"" stderr)" "\"offset\": $((number - 1))}"
    done
}

@test "a key's events are never in flight at the same time, but with ordering none" {
    cat >handler.py <<'PY'
import asyncio
flying = set()
met = 0
async def handle_event(context, data):
    global met
    key = context.event.key
    met += key in flying
    flying.add(key)
    await asyncio.sleep(0.001)
    flying.discard(key)
    return f"{data.decode()} {met}"
PY
    seq 300 | sed 's/.*/&/; s/\(.*\)\(.\)$/k\2\t\1\2/' >events
    for ordering in partition key; do
        config "concurrency: 20" "ordering: $ordering"
        run_x 0 bash -c 'bruco-source lines -K <events | bruco-worker -c config.yaml | bruco-sink lines'
        equals "$(awk '{ print $1 }' stdout)" "$(seq 300)"
        equals "$(awk '{ print $2 }' stdout | sort -u)" 0
    done
    config "concurrency: 20" "ordering: none" # two of each key
    run_x 0 bash -c 'bruco-source lines -K <events | bruco-worker -c config.yaml | bruco-sink lines'
    equals "$(awk '{ print $1 }' stdout)" "$(seq 300)"
    equals "$(tail -n1 stdout | awk '{ print ($2 > 0) }')" 1
}

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
    contains "$stderr" "event failed: worker killed: the event ran longer than processor.timeout (in[0]@69, 1 attempts), to the dead letter"
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
    send < <(seq 5000)
    run_x 0 bruco -e -c config.yaml
    seq 5000 | awk '$1 % 500 == 100 || $1 % 500 == 200 || $1 % 500 == 201' | sort >bad
    values_of dead | sort >dead
    same_bytes dead bad
    equals "$(values_of out | sort)" "$(seq 5000 | sort | comm -23 - bad)"
    contains "$stderr" "event failed: worker killed by signal 11 (SIGSEGV)"
    contains "$stderr" "event failed: worker exited with status 0 while the event ran"
    equals "$(grep -c "event failed: .*, 2 attempts), to the dead letter" stderr)" 30
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

@test "a stop lets all that are in flight finish" {
    cat >handler.py <<'PY'
import asyncio
async def handle_event(context, data):
    with open("begun", "a") as begun: begun.write(f"{data.decode()}\n")
    await asyncio.sleep(0.5)
    return data
PY
    config "concurrency: 4"
    mkfifo numbers
    exec {open}<>numbers
    start_x bruco bruco -c config.yaml <numbers
    seq 6 >numbers
    wait_for 20 lines_in begun 4
    stop_x bruco
    exec {open}>&-
    equals "$(<bruco.out)" "$(seq 6)"
}

@test "workers killed at random under load: nothing lost, doubled or overtaken" {
    cat >handler.py <<'PY'
import asyncio, random
async def handle_event(context, data):
    if random.random() < 0.2: await asyncio.sleep(random.random() / 500)
    elif random.random() < 0.5: await asyncio.sleep(0)
    return data
PY
    start_broker -t in:4 -t out:4
    kafka_config "workers: 2" "concurrency: 64"
    echo "maxRestarts: 1000" >>config.yaml
    kafka-fill -b "$BROKERS" -t in -n "$RECORDS" >/dev/null
    start_x bruco bruco -c config.yaml # goes on at the end: kills find a worker however fast it is
    wait_for 20 file_has bruco.err "ready"
    for ((i = 1; i <= KILLS; i++)); do
        wait_for 60 bash -c "(( \$(kafka-offsets -b $BROKERS ends out | awk '{ n += \$3 } END { print n }') >= $((RECORDS * i / (2 * KILLS + 2))) ))"
        wait_for 20 kill_worker bruco
    done
    stop_x bruco
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact in out
    (($(grep -c 'killed by signal 9' bruco.err) >= KILLS))
}

# ---- on Kafka itself

# For delivery to Kafka: events that wait now and then, and two topics of 4 partitions.
on_kafka() { # on_kafka [processor line ...]
    real_broker
    new_topic 4 max.message.bytes=4194304
    IN=$TOPIC
    new_topic 4 max.message.bytes=4194304
    OUT=$TOPIC
    GROUP=g-$IN
    cat >handler.py <<'PY'
import asyncio, random
async def handle_event(context, data):
    choice = random.random()
    if choice < 0.05: await asyncio.sleep(random.random() / 200)
    elif choice < 0.5: await asyncio.sleep(0)
    return data
PY
    kafka_config "workers: 2" "$@"
    sed -i "s/topics: .in., consumerGroup: g/topics: [$IN], consumerGroup: $GROUP/; s/topic: out/topic: $OUT/" config.yaml
    echo "maxRestarts: 1000" >>config.yaml
}

# bats test_tags=kafka
@test "on Kafka: every record once and in order, with workers killed at random" {
    on_kafka "concurrency: 32"
    kafka-fill -b "$BROKERS" -t "$IN" -n "$RECORDS" --special 2000 >/dev/null
    start_x bruco bruco -c config.yaml # goes on at the end: kills find a worker however fast it is
    wait_for 20 file_has bruco.err "ready"
    for ((i = 1; i <= KILLS; i++)); do
        wait_for 60 out_at_least $((RECORDS * i / (2 * KILLS + 2)))
        wait_for 20 kill_worker bruco
    done
    stop_x bruco
    run_x 0 bruco -e -c config.yaml
    (($(grep -c 'killed by signal 9' bruco.err) >= KILLS))
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

# bats test_tags=kafka
@test "on Kafka: SIGTERM in full flow and start again: nothing lost, nothing twice" {
    on_kafka "concurrency: 32"
    stops_in_full_flow 3
}

# bats test_tags=kafka
@test "on Kafka: one event that kills its worker, among others in flight, is the dead letter" {
    on_kafka "concurrency: 32" "retry: {attempts: 3, backoff: 1ms}" "onFailure: deadLetter"
    new_topic 1
    echo "deadLetter: {kind: kafka, brokers: [\"$BROKERS\"], topic: $TOPIC}" >>config.yaml
    sed -i 's/^import/import ctypes, os,/; s/^async def.*/&\
    if data == b"777":\
        with open("attempts", "a") as file: file.write(f"{context.event.attempt}\\n")\
        await asyncio.sleep(0.01)\
        ctypes.string_at(0)/' handler.py
    seq 5000 | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN"
    run_x 0 bruco -e -c config.yaml
    cp stderr bruco.err
    run_x 0 bash -c "bruco-source -e kafka -b $BROKERS -t $TOPIC -g look-$TOPIC -o earliest | bruco-sink json"
    equals "$(wc -l <<<"$output")" 1
    contains "$output" '"value": "777"'
    contains "$output" '["bruco-attempts", "3"]'
    # A death with others in flight, of which there is at most one, is nobody's attempt.
    equals "$(uniq attempts | paste -sd,)" 1,2,3
    (($(wc -l <attempts) <= 4))
    contains "$(<bruco.err)" "3 attempts), to the dead letter"
    equals "$(values_of "$OUT" | sort -n)" "$(seq 5000 | sed 777d)"
}

# ---- tasks, and functions that are async behind something else

@test "a task factory of the handler's: timeouts cancel, concurrency and order stay" {
    cat >handler.py <<'PY'
import asyncio
def own_factory(loop, coroutine, **more):
    return asyncio.Task(coroutine, loop=loop, name=coroutine.__qualname__, **more)
async def init_context(context):
    context.running = context.most = 0
    asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory", own_factory))
async def handle_event(context, data):
    context.running += 1
    context.most = max(context.most, context.running)
    try:
        if int(data) % 50 == 0: await asyncio.sleep(1000)
        if int(data) % 3 == 0: await asyncio.create_task(asyncio.sleep(0.001))
        return f"{data.decode()}"
    finally:
        context.running -= 1
async def close_context(context):
    context.logger.info("most %d left %d", context.most, context.running)
PY
    config "concurrency: 4" "timeout: 500ms" "retry: {attempts: 1}" "onFailure: skip"
    run_x 0 bruco -c config.yaml < <(seq 200)
    equals "$output" "$(seq 200 | grep -v '[05]0$')"
    equals "$(grep -c 'handler raised bruco.Timeout' stderr)" 4
    contains "$stderr" "most 4 left 0"
    # Nobody was killed for it.
    [[ $stderr != *"worker killed"* ]]
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

@test "async def behind a decorator that is none: waited for, with concurrency, timeouts and attempts" {
    cat >handler.py <<'PY'
import asyncio, functools
def plain(function):
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper
def wrapped(function):
    return functools.wraps(function)(plain(function))
class Handler:
    def __call__(self, context, data):
        return work(context, data)
async def work(context, data):
    number = int(data)
    context.running = getattr(context, "running", 0) + 1
    context.most = max(getattr(context, "most", 0), context.running)
    try:
        await asyncio.sleep(0.005)
        if number == 7 and context.event.attempt == 1: raise ValueError("again")
        if number == 9: await asyncio.sleep(1000)
    finally:
        context.running -= 1
    return data
async def close_context(context):
    context.logger.info("most %d", context.most)
PY
    cp handler.py head.py
    local function
    for function in "plain(work)" "wrapped(work)" "Handler()" "functools.partial(plain(work))" \
        "lambda context, data: asyncio.ensure_future(work(context, data))"; do
        { cat head.py; echo "handle_event = $function"; } >handler.py
        config "concurrency: 4" "timeout: 500ms" "retry: {attempts: 2, backoff: 1ms}" "onFailure: skip"
        run_x 0 bruco -c config.yaml < <(seq 40)
        equals "$output" "$(seq 40 | sed 9d)"
        contains "$stderr" "most 4"
        contains "$stderr" "error: handler raised bruco.Timeout: no result within 500ms (stdin[0]@8, attempt 2)"
        [[ $function == lambda* || $stderr != *"no effect"* ]]
    done
    # One that decides each time; and an async generator.
    cat >handler.py <<'PY'
async def later(data):
    yield data + b" later"
    yield data + b" and more"
def handle_event(context, data):
    return later(data) if int(data) % 2 else data
PY
    config
    run_x 0 bruco -c config.yaml < <(seq 4)
    equals "$output" "1 later
1 and more
2
3 later
3 and more
4"
    run_x 0 bruco-worker -q --lines < <(seq 2)
    equals "$output" "1 later
1 and more
2"
}
