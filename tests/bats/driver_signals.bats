# What whoever starts Bruco leaves to it (ignored and blocked signals), signals that come twice, and
# processes that do not die.

load helpers
load driver

# What the handler's own children begin with; its name for each signal set is the kernel's.
children_project() {
    project 1 <<'END'
import re, subprocess
def handle_event(context, data):
    sets = subprocess.run(['sed', '-n', '/^Sig[BIC]/p', '/proc/self/status'],
                          stdout=subprocess.PIPE, check=True, text=True).stdout.rstrip()
    # 32 and 33 are the C library's own: whoever started the tests may have left them ignored.
    return re.sub('[0-9a-f]{16}', lambda mask: f'{int(mask[0], 16) & ~(3 << 31):016x}', sets)
END
}

sets() { # sets IGNORED: as children_project shows them
    printf 'SigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x' 0 "$1" 0
}

# ---- what is inherited

@test "SIGCHLD ignored by the parent: deaths are noticed all the same" {
    echo_project 1
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco env --ignore-signal=CHLD bruco app <feed.pipe 7>&-
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    local worker=$(stages bruco-worker)
    kill -KILL "$worker"
    wait_for 20 file_has bruco.err 'worker 0 was killed by signal 9'
    feed a
    wait_for 20 lines_in bruco.out 1
    stop_x bruco
    end_feed

    mkdir app/cases
    echo hello >app/cases/one.lines
    run_x 0 env --ignore-signal=CHLD bruco test --update -c app
    run_x 0 env --ignore-signal=CHLD bruco test -c app
}

@test "SIGCHLD ignored by the parent: a handler sees how its children end" {
    project 1 <<'END'
import subprocess
def handle_event(context, data):
    return str(subprocess.run(['sh', '-c', 'exit 7']).returncode)
END
    run_x 0 env --ignore-signal=CHLD bruco app <<<hello
    equals "$output" 7
    run_x 0 env --ignore-signal=CHLD bruco-worker --lines -d app <<<hello
    equals "$output" 7
}

@test "nohup: SIGHUP changes nothing, in any program" {
    echo_project 1
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco nohup bruco app <feed.pipe 7>&-
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    kill -HUP "$(<bruco.pid)" $(stages bruco-source) $(stages bruco-sink) $(stages bruco-worker)
    feed a
    wait_for 20 lines_in bruco.out 1
    file_lacks bruco.err stopping
    stop_x bruco
    end_feed

    for program in "bruco-source lines" "bruco-worker --lines -d app" "bruco-sink json"; do
        rm -f feed.pipe
        mkfifo feed.pipe
        exec 7<>feed.pipe
        start_x program nohup $program <feed.pipe 7>&-
        wait_for 20 file_has "/proc/$(<program.pid)/comm" bruco
        wait_for 20 takes_no_hangup "$(<program.pid)"
        kill_x program HUP
        exec 7>&-
        wait_x program 0
    done
    mkfifo broker.pipe
    exec 7<>broker.pipe
    start_x program nohup bruco-broker <broker.pipe 7>&-
    wait_for 20 lines_in program.out 1
    kill_x program HUP
    equals "$(nohup_broker_answers)" yes
    exec 7>&-
    wait_x program 0
}

