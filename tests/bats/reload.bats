#!/usr/bin/env bats
# bruco reload and SIGHUP: new code and new settings for the workers of a running pipeline.
# bats file_tags=driver
load helpers
load driver
load pipelines

# version N: of the handler, which shows it in each output. Python takes a file of the same size and of the
# same second for the one that it has compiled.
version() {
    sed -i "s/^VERSION = .*/VERSION = '$1'/" app/handler.py
    touch -d "2020-01-01 00:00:0$1" app/handler.py
}

versioned_project() { # versioned_project [WORKERS]
    project "${1:-1}" <<'END'
VERSION = '1'
def handle_event(context, data): return data + b' v' + VERSION.encode()
END
}

comes_out() { # comes_out LINE: what is fed now
    local before
    before=$(wc -l <bruco.out)
    feed "${1%% *}"
    wait_for 5 lines_in bruco.out $((before + 1))
    equals "$(tail -n 1 bruco.out)" "$1"
}

runs_an_event() {
    bruco status --json app | grep -q '"run": "running"'
}

@test "new code by SIGHUP and by the command, source and sink go on" {
    versioned_project 3
    start_bruco
    local ends
    ends="$(stages bruco-source) $(stages bruco-sink)"
    comes_out 'a v1'
    version 2
    kill_x bruco HUP
    wait_for 10 file_has bruco.err 'reloaded: 3 workers'
    comes_out 'b v2'
    version 3
    run_x 0 bruco reload --wait app
    equals "$output" 'reloaded: all 3 workers are new'
    comes_out 'c v3'
    version 4
    run_x 0 bruco reload -c app
    equals "$output" 'reloaded: the first new worker is ready, 3 in all will be new'
    wait_for 10 times_in bruco.err 'reloaded: 3 workers' 3
    comes_out 'd v4'
    equals "$(stages bruco-source) $(stages bruco-sink)" "$ends"
    contains "$(bruco status --json app)" '"recycled": 9'
    end_feed
    wait_x bruco 0
    file_lacks bruco.err 'restarting|stopping'
}

@test "new settings of the processor; what else has changed is named and left" {
    project 2 <<'END'
import os
def handle_event(context, data): return os.environ["SAYS"].encode()
END
    sed -i 's/workers: 2/workers: 2, env: [{name: SAYS, value: hello}]/' app/config.yaml
    start_bruco
    comes_out hello
    sed -i 's/workers: 2/workers: 2, isolation: none, timeout: 7s/; s/hello/goodbye/; s/^source: .*/source: {kind: lines, window: 1MiB}/' app/config.yaml
    set_key name other
    run_x 0 bruco reload --wait --socket "$XDG_RUNTIME_DIR/bruco/app.sock"
    equals "$(sed -n "s/.*warning: '\(.*\)' is not reloaded.*/\1/p" stderr | tr '\n' ' ')" \
        'name processor.isolation source.window '
    file_has bruco.err 'warning: not reloaded, since it takes a new start: name, processor.isolation, source.window$'
    comes_out goodbye
    has_stages bruco-worker 2
    end_feed
    wait_x bruco 0
}

@test "onFailure and retry reach source and sink" {
    project <<'END'
import os
def handle_event(context, data):
    if data == b"die":
        os._exit(9)
    if data == b"bad":
        raise ValueError("no")
    return data
END
    retrying 1 stop
    start_bruco
    comes_out a
    retrying 2 skip
    sed -i 's/retry: {attempts: 1, backoff: 10ms}, onFailure: stop, //' app/config.yaml
    run_x 0 bruco reload --wait app
    feed bad die
    comes_out b
    # A death for each attempt, and the sink skips what the source has failed.
    count_in bruco.err 'ended with status 9' 2
    count_in bruco.err 'warning: .*, skipped' 2
    end_feed
    wait_x bruco 0
}

@test "rateLimit reaches the source" {
    echo_project
    set_key rateLimit 1/h
    start_bruco
    feed a b c
    wait_for 5 lines_in bruco.out 1
    run_x 0 bruco reload --wait app
    sleep 0.2
    equals "$(<bruco.out)" a
    set_key rateLimit 100/s
    run_x 0 bruco reload --wait app
    wait_for 5 lines_in bruco.out 3
    end_feed
    wait_x bruco 0
}

