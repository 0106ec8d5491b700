# bruco: starts the stages, watches them, restarts what dies, drains and ends with the right status.
# With the kinds lines and discard, so that nothing but Bruco takes part; one test needs a broker.

load helpers
load driver

# ---- command line

@test "a configuration is found by -c, as a file, as a folder, and here" {
    echo_project
    for where in "-c app/config.yaml" "-c app" app/config.yaml app "run app" "run -c app"; do
        run_x 0 bruco $where <<<hello
        equals "$output" hello
    done
    cd app
    run_x 0 bruco <<<hello
    equals "$output" hello
    run_x 0 bruco run -q <<<hello
    equals "$output" hello
    equals "$stderr" ""
}

@test "misuse is told and ends with 64" {
    run_x 64 bruco
    contains "$stderr" "no config.yaml here"
    contains "$stderr" "try 'bruco --help'"
    run_x 64 bruco chekc
    contains "$stderr" "no command and no path 'chekc' (did you mean 'check'?)"
    run_x 64 bruco --what
    run_x 64 bruco -w 0 .
    run_x 64 bruco -w 257 .
    run_x 64 bruco a b
    run_x 64 bruco -c
    run_x 64 bruco help nonsense
    run_x 64 bruco --log-format xml .
}

@test "a command that is still to come says so, unless a path has its name" {
    run_x 64 bruco status
    contains "$stderr" "'status' is not supported yet"
    echo_project
    mv app dev
    run_x 0 bruco dev <<<hello
    equals "$output" hello
}

@test "--help and --version go to standard output" {
    run_x 0 bruco --help
    contains "$output" "usage: bruco"
    equals "$stderr" ""
    run_x 0 bruco --version
    contains "$output" "libyaml"
}

@test "mistakes in the configuration end it with 78 before anything starts" {
    echo_project
    sed -i 's/kind: lines}/kind: lines, tpoics: x}/' app/config.yaml
    run_x 78 bruco app <<<hello
    contains "$stderr" "app/config.yaml:3:"
    contains "$stderr" tpoics
    equals "$output" ""
}

# ---- the pipeline

@test "records go through all workers and come out, each once" {
    project 3 <<'END'
def init_context(context):
    open('worker-' + context.worker_name, 'x').close()
def handle_event(context, data):
    return data.upper()
END
    seq -f 'line %g' 20000 >input
    run_x 0 bruco app <input
    tr a-z A-Z <input >expected
    same_lines expected stdout
    contains "$stderr" "bruco: info: ready"
    equals "$(ls app | grep -c '^worker-')" 3
}

@test "-w overrides the number of workers" {
    project 1 <<'END'
def init_context(context):
    open('worker-' + context.worker_name, 'x').close()
def handle_event(context, data):
    return data
END
    run_x 0 bruco -w 4 app <<<hello
    equals "$(ls app | grep -c '^worker-')" 4
}

@test "without a processor records are copied" {
    mkdir app
    printf 'source: {kind: lines}\nsink: {kind: lines}\n' >app/config.yaml
    seq 1000 >input
    run_x 0 bruco app <input
    same_bytes input stdout
}

# ---- handlers that don't start

@test "a missing module, a syntax error, no handle_event: one clear line, 78" {
    echo_project 4
    rm app/handler.py
    run_x 78 bruco app <<<hello
    contains "$stderr" "no module 'handler'"

    echo 'def handle_event(context, data) return data' >app/handler.py
    run_x 78 bruco app <<<hello
    contains "$stderr" SyntaxError
    count_in stderr "import of 'handler' failed: SyntaxError" 1
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting

    echo 'def handle_events(context, data): return data' >app/handler.py
    run_x 78 bruco app <<<hello
    contains "$stderr" handle_event
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting
}

