#!/usr/bin/env bats
# processor.user: bruco runs as root, the workers and pip as somebody else. What hostile handlers of that user
# try at each level; that the same works for a handler of root's shows that these are attacks.

load helpers
load walls

setup() {
    ((EUID == 0)) || skip "needs root"
    getent passwd nobody >/dev/null || skip "needs the user nobody"
    common_setup
    requires jq
    open_house
    NOBODY=$(id -u nobody) GROUP=$(id -g nobody)
}

# Everything that only root may read or change, and a pipeline by hand beside it, with its link.
user_project() {
    hostile_project "$@"
    cp "$ROOT/tests/bats/walls_user.py" app/walls_user.py
    cat >app/handler.py <<'PY'
import walls_user
def handle_event(context, data):
    return walls_user.report(data) if data[:1] == b"{" else None
PY
    sed -i 's/"${SOURCE_PASSWORD}"/"${file:password}"/; s/^processor:/&\n  inheritEnv: [HOUSE]/' config.yaml
    echo canary-of-the-file >password
    echo canary-of-env >app/.env
    ln -s ../config.yaml app/link.yaml
    chmod 600 config.yaml password app/.env
    chmod 755 app
    export HOUSE OTHER_PASSWORD
    mkfifo typed
    exec 8<>typed
    start_x linked bruco-source -l "$HOUSE/link" lines <typed
    wait_for 10 test -S "$HOUSE/link"
}

# Runs it to the end; what the handler found is in app/found.json.
run_user() {
    local driver pid pids name
    start_x bruco bruco "$@" -c config.yaml
    driver=$(<bruco.pid)
    wait_for 30 file_has bruco.err "bruco: info: ready"
    pids="{\"driver\": $driver"
    for pid in $(<"/proc/$driver/task/$driver/children"); do
        name=$(<"/proc/$pid/comm")
        [[ $name == bruco-worker ]] || pids+=", \"${name#bruco-}\": $pid"
    done
    echo "$pids}" | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t in
    run_x 0 bruco-source -q -n 1 kafka -b "$BROKERS" -t out -g look -o earliest
    bruco-sink -q lines <stdout >app/found.json
    stop_x bruco
    stderr=$(<bruco.err)
    cat app/found.json
    kill_x linked TERM || true # its link may have ended it
    exec 8>&-
}

is_nobody() {
    equals "$(jq -c .ids app/found.json)" \
        "[[$NOBODY,$NOBODY,$NOBODY],[$GROUP,$GROUP,$GROUP],[$(id -G nobody | tr ' ' ,)]]"
    equals "$(jq -r '.capabilities | unique[]' app/found.json)" 0000000000000000
    equals "$(jq -r .home app/found.json)" "$(getent passwd nobody | cut -d: -f6)"
}

@test "a handler of root's reads and changes it all" {
    user_project "isolation: none"
    run_user
    contains "$(found taken | paste -sd,)" "\${file:} target"
    equals "$(found taken | grep -cxF -e configuration -e .env -e 'configuration by its link' \
        -e "configuration by the driver's folder" -e '${file:} target')" 5
    equals "$(found refused | grep -v cmdline)" "own descriptors"
}

@test "another user's handler reaches nothing of root's at level none but the environment" {
    user_project "user: nobody" "isolation: none"
    run_user
    is_nobody
    equals "$(found taken)$(found open)" "own environment"
    equals "$(jq '.found | length' app/found.json)" 37
}

@test "another user's handler reaches nothing of root's at level basic" {
    user_project "user: nobody"
    run_user -v
    is_nobody
    equals "$(found taken)$(found open)" ""
    equals "$(jq '.found | length' app/found.json)" 37
    equals "$(jq -c '.status | [.NoNewPrivs, .core]' app/found.json)" '["1",["0","0"]]'
    contains "$stderr" "workers run as 'nobody' (user $NOBODY, group $GROUP)"
    file_lacks bruco.err "can read"
}

