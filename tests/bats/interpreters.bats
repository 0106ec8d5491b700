#!/usr/bin/env bats
# The worker in a Python of the user's, which loads its code as a module: the same as in the one that is
# embedded. All of a file's tests run so with
#
#     BRUCO_TEST_PYTHON=/usr/bin/python3 tools/run-tests bats/worker_
#
# Here that is Debian's, and another version where tools/pythons finds one.

load helpers
load driver

PYTHON=/usr/bin/python3

# another: the first Python of another version than the embedded one, whose module it builds, in $PYTHON.
another() {
    local python
    while read -r python; do
        [[ $(version_of "$python") != "$(version_of /usr/bin/python3)" ]] || continue
        make -C "$ROOT" --no-print-directory BUILD="${BRUCO_BIN%/bin}" PYTHON="$python" module >make.log 2>&1 || {
            cat make.log
            return 1
        }
        PYTHON=$python
        return
    done < <("$ROOT/tools/pythons")
    skip "no second Python with headers here"
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

# environment FOLDER: of $PYTHON, with a module only_there, without pip.
environment() {
    "$PYTHON" -m venv --without-pip "$1"
    echo 'name = "in the venv"' >"$("$1/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/only_there.py"
}

@test "a handler finds there what it finds in the embedded Python" {
    cat >handler.py <<'END'
import logging, os, signal, sys, threading
def handle_event(context, data):
    handlers = {number: str(signal.getsignal(number)).split(" at ")[0] for number in (1, 2, 10, 12, 13, 14, 15, 25)}
    text = open("/proc/self/status").read().splitlines()
    masks = [line for line in text if line.startswith(("SigBlk", "SigIgn", "Name"))]
    return [sys.argv, sys.flags.isolated, sys.flags.utf8_mode, sys.version, sys.prefix, sys.path, handlers, masks,
            sorted(os.listdir("/proc/self/fd")), threading.active_count(), str(sys.modules["__main__"].__spec__),
            hasattr(sys.modules["__main__"], "__file__"), sys.executable, sorted(os.environ)]
END
    echo one | tee lines >lines2
    run_x 0 bruco-worker --lines <lines
    local embedded=$output
    run_x 0 bruco-worker --lines --python "$PYTHON" <lines
    equals "$output" "$embedded"
    for kind in "" "python: $PYTHON"; do
        printf '%s\n' "processor: {handlerPath: ., $kind}" 'source: {kind: lines}' 'sink: {kind: lines}' >config.yaml
        run_x 0 bruco -q <lines
        echo "$output" >>driven
        equals "$stderr" ""
    done
    equals "$(sort -u driven | wc -l)" 1
    # By a pipe, which is read once.
    run_x 0 bash -c 'bruco-worker -q --lines -c <(cat config.yaml) -d . <lines'
    contains "$output" bruco-worker
    run_x 0 bruco check
}

@test "a program runs where processor.python names it, and ends as Python does" {
    lines_project "{python: '$PYTHON'}" <<'END'
import atexit, os, threading, time
atexit.register(lambda: print("at exit"))
def handle_event(context, data):
    threading.Thread(target=lambda: (time.sleep(0.3), print("thread"))).start()
    return os.readlink("/proc/self/exe")
END
    run_x 0 bruco app <<<one
    equals "$output" "$(realpath "$PYTHON")"
    contains "$stderr" "bruco-worker-0: info: thread"
    contains "$(grep -A 1 "info: thread" stderr)" "bruco-worker-0: info: at exit"
    # What it prints by hand is seen at once, as it was on the standard output of the start.
    run_x 0 script -qec "echo one | bruco-worker --lines -c app/config.yaml | cat >out" typescript
    contains "$(<typescript)" thread
}

@test "a virtual environment of another version runs in its own Python, behind walls too" {
    another
    environment venv
    lines_project "{isolation: strict, python: $PWD/venv}" <<'END'
import hashlib, json, multiprocessing, os, ssl, sys, only_there
def tried(path):
    try:
        return os.listdir(path)
    except OSError as error:
        return type(error).__name__
def handle_event(context, data):
    return [only_there.name, sys.prefix, "%d.%d" % sys.version_info[:2], tried(os.environ["WORK"])]
END
    sed -i 's/{isolation/{inheritEnv: [WORK], isolation/' app/config.yaml
    export WORK=$BATS_RUN_TMPDIR
    run_x 0 bruco check --handler app
    run_x 0 bruco -q app <<<one
    equals "$output$stderr" "[\"in the venv\", \"$PWD/venv\", \"$(version_of "$PYTHON")\", \"PermissionError\"]"
    # One that is activated, by hand; and its text is looked at by its own rules.
    VIRTUAL_ENV=$PWD/venv run_x 0 bruco-worker -q --lines -d app <<<one
    contains "$output" "$PWD/venv"
}

@test "a Python without a module, or too old, is a mistake with its place, and what to do about it" {
    lines_project '{python: venv}' <<<'def handle_event(context, data): return data'
    mkdir -p app/venv/bin
    ln -s "$PYTHON" app/venv/bin/python3
    echo 'version = 3.77.0' >app/venv/pyvenv.cfg
    local why="'$PWD/app/venv' is Python 3.77, for which there is no worker in '$(realpath "$BRUCO_BIN/../lib/bruco/modules")'"
    for command in "bruco app" "bruco check app" "bruco-worker --lines -c app"; do
        run_x 78 $command <<<one
        contains "$stderr" "app/config.yaml:1:21: processor.python: $why (only for 3."
        contains "$stderr" "in Bruco's sources 'make modules PYTHONS=$PWD/app/venv/bin/python3' builds it"
    done
    run_x 78 bruco-worker --lines --python app/venv -d app <<<one
    contains "$stderr" "is Python 3.77"
    run_x 78 bruco-worker --lines --python app/handler.py -d app <<<one
    contains "$stderr" "/app/handler.py' is neither a virtual environment's folder nor a Python that can be run"
    # One that does not say its version in its name says what is missing when it runs.
    printf 'import importlib.machinery as m\nm.EXTENSION_SUFFIXES[:] = [".odd.so"]\nexec(open("%s").read())\n' \
        "$BRUCO_BIN/../lib/bruco/worker.py" >odd.py
    run_x 78 env "$PYTHON" -c "__file__ = '$BRUCO_BIN/../lib/bruco/worker.py'; exec(open('odd.py').read())"
    contains "$stderr" "is Python $("$PYTHON" -c 'import platform; print(platform.python_version())'), for which there is no worker: no '"
}

@test "a signal while Python starts is no end of the worker" {
    environment venv
    lines_project "{python: '$PWD/venv/bin/python3'}" <<'END'
def handle_event(context, data): return data
END
    # Runs in the interpreter, before anything of Bruco's.
    local site
    site=$(venv/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf 'import os, sys, time\nif "--driver" in sys.orig_argv and not os.path.exists("%s"):\n open("%s", "w").close()\n while not os.path.exists("%s"): time.sleep(0.02)\n' \
        "$PWD/started" "$PWD/started" "$PWD/go" >"$site/slow_start.py"
    echo 'import slow_start' >"$site/slow.pth"
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco bruco app <feed.pipe 7>&-
    wait_for 20 test -e started
    local worker
    worker=$(pgrep -P "$(<bruco.pid)" -f worker.py)
    kill -TERM "$worker"
    kill -INT "$worker"
    kill -HUP "$worker"
    kill -USR1 "$worker"
    touch go
    feed one
    wait_for 20 lines_in bruco.out 1
    equals "$(stages bruco-worker)" "$worker"
    stop_x bruco
    end_feed
}

@test "a crash is blamed on its event, with the traceback; a hang is shown and ended" {
    lines_project "{python: '$PYTHON', timeout: 300ms, retry: {attempts: 1}, onFailure: skip}" <<'END'
import ctypes, time
def handle_event(context, data):
    if data == b"crash":
        ctypes.string_at(0)
    if data == b"hang":
        time.sleep(50)
    return data
END
    run_x 0 bruco app < <(printf 'one\ncrash\nhang\ntwo\n')
    equals "$output" $'one\ntwo'
    contains "$stderr" "Fatal Python error: Segmentation fault"
    contains "$stderr" "handler.py\", line 4 in handle_event"
    contains "$stderr" "bruco.Timeout"
}

@test "breakpoint() stops in the debugger on the terminal, while frames come from a pipe" {
    requires script
    cat >handler.py <<'END'
def handle_event(context, data):
    secret = 6 * 7
    breakpoint()
    return data
END
    bruco-source -q lines <<<one >run.frames
    mkfifo typed
    exec 8<>typed
    start_x terminal script -qefc "bruco-worker --python $PYTHON <run.frames | cat >out" /dev/null <typed 8>&-
    wait_for 20 file_has terminal.out '\(Pdb\)'
    echo 'p secret' >&8
    wait_for 20 file_has terminal.out '^42'
    echo c >&8
    wait_for 20 process_ended "$(<terminal.pid)"
    exec 8>&-
    contains "$(tr -d '\0' <out)" one
}

@test "the tests of frames, there" {
    LIMIT=200 BRUCO_TEST_PYTHON=$PYTHON run_x 0 bats --tap "$ROOT/tests/bats/worker_frames.bats"
    grep -q '^ok ' stdout
}