@test "an exception at import or in init_context: one traceback, 70, no restart" {
    project 4 <<<'raise RuntimeError("bad import")'
    run_x 70 bruco app <<<hello
    count_in stderr 'Traceback' 1
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting
    equals "$output" ""

    project 4 <<'END'
def init_context(context):
    print('before the end')
    raise RuntimeError("bad init")
def handle_event(context, data):
    return data
END
    run_x 70 bruco app <<<hello
    count_in stderr 'Traceback' 1
    count_in stderr 'before the end' 1
    contains "$stderr" "bad init"
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting
}

@test "a bad handler is told although there is no input" {
    project 1 <<<'raise RuntimeError("bad import")'
    run_x 70 bruco app </dev/null
    contains "$stderr" "bad import"
}

@test "a worker that dies at start is retried until maxRestarts, then 75 with its last error" {
    project 1 <<<'import os; os.abort()'
    set_key maxRestarts 3
    run_x 75 bruco app <<<hello
    count_in stderr 'restarting in' 3
    contains "$stderr" "restarting in 100ms"
    contains "$stderr" "restarting in 400ms"
    contains "$(tail -n 1 stderr)" "3 restarts in 60 s are used up: worker 0 was killed by signal 6 (SIGABRT)"
}

@test "a worker that cannot start again is retried with back-off while others go on" {
    project 2 <<'END'
import os
if os.path.exists('bad'):
    raise RuntimeError('not now')
def handle_event(context, data):
    if data == b'die':
        open('bad', 'x').close()
        os._exit(3)
    return data
END
    set_key maxRestarts 100
    sed -i 's/handle_event(context, data):/&\n    if data == b"die" and os.path.exists("died"): return None/; s/open(.bad., .x.)/open("died", "x").close(); &/' app/handler.py
    start_bruco
    feed die
    wait_for 20 file_has bruco.err 'worker [01] ended with status 70 .*restarting in 200ms'
    feed a b c d
    wait_for 20 lines_in bruco.out 1
    rm app/bad
    wait_for 20 lines_in bruco.out 4
    stop_x bruco
    equals "$(sort bruco.out | tr -d '\n')" abcd
}

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

# ---- deaths

@test "a worker that dies is replaced at once, with no loss and no duplicate" {
    project 2 <<'END'
import os, signal
def once(name):
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False
def handle_event(context, data):
    if data == b'700' and once('killed'):
        os.kill(os.getpid(), signal.SIGKILL)
    if data == b'1400' and once('ended'):
        os._exit(0)
    if data == b'2100' and once('crashed'):
        os.abort()
    return data
END
    seq 3000 >input
    run_x 0 bruco app <input
    same_lines input stdout
    contains "$stderr" "was killed by signal 9 (SIGKILL), restarting"
    contains "$stderr" "ended before its work was done, restarting"
    contains "$stderr" "was killed by signal 6 (SIGABRT), restarting"
}