@test "a deadLetter that was not there at the start is not reloaded" {
    echo_project
    start_bruco
    sed -i 's/^processor: {/&onFailure: deadLetter, /' app/config.yaml
    set_key deadLetter '{kind: lines}'
    run_x 0 bruco reload --wait app
    contains "$stderr" "'processor.onFailure' is not reloaded"
    contains "$stderr" "'deadLetter.kind' is not reloaded"
    comes_out a
    end_feed
    wait_x bruco 0
}

@test "a handler that does not load, or whose init_context fails: the old one goes on" {
    local before
    versioned_project 2
    start_bruco
    before=$(stages bruco-worker)
    cp app/handler.py good.py
    echo 'def broken(' >>app/handler.py
    run_x 78 bruco reload app
    contains "$stderr" 'SyntaxError'
    contains "$stderr" 'the new worker-0 ended with status 78 (the handler cannot be loaded), the old one goes on'
    file_has bruco.err 'not reloaded, all goes on as before: the new worker-0 ended'
    { cat good.py; echo 'def init_context(context): raise KeyError("door")'; } >app/handler.py
    run_x 70 bruco reload --wait app
    contains "$stderr" 'KeyError'
    kill_x bruco HUP
    wait_for 10 times_in bruco.err 'not reloaded, all goes on as before' 3
    equals "$(stages bruco-worker)" "$before"
    comes_out 'a v1'
    cp good.py app/handler.py
    version 2
    run_x 0 bruco reload --wait app
    comes_out 'b v2'
    end_feed
    wait_x bruco 0
    file_lacks bruco.err 'restarting'
}

@test "a configuration with mistakes: they are in the answer and in the log, nothing changes" {
    local before
    versioned_project 2
    start_bruco
    before=$(stages bruco-worker)
    set_key procesor 1
    run_x 78 bruco reload app
    contains "$stderr" "unknown key 'procesor'"
    contains "$stderr" 'the configuration has 1 mistake'
    file_has bruco.err "unknown key 'procesor'"
    sed -i '/^procesor/d; s/workers: 2/timeout: soon/' app/config.yaml
    run_x 78 bruco reload app
    rm app/config.yaml
    kill_x bruco HUP
    wait_for 10 times_in bruco.err 'not reloaded, all goes on as before' 3
    equals "$(stages bruco-worker)" "$before"
    comes_out 'a v1'
    end_feed
    wait_x bruco 0
}

@test "a new worker that fails in the middle: the rest stay old, and the reason is said" {
    project 3 <<'END'
import os
def init_context(context):
    if os.path.exists("once") and context.worker_name == "worker-1":
        raise OSError("not here")
def handle_event(context, data): return data
END
    start_bruco
    touch app/once
    run_x 70 bruco reload --wait app
    contains "$stderr" 'the new worker-1 ended with status 70'
    file_has bruco.err 'not all workers are new: the new worker-1 ended'
    feed a b c
    wait_for 5 lines_in bruco.out 3
    rm app/once
    run_x 0 bruco reload --wait app
    end_feed
    wait_x bruco 0
}

@test "a reload that comes while another one is under way is done after it" {
    versioned_project 2
    echo 'import time; time.sleep(0.5)' >>app/handler.py
    start_bruco
    version 2
    start_x first bruco reload --wait app
    wait_for 5 has_stages bruco-worker 3
    sleep 0.2 # it has read the handler
    version 3
    run_x 0 bruco reload --wait app
    wait_x first 0
    comes_out 'a v3'
    count_in bruco.err 'reloaded: 2 workers' 2
    end_feed
    wait_x bruco 0
}

@test "a SIGHUP while a reload is under way: the next one begins when that is over, though nothing else happens" {
    versioned_project 2
    echo 'import time; time.sleep(0.5)' >>app/handler.py
    start_bruco
    kill_x bruco HUP
    wait_for 5 has_stages bruco-worker 3
    kill_x bruco HUP
    wait_for 10 times_in bruco.err 'reloaded: 2 workers' 2
    end_feed
    wait_x bruco 0
}

