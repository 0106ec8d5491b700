#!/usr/bin/env bats
# Handlers that start processes, and signals: what their children get, what they can give back, and
# how the worker ends.

load helpers
load worker

# everywhere < handler: by hand in a pipeline, and under the driver; `output` is what each gives.
everywhere() {
    cat >handler.py
    cat >config.yaml <<'END'
processor: {handlerPath: ., timeout: 50s, retry: {attempts: 1}}
source: {kind: lines}
sink: {kind: lines}
END
    run_x 0 bash -c 'echo x | bruco-source -q lines | bruco-worker -d . | bruco-sink -q lines'
    local by_hand=$output
    run_x 0 bruco -q . < <(echo x)
    equals "$output" "$by_hand"
}

@test "every signal's handler can be given back" {
    everywhere <<'END'
import signal
def handle_event(context, data):
    bad = []
    for number in sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}):
        old = signal.getsignal(number)
        if old is None:
            bad.append(number)
        elif signal.signal(number, lambda *arguments: None) is not old:
            bad.append(number)
        else:
            signal.signal(number, old)
    return bad or "all of them"
END
    equals "$output" "all of them"
    run_x 0 bruco-worker -q --lines < <(echo x)
    equals "$output" "all of them"
}

@test "a child that is forked has the signals that a child of an ordinary Python has" {
    cat >signals.py <<'END'
import os, signal

def of_child():
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        numbers = sorted(signal.valid_signals() - {signal.SIGCHLD})
        text = " ".join(f"{int(n)}:{signal.getsignal(n)!r}" for n in numbers)
        os.write(writing, text.encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    return os.read(reading, 65536).decode()
END
    cat >handler.py <<'END'
import signals
def handle_event(context, data):
    return signals.of_child()
END
    # The Python that is embedded may be another than the distribution's: it is its own witness.
    run_x 0 bruco-worker -q --lines < <(echo x)
    local ordinary=$output
    everywhere <<<"$(<handler.py)"
    equals "$output" "$ordinary"
    contains "$output" "15:<Handlers.SIG_DFL: 0>"
    contains "$output" "2:<built-in function default_int_handler>"
}

@test "a handler's own signal handler stays in its children" {
    everywhere <<'END'
import os, signal
def own(number, frame):
    os._exit(7)
def init_context(context):
    signal.signal(signal.SIGTERM, own)
def handle_event(context, data):
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
END
    equals "$output" 7
}

@test "processes that are terminated end, also those of a pool that is left with work" {
    everywhere <<'END'
import multiprocessing, threading
fork = multiprocessing.get_context("fork")
def hang(number):
    threading.Event().wait()
def init_context(context):
    context.pool = fork.Pool(2)
    context.pool.map_async(hang, range(10))
def handle_event(context, data):
    for _ in range(30):  # at once, whatever it has come to
        process = fork.Process(target=hang, args=(1,))
        process.start()
        process.terminate()
        process.join()
    with fork.Pool(2) as pool:  # which it terminates
        pool.map_async(hang, range(10))
    return process.exitcode
END
    equals "$output" -15
    [[ $stderr != *"did not end"* ]]
}

@test "from a thread too, and a child that execs" {
    everywhere <<'END'
import os, signal, subprocess, threading
def handle_event(context, data):
    codes = []
    def start():
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), signal.SIGHUP)
            os._exit(0)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        sleep = subprocess.Popen(["sleep", "1000"])
        sleep.terminate()
        codes.append(sleep.wait())
        spawned = subprocess.run(["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"],
                                 check=True, capture_output=True, text=True).stdout
        # 32 and 33 are the C library's own: whoever started the tests may have left them ignored.
        codes.append([int(mask, 16) & ~(3 << 31) for mask in spawned.split()[1::2]])
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    return codes
END
    equals "$output" '[-1, -15, [0, 0]]'
}

@test "a file that grows beyond the limit is an error, not a death" {
    everywhere <<'END'
import resource
def handle_event(context, data):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with open("grown", "wb") as grown:
            grown.write(bytes(100))
    except OSError as error:
        return error.strerror
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
END
    equals "$output" "File too large"
}

@test "a signal that means nothing interrupts nothing in the handler" {
    cat >handler.py <<'END'
import os, signal, threading, time
def send():
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(os.getpid(), number)
        time.sleep(0.01)
def handle_event(context, data):
    reading, writing = os.pipe()
    def end():
        send()
        os.write(writing, b"read")
    thread = threading.Thread(target=end)
    thread.start()
    text = os.read(reading, 10).decode()
    thread.join()
    return text
END
    run_x 0 bash -c 'echo x | bruco-source -q lines | bruco-worker -d . | bruco-sink -q lines'
    equals "$output" read
}

# ---- by hand

@test "a handler that forks: the child's way out of the handler sends nothing" {
    handler <<'END'
import os, sys
def init_context(context):
    os.fork()
def handle_event(context, data):
    pid = os.fork()
    if pid == 0:
        if data == b"2":
            sys.exit("the child's exit")
        if data == b"3":
            raise ValueError("the child's error")
        return b"child"
    status = os.waitpid(pid, 0)[1]
    return f"parent {os.waitstatus_to_exitcode(status)}"
END
    run_x 0 bruco-worker --lines < <(seq 3)
    equals "$output" "parent 0
parent 0
parent 1"
    contains "$stderr" "ValueError: the child's error"
}

