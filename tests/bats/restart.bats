#!/usr/bin/env bats
# bruco restart: a new process for one worker, between two events.
# bats file_tags=driver
load helpers
load driver
load pipelines

pid_of() { # pid_of WORKER: as status says
    bruco status --json "${CONFIG:-app}" | python3 -c "import json, sys
print(next(s['pid'] for s in json.load(sys.stdin)['stages'] if s['name'] == 'bruco-$1'))"
}

runs_an_event() {
    bruco status --json app | grep -qE '"run": "(running|together)"'
}

@test "the worker named is another process afterwards, the others are the same" {
    local zero one
    echo_project 2
    start_bruco
    zero=$(pid_of worker-0) one=$(pid_of worker-1)
    run_x 0 bruco restart -c app worker-1
    equals "$(pid_of worker-0)" "$zero"
    [[ $(pid_of worker-1) != "$one" ]]
    equals "$output" "worker-1 is new: process $(pid_of worker-1)"
    process_ended "$one"
    feed a b c d
    wait_for 5 lines_in bruco.out 4
    contains "$(bruco status --json app)" '"recycled": 1'
    end_feed
    wait_x bruco 0
    lacks_trouble bruco.err
}

@test "the event that runs is done first; --no-wait does not wait for it" {
    project <<'END'
import os, time
def handle_event(context, data):
    open("begun", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return data + str(os.getpid()).encode()
END
    start_bruco
    local old
    old=$(pid_of worker-0)
    feed a-
    wait_for 5 test -e app/begun
    run_x 0 bruco restart --no-wait -c app worker-0
    start_x waits bruco restart -c app worker-0
    wait_for 5 has_stages bruco-worker 2
    feed b-
    sleep 0.3
    equals "$(pid_of worker-0)" "$old"
    touch app/go
    wait_x waits 0
    wait_for 5 lines_in bruco.out 2
    equals "$(<bruco.out)" "a-$old"$'\n'"b-$(pid_of worker-0)"
    end_feed
    wait_x bruco 0
}

@test "async: the calls in flight end, and those that wait go to the new worker" {
    project <<'END'
import asyncio, os
async def handle_event(context, data):
    while not os.path.exists("go"):
        await asyncio.sleep(0.05)
    return data + str(os.getpid()).encode()
END
    sed -i 's/workers: 1/workers: 1, concurrency: 3/' app/config.yaml
    start_bruco
    feed 1- 2- 3- 4- 5- 6-
    wait_for 5 runs_an_event
    start_x waits bruco restart -c app worker-0
    wait_for 20 has_stages bruco-worker 2
    sleep 1
    touch app/go
    wait_x waits 0
    wait_for 20 lines_in bruco.out 6
    equals "$(cut -d- -f1 bruco.out | sort | tr '\n' ' ')" "1 2 3 4 5 6 "
    equals "$(cut -d- -f2 bruco.out | sort -u | wc -l)" 2
    run_x 0 bruco restart -c app worker-0 # which is idle
    end_feed
    wait_x bruco 0
}

@test "a new worker that does not start: the old one goes on, and the command says why" {
    echo_project
    start_bruco
    local old
    old=$(pid_of worker-0)
    echo 'raise ValueError("no more")' >>app/handler.py
    run_x 70 bruco restart -c app worker-0
    contains "$stderr" 'the new worker-0 ended with status 70'
    contains "$stderr" 'the old one goes on'
    equals "$(pid_of worker-0)" "$old"
    file_has bruco.err 'ValueError: no more'
    feed a
    wait_for 5 lines_in bruco.out 1
    end_feed
    wait_x bruco 0
}

@test "an event that does not end: the command gives up after shutdownTimeout, the worker goes later" {
    project <<'END'
import os, time
def handle_event(context, data):
    while not os.path.exists("go"):
        time.sleep(0.01)
    return data
END
    set_key shutdownTimeout 1s
    start_bruco
    local old
    old=$(pid_of worker-0)
    feed a
    wait_for 5 runs_an_event
    run_x 75 bruco restart -c app worker-0
    contains "$stderr" 'worker-0 has not ended an event within 1s'
    wait_for 5 has_stages bruco-worker 1
    touch app/go
    wait_for 5 lines_in bruco.out 1
    wait_for 5 process_ended "$old"
    feed b
    wait_for 5 lines_in bruco.out 2
    end_feed
    wait_x bruco 0
}

@test "a stop while a worker is being restarted leaves nobody behind" {
    project <<'END'
import time
def init_context(context):
    if __import__("os").path.exists("slow"):
        time.sleep(1000)
def handle_event(context, data): return data
END
    start_bruco
    touch app/slow
    start_x waits bruco restart -c app worker-0
    wait_for 5 has_stages bruco-worker 2
    stop_x bruco
    wait_x waits 75
    contains "$(<waits.err)" 'the pipeline does not run any more'
}

@test "usage" {
    echo_project 2
    start_bruco
    run_x 64 bruco restart -c app worker-2
    contains "$stderr" 'this pipeline has worker-0 to worker-1'
    run_x 64 bruco restart -c app
    contains "$stderr" 'restart needs a worker'
    run_x 64 bruco restart -c app worker-0 worker-1
    end_feed
    wait_x bruco 0
}

@test "thirty restarts under load: nothing is lost, nothing comes twice" {
    on_kafka <<'END'
def handle_event(context, data): return data
END
    CONFIG=config.yaml
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000 --rate 5000
    start_x bruco bruco -c config.yaml
    wait_for 20 ready bruco
    local i
    for i in {1..30}; do
        run_x 0 bruco restart -q -c config.yaml worker-$((i % 2))
    done
    kill_x fill TERM
    wait_x fill 143
    stop_x bruco
    run_x 0 bruco -q -e -c config.yaml
    equals "$(ends "$OUT")" "$(ends "$IN")"
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
    count_in bruco.err 'for a new worker' 30
    file_lacks bruco.err 'restarting'
}
