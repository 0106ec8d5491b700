#!/usr/bin/env bats
# bruco stack: what the Python code of running workers is doing.
# bats file_tags=driver
load helpers
load driver

# hang [WORKERS]: the project runs, and each worker has begun an event that does not end.
hang() {
    local workers=${1:-1}
    start_bruco
    feed $(seq "$workers")
    wait_for 10 begun "$workers"
}

begun() {
    [[ $(bruco status --json app 2>/dev/null | grep -cE '"run": "(running|together)"') == "$1" ]]
}

# The handler does not end, so the first signal does not end the driver.
end_hanging() {
    insist TERM
    wait_x bruco 143
}

@test "a handler that sleeps: every thread of every worker, what runs and for how long" {
    project 2 <<'END'
import threading, time

def helper():
    threading.Event().wait()

def inner():
    time.sleep(1000)

def init_context(context):
    threading.Thread(target=helper, daemon=True).start()

def handle_event(context, data):
    inner()
END
    hang 2
    run_x 0 bruco stack -c app
    equals "$(grep -cE '^worker-[01] \(process [0-9]+\): running event 1 for [0-9.]+ s$' stdout)" 2
    count_in stdout 'handler.py", line 7 in inner$' 2
    count_in stdout 'handler.py", line 13 in handle_event$' 2
    count_in stdout 'handler.py", line 4 in helper$' 2
    equals "$(grep -o '^worker-[01]' stdout | tr '\n' ' ')" "worker-0 worker-1 "
    run_x 0 bruco stack -c app worker-1
    count_in stdout '^worker-1 ' 1
    file_lacks stdout '^worker-0 '
    contains "$output" "process $(stages bruco-worker | tail -1)"
    file_lacks bruco.err 'worker 0|worker 1|restart'
    end_hanging
}

@test "a handler that hangs in C and holds the GIL" {
    project <<'END'
def handle_event(context, data):
    return str(sum(range(10**12)))
END
    hang
    run_x 0 bruco stack -c app
    contains "$output" 'handler.py", line 2 in handle_event'
    end_hanging
}

@test "async tasks: the event of each, and what it awaits through all its coroutines" {
    project <<'END'
import asyncio

async def background():
    await asyncio.Event().wait()

async def init_context(context):
    context.task = asyncio.create_task(background(), name="mine\x1b[31m")

async def fetch():
    await asyncio.sleep(1000)

async def handle_event(context, data):
    await fetch()
END
    sed -i 's/workers: 1/workers: 1, concurrency: 5/' app/config.yaml
    start_bruco
    feed a b
    wait_for 10 begun 1
    run_x 0 bruco stack -c app
    count_in stdout "^Async task 'Task-[0-9]+' of stdin, partition 0, offset [01] \(most recent call first\):$" 2
    count_in stdout 'handler.py", line 10 in fetch$' 2
    count_in stdout 'handler.py", line 13 in handle_event$' 2
    count_in stdout 'handler.py", line 4 in background$' 1
    contains "$output" 'mine\x1b[31m'
    file_lacks stdout $'\x1b'
    file_lacks stdout 'did not answer'
    end_hanging
}

@test "an event loop that does not come back: the threads, and that its tasks are not known" {
    project <<'END'
async def handle_event(context, data):
    return str(sum(range(10**12)))
END
    sed -i 's/workers: 1/workers: 1, concurrency: 5/' app/config.yaml
    hang
    run_x 0 bruco stack -c app
    contains "$output" 'handler.py", line 2 in handle_event'
    contains "$output" '(the event loop did not answer within a second, so its tasks are not shown)'
    end_hanging
}

@test "threads that run on while their stacks are read do not end the worker" {
    project <<'END'
import random, threading, time

def recurse(n):
    if n == 0:
        return list(range(20))
    names = {}
    exec("def step(n, recurse): return recurse(n - 1)", names)
    return names["step"](n, recurse)

def busy():
    while True:
        recurse(random.randrange(60))

def init_context(context):
    for _ in range(5):
        threading.Thread(target=busy, daemon=True).start()

def handle_event(context, data):
    time.sleep(1000)
END
    hang
    local i
    for i in {1..300}; do
        bruco stack -c app >shown
        grep -q 'in handle_event' shown
    done
    file_lacks bruco.err 'killed by signal|restarting'
    end_hanging
}

@test "a handler that takes the signal, or has it back at its default, is not ended by it" {
    project 2 <<'END'
import signal, time

def init_context(context):
    if context.worker_name == "worker-0":
        signal.signal(signal.SIGRTMIN + 7, signal.SIG_DFL)
    else:
        signal.signal(signal.SIGRTMIN + 7, lambda number, frame: print("taken", flush=True))

def handle_event(context, data):
    return data
END
    start_bruco
    run_x 0 bruco stack -c app
    contains "$output" $'worker-0\n(its code has taken the signal SIGRTMIN+7)'
    contains "$output" '(it did not take the signal'
    wait_for 5 file_has bruco.err 'worker-1: info: taken'
    feed a b
    wait_for 5 lines_in bruco.out 2
    end_feed
    wait_x bruco 0
    file_lacks bruco.err 'restarting|killed'
}

@test "many at once: each gets all answers" {
    project 3 <<'END'
import time
def handle_event(context, data): time.sleep(1000)
END
    hang 3
    local i asked=()
    for i in {1..12}; do
        bruco stack -c app >"shown.$i" &
        asked+=("$!")
    done
    wait "${asked[@]}"
    for i in {1..12}; do
        count_in "shown.$i" 'in handle_event$' 3
    done
    end_hanging
}

@test "no such worker, no word for one, no pipeline" {
    echo_project 2
    start_bruco
    run_x 64 bruco stack -c app worker-2
    contains "$stderr" 'this pipeline has worker-0 to worker-1'
    run_x 64 bruco stack -c app nobody
    contains "$stderr" "'nobody' is no worker"
    end_feed
    wait_x bruco 0
    run_x 69 bruco stack -c app
    contains "$stderr" "no pipeline 'app' runs here"
}
