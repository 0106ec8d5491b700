# What all end-to-end tests share. A test file begins with `load helpers`.
#
#   run_x STATUS command ...     runs it under a deadline and checks its exit status
#   start_x NAME command ...     starts it in the background; stop_x, wait_x, kill_x NAME
#   wait_for SECONDS command ... until the command succeeds
#   start_broker [-t topic] ...  a bruco-broker of the test's own; sets $BROKERS
#   real_broker                  Kafka itself; sets $BROKERS; new_topic makes a topic there
#   requires X ...               skips the test when a command is missing
#   is_true [OPTION] FILTER [FILE]  jq says true and nothing else (jq -e is content with no input)
#
# Each test has a folder of its own, $BATS_TEST_TMPDIR, and works in it. Whatever run_x and start_x
# start gets a session of its own; a process that is left in one of those sessions when the test
# ends is ended and fails the test.

bats_require_minimum_version 1.5.0

ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
export BRUCO_BIN=${BRUCO_BIN:-$ROOT/build/bin}
export BRUCO_TESTS=${BRUCO_TESTS:-${BRUCO_BIN%/*}/tests}
export PATH=$BRUCO_BIN:$BRUCO_TESTS:$PATH
export LC_ALL=C.UTF-8 BRUCO_DISABLE_PIP=${BRUCO_DISABLE_PIP-true}
unset NOTIFY_SOCKET JOURNAL_STREAM
# Another Python than the embedded one for all workers: a virtual environment's folder, or an executable.
[[ -z ${BRUCO_TEST_PYTHON:-} ]] || export BRUCO_VENV=$BRUCO_TEST_PYTHON

: "${LIMIT:=60}"   # seconds that run_x gives a command
: "${PATIENCE:=1}" # how many times as long to wait, here and in wait_for: for builds that are slow

setup() {
    common_setup
}

teardown() {
    common_teardown
}

# For test files with a setup or teardown of their own.
common_setup() {
    exec </dev/null
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/.run # for consoles
    mkdir "$XDG_RUNTIME_DIR"
    SESSIONS=()
}

common_teardown() {
    local session left=()
    [[ ! -e broker.session ]] || stop_x broker || true
    for session in "${SESSIONS[@]}"; do
        if ! wait_for 2 session_ended "$session" 2>/dev/null; then
            left+=("$(session_processes "$session")")
            kill_session "$session"
        fi
    done
    if ((${#left[@]} > 0)); then
        printf 'left alive: %s\n' "${left[@]}"
        return 1
    fi
}

# The pids and command lines of a session, zombies not counted.
session_processes() {
    local stat line fields pid
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        read -ra fields <<<"${line##*)}" # state ppid pgrp session ...
        [[ ${fields[3]} == "$1" && ${fields[0]} != [ZX] ]] || continue
        pid=${line%% *}
        echo "$pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
    done
}

session_ended() {
    [[ -z $(session_processes "$1") ]]
}

kill_session() {
    local pid rest
    while read -r pid rest; do
        kill -KILL "$pid" 2>/dev/null || true
    done < <(session_processes "$1")
}

# Starts a command in a new session, of which it is the leader, with the signals that bash takes
# away from background commands given back. Its pid, which is the session's number, is in $!.
in_session() {
    setsid env --default-signal=HUP,INT,QUIT "$@" <&0 &
    SESSIONS+=("$!")
}

# run_x STATUS command ...: standard input is the caller's. Afterwards: $status, $output (stdout),
# $stderr, $lines (of stdout) and the exact bytes in the files `stdout` and `stderr`.
run_x() {
    local expected=$1
    shift
    in_session timeout -k 5 $((LIMIT * PATIENCE)) "$@" >stdout 2>stderr
    status=0
    wait "$!" || status=$?
    output=$(tr -d '\0' <stdout)
    stderr=$(tr -d '\0' <stderr)
    mapfile -t lines <stdout
    if [[ $status != "$expected" ]]; then
        echo "command: $*"
        echo "status:  $status, expected $expected$([[ $status == 124 ]] && echo " (timed out)")"
        echo "stdout:  $(head -c 8000 stdout | tr -d '\0')"
        echo "stderr:  $(head -c 8000 stderr | tr -d '\0')"
        return 1
    fi
}

# start_x NAME command ...: output goes to NAME.out and NAME.err, the pid into NAME.pid and $!.
# Standard input is the caller's.
start_x() {
    local name=$1
    shift
    in_session "$@" >"$name.out" 2>"$name.err"
    echo "$!" >"$name.pid"
}

# wait_x NAME STATUS [SECONDS]: waits until it has ended by itself and checks its status.
wait_x() {
    local pid ended=0
    pid=$(<"$1.pid")
    wait_for "${3:-$LIMIT}" process_ended "$pid" || {
        echo "$1 still runs; its stderr:"
        tail -n 50 "$1.err"
        return 1
    }
    wait "$pid" || ended=$?
    if [[ $ended != "$2" ]]; then
        echo "$1 ended with $ended, expected $2; its stderr:"
        tail -n 50 "$1.err"
        return 1
    fi
}

# kill_x NAME SIGNAL
kill_x() {
    kill -"$2" "$(<"$1.pid")"
}

# stop_x NAME [STATUS [SECONDS]]: SIGTERM, and its status must be 0 or the one given.
stop_x() {
    kill_x "$1" TERM
    wait_x "$1" "${2:-0}" "${3:-$LIMIT}"
}

process_ended() {
    local line
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    [[ ${line##*) } == Z* ]]
}

# wait_for SECONDS command ...: tries until it succeeds; says so and fails when the time is up.
wait_for() {
    local deadline=$((SECONDS + $1 * PATIENCE))
    shift
    until "$@"; do
        if ((SECONDS > deadline)); then
            echo "waited in vain for: $*" >&2
            return 1
        fi
        sleep 0.05
    done
}

# Conditions for wait_for.
file_has() { # file_has FILE PATTERN (grep -E)
    grep -qE -- "$2" "$1" 2>/dev/null
}

lines_in() { # lines_in FILE COUNT: at least that many
    (($(wc -l 2>/dev/null <"$1") >= $2))
}

# Checks that print what they found.
file_lacks() { # file_lacks FILE PATTERN (grep -E); a `!` alone would not fail the test
    ! grep -E -- "$2" "$1"
}

# No error, warning or restart. A broker that has begun a moment ago lets the client wait for a producer's number.
lacks_trouble() { # lacks_trouble FILE
    grep -vF 'Coordinator load in progress: retrying' "$1" >calm || true
    file_lacks calm 'error|warning|restarting'
}

count_in() { # count_in FILE PATTERN COUNT: lines with this pattern
    equals "$(grep -cE -- "$2" "$1")" "$3"
}

equals() { # equals GOT WANT
    [[ $1 == "$2" ]] || {
        printf 'got:  %s\nwant: %s\n' "$1" "$2"
        return 1
    }
}

contains() { # contains TEXT PART
    [[ $1 == *"$2"* ]] || {
        printf 'text: %s\nlacks: %s\n' "$1" "$2"
        return 1
    }
}

same_bytes() { # same_bytes FILE FILE
    cmp "$1" "$2"
}

free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

requires() {
    local command
    for command; do
        command -v "$command" >/dev/null || skip "$command is not installed"
    done
}

is_true() {
    [[ $(jq "$@") == true ]]
}

# start_broker [-t topic[:partitions]] ...: ended by the teardown.
start_broker() {
    start_x broker bruco-broker "$@"
    wait_for 10 lines_in broker.out 1
    BROKERS=$(<broker.out)
    touch broker.session
}

# The real broker is the one that the whole run shares (BRUCO_KAFKA), or else this file's own.
real_broker() {
    if [[ -n ${BRUCO_KAFKA:-} ]]; then
        BROKERS=$BRUCO_KAFKA
        return
    fi
    requires java
    export BRUCO_KAFKA_RUN=$BATS_FILE_TMPDIR/kafka
    "$ROOT/tests/kafka/broker" start >"$BATS_TEST_TMPDIR/kafka.start" || return
    BROKERS=$(<"$BATS_TEST_TMPDIR/kafka.start")
}

teardown_file() {
    export BRUCO_KAFKA_RUN=$BATS_FILE_TMPDIR/kafka
    [[ ! -e $BRUCO_KAFKA_RUN ]] || "$ROOT/tests/kafka/broker" stop
}

# lines_project PROCESSOR [LINE ...]: a folder `app` with a configuration from lines to lines that has
# these other lines, and a handler from standard input.
lines_project() {
    mkdir -p app
    cat >app/handler.py
    printf '%s\n' "${@:2}" "processor: $1" 'source: {kind: lines}' 'sink: {kind: lines}' >app/config.yaml
}

# tiny_package WORD: a package that needs no network, a wheel in the folder `app` with its requirements.
tiny_package() {
    /usr/bin/python3 - "$1" <<'END'
import sys, zipfile
with zipfile.ZipFile('app/tinypackage-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('tinypackage.py', f'word = "{sys.argv[1]}"\n')
    wheel.writestr('tinypackage-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.0\n')
    wheel.writestr('tinypackage-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr('tinypackage-1.0.dist-info/RECORD', '')
END
    printf '%s\n' '--no-index' './tinypackage-1.0-py3-none-any.whl' >app/requirements.txt
}

# new_topic [PARTITIONS [config=value ...]]: makes a topic with a name of its own on $BROKERS and
# puts the name into $TOPIC.
new_topic() {
    TOPIC=t-$BASHPID-$RANDOM$RANDOM
    kafka-offsets -b "$BROKERS" create "$TOPIC" "${1:-1}" "${@:2}"
}