# It has come to where it ignores SIGPIPE, which all do when they are set up.
takes_no_hangup() {
    local set
    set=$(sed -n 's/^SigIgn:\t//p' "/proc/$1/status")
    (((16#$set & 1) == 1 && (16#$set & 1 << 12) != 0))
}

nohup_broker_answers() {
    bruco-source -q lines <<<a | bruco-sink -q kafka -b "$(<program.out)" -t t && echo yes
}

@test "blocked signals: a stop works, and a timeout, and nothing of it reaches the handler's children" {
    children_project
    sed -i 's/^processor: {/&timeout: 200ms, onFailure: skip, retry: {attempts: 1}, /' app/config.yaml
    cat >>app/handler.py <<'END'
def handle_event(context, data, inner=handle_event):
    if data == b'hang':
        while True:
            pass
    return inner(context, data)
END
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco env --block-signal bruco app <feed.pipe 7>&-
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    feed hang a
    wait_for 20 lines_in bruco.out 3
    file_has bruco.err 'handler raised bruco.Timeout|handler raised Timeout'
    equals "$(<bruco.out)" "$(sets 0)"
    stop_x bruco
    end_feed
}

@test "a handler's children begin with every signal at its default, SIGHUP as it was given to us" {
    children_project
    run_x 0 bruco app <<<a
    equals "$output" "$(sets 0)"
    run_x 0 env --ignore-signal bruco app <<<a
    equals "$output" "$(sets 1)"
    run_x 0 nohup bruco-worker --lines -d app <<<a
    equals "$output" "$(sets 1)"
    run_x 0 env --ignore-signal --block-signal bruco-worker --lines -d app <<<a
    equals "$output" "$(sets 1)"
}

# ---- one request, told twice

# A handler that says that it runs, and waits for the file `go`.
waiting_project() {
    project 1 <<'END'
import os, time
def handle_event(context, data):
    open('begun', 'x').close()
    while not os.path.exists('go'):
        time.sleep(0.01)
    return data
END
}

@test "timeout(1) signals its child and then its group: that is one signal" {
    waiting_project
    mkfifo feed.pipe
    exec 7<>feed.pipe
    # At a signal of its own it does what it does when the time is up.
    start_x bruco timeout --preserve-status 1000 bruco app <feed.pipe 7>&-
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    feed a
    wait_for 20 test -e app/begun
    kill_x bruco TERM
    wait_for 20 file_has bruco.err 'stopping: SIGTERM'
    touch app/go
    wait_x bruco 0
    equals "$(<bruco.out)" a
    end_feed
}

@test "SIGINT from the terminal and SIGTERM from whoever passes it on are one signal" {
    waiting_project
    start_bruco
    feed a
    wait_for 20 test -e app/begun
    kill_x bruco INT
    kill_x bruco TERM
    kill_x bruco INT
    wait_for 20 file_has bruco.err 'stopping: SIG'
    touch app/go
    wait_x bruco 0
    equals "$(<bruco.out)" a
    end_feed
}

@test "by hand, too, what comes twice at once is one signal" {
    waiting_project
    start_broker -t t:1
    bruco-source -q lines <<<a | bruco-sink -q kafka -b "$BROKERS" -t t
    start_x source timeout --preserve-status 1000 bruco-source -l link kafka -b "$BROKERS" \
        -t t -g g -o earliest
    wait_for 20 test -S link
    start_x sink bruco-sink -l link lines < <(wait_for 20 test -s source.out && cat source.out &&
        exec tail -f --pid="$(<source.pid)" /dev/null)
    wait_for 20 test -s source.out
    kill_x source TERM
    wait_x source 0
    file_lacks source.err 'Terminated'
    wait_x sink 0

    bruco-source -q lines <<<one >in
    mkfifo f
    exec 8<>f
    cat in >&8
    start_x worker timeout --preserve-status 1000 bruco-worker -d app <f 8>&-
    wait_for 20 test -e app/begun
    kill_x worker TERM
    touch app/go
    wait_for 20 test -s worker.out
    exec 8>&-
    wait_x worker 0
}

# ---- what does not die

@test "a worker that has left its process group is killed all the same" {
    project 1 <<'END'
import os, time
def handle_event(context, data):
    os.setpgid(0, os.getpgid(os.getppid()))
    open('begun', 'x').close()
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
END
    set_key shutdownTimeout 200ms
    start_bruco
    feed a
    wait_for 20 test -e app/begun
    kill_x bruco TERM
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "the shutdown timeout of 200ms passed with work left"
    file_lacks bruco.err 'does not end'
    end_feed
}

# A process that another one traces is not reaped before the tracer has looked: as good as one that
# waits for a disk. The tracer ends when the file `enough` is there.
undying_project() {
    project "$1" <<'END'
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
def handle_event(context, data):
    if data != b'stay':
        return data
    libc.prctl(0x59616d61, ctypes.c_ulong(-1 % 2**64), 0, 0, 0)
    pid = os.getpid()
    if os.fork() == 0:
        os.setsid()
        if libc.ptrace(0x4206, pid, None, None) == 0:
            open('traced', 'x').close()
        else:
            open('traced', 'w').write(os.strerror(ctypes.get_errno()))
        while not os.path.exists('enough'):
            time.sleep(0.05)
        os._exit(0)
    time.sleep(1000)
END
    set_key shutdownTimeout 200ms
}

@test "what does not die is left after a while, by name, with 75" {
    undying_project 2
    start_bruco
    feed stay
    wait_for 20 test -e app/traced
    [[ ! -s app/traced ]] || skip "ptrace: $(<app/traced)"
    feed $(seq 20)
    wait_for 20 lines_in bruco.out 1
    kill_x bruco TERM
    wait_for 60 process_ended "$(<bruco.pid)"
    touch app/enough
    wait_x bruco 75
    file_has bruco.err 'bruco: error: bruco-worker-[01] \(process [0-9]+\) was killed and does not end'
    contains "$(tail -n 1 bruco.err)" "the shutdown timeout of 200ms passed with work left"
    end_feed
}

@test "a worker that is killed for its timeout and does not die ends it with 75, by name" {
    undying_project 2
    sed -i 's/^processor: {/&timeout: 100ms, /' app/config.yaml
    sed -i 's/    time.sleep(1000)/    while True:\n        try:\n            time.sleep(1000)\n        except BaseException:\n            pass/' app/handler.py
    start_bruco
    feed stay
    wait_for 20 test -e app/traced
    [[ ! -s app/traced ]] || skip "ptrace: $(<app/traced)"
    wait_for 60 process_ended "$(<bruco.pid)"
    touch app/enough
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "does not end, though it was killed"
    file_has bruco.err 'stopping: bruco-worker-[01] \(process [0-9]+\) does not end'
    end_feed
}