@test "a worker whose event does not end holds up nobody, and is new after it" {
    project 2 <<'END'
import os, time
VERSION = '1'
def handle_event(context, data):
    while data == b'wait' and not os.path.exists("go"):
        time.sleep(0.01)
    return data + b' v' + VERSION.encode()
END
    set_key shutdownTimeout 1s
    start_bruco
    feed wait
    wait_for 5 runs_an_event
    version 2
    run_x 0 bruco reload --wait app
    file_has bruco.err 'has not ended an event within 1s: it is renewed when the event is done'
    comes_out 'a v2'
    touch app/go
    wait_for 5 file_has bruco.out 'wait v1'
    feed b c d e
    wait_for 5 lines_in bruco.out 6
    file_lacks bruco.out '[b-e] v1'
    end_feed
    wait_x bruco 0
}

@test "a worker that never becomes ready gives way to the next reload" {
    versioned_project
    start_bruco
    cp app/handler.py good.py
    echo 'import time; open("begun", "w"); time.sleep(1000)' >>app/handler.py
    start_x first bruco reload app
    wait_for 5 test -e app/begun
    cp good.py app/handler.py
    version 2
    run_x 0 bruco reload --wait app # takes the ten seconds
    wait_x first 75
    contains "$(<first.err)" 'the new worker-0 was not ready after 10'
    comes_out 'a v2'
    end_feed
    wait_x bruco 0
}

@test "new packages are installed first; if that fails, nothing changes" {
    versioned_project
    export XDG_CACHE_HOME=$PWD/cache
    BRUCO_DISABLE_PIP= start_bruco
    echo './nowhere' >app/requirements.txt
    run_x 69 bruco reload app
    contains "$stderr" "the handler's packages could not be installed"
    comes_out 'a v1'
    tiny_package 2
    sed -i "s/^VERSION = .*/from tinypackage import word as VERSION/" app/handler.py
    run_x 0 bruco reload --wait app
    comes_out 'b v2'
    end_feed
    wait_x bruco 0
}

@test "a service manager is told" {
    versioned_project
    cat >manager.py <<'END'
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('notify')
print('bound', flush=True)
for _ in range(4):
    print(s.recv(100).decode().replace('\n', ' '), flush=True)
END
    start_x manager /usr/bin/python3 manager.py
    wait_for 10 file_has manager.out bound
    NOTIFY_SOCKET=$PWD/notify start_bruco
    kill_x bruco HUP
    wait_for 10 lines_in manager.out 4
    end_feed
    wait_x bruco 0
    kill_x manager TERM
    wait_x manager 143
    equals "$(sed 's/USEC=.*/USEC=N/' manager.out | tr '\n' ',')" \
        'bound,READY=1,RELOADING=1 MONOTONIC_USEC=N,READY=1,'
}

@test "with a terminal SIGHUP stops, as it does when the terminal goes away" {
    requires script
    local session
    echo_project
    mkfifo typed
    exec 8<>typed
    start_x terminal script -qefc "bruco app <typed >out 2>err" /dev/null 8>&-
    wait_for 20 file_has err 'bruco: info: ready'
    session=$(ps -o sid= -p "$(pgrep -P "$(<terminal.pid)")" | tr -d ' ')
    kill -HUP "$(pgrep -s "$session" -x bruco)"
    wait_for 10 file_has err 'stopping: SIGHUP'
    wait_for 10 process_ended "$(<terminal.pid)"
    file_has err 'done'
    exec 8>&-
}

@test "twenty reloads under load: no rebalance, nothing is lost, nothing comes twice" {
    on_kafka <<'END'
VERSION = '0'
def handle_event(context, data): return data
END
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 5000
    start_x bruco bruco -c config.yaml
    wait_for 20 ready bruco
    wait_for 30 out_at_least 100
    local i rebalances
    rebalances=$(bruco status --json -c config.yaml | grep '"rebalances"')
    for i in {1..20}; do
        sed -i "s/^VERSION.*/VERSION = '$i'/" handler.py
        run_x 0 bruco reload -q --wait -c config.yaml
    done
    equals "$(bruco status --json -c config.yaml | grep '"rebalances"')" "$rebalances"
    stop_x fill 143
    stop_x bruco
    count_in bruco.err 'for a new worker' 40
    lacks_trouble bruco.err
    run_x 0 bruco -q -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}
