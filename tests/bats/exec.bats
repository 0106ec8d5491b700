#!/usr/bin/env bats
# The kind exec as a source and as a sink: what is promised of records when the program, or one of ours, dies.

load helpers
load driver

LIMIT=40

# exec_source 'COMMAND' [KEY: VALUE ...]: a folder `app` that prints what the shell's command prints.
exec_source() {
    mkdir -p app
    cat >app/program <<<"$1"
    cat >app/config.yaml <<YAML
shutdownTimeout: 10s
source: {kind: exec, command: [sh, $PWD/app/program]$(printf ', %s' "${@:2}")}
sink: {kind: lines}
YAML
}

# exec_sink 'COMMAND' [KEY: VALUE ...]: the same from in.log to that command.
exec_sink() {
    mkdir -p app
    cat >app/program <<<"$1"
    cat >app/config.yaml <<YAML
stateDirectory: ../state
shutdownTimeout: 10s
source: {kind: file, path: ../in.log}
sink: {kind: exec, command: [sh, $PWD/app/program]$(printf ', %s' "${@:2}")}
YAML
}

# A program that acknowledges each line when it is in the file `safe`.
careful() {
    cat >careful.py <<'PY'
import os, sys
safe = os.open("safe", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
open("program.pid", "w").write(str(os.getpid()))
for line in iter(sys.stdin.buffer.readline, b""):
    os.write(safe, line)
    sys.stdout.write("ok\n")
    sys.stdout.flush()
PY
}

start_app() {
    start_x bruco bruco "$@" app
    wait_for 20 file_has bruco.err 'bruco: info: ready'
}

kill_one() { # kill_one NAME: a stage or `program`, if it runs; for wait_for
    local pids
    if [[ $1 == program ]]; then
        pids=$(cat program.pid 2>/dev/null)
    else
        pids=$(stages "$1")
    fi
    [[ -n $pids ]] && kill -KILL $pids 2>/dev/null
}

runs() { # runs COUNT: the program has been started that often, which notes it in `starts`
    lines_in starts "$1"
}

# ---- the source

@test "exec: records are what the program prints, and status 0 is the end of the input; its last line needs no end" {
    exec_source "printf 'one\\n\\ntwo'; printf 'a \\033[1mword\\nand more' >&2"
    run_x 0 bruco app
    equals "$output" $'one\n\ntwo'
    contains "$stderr" 'bruco-source: warning: sh: a \x1b[1mword'
    contains "$stderr" 'bruco-source: warning: sh: and more'
    contains "$stderr" "what 'sh' prints is delivered at most once"
}

@test "exec: another status is a failure: the program is started again with back-off, and a torn line is dropped" {
    exec_source 'echo x >>starts; echo "line $(wc -l <starts)"; printf torn; test $(wc -l <starts) -gt 3; exit'
    run_x 0 bruco app
    equals "$output" $'line 1\nline 2\nline 3\nline 4\ntorn'
    count_in stderr 'ended within a record: the 4 bytes of it that it had printed are dropped' 3
    contains "$stderr" "'sh' ended with status 1; it is started again in 100ms"
    contains "$stderr" "'sh' ended with status 1; it is started again in 400ms"
}

@test "exec: more failures in a row than maxRestarts end the pipeline with 75, and no one starts it again" {
    exec_source 'echo x >>starts; echo line; echo no such thing >&2; exit 3'
    set_key maxRestarts 2
    run_x 75 bruco app
    equals "$(wc -l <starts)" 3
    equals "$output" $'line\nline\nline'
    contains "$stderr" "error: 'sh' ended with status 3: no such thing, and was started again 2 times in a row before"
}

@test "exec: restart never and always; -e ends with the program in any case" {
    exec_source 'echo x >>starts; echo line; exit 3' 'restart: never'
    run_x 75 bruco app
    equals "$(wc -l <starts)" 1
    exec_source 'echo x >>starts; echo line' 'restart: always'
    start_app
    wait_for 10 runs 3
    stop_x bruco
    run_x 0 bruco -e app
    equals "$output" line
}

@test "exec: a stop asks the program to end, and delivers what it prints until then" {
    exec_source 'trap "seq 1001 1010; exit 0" TERM; seq 1000; echo x >>starts; while :; do sleep 0.05; done'
    start_app
    wait_for 10 runs 1
    stop_x bruco
    cmp bruco.out <(seq 1010)
    file_lacks bruco.err 'lost$'
}

@test "exec: a program that does not end at SIGTERM is killed with all that it has started" {
    exec_source 'trap "" TERM; sleep 1000 & echo $! >child; echo one; echo x >>starts; wait; wait'
    start_app
    wait_for 10 runs 1
    stop_x bruco
    equals "$(<bruco.out)" one
    contains "$(<bruco.err)" "'sh' does not end, killing it"
    wait_for 5 process_ended "$(<child)"
    exec_source 'sleep 1000 & echo $! >child; echo one'
    run_x 0 bruco app
    equals "$output" one
    wait_for 5 process_ended "$(<child)"
}

@test "exec: a line that is no JSON fails as onFailure says; a torn frame is named, and ends the source after status 0" {
    exec_source 'printf "%s\n" "{\"value\": \"v\"}" nonsense "{\"value\": \"w\"}"' 'format: json'
    echo 'processor: {onFailure: skip}' >>app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    run_x 0 bruco app
    equals "$output" $'v\nw'
    printf 'a\nb\n' | bruco-source -q lines | head -c -40 >torn
    exec_source 'cat torn' 'format: frames'
    run_x 65 bruco app
    equals "$output" a
    contains "$stderr" 'input is truncated (sh, byte'
    exec_source 'echo x >>starts; cat torn; test $(wc -l <starts) -gt 1 && exec sh -c "exit 9"; exit 9' 'format: frames'
    set_key maxRestarts 1
    run_x 75 bruco app
    equals "$output" $'a\na'
    count_in stderr 'ended within a record' 2
}

@test "exec: the program gets its own variables, three descriptors, signals as they are by default, and no rights" {
    exec_source 'env; ls /proc/self/fd; grep -E "SigBlk|SigIgn|NoNewPrivs" /proc/self/status; cat /proc/$PPID/environ >/dev/null && echo seen; (: </proc/$PPID/mem) && echo open; true' \
        'env: [{name: TOKEN, value: "${SECRET}"}, {name: LANG, value: C}]'
    SECRET=geheim OTHER=x run_x 0 bruco app
    contains "$output" 'TOKEN=geheim'
    contains "$output" 'LANG=C'
    file_lacks stdout 'SECRET|OTHER'
    equals "$(grep -cE '^[0-9]+$' stdout)" 4 # ls has one more
    contains "$output" $'SigBlk:\t0000000000000000'
    # Signals 32 and 33 are the C library's own: they stay as whoever started the test has them.
    grep -qE $'^SigIgn:\t0000000[0-3][08]0000000$' stdout
    contains "$output" $'NoNewPrivs:\t1'
    file_lacks stdout 'open'
    SECRET=geheim bruco-source -q -c app | bruco-sink -q lines >by-hand
    file_lacks by-hand SECRET
    file_has by-hand TOKEN=geheim
    sed -i '$aprocessor: {isolation: none}' app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    SECRET=geheim run_x 0 bruco app
    contains "$output" $'NoNewPrivs:\t0'
}

@test "exec: a program that can't be run is a mistake at the start, and a failure later" {
    exec_source true
    sed -i "s|command: .*|command: [no-such-program]}|" app/config.yaml
    run_x 0 bruco check app
    contains "$stderr" "warning: source.command: there is no program 'no-such-program' in the folders of PATH"
    run_x 78 bruco app
    contains "$stderr" "cannot run 'no-such-program': No such file or directory"
    printf '#!/bin/sh\necho line; rm -- "$0"; exit 1\n' >app/once
    chmod +x app/once
    sed -i "s|command: .*|command: [./once]}|" app/config.yaml
    set_key maxRestarts 1
    run_x 75 bruco app
    contains "$stderr" "error: 'once' can't be run: No such file or directory"
    equals "$output" line
}

@test "exec: a slow handler holds the program back, and pause takes nothing more of it" {
    exec_source 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); echo $i; done; echo x >>starts'
    echo 'processor:' >>app/config.yaml
    cat >app/handler.py <<'PY'
import time
def handle_event(context, data): time.sleep(0.01); return data
PY
    start_app
    run_x 0 bruco pause -c app
    sleep 1
    count=$(wc -l <bruco.out)
    sleep 1
    (($(wc -l <bruco.out) <= count + 1))
    [[ ! -e starts ]]
    run_x 0 bruco resume -c app
    wait_for 10 lines_in bruco.out $((count + 100))
    insist INT
}