@test "another user's handler reaches nothing of root's at level strict" {
    user_project "user: nobody" "isolation: strict"
    run_user
    is_nobody
    equals "$(found taken)$(found open)" ""
    equals "$(jq '.found | length' app/found.json)" 37
}

# ---- what works as ever

# user_lines PROCESSOR: as lines_project, in the house, as nobody, in one line
user_lines() {
    lines_project "{user: nobody, $1}"
    chmod 600 app/config.yaml
}

who() {
    ps -o user= -p "$1" 2>/dev/null || stat -c %U "/proc/$1"
}

@test "workers of another user are reloaded, restarted, recycled, shown by stack, and killed with what they started" {
    user_lines 'isolation: strict, timeout: 1s, retry: {attempts: 2, backoff: 1ms}, onFailure: skip' <<'PY'
import os, signal, subprocess, sys, tempfile, time
def handle_event(context, data):
    if data == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    if data == b"hang":
        subprocess.Popen(["sleep", "98765"])
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGVTALRM, signal.SIGUSR1, signal.SIGUSR2])
        while True:
            pass
    if data == b"show":
        time.sleep(0.5)
    with tempfile.NamedTemporaryFile() as file:
        os.system("echo printed >/dev/stdout; echo warned >/dev/stderr")
        return f"{data.decode()} {os.getuid()} {os.path.dirname(file.name) == os.environ['TMPDIR']}"
PY
    mkdir tmp
    export TMPDIR=$HOUSE/work/tmp
    chmod 755 tmp
    mkfifo in
    exec 7<>in
    start_x bruco bruco app <in
    wait_for 30 file_has bruco.err "bruco: info: ready"
    equals "$(stat -c %U:%a tmp/bruco-worker.*)" nobody:700
    echo one >&7
    wait_for 10 lines_in bruco.out 1
    sed -i 's/attempts: 2/attempts: 1/' app/config.yaml
    run_x 0 bruco reload --wait app
    equals "$output" "reloaded: all 1 workers are new"
    run_x 0 bruco restart -c app worker-0
    printf 'two\ndie\nthree\nhang\nfour\n' >&7
    wait_for 30 lines_in bruco.out 4
    equals "$(<bruco.out)" "one $NOBODY True
two $NOBODY True
three $NOBODY True
four $NOBODY True"
    echo show >&7
    run_x 0 bruco stack -c app worker-0
    contains "$output" "Current thread"
    file_has bruco.err "bruco-worker-0: info: printed"
    file_has bruco.err "bruco-worker-0: warning: warned"
    sed -i 's/nobody/root/' app/config.yaml
    run_x 0 bruco reload --wait app
    wait_for 10 file_has bruco.err "not reloaded, since it takes a new start: processor.user"
    wait_for 10 lines_in bruco.out 5
    echo last >&7
    wait_for 10 lines_in bruco.out 6
    equals "$(tail -n 1 bruco.out)" "last $NOBODY True"
    stop_x bruco 143 || true
    exec 7>&-
    equals "$(ls tmp)" ""
    equals "$(pgrep -f 'sleep 98765' || true)" ""
}

@test "a worker of another user dies with bruco" {
    user_lines 'isolation: basic' <<'PY'
import time
def handle_event(context, data):
    print("begun", flush=True)
    while True: # it never sees that its pipes are closed
        time.sleep(1000)
PY
    mkfifo in
    exec 7<>in
    start_x bruco bruco app <in
    echo one >&7
    wait_for 30 file_has bruco.err "begun"
    local worker
    worker=$(pgrep -P "$(<bruco.pid)" -u nobody)
    equals "$(who "$worker")" nobody
    kill_x bruco KILL
    wait_for 10 process_ended "$worker"
    exec 7>&-
    wait_x bruco 137
}