@test "a grandchild that lives on holds neither the input nor the output" {
    handler <<'END'
import os, time
def handle_event(context, data):
    pid = os.fork()
    if pid == 0:
        while os.path.exists("alive"):
            time.sleep(0.05)
        os._exit(0)
    return b"x"
END
    touch alive
    frames write 'record(1, b"x")' >in
    mkfifo out
    cat out >got &
    local reader=$!
    start_x worker sh -c 'exec bruco-worker <in >out'
    wait_for 10 file_has got Br
    wait_x worker 0 10
    wait_for 10 process_ended "$reader" # it sees the end although the grandchild lives
    equals "$(frames values <got)" "b'x'"
    rm alive
}

@test "a handler's processes by multiprocessing and subprocess work" {
    handler <<'END'
import multiprocessing, subprocess
def square(n):
    return n * n
def handle_event(context, data):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        squares = pool.map(square, range(4))
    return [squares, subprocess.check_output(["cat"], input=bytes(data)).decode()]
END
    run_x 0 bruco-worker --lines < <(seq 2)
    equals "$output" '[[0, 1, 4, 9], "1"]
[[0, 1, 4, 9], "2"]'
}

@test "a handler's threads run while the worker waits, and don't keep it from ending" {
    handler <<'END'
import threading, time
def tick():
    open("ticked", "w").close()
    while True:
        time.sleep(0.01)
def wait_and_tick():
    time.sleep(0.05)
    tick()
def init_context(context):
    threading.Thread(target=wait_and_tick).start()
def handle_event(context, data):
    return data
END
    mkfifo in
    start_x worker sh -c 'exec bruco-worker --lines <in'
    exec 9>in
    wait_for 10 test -e ticked
    echo one >&9
    exec 9>&-
    wait_x worker 0 20
    equals "$(<worker.out)" one
    contains "$(<worker.err)" "warning: Python did not end within 5s"
}

@test "in a pipeline one signal changes nothing: the end of the input ends it" {
    identity
    mkfifo in
    frames write 'record(1, b"one")' >one
    start_x worker sh -c 'exec bruco-worker <in'
    exec 9>in
    cat one >&9
    wait_for 10 file_has worker.out Br
    kill_x worker TERM
    kill_x worker INT
    cat one one >&9
    exec 9>&-
    wait_x worker 0 10
    cat one one one >want
    same_bytes want worker.out
}

@test "in a pipeline a second signal ends a handler that hangs" {
    handler <<'END'
import time
def handle_event(context, data):
    open("running", "w").close()
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
END
    frames write 'record(1, b"one")' >in
    start_x worker sh -c 'mkfifo f; exec 8<>f; cat in >&8; exec bruco-worker <f'
    wait_for 10 test -e running
    terminate() {
        kill_x worker TERM 2>/dev/null || true
        process_ended "$(<worker.pid)"
    }
    wait_for 10 terminate
    wait_x worker 143 10
}

@test "trying lines: Ctrl-C ends it, also while it waits, as a death by that signal" {
    handler <<'END'
import time
def handle_event(context, data):
    if data == b"hang":
        open("running", "w").close()
        time.sleep(60)
    return data
END
    mkfifo in
    start_x worker sh -c 'exec bruco-worker --lines <in'
    exec 9>in
    echo one >&9
    wait_for 10 lines_in worker.out 1
    kill_x worker INT
    wait_x worker 130 10
    equals "$(<worker.err)" ""
    exec 9>&-

    printf 'one\nhang\n' >lines
    start_x worker sh -c 'exec bruco-worker --lines <lines'
    wait_for 10 test -e running
    kill_x worker INT
    wait_x worker 130 10
    equals "$(<worker.out)" one
    contains "$(<worker.err)" "handler raised KeyboardInterrupt"
}

@test "the reader of the output goes away: it dies by SIGPIPE, as any filter" {
    identity
    run_x 0 bash -c 'yes | { bruco-worker --lines; echo "status $?" >&2; } | head -1'
    equals "$output" y
    equals "$stderr" "status 141"
}

@test "a handler that closes the worker's descriptors ends it" {
    handler <<'END'
import os
def handle_event(context, data):
    os.closerange(3, 1000)
END
    frames write 'record(1, b"x")' >in
    run_x 75 bruco-worker <in
    contains "$stderr" "error: cannot read the input: Bad file descriptor"
}

@test "an edit is seen that changes neither the size nor the second of the handler's file" {
    mkdir app app/part
    echo 'def handle_event(context, data): import part.inner; return part.inner.f(data.upper())' >app/handler.py
    echo 'def f(data): return data[:2]' >app/part/inner.py
    echo abc >in
    LIMIT=20 run_x 0 bruco-worker -q --lines -d app <in
    equals "$output" AB
    touch -r app/handler.py then
    sed -i s/upper/title/ app/handler.py
    sed -i s/:2/1:/ app/part/inner.py
    touch -r then app/handler.py app/part/inner.py
    run_x 0 bruco-worker -q --lines -d app <in
    equals "$output" bc
    # later they are kept compiled
    touch -d '1 hour ago' app/handler.py app/part/inner.py
    run_x 0 bruco-worker -q --lines -d app <in
    ls app/__pycache__/handler.*.pyc app/part/__pycache__/inner.*.pyc
}