@test "exec: a worker's death loses nothing; of the source's and the driver's it is said, and no program is left" {
    exec_source 'echo $$ >program.pid; echo x >>starts; seq 8000; exec sleep 1000'
    echo 'processor: {workers: 1}' >>app/config.yaml
    set_key maxRestarts 100
    cat >app/handler.py <<'PY'
import os, time
def handle_event(context, data):
    n = int(data)
    if n in (100, 2000, 5000) and not os.path.exists(f"killed{n}"):
        open(f"killed{n}", "w").close()
        os.kill(os.getpid(), 9)
    if n > 6000:
        time.sleep(0.01)
    return data
PY
    start_app
    wait_for 20 lines_in bruco.out 6010
    head -n 6000 bruco.out | cmp - <(seq 6000)
    for victim in bruco-source bruco-sink driver; do
        program=$(<program.pid)
        if [[ $victim == driver ]]; then
            kill_x bruco KILL
            wait_for 20 process_ended "$(<bruco.pid)"
        else
            starts=$(wc -l <starts)
            wait_for 20 kill_one "$victim"
            wait_for 20 runs $((starts + 1))
        fi
        wait_for 20 process_ended "$program"
    done
    count_in bruco.err 'delivered at most once: what is under way is lost when Bruco is killed' 3
}