@test "a handler that writes garbage among the frames: its worker is killed, nothing of it goes out" {
    project 2 <<'END'
import fcntl, os
def handle_event(context, data):
    if data in (b'700', b'1400'):
        try:
            os.close(os.open('garbage-' + data.decode(), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return data
        for fd in map(int, os.listdir('/proc/self/fd')):
            try:
                pipe = os.readlink(f'/proc/self/fd/{fd}').startswith('pipe:')
                if fd > 2 and pipe and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_WRONLY:
                    os.write(fd, b'no frame' * 100)
            except OSError:
                pass
    return data
END
    set_key processor '{workers: 2, ordering: none, retry: {attempts: 3}}'
    seq 3000 >input
    run_x 0 bruco app <input
    same_lines input stdout
    contains "$stderr" "sent an invalid frame, killing it"
}

@test "kill -9 of source or sink: everything starts anew, nothing stays behind" {
    kafka_project 2
    start_bruco
    local starts=1
    for name in bruco-source bruco-sink; do
        local old=$(stages bruco-source; stages bruco-sink; stages bruco-worker)
        kill -KILL $(stages "$name")
        starts=$((starts + 1))
        wait_for 40 times_in bruco.err 'bruco: info: ready' "$starts"
        contains "$(<bruco.err)" "$name was killed by signal 9 (SIGKILL), restarting the pipeline"
        for pid in $old; do
            [[ ! -e /proc/$pid ]]
        done
        send "after $name"
        wait_for 20 file_has bruco.out "after $name"
    done
    # Workers that end because of it are not deaths of their own.
    file_lacks bruco.err 'worker [01] '
    stop_x bruco
    equals "$(sort -u bruco.out)" $'after bruco-sink\nafter bruco-source'
}

@test "kill -9 of a worker leaves nothing of what its handler had started" {
    project 1 <<'END'
import subprocess
def init_context(context):
    subprocess.Popen(['sleep', '1000'])
def handle_event(context, data):
    return data
END
    start_bruco
    local worker=$(stages bruco-worker)
    local child=$(<"/proc/$worker/task/$worker/children")
    [[ -n $child ]]
    kill -KILL "$worker"
    wait_for 20 process_ended $child
    wait_for 20 has_stages bruco-worker 1
    feed a
    wait_for 20 lines_in bruco.out 1
    worker=$(stages bruco-worker)
    stop_x bruco
    [[ ! -e /proc/$worker ]]
    # teardown sees that no `sleep 1000` of this session is left
}

@test "kill -9 of the driver ends all stages" {
    echo_project 2
    start_bruco
    local all=$(stages bruco-source; stages bruco-sink; stages bruco-worker)
    equals "$(wc -w <<<"$all")" 4
    kill_x bruco KILL
    for pid in $all; do
        wait_for 2 process_ended "$pid"
    done
}

@test "orphans of a handler are buried" {
    project 1 <<'END'
import os
def handle_event(context, data):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
    return data
END
    start_bruco
    feed $(seq 20)
    wait_for 20 lines_in bruco.out 20
    wait_for 20 no_zombies
    stop_x bruco
}

no_zombies() {
    local driver child
    driver=$(<bruco.pid)
    for child in $(<"/proc/$driver/task/$driver/children"); do
        ! grep -q '^State:.*zombie' "/proc/$child/status" || return 1
    done
}

@test "restarts of the pipeline are counted too" {
    kafka_project
    set_key maxRestarts 1
    start_bruco
    kill -KILL $(stages bruco-sink)
    wait_for 20 times_in bruco.err 'bruco: info: ready' 2
    kill -KILL $(stages bruco-sink)
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "1 restarts in 60 s are used up: bruco-sink was killed by signal 9"
}

# retrying ATTEMPTS ON_FAILURE [TIMEOUT]: of the project.
retrying() {
    sed -i "s/^processor: {/&retry: {attempts: $1, backoff: 10ms}, onFailure: $2, /" app/config.yaml
    [[ -z ${3:-} ]] || sed -i "s/^processor: {/&timeout: $3, /" app/config.yaml
}

@test "a worker that cannot start again: after maxRestarts 75, with its last error" {
    project 1 <<'END'
import os
if os.path.exists('bad'):
    raise RuntimeError('not any more')
def handle_event(context, data):
    open('bad', 'x').close()
    os._exit(3)
END
    set_key maxRestarts 3
    start_bruco
    feed die
    wait_x bruco 75
    count_in bruco.err 'restarting in' 3
    contains "$(<bruco.err)" "RuntimeError: not any more"
    contains "$(tail -n 1 bruco.err)" "3 restarts in 60 s are used up: worker 0 ended with status 70"
}

@test "deaths of idle workers are counted" {
    echo_project 1
    set_key maxRestarts 3
    start_bruco -v
    for number in 1 2 3 4; do
        wait_for 20 times_in bruco.err 'bruco-worker-0 is ready' "$number"
        feed "$number"
        wait_for 20 lines_in bruco.out "$number"
        kill -KILL $(stages bruco-worker)
    done
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "3 restarts in 60 s are used up: worker 0 was killed by signal 9"
}

@test "poison: events that end their worker cost attempts, not restarts" {
    project 2 <<'END'
import ctypes, os, signal
def handle_event(context, data):
    with open('calls', 'a') as calls:
        calls.write(data.decode() + '\n')
    number = int(data)
    if number % 100 == 1:
        os._exit(1)
    if number % 100 == 2:
        os._exit(0)
    if number % 100 == 3:
        ctypes.string_at(0)
    if number % 100 == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return data
END
    retrying 3 skip
    seq 0 599 >input
    run_x 0 bruco app <input
    grep -vE '0[1-4]$|^[1-4]$' input >expected
    same_lines expected stdout
    for number in 1 2 3 4 101 304 503; do
        equals "$(grep -cx "$number" app/calls)" 3
    done
    file_lacks stderr 'used up'
}

@test "onFailure: stop ends it with 1 when the attempts of a crash are used up" {
    project 2 <<'END'
import os
def handle_event(context, data):
    if data == b'50':
        os._exit(1)
    return data
END
    retrying 2 stop
    set_key maxRestarts 0
    seq 100 >input
    run_x 1 bruco -v app <input
    count_in stderr 'worker [01] ended with status 1 .*, restarting' 2
    file_lacks stdout '^50$'
    contains "$(tail -n 1 stderr)" "bruco: error: bruco-sink ended with status 1"
    # The source had its time: nobody had to be killed.
    file_has stderr 'fatal: from [a-z]+ to settling'
    file_has stderr 'reaped: from settling to done'
}

# ---- events that take too long

@test "an event that takes too long is alarmed; the next attempt has a time of its own" {
    project 1 <<'END'
import os, time
def handle_event(context, data):
    if data == b'slow' and not os.path.exists('slept'):
        open('slept', 'x').close()
        time.sleep(1000)
    return data
END
    retrying 3 skip 500ms
    printf '%s\n' a slow b >input
    run_x 0 bruco app <input
    equals "$output" $'a\nslow\nb'
    count_in stderr 'bruco: warning: worker 0: an event takes longer than 500ms \(number 2 of its lane, attempt 1\)' 1
    file_lacks stderr 'killing the worker'
}

@test "a stopped worker is killed when its event takes too long; the others go on" {
    project 2 <<'END'
import os, signal
def handle_event(context, data):
    if data == b'stop' and not os.path.exists('stopped'):
        open('stopped', 'x').close()
        os.kill(os.getpid(), signal.SIGSTOP)
    return data
END
    retrying 3 skip 500ms
    start_bruco
    feed stop
    wait_for 20 file_has bruco.err 'worker ([01]): an event takes longer than 500ms'
    for number in 1 2 3 4 5; do # one by one, so that none need wait in the stopped lane
        feed "$number"
        wait_for 20 lines_in bruco.out "$number"
    done
    file_lacks bruco.err 'killing the worker'
    wait_for 20 file_has bruco.err \
        'worker ([01]): event [0-9]+ still runs 2s after its timeout, killing the worker'
    wait_for 20 file_has bruco.err \
        'worker [01] was killed for an event that took longer than 500ms, restarting'
    wait_for 20 lines_in bruco.out 6
    stop_x bruco
    equals "$(sort bruco.out | tr '\n' ' ')" '1 2 3 4 5 stop '
}

@test "a handler that takes no notice of its timeout is killed, its threads shown" {
    project 1 <<'END'
import time
def stubborn():
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
def handle_event(context, data):
    if data == b'2':
        stubborn()
    return data
END
    retrying 1 skip 200ms
    run_x 0 bruco app < <(seq 3)
    equals "$output" $'1\n3'
    file_has stderr 'bruco-worker-0: warning: .*line 5 in stubborn'
    contains "$stderr" 'worker 0 was killed for an event that took longer than 200ms, restarting'
    file_lacks stderr 'used up'
}

@test "events that never end cost attempts, not restarts" {
    project 2 <<'END'
import os, signal
def handle_event(context, data):
    if data in (b'3', b'5'):
        os.kill(os.getpid(), signal.SIGSTOP)
    return data
END
    retrying 2 skip 100ms
    set_key maxRestarts 1
    seq 8 >input
    run_x 0 bruco app <input
    same_lines <(seq 8 | grep -v '[35]') stdout
    count_in stderr 'was killed for an event that took longer than 100ms, restarting' 4
    count_in stderr 'bruco-sink: warning: .*the event ran longer than processor.timeout' 2
}

@test "a worker that waits, for input or for the sink, is not too slow" {
    project 1 <<'END'
def handle_event(context, data):
    return data * 1000
END
    retrying 3 skip 200ms
    mkfifo out
    exec 8<>out
    yes 12345678 | head -n 2000 >input # 16 MB: more than pipes hold
    in_session bruco app <input >out 2>stderr 8>&-
    local driver=$!
    wait_for 20 file_has stderr ready
    # Nothing moves in full pipes: time alone can show it.
    wait_for 10 time_is $((SECONDS + 2))
    file_lacks stderr 'takes longer'
    timeout 30 head -n 2000 <&8 >stdout
    exec 8>&-
    wait "$driver"
    equals "$(sort -u stdout | wc -l) $(wc -l <stdout)" '1 2000'
    file_lacks stderr 'takes longer'
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

# ---- a slow lane

@test "a stopped worker stops no other lane; when it goes on nothing is missing" {
    project 3 <<'END'
def handle_event(context, data):
    return context.worker_name + ' ' + data.decode()
END
    start_bruco
    local stopped=$(stages bruco-worker | head -n 1)
    kill -STOP "$stopped"
    for number in $(seq 30); do
        feed "$number"
        # One of them waits in the stopped lane.
        wait_for 20 lines_in bruco.out $((number - 1))
    done
    seq 31 100000 >&7
    # Each lane had its share at most.
    wait_for 30 lines_in bruco.out 66000
    equals "$(cut -d' ' -f1 bruco.out | sort -u | wc -l)" 2
    kill -CONT "$stopped"
    wait_for 30 lines_in bruco.out 100000
    equals "$(cut -d' ' -f1 bruco.out | sort -u | wc -l)" 3
    stop_x bruco
    cut -d' ' -f2 bruco.out >numbers
    same_lines <(seq 100000) numbers
}

# ---- what the stages get

@test "workers get the environment without secrets and with processor.env" {
    project 1 <<'END'
import os
def handle_event(context, data):
    names = ('SECRET_KIND', 'PLAIN', 'NOTIFY_SOCKET', 'ADDED', 'CHANGED')
    return ' '.join('%s=%s' % (name, os.environ.get(name)) for name in names)
END
    cat >app/config.yaml <<'END'
processor:
  env:
    - {name: ADDED, value: "${FROM}"}
    - {name: CHANGED, value: new}
source: {kind: "${SECRET_KIND}"}
sink: {kind: lines}
END
    export SECRET_KIND=lines PLAIN=plain FROM=from NOTIFY_SOCKET=/nowhere CHANGED=old
    run_x 0 bruco app <<<hello
    equals "$output" "SECRET_KIND=None PLAIN=plain NOTIFY_SOCKET=None ADDED=from CHANGED=new"
}

@test "workers are the first to die when memory is short" {
    echo_project 1
    start_bruco
    local ours=$(<"/proc/$(<bruco.pid)/oom_score_adj")
    local expected=$((ours + 500 > 1000 ? 1000 : ours + 500))
    equals "$(<"/proc/$(stages bruco-worker)/oom_score_adj")" "$expected"
    equals "$(<"/proc/$(stages bruco-sink)/oom_score_adj")" "$ours"
    stop_x bruco
}

@test "more workers start and end than the soft limit of descriptors would allow" {
    mkdir app
    printf 'processor: {workers: 100}\nsource: {kind: lines}\nsink: {kind: lines}\n' >app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    ulimit -Sn 256
    run_x 0 bruco app <<<hello
    equals "$output" hello
}

# ---- logs

@test "what a handler prints becomes log lines" {
    project 1 <<'END'
import os, sys
def handle_event(context, data):
    print('to stdout')
    sys.stderr.write('to stderr\n')
    os.write(1, b'bell \a and \xff and \0\n')
    os.write(1, b'x' * 100000 + b'\n')
    os.write(2, b'without an end')
    context.logger.warning('logged')
    return data
END
    run_x 0 bruco app <<<hello
    equals "$output" hello
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: info: to stdout$'
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: warning: to stderr$'
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: info: bell \\x07 and \\xff and \\x00$'
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: warning: without an end$'
    file_has stderr 'bruco-worker-0: warning: .*logged'
    equals "$(grep -c xxxxxxxxxxxxxxx stderr)" 1
    equals "$(grep xxxxxxxxxxxxxxx stderr | grep -o x | wc -l)" 8192

    run_x 0 bruco -q app <<<hello
    file_lacks stderr 'to stdout'
    file_has stderr 'to stderr'
    file_lacks stderr 'bruco: info'
}

@test "JSON log lines are JSON, whatever a handler prints" {
    project 1 <<'END'
import os
def handle_event(context, data):
    os.write(1, b'quote " backslash \\ bell \a and \xff and \xc3\xa9 and \0\n')
    raise ValueError('no')
END
    retrying 1 stop
    run_x 1 bruco --log-format json app <<<hello
    /usr/bin/python3 - <<'END'
import json
lines = [json.loads(line) for line in open('stderr', encoding='utf-8')]
printed = [line for line in lines if 'quote' in line['message']]
assert len(printed) == 1 and printed[0]['worker'] == 'worker-0', printed
assert printed[0]['level'] == 'info' and printed[0]['program'] == 'bruco-worker-0', printed
assert lines[-1]['program'] == 'bruco' and lines[-1]['level'] == 'error', lines[-1]
assert any('ValueError' in line.get('traceback', '') for line in lines), lines
END
}

@test "a stderr that nobody reads stops nothing; what was dropped is counted" {
    project 1 <<'END'
def handle_event(context, data):
    print('y' * 1000)
    return data
END
    mkfifo logs
    exec 8<>logs
    seq 5000 >input
    # 5 MB of log lines, of which the pipe and the driver's own queue can hold a fraction
    in_session bruco app <input >stdout 2>logs 8>&-
    local driver=$!
    wait_for 30 lines_in stdout 5000
    timeout 20 cat <&8 >seen &
    local reader=$!
    wait "$driver"
    same_lines input stdout
    wait_for 20 file_has seen 'bruco: warning: [0-9]+ log lines dropped'
    exec 8>&-
    kill "$reader"
    local shown=$(grep -c yyyyyyyyy seen)
    local dropped=$(sed -n 's/.*warning: \([0-9]*\) log lines dropped.*/\1/p' seen |
        awk '{ sum += $1 } END { print sum }')
    ((shown < 5000 && shown + dropped >= 5000))
}

@test "a full disk under the log stops nothing" {
    project 1 <<'END'
def handle_event(context, data):
    print('hello')
    return data
END
    seq 1000 >input
    local ended=0
    in_session timeout 30 bruco app <input >stdout 2>/dev/full
    wait "$!" || ended=$?
    equals "$ended" 0
    same_bytes input stdout
}

@test "the service manager hears READY and STOPPING, also at an abstract socket" {
    echo_project 1
    cat >manager.py <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\0'))
print('bound', flush=True)
for _ in range(2):
    print(s.recv(100).decode(), flush=True)
END
    for name in "$PWD/notify.socket" "@bruco-test-$$"; do
        rm -f feed.pipe
        start_x manager /usr/bin/python3 manager.py "$name"
        wait_for 10 file_has manager.out bound
        NOTIFY_SOCKET=$name start_bruco
        wait_for 10 file_has manager.out READY=1
        file_lacks manager.out STOPPING
        stop_x bruco
        wait_x manager 0 10
        file_has manager.out STOPPING=1
        end_feed
    done
}
