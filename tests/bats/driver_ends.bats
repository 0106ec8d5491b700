# How a pipeline ends that can't go on: standard input does not come again, nobody reads standard
# output any more, a worker waits to be started again.

load helpers
load driver

# A handler that waits for the file `go` at the record `slow`.
slow_project() {
    project "${1:-1}" <<'END'
import os, time
def handle_event(context, data):
    if data == b'slow':
        open('begun', 'x').close()
        while not os.path.exists('go'):
            time.sleep(0.01)
    return data
END
}

# ---- standard input

@test "source or sink dies, standard input does not come again: 75, and what is lost is told" {
    bruco-source -q lines < <(printf '%s\n' slow b c) >frames
    bruco-sink -q json <frames >json
    bruco-sink -q lines <frames >lines
    for kind in lines json frames; do
        for name in bruco-source bruco-sink; do
            rm -rf app
            slow_project
            sed -i "s/^source: .*/source: {kind: $kind}/" app/config.yaml
            start_x bruco bruco -v app <"$kind"
            wait_for 20 test -e app/begun
            wait_for 20 read_whole "$kind"
            kill -KILL $(stages "$name")
            wait_x bruco 75
            equals "$(<bruco.out)" ""
            file_lacks bruco.err restarting
            equals "$(tail -n 2 bruco.err | cut -d' ' -f2-)" \
                "bruco: error: lost: 3 records, read from standard input and not known to be delivered
bruco: error: $name was killed by signal 9 (SIGKILL), and standard input can't be read again"
        done
    done
}

# A condition: the source has read its standard input, this file, to the end.
read_whole() {
    [[ $(awk '/^pos:/ { print $2 }' "/proc/$(stages bruco-source)/fdinfo/0") == $(stat -c %s "$1") ]]
}

@test "before anything was read of standard input it can start anew" {
    project 1 <<'END'
import os, time
def init_context(context):
    while not os.path.exists('go'):
        time.sleep(0.01)
def handle_event(context, data):
    return data
END
    seq 100 >input
    start_x bruco bruco app <input
    wait_for 20 has_stages bruco-worker 1
    kill -KILL $(stages bruco-sink)
    wait_for 20 file_has bruco.err 'bruco-sink was killed by signal 9 .*, restarting the pipeline'
    touch app/go
    wait_x bruco 0
    same_bytes input bruco.out
}

@test "a stop in the pause before another attempt: what standard input can't give again is lost, 75" {
    project 1 <<'END'
def handle_event(context, data):
    if data == b'bad':
        open('begun', 'a').close()
        raise ValueError('not yet')
    return data
END
    sed -i 's/^processor: {/&retry: {attempts: 5, backoff: 100s, maxBackoff: 100s}, /' app/config.yaml
    start_bruco
    feed a bad b
    wait_for 20 test -e app/begun
    wait_for 20 file_has bruco.err 'not yet'
    kill_x bruco TERM
    wait_x bruco 75
    equals "$(<bruco.out)" a
    equals "$(tail -n 2 bruco.err | cut -d' ' -f2-)" \
        "bruco: error: lost: 2 records, read from standard input and not known to be delivered
bruco: error: stopped with work left"
    end_feed
}

@test "a worker dies: standard input goes on, nothing is lost" {
    slow_project
    start_bruco
    feed a slow b
    wait_for 20 test -e app/begun
    rm app/begun
    touch app/go
    kill -KILL $(stages bruco-worker)
    wait_for 20 lines_in bruco.out 3
    stop_x bruco
    equals "$(<bruco.out)" $'a\nslow\nb'
    file_lacks bruco.err lost
    end_feed
}

# ---- standard output

@test "nobody reads standard output any more: it ends quietly, as a filter does" {
    echo_project 2
    run_x 0 bash -c 'seq 100000 | { bruco -q app; echo $? >status; } | head -2; cat status'
    equals "$(tail -n 1 stdout)" 141
    equals "$stderr" ""
    run_x 0 bash -c 'seq 100000 | bruco app | head -2'
    file_lacks stderr 'error|warning|restarting'
    contains "$(tail -n 1 stderr)" "bruco: info: nobody reads standard output any more"
}

@test "the same by hand: each program of the pipeline dies by SIGPIPE, without a word" {
    echo_project
    run_x 0 bash -c 'seq 100000 | bruco-source lines | bruco-worker -d app | bruco-sink lines | head -1
        echo "${PIPESTATUS[@]:1}"'
    equals "$(tail -n 1 stdout)" "141 141 141 0"
    equals "$stderr" ""
}

@test "from a topic: what was read is committed when nobody reads standard output any more" {
    kafka_project
    seq 100000 | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$TOPIC"
    run_x 0 bash -c '{ bruco -q app; echo $? >status; } | head -n 50000 | tail -n 1; cat status'
    equals "$output" $'50000\n141'
    equals "$stderr" ""
    # The group was left: the next start need not wait for a dead member.
    run_x 0 bash -c 'bruco -q -e app'
    equals "$(tail -n 1 stdout)" 100000
    # What comes again is what was in the pipe, not everything.
    (($(head -n 1 stdout) > 1))
}

# ---- a worker that waits to be started again

@test "a stop waits for no back-off of a worker: one more try, then 75" {
    project 1 <<'END'
import os
if os.path.exists('bad'):
    raise RuntimeError('not any more')
def handle_event(context, data):
    open('bad', 'x').close()
    os._exit(3)
END
    set_key maxRestarts 1000
    start_bruco
    feed die
    wait_for 20 file_has bruco.err 'restarting in 800ms'
    kill_x bruco TERM
    wait_x bruco 75
    sed -n '/stopping: SIGTERM/,$p' bruco.err >after
    file_lacks after restarting
    contains "$(tail -n 1 after)" "a stop before it could start again: worker 0 ended with status 70"
    end_feed
}

@test "a stop waits for no back-off of a worker: with the one more try it can finish" {
    project 1 <<'END'
import os
if os.path.exists('bad') and not os.path.exists('good'):
    raise RuntimeError('not now')
def handle_event(context, data):
    if not os.path.exists('bad'):
        open('bad', 'x').close()
        os._exit(3)
    return data
END
    set_key maxRestarts 1000
    start_bruco
    feed die b
    wait_for 20 file_has bruco.err 'restarting in 1600ms'
    touch app/good
    kill_x bruco TERM
    wait_x bruco 0
    equals "$(<bruco.out)" $'die\nb'
    end_feed
}