# ---- the sink

@test "exec sink: the program gets the records, then the end of its input; its output is Bruco's" {
    exec_sink 'sort -rn; echo end >&2'
    seq 20 >in.log
    run_x 0 bruco -e app
    equals "$output" "$(seq 20 -1 1)"
    contains "$stderr" 'bruco-sink: warning: sh: end'
    contains "$stderr" "what is written to 'sh' is delivered at most once"
}

@test "exec sink: another status than 0 at the end is the pipeline's failure, and nothing is done again" {
    exec_sink 'echo x >>starts; cat; exit 5'
    seq 3 >in.log
    run_x 75 bruco -e app
    equals "$output" "$(seq 3)"
    equals "$(wc -l <starts)" 1
    contains "$stderr" "error: 'sh' ended with status 5"
}

@test "exec sink: a program that does not end in time makes the status 75" {
    exec_sink 'cat; echo x >>starts; exec sleep 100'
    set_key shutdownTimeout 1s
    seq 3 >in.log
    start_app
    wait_for 10 lines_in bruco.out 3
    stop_x bruco 75
    file_has bruco.err 'error: bruco-sink waited in vain for the end of its program'
    rm -r state
    run_x 75 bruco -e app
    run_x 75 bruco-sink -c app < <(seq 3 | bruco-source -q lines)
    contains "$stderr" "'sh' was killed by signal 15"
}

@test "exec sink: a program that takes no more is started again, and what it had not read is said" {
    exec_sink 'echo x >>starts; test $(wc -l <starts) -lt 3 || exec cat; head -c 2 >/dev/null; sleep 1'
    seq 100000 >in.log
    run_x 0 bruco -e app
    contains "$stderr" "ended with status 0 before the end of its input, and "
    contains "$stderr" "bytes that it had not read are lost; it is started again in 100ms"
    lines_in starts 2
}

@test "exec sink: acknowledge exit: a batch is delivered when its program exits with 0, else given to another" {
    exec_sink 'echo x >>starts; cat >part.$$; test $(wc -l <starts) -ne 2 || exit 1; mv part.$$ done.$(wc -l <starts)' \
        'acknowledge: exit' 'batch: {size: 100}'
    seq 250 >in.log
    run_x 0 bruco -e app
    equals "$(wc -l <starts)" 4
    contains "$stderr" "'sh' ended with status 1; it is started again in 100ms, with 100 records that this one had"
    cat done.1 done.3 done.4 | cmp - <(seq 250)
    equals "$(wc -l <done.4)" 50
}

@test "exec sink: acknowledge ok: one line for each record, or for several; anything else is no acknowledgement" {
    exec_sink 'read a; read b; echo ok 2; read c; echo ok; echo ok 0; read d; echo ok; cat >&2; echo $a $b $c $d >&2' \
        'acknowledge: ok'
    seq 4 >in.log
    run_x 0 bruco -e app
    contains "$stderr" 'sh: 1 2 3 4'
    rm -r state
    for answer in 'ok 5' yes 'ok -1' 'ok 1x' "$(printf '%0100d' 0)"; do
        echo "read a; printf '%s\n' '$answer'; sleep 100" >app/program
        run_x 75 bruco --set maxRestarts=0 app
        contains "$stderr" "which acknowledges nothing that it has"
        rm -rf state
    done
}

@test "exec sink: acknowledge ok: only what is written whole can be acknowledged" {
    exec_sink 'sleep 0.5; echo ok; sleep 100' 'acknowledge: ok'
    for i in 1 2; do head -c 200000 /dev/zero | tr '\0' x; echo; done >in.log
    run_x 75 bruco --set maxRestarts=0 app
    contains "$stderr" "said 'ok', which acknowledges nothing that it has"
}