@test "pip and what it builds run as that user, in a cache of its own" {
    hostile_requirement
    cat >app/hostile/backend.py <<'PY'
import json, os, zipfile
def tries(path):
    try:
        open(path).read()
        return "taken"
    except OSError:
        return "refused"
def build_wheel(directory, *args):
    found = {"ids": [os.getresuid(), os.getresgid(), os.getgroups()], "home": os.environ["HOME"],
             "config": tries(os.environ["HOUSE"] + "/work/app/config.yaml")}
    name = "hostile-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("hostile.py", "found = " + repr(found))
        wheel.writestr("hostile-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: hostile\nVersion: 1\n")
        wheel.writestr("hostile-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("hostile-1.dist-info/RECORD", "")
    return name
PY
    echo "$HOUSE/work/app/hostile" >app/requirements.txt
    user_lines 'inheritEnv: [HOUSE]' <<'PY'
import hostile
def handle_event(context, data):
    return hostile.found
PY
    chmod -R a+rX app/hostile app/requirements.txt app/handler.py
    chown -R nobody app/hostile # setuptools and others write beside the sources
    export HOUSE BRUCO_DISABLE_PIP=no
    local home
    home=$(getent passwd nobody | cut -d: -f6)
    XDG_CACHE_HOME='' run_x 69 bruco app <<<one # as on Debian, where nobody has no home
    contains "$stderr" "cannot create '$home/.cache/bruco': "
    contains "$stderr" "(XDG_CACHE_HOME names another place)"
    export XDG_CACHE_HOME=$HOUSE/cache
    mkdir "$XDG_CACHE_HOME"
    run_x 69 bruco app <<<one # root's
    contains "$stderr" "cannot create '$HOUSE/cache/bruco': Permission denied"
    chown nobody "$XDG_CACHE_HOME"
    run_x 0 bruco app <<<one
    equals "$(jq -c . <<<"$output")" "{\"ids\":[[$NOBODY,$NOBODY,$NOBODY],[$GROUP,$GROUP,$GROUP],[$(id -G nobody | tr ' ' ,)]],\"home\":\"$home\",\"config\":\"refused\"}"
    equals "$(find "$XDG_CACHE_HOME" ! -user nobody)" ""
    run_x 0 bruco check --handler app
    rm -r app/hostile
    run_x 0 bruco app <<<two # it is there, and is not built anew
    run_x 0 bruco venv app
    contains "$output" "$XDG_CACHE_HOME/bruco/venv-"
}

@test "root follows no link that the user has put into its cache" {
    mkdir app
    tiny_package here
    user_lines 'maxEvents: 5' <<<'def handle_event(context, data): return data'
    export BRUCO_DISABLE_PIP=no XDG_CACHE_HOME=$HOUSE/cache
    mkdir "$XDG_CACHE_HOME"
    chown nobody "$XDG_CACHE_HOME"
    run_x 0 bruco venv app
    local folder=$output
    rm "$folder/bruco-complete" "$folder.lock"
    ln -s "$HOUSE/made-by-lock" "$folder.lock"
    chown -h nobody "$folder.lock"
    run_x 69 bruco venv app
    contains "$stderr" "cannot lock '$folder.lock': Permission denied"
    [[ ! -e $HOUSE/made-by-lock ]]
}

@test "bruco check names the first folder that refuses, and what can be read that should not" {
    user_lines 'isolation: basic' <<<'def handle_event(context, data): return data'
    run_x 0 bruco check app
    equals "$stderr" ""
    chmod 700 "$HOUSE/work"
    run_x 78 bruco check app
    equals "$stderr" "app/config.yaml:1:19: processor.user: 'nobody' can't enter '$HOUSE/work', on the way to '$HOUSE/work/app', which workers need"
    run_x 78 bruco app <<<one
    contains "$stderr" "'nobody' can't enter '$HOUSE/work', on the way to"
    chmod 755 "$HOUSE/work"
    chmod 600 app/handler.py
    run_x 78 bruco check app
    contains "$stderr" "processor.user: 'nobody' can't read '$HOUSE/work/app/handler.py', which workers need"
    chmod 644 app/handler.py
    chmod 700 "$HOUSE/lib/bruco/python"
    run_x 78 bruco check app
    contains "$stderr" "processor.user: 'nobody' can't read '"
    contains "$stderr" "lib/bruco/python', which workers need"
    chmod 755 "$HOUSE/lib/bruco/python"
    mkdir hidden
    mv app hidden/app
    ln -s hidden/app app
    chmod 700 hidden
    run_x 78 bruco check app
    contains "$stderr" "'nobody' can't enter '$HOUSE/work/hidden', on the way to '"
    chmod 755 hidden

    echo canary | tee app/password >app/.env
    sed -i "s|lines}$|lines} # \${file:password}|; s|isolation: basic|env: [{name: A, value: '\${file:password}'}]|" app/config.yaml
    chmod 640 app/password
    run_x 0 bruco check app
    equals "$(grep -c warning <<<"$stderr")" 1
    contains "$stderr" "warning: processor.user: 'nobody' can read '"
    contains "$stderr" "/app/.env', and so can handlers"
    chmod 644 app/password app/config.yaml
    run_x 0 bruco check app
    equals "$(grep -c 'warning: processor.user' <<<"$stderr")" 3
    chgrp "$GROUP" app/password
    chmod 640 app/password
    run_x 0 bruco check app
    equals "$(grep -c 'warning: processor.user' <<<"$stderr")" 3
}

@test "who is not root can have no other user, and its own one" {
    user_lines 'isolation: basic' <<'PY'
import os
def handle_event(context, data):
    return str(os.getuid())
PY
    sed -i 's/user: nobody/user: daemon/' app/config.yaml
    become_ordinary
    run_x 78 "${ORDINARY[@]}" bruco check app
    contains "$stderr" "processor.user: only root can start workers as another user, and bruco runs as 'nobody'"
    run_x 78 "${ORDINARY[@]}" bruco app <<<one
    contains "$stderr" "app/config.yaml:1:19: processor.user: only root can"
    sed -i 's/user: daemon/user: nobody/' app/config.yaml
    run_x 0 "${ORDINARY[@]}" bruco app <<<one
    equals "$output" "$NOBODY"
    sed -i 's/user: nobody/user: no-such-user/' app/config.yaml
    run_x 78 "${ORDINARY[@]}" bruco check app
    contains "$stderr" "processor.user: there is no user 'no-such-user'"
    sed -i 's/user: no-such-user/user: nobody/' app/config.yaml
    run_x 78 setpriv --bounding-set=-setuid --inh-caps=-setuid bruco check app
    contains "$stderr" "this root lacks CAP_SETUID"
    sed -i 's/user: nobody/user: root/' app/config.yaml
    run_x 0 bruco app <<<one
    equals "$output" 0
}

# on_terminal COMMAND ...: with a terminal of its own; what it writes there is in $output
on_terminal() {
    run_x 0 /usr/bin/python3 -c 'import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))' "$@"
}

@test "a worker of another user has no terminal, into which it could type for root or from which it could read" {
    user_lines 'isolation: none' <<'PY'
import fcntl, os
def open_terminal():
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
        return "open"
    except OSError as error:
        return error.strerror
def terminals():
    return [number for number in range(100) if os.path.exists(f"/proc/self/fd/{number}") and os.isatty(number)]
print("imported:", open_terminal(), terminals(), "\x1b[2J")
def handle_event(context, data):
    return f"answer: {open_terminal()} {terminals()} {os.getsid(0) == os.getpid()}"
PY
    echo one >records
    on_terminal sh -c 'bruco -q app <records'
    contains "$output" "answer: No such device or address [] True"
    on_terminal bruco check --handler app
    contains "$output" "imported: No such device or address []"
    file_lacks stdout $'\e\\[2J'
    sed -i 's/user: nobody/user: root/' app/config.yaml # or it is no attack
    on_terminal sh -c 'bruco -q app <records'
    contains "$output" "answer: open [] False"
}
