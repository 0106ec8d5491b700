#!/usr/bin/env bats
# async def handle_event: events in flight, their order, and delivery under load. RECORDS scales the
# runs under load.

load helpers
load pipelines

: "${RECORDS:=100000}" "${KILLS:=6}"
LIMIT=120

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
    IN=in OUT=out kills_in_full_flow "$KILLS"
}

# ---- on Kafka itself

# For delivery to Kafka: events that wait now and then, and two topics of 4 partitions.
waiting_on_kafka() { # waiting_on_kafka [processor line ...]
    on_kafka "$@" <<'PY'
import asyncio, random
async def handle_event(context, data):
    choice = random.random()
    if choice < 0.05: await asyncio.sleep(random.random() / 200)
    elif choice < 0.5: await asyncio.sleep(0)
    return data
PY
}

# bats test_tags=kafka
@test "on Kafka: every record once and in order, with workers killed at random" {
    waiting_on_kafka "concurrency: 32"
    kills_in_full_flow "$KILLS" --special 2000
}

# bats test_tags=kafka
@test "on Kafka: SIGTERM in full flow and start again: nothing lost, nothing twice" {
    waiting_on_kafka "concurrency: 32"
    stops_in_full_flow 3
}

# bats test_tags=kafka
@test "on Kafka: one event that kills its worker, among others in flight, is the dead letter" {
    waiting_on_kafka "concurrency: 32" "retry: {attempts: 3, backoff: 1ms}" "onFailure: deadLetter"
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