@test "exec sink: acknowledge ok: a value with a line break can't be counted, and is refused as lines" {
    careful
    printf '%s\n' '{"value": "a\nb"}' '{"value": "c"}' >in.log
    exec_sink "exec /usr/bin/python3 careful.py" 'acknowledge: ok'
    sed -i 's/in.log}/in.log, format: json}/' app/config.yaml
    echo 'processor: {onFailure: skip}' >>app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    run_x 0 bruco -e app
    equals "$(<safe)" c
    contains "$stderr" 'a line break in a value'
}

@test "exec sink: more failures in a row than maxRestarts end with 75, and the records come again" {
    exec_sink 'echo x >>starts; exit 7' 'acknowledge: exit'
    set_key maxRestarts 1
    seq 5 >in.log
    run_x 75 bruco -e app
    equals "$(wc -l <starts)" 2
    contains "$stderr" "error: 'sh' ended with status 7, and was started again 1 time in a row before (maxRestarts)"
    echo 'cat' >app/program
    run_x 0 bruco -e app
    equals "$output" "$(seq 5)"
}

@test "exec sink: a dead letter may be given to a program" {
    project <<<'def handle_event(context, data): return data if data != b"2" else 1 / 0'
    retrying 1 deadLetter
    echo "deadLetter: {kind: exec, command: [sh, -c, 'cat >letters'], format: json, acknowledge: exit}" >>app/config.yaml
    run_x 0 bruco app < <(seq 3)
    equals "$output" $'1\n3'
    is_true '.value == "2" and any(.headers[]; .[0] == "bruco-error")' letters
}

# nothing_lost MODE: kills all in turn while lines are written, and compares.
nothing_lost() {
    : >in.log
    set_key maxRestarts 100
    start_app
    total=0
    for victim in program bruco-sink bruco-worker program bruco-source driver program; do
        seq $((total + 1)) $((total + 2000)) >>in.log
        total=$((total + 2000))
        wait_for 20 arrived $((total - 1500))
        if [[ $victim == driver ]]; then
            program=$(<program.pid)
            kill_x bruco KILL
            wait_for 20 process_ended "$(<bruco.pid)"
            wait_for 20 process_ended "$program"
            start_app
        else
            wait_for 20 kill_one "$victim"
        fi
    done
    wait_for 40 arrived "$total"
    stop_x bruco
}

@test "exec sink: acknowledge ok: kill -9 of the program and of each of ours loses nothing" {
    careful
    arrived() { (($(sort -u safe 2>/dev/null | wc -l) >= $1)); }
    exec_sink 'exec /usr/bin/python3 careful.py' 'acknowledge: ok'
    echo 'processor: {workers: 2}' >>app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    nothing_lost
    awk '!seen[$0]++' safe | sort -n | cmp - <(seq "$total")
}

@test "exec sink: acknowledge exit: kill -9 of the program and of each of ours loses nothing" {
    arrived() { (($(cat done.* 2>/dev/null | sort -u | wc -l) >= $1)); }
    exec_sink 'echo $$ >program.pid; cat >part.$$; sleep 0.05; mv part.$$ done.$(date +%s%N)' \
        'acknowledge: exit' 'batch: {size: 300, wait: 100ms}'
    echo 'processor: {workers: 2}' >>app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    nothing_lost
    cat done.* | sort -un | cmp - <(seq "$total")
}

# ---- by hand

@test "exec: by hand, with the statuses of a pipeline's ends" {
    timeout 30 bruco-source -q exec -- printf 'b\na\n' | bruco-sink -q exec -- sort >out
    equals "$(<out)" $'a\nb'
    equals "$(timeout 30 bruco-source -q -n 3 exec yes | bruco-sink -q lines | wc -l)" 3
    bruco-source -q exec -- seq 3 >frames
    run_x 75 bruco-sink exec -- sh -c 'cat; exit 2' <frames
    equals "$output" "$(seq 3)"
    run_x 0 bruco-sink -q exec --acknowledge exit --format json -- sh -c 'cat >&2' <frames
    contains "$stderr" '"value": "3"'
    run_x 0 bruco-source -q exec --format json -- echo '{"value": "x"}'
    run_x 64 bruco-source exec
    contains "$stderr" 'source.command is missing'
    run_x 64 bruco-sink lines --acknowledge ok
    run_x 64 bruco-source exec -t x -- true
    timeout 30 bruco-source -q -l link exec -- seq 1000 | bruco-sink -q -l link exec --acknowledge exit -- sh -c 'cat >all'
    cmp all <(seq 1000)
}
