#!/usr/bin/env bats
# bruco as the first process of a container, and the files for Docker and Kubernetes.

load helpers

# alone COMMAND ...: as PID 1 of a namespace of its own; $FIRST is its pid outside
alone() {
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces here"
    start_x bruco unshare --pid --fork --mount-proc --kill-child "$@"
    wait_for 10 first_is bruco
    FIRST=$(first)
}

first() {
    tr -d ' ' <"/proc/$(<bruco.pid)/task/$(<bruco.pid)/children"
}

first_is() {
    [[ $(cat "/proc/$(first)/comm" 2>/dev/null) == "$1" ]]
}

no_zombies() {
    local child
    for child in $(<"/proc/$1/task/$1/children"); do
        ! grep -q '^State:.*zombie' "/proc/$child/status" || return 1
    done
}

has_orphan() {
    pgrep -P "$1" sleep >/dev/null
}

@test "as PID 1: orphans are its children and no zombies, SIGTERM drains, status 0" {
    mkfifo in
    lines_project '{handlerPath: .}' <<'END'
import os, subprocess
def handle_event(context, data):
    if data == b"orphan" and os.fork() == 0:
        os.setsid() # its group is killed with the worker's
        subprocess.Popen(["sleep", "0.5"])
        os._exit(0)
    return f"{data.decode()} {os.getppid()}"
END
    exec 5<>in
    alone bruco app <in 5>&-
    printf 'orphan\norphan\n' >&5
    wait_for 20 file_has bruco.out '^orphan 1$'
    wait_for 20 has_orphan "$FIRST"
    wait_for 20 no_orphan "$FIRST"
    wait_for 20 no_zombies "$FIRST"
    echo last >&5
    wait_for 20 file_has bruco.out '^last 1$'
    kill -TERM "$FIRST"
    wait_x bruco 0
    contains "$(tail -n 1 bruco.err)" "bruco: info: done"
    equals "$(wc -l <bruco.out)" 3
}

no_orphan() {
    ! has_orphan "$1"
}

@test "as PID 1: SIGTERM before it listens is not lost" {
    mkfifo in
    echo 'def handle_event(context, data): return data' >handler.py
    exec 5<>in
    alone bruco -c - <in 5>&-
    kill -TERM "$FIRST" # it reads its configuration
    echo '{processor: , source: {kind: kafka, brokers: ["127.0.0.1:1"], topics: [a], consumerGroup: g}, sink: {kind: lines}}' >&5
    exec 5>&-
    wait_x bruco 0 20
    file_lacks bruco.err error
}
