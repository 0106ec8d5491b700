#!/usr/bin/env bats
# A reload that changes how many workers there are, or their ordering.
# bats file_tags=driver
load helpers
load driver
load pipelines

workers_become() { # workers_become N
    sed -i "s/workers: [0-9]*/workers: $1/" "${2:-app/config.yaml}"
}

lanes_in_use() {
    bruco status --json "$@" | /usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)["lanes"]))'
}

answers() { # a condition: answers WORKER, one of a hundred records
    local before
    before=$(wc -l <bruco.out)
    feed {1..100}
    wait_for 10 lines_in bruco.out $((before + 100))
    tail -n 100 bruco.out | grep -q "worker-$1\$"
}

@test "more workers, and fewer: source, sink and the workers that stay go on" {
    project 1 <<'END'
def init_context(context): print('begins', context.worker_name, flush=True)
def close_context(context): print('ends', context.worker_name, flush=True)
def handle_event(context, data): return data + b' ' + context.worker_name.encode()
END
    start_bruco
    local ends before
    ends="$(stages bruco-source) $(stages bruco-sink)"
    feed a
    wait_for 5 lines_in bruco.out 1
    workers_become 4
    run_x 0 bruco reload --wait app
    equals "$output" 'reloaded: all 4 workers are new'
    has_stages bruco-worker 4
    equals "$(lanes_in_use app)" 4
    for worker in 0 1 2 3; do
        wait_for 20 answers "$worker"
    done
    before=$(wc -l <bruco.out)
    workers_become 2
    run_x 0 bruco reload --wait app
    equals "$output" 'reloaded: all 2 workers are new'
    has_stages bruco-worker 2
    equals "$(lanes_in_use app)" 2
    feed {1..400}
    wait_for 10 lines_in bruco.out $((before + 400))
    equals "$(tail -n 400 bruco.out | grep -c 'worker-[23]')" 0
    count_in bruco.err 'ends worker-3' 1
    workers_become 3 # a lane that was there before
    run_x 0 bruco reload --wait app
    wait_for 20 answers 2
    equals "$(stages bruco-source) $(stages bruco-sink)" "$ends"
    workers_become 1 # nothing else happens, for which the driver would wake
    LIMIT=15 run_x 0 bruco reload --wait app
    workers_become 2
    LIMIT=15 run_x 0 bruco reload --wait app
    end_feed
    wait_x bruco 0
    file_lacks bruco.err 'restarting|stopping'
}

@test "ten changes of workers and ordering under load: no rebalance, nothing lost, twice or out of order" {
    on_kafka 'ordering: partition' <<'END'
def handle_event(context, data): return data
END
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 5000
    start_x bruco bruco -c config.yaml
    wait_for 20 ready bruco
    wait_for 30 out_at_least 100
    local rebalances next
    rebalances=$(bruco status --json -c config.yaml | grep '"rebalances"')
    for next in '4 key' '6 key' '3 partition' '1 partition' '5 partition' '2 key' '2 partition' '2 key' '1 key' \
        '2 partition'; do
        sed -i "s/workers: .*/workers: ${next% *}/; s/ordering: .*/ordering: ${next#* }/" config.yaml
        run_x 0 bruco reload -q --wait -c config.yaml
        equals "$(lanes_in_use -c config.yaml)" "${next% *}"
    done
    equals "$(bruco status --json -c config.yaml | grep '"rebalances"')" "$rebalances"
    stop_x fill 143
    stop_x bruco
    lacks_trouble bruco.err
    run_x 0 bruco -q -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact --order key "$IN" "$OUT"
}

@test "workers and the source are killed while their number changes: nothing is lost" {
    on_kafka <<'END'
def handle_event(context, data): return data
END
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 5000
    start_x bruco bruco -c config.yaml
    wait_for 20 ready bruco
    wait_for 30 out_at_least 100
    local i
    for i in {1..6}; do
        workers_become $((1 + i * 3 % 5)) config.yaml
        bruco reload -q -c config.yaml || true # a restart of the pipeline may come in between
        sleep "0.0$((RANDOM % 10))"
        kill_worker bruco || true
        ((i % 3 != 0)) || kill -9 "$(stages bruco-source)"
        sleep 0.2
    done
    wait_for 30 reloads
    equals "$(lanes_in_use -c config.yaml)" 5
    stop_x fill 143
    stop_x bruco
    run_x 0 bruco -q -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --order key "$IN" "$OUT"
}

reloads() { # to five workers
    workers_become 5 config.yaml
    bruco reload -q --wait -c config.yaml 2>/dev/null
}

none_runs() { # a condition: none_runs PID ..., of the workers
    local pid
    for pid; do
        [[ " $(stages bruco-worker | paste -sd ' ') " != *" $pid "* ]] || return 1
    done
}

@test "an event that does not end: workers stay as they were, and the others go on" {
    project 2 <<'END'
import os, time
def handle_event(context, data):
    while data == b'wait' and not os.path.exists("go"):
        time.sleep(0.01)
    return data
END
    set_key shutdownTimeout 1s
    start_bruco
    feed wait
    wait_for 5 runs_an_event
    workers_become 4
    run_x 75 bruco reload --wait app
    contains "$stderr" 'all workers are new, but what was under way did not end in time: workers and ordering stay'
    file_has bruco.err 'what is under way has not ended within 1s: workers and ordering stay as they were'
    local i
    for i in 1 2 3; do # one at a time: the lane with the fewest bytes under way is the other one
        feed "$i"
        wait_for 5 lines_in bruco.out "$i"
    done
    has_stages bruco-worker 2
    touch app/go
    wait_for 5 lines_in bruco.out 4
    run_x 0 bruco reload --wait app
    has_stages bruco-worker 4
    rm app/go
    feed wait
    wait_for 5 runs_an_event
    local old
    old=$(stages bruco-worker)
    workers_become 1
    run_x 75 bruco reload --wait app
    touch app/go
    wait_for 10 none_runs $old
    wait_for 10 has_stages bruco-worker 4
    end_feed
    wait_x bruco 0
}

runs_an_event() {
    bruco status --json app | grep -q '"run": "running"'
}

@test "a stop, and the end of the input, while workers are to become more" {
    local handler='
import time
def handle_event(context, data):
    time.sleep(0.2)
    return data
'
    project 1 <<<"$handler"
    start_bruco
    feed {1..10}
    workers_become 3
    start_x reload bruco reload --wait app
    wait_for 5 has_stages bruco-worker 3
    end_feed
    wait_x bruco 0
    equals "$(sort -n bruco.out)" "$(seq 10)"
    wait_for 5 process_ended "$(<reload.pid)"
    rm feed.pipe
    project 1 <<<"$handler"
    start_bruco
    feed {1..10}
    workers_become 3
    start_x again bruco reload --wait app
    wait_for 5 has_stages bruco-worker 3
    stop_x bruco
    equals "$(sort -n bruco.out)" "$(seq "$(wc -l <bruco.out)")"
}

@test "the number on the command line is the one that counts" {
    project 1 <<'END'
def handle_event(context, data): return data
END
    start_bruco -w 2
    workers_become 4
    run_x 0 bruco reload --wait app
    has_stages bruco-worker 2
    end_feed
    wait_x bruco 0
}
