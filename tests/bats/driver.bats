# bruco: starts the stages, watches them, restarts what dies, drains and ends with the right status.
# With the kinds lines and discard, so that nothing but Bruco takes part.

load helpers

# project [WORKERS]: a folder `app` with a configuration from lines to lines and, from standard
# input, a handler.
project() {
    mkdir -p app
    cat >app/handler.py
    cat >app/config.yaml <<END
shutdownTimeout: 10s
processor: {workers: ${1:-1}, ordering: none}
source: {kind: lines}
sink: {kind: lines}
END
}

# set_key KEY VALUE: at the top of the configuration, instead of what it may have there.
set_key() {
    sed -i "/^$1:/d" app/config.yaml
    echo "$1: $2" >>app/config.yaml
}

echo_project() {
    project "${1:-1}" <<<'def handle_event(context, data): return data'
}

# start_bruco [OPTION ...]: in the background, its input is what feed sends until end_feed.
start_bruco() {
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco bruco "$@" app <feed.pipe 7>&-
    wait_for 20 file_has bruco.err 'bruco: info: ready'
}

feed() {
    printf '%s\n' "$@" >&7
}

end_feed() {
    exec 7>&-
}

# The pids of the driver's children with this name.
stages() {
    local driver child
    driver=$(<bruco.pid)
    for child in $(<"/proc/$driver/task/$driver/children"); do
        [[ $(<"/proc/$child/comm") != "$1" ]] || echo "$child"
    done
}

has_stages() { # has_stages NAME COUNT
    [[ $(stages "$1" | wc -l) == "$2" ]]
}

file_lacks() { # file_lacks FILE PATTERN; a `!` would not fail the test
    ! grep -E -- "$2" "$1"
}

count_in() { # count_in FILE PATTERN COUNT
    equals "$(grep -cE -- "$2" "$1")" "$3"
}

times_in() { # a condition: times_in FILE PATTERN COUNT
    [[ $(grep -cE -- "$2" "$1") == "$3" ]]
}

same_lines() { # same_lines FILE FILE, in any order
    cmp <(sort "$1") <(sort "$2")
}

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
    kill_x bruco INT
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

@test "kill -9 of source or sink: everything starts anew, nothing stays behind" {
    echo_project 2
    start_bruco
    local starts=1
    for name in bruco-source bruco-sink; do
        local old=$(stages bruco-source; stages bruco-sink; stages bruco-worker)
        kill -KILL $(stages "$name")
        starts=$((starts + 1))
        wait_for 20 times_in bruco.err 'bruco: info: ready' "$starts"
        contains "$(<bruco.err)" "$name was killed by signal 9 (SIGKILL), restarting the pipeline"
        for pid in $old; do
            [[ ! -e /proc/$pid ]]
        done
        feed "after $name"
        wait_for 20 lines_in bruco.out $((starts - 1))
    done
    # Workers that end because of it are not deaths of their own.
    file_lacks bruco.err 'worker [01] '
    stop_x bruco
    equals "$(<bruco.out)" $'after bruco-source\nafter bruco-sink'
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
    echo_project 1
    set_key maxRestarts 1
    start_bruco
    kill -KILL $(stages bruco-sink)
    wait_for 20 times_in bruco.err 'bruco: info: ready' 2
    kill -KILL $(stages bruco-sink)
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "1 restarts in 60 s are used up: bruco-sink was killed by signal 9"
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

# ---- requirements.txt

# A package that needs no network: a wheel in the handler's folder.
requirements_project() {
    project 1 <<'END'
import tinypackage
def handle_event(context, data):
    return '%s %s' % (tinypackage.word, tinypackage.__file__)
END
    /usr/bin/python3 - <<'END'
import zipfile
with zipfile.ZipFile('app/tinypackage-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('tinypackage.py', 'word = "found"\n')
    wheel.writestr('tinypackage-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.0\n')
    wheel.writestr('tinypackage-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr('tinypackage-1.0.dist-info/RECORD', '')
END
    printf '%s\n' '--no-index' './tinypackage-1.0-py3-none-any.whl' >app/requirements.txt
    export XDG_CACHE_HOME=$PWD/cache
    unset BRUCO_DISABLE_PIP
}

@test "requirements.txt is installed once, for two that start at once, and kept" {
    requirements_project
    start_x one bruco app <<<hello
    start_x two bruco app <<<hello
    wait_x one 0
    wait_x two 0
    contains "$(<one.out)" "found $PWD/cache/bruco/venv-"
    equals "$(<two.out)" "$(<one.out)"
    count_in <(cat one.err two.err) "info: installing '$PWD/app/requirements.txt'" 1

    # The next start runs no Python to find that out: only the worker's own is there.
    requires strace
    ASAN_OPTIONS=detect_leaks=0 run_x 0 strace -f -e trace=execve -o trace bruco app <<<hello
    equals "$output" "$(<one.out)"
    file_lacks stderr installing
    file_lacks trace python3
}

@test "another requirements.txt is another environment" {
    requirements_project
    run_x 0 bruco app <<<hello
    echo '# changed' >>app/requirements.txt
    run_x 0 bruco app <<<hello
    contains "$stderr" installing
    equals "$(ls -d cache/bruco/venv-*/ | wc -l)" 2
}

@test "a package that cannot be installed: pip's words, 69, nothing half-made" {
    requirements_project
    echo 'there-is-no-such-package' >>app/requirements.txt
    run_x 69 bruco app <<<hello
    contains "$stderr" "No matching distribution found for there-is-no-such-package"
    contains "$(tail -n 1 stderr)" "bruco: error: cannot install '$PWD/app/requirements.txt'"
    equals "$output" ""
    [[ -z $(ls -d cache/bruco/venv-*/ 2>/dev/null) ]]
}

@test "a signal during the installation ends it and removes what is half-made" {
    requirements_project
    start_x bruco bruco app </dev/null
    wait_for 20 has_environment
    kill_x bruco TERM
    wait_x bruco 143
    [[ -z $(ls -d cache/bruco/venv-*/ 2>/dev/null) ]]
    # teardown sees that pip is gone
}

has_environment() {
    [[ -n $(ls cache/bruco/venv-*/pyvenv.cfg 2>/dev/null) ]]
}

@test "what a killed one left half-made is made again" {
    requirements_project
    start_x bruco bruco app </dev/null
    wait_for 20 has_environment
    kill_x bruco KILL
    wait_x bruco 137
    run_x 0 bruco app <<<hello
    contains "$stderr" installing
    contains "$output" found
}

@test "BRUCO_DISABLE_PIP=true installs nothing; no place to install into is 69" {
    requirements_project
    BRUCO_DISABLE_PIP=true run_x 70 bruco app <<<hello
    contains "$stderr" "No module named 'tinypackage'"
    [[ ! -e cache ]]
    run_x 69 env -u HOME -u XDG_CACHE_HOME bruco app <<<hello
    contains "$stderr" "neither HOME nor XDG_CACHE_HOME is set"
}
