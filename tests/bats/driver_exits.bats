# bruco, with the kinds lines and discard, so that nothing but Bruco takes part: how it ends, and
# what it does when a stage ends. One test needs a broker.

load helpers
load driver

# ---- ends

@test "a failing handler stops it with its traceback and 1; what came before is delivered" {
    project 1 <<'END'
def handle_event(context, data):
    if data == b'5':
        raise ValueError('cannot take five')
    return data
END
    seq 10 >input
    run_x 1 bruco app <input
    equals "$output" "$(seq 4)"
    contains "$stderr" "ValueError: cannot take five"
    equals "$(tail -n 1 stderr | cut -d' ' -f2-)" "bruco: error: the handler failed in worker 0"
    file_lacks stderr restarting
}

@test "SIGTERM and SIGINT drain: what was taken is delivered, 0" {
    project 1 <<'END'
import time
def handle_event(context, data):
    if data == b'slow':
        open('begun', 'x').close()
        while data == b'slow':
            try:
                data = open('go').read()
            except OSError:
                time.sleep(0.01)
    return data
END
    for signal in TERM INT; do
        rm -f app/begun app/go feed.pipe
        start_bruco
        feed a slow
        wait_for 20 test -e app/begun
        kill_x bruco "$signal"
        wait_for 20 file_has bruco.err "bruco: info: stopping: SIG$signal"
        # From a terminal or a service manager everybody gets it.
        [[ $signal == TERM ]] ||
            kill -"$signal" $(stages bruco-source) $(stages bruco-sink) $(stages bruco-worker)
        printf done >app/going && mv app/going app/go
        wait_x bruco 0
        equals "$(<bruco.out)" $'a\ndone'
        contains "$(tail -n 1 bruco.err)" "bruco: info: done"
        end_feed
    done
}

@test "a second signal kills it at once, by that signal" {
    project 1 <<'END'
import time
def handle_event(context, data):
    open('begun', 'x').close()
    time.sleep(1000)
END
    start_bruco
    feed a
    wait_for 20 test -e app/begun
    kill_x bruco TERM
    wait_for 20 file_has bruco.err 'stopping: SIGTERM'
    insist INT
    wait_x bruco 130
    contains "$(tail -n 1 bruco.err)" "bruco: error: killed by a second SIGINT"
}

@test "the shutdown timeout ends what hangs: the rest is delivered, 75" {
    project 2 <<'END'
import time
def handle_event(context, data):
    if data == b'hang':
        open('begun', 'x').close()
        time.sleep(1000)
    return data
END
    set_key shutdownTimeout 500ms
    start_bruco -v
    feed a b
    wait_for 20 lines_in bruco.out 2
    feed hang
    wait_for 20 test -e app/begun
    kill_x bruco TERM
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "the shutdown timeout of 500ms passed with work left"
    equals "$(sort bruco.out)" $'a\nb'
    # Sink and source had all they need to end by themselves.
    file_has bruco.err 'timeout: from draining to cutting'
    file_has bruco.err 'reaped: from cutting to done'
}

@test "a stop while workers still initialise does not wait for them" {
    project 1 <<'END'
import time
def init_context(context):
    open('begun', 'x').close()
    time.sleep(1000)
def handle_event(context, data):
    return data
END
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco bruco app <feed.pipe 7>&-
    wait_for 20 test -e app/begun
    kill_x bruco TERM
    wait_x bruco 0 5
    end_feed
}

# ---- the end of one and the others

@test "when the sink dies the source finishes by itself before all starts anew" {
    kafka_project 2
    start_bruco -v
    send a
    wait_for 20 lines_in bruco.out 1
    kill -KILL $(stages bruco-sink)
    wait_for 40 times_in bruco.err 'bruco: info: ready' 2
    file_has bruco.err 'bruco-source: debug: the sink is gone'
    file_lacks bruco.err 'killing it'
    send b
    wait_for 20 file_has bruco.out b
    stop_x bruco
    equals "$(sort -u bruco.out)" $'a\nb'
}

@test "a consumer group is left when the sink dies: the next start need not wait for it" {
    real_broker
    new_topic 1
    mkdir app
    cat >app/config.yaml <<END
source: {kind: kafka, brokers: "$BROKERS", topics: [$TOPIC], consumerGroup: g-$TOPIC}
sink: {kind: discard}
END
    start_x bruco bruco -v app
    wait_for 30 file_has bruco.err 'bruco: info: ready'
    kill -KILL $(stages bruco-sink)
    # A member that is not missed is waited for for 45 s.
    wait_for 20 times_in bruco.err 'bruco: info: ready' 2
    file_lacks bruco.err 'killing it'
    stop_x bruco
}

@test "who does not end in time when another has died is killed" {
    kafka_project
    start_bruco
    local source=$(stages bruco-source)
    kill -STOP "$source"
    kill -KILL $(stages bruco-sink)
    wait_for 20 file_has bruco.err 'bruco-source has nothing left to do but does not end, killing it'
    wait_for 40 times_in bruco.err 'bruco: info: ready' 2
    [[ ! -e /proc/$source ]]
    stop_x bruco
}

@test "a second signal kills at once what still settles" {
    kafka_project
    start_bruco -v
    kill -STOP $(stages bruco-source)
    kill -KILL $(stages bruco-sink)
    wait_for 20 file_has bruco.err 'restarting the pipeline'
    kill_x bruco TERM
    wait_for 20 file_has bruco.err 'signal: from restarting to settling'
    insist INT
    wait_x bruco 130
    file_lacks bruco.err 'killing it'
}
