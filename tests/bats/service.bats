#!/usr/bin/env bats
# bruco as a service: what systemd hears, and the unit of packaging.
# bats file_tags=driver
load helpers
load driver

# start_manager: what a service manager would hear goes to manager.out, a line each.
start_manager() {
    cat >manager.py <<'END'
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('notify')
print('bound', flush=True)
while True:
    print(s.recv(100).decode(), flush=True)
END
    start_x manager /usr/bin/python3 manager.py
    wait_for 10 file_has manager.out bound
    export NOTIFY_SOCKET=$PWD/notify
}

pings_come() { # pings_come COUNT: at least
    (($(grep -c '^WATCHDOG=1$' manager.out) >= $1))
}

unit() { # with this program in it, in the file that systemd-analyze needs
    sed "s,/usr/bin/bruco,$BRUCO_BIN/bruco," "$ROOT/packaging/bruco@.service" >'bruco@.service'
}

@test "the watchdog hears from the driver while it runs, idle or not, and nothing from a driver that hangs" {
    project <<<'import os
def handle_event(context, data): return str([name in os.environ for name in ("WATCHDOG_USEC", "WATCHDOG_PID", "NOTIFY_SOCKET")]).encode()'
    start_manager
    WATCHDOG_USEC=400000 start_bruco
    wait_for 20 pings_come 5
    file_has manager.out '^READY=1$'
    feed a
    wait_for 10 file_has bruco.out '[[]False, False, False[]]'
    kill_x bruco STOP
    local before now
    before=$(grep -c WATCHDOG manager.out)
    # A hung one is silent for as long as three pings take of another, which the same manager hears.
    (
        mkdir other && cd other
        project <<<'def handle_event(context, data): return data'
        mkfifo typed
        WATCHDOG_USEC=400000 timeout 60 bruco --set name=other app <>typed >/dev/null 2>&1 &
        echo $! >pid
    )
    wait_for 20 pings_come $((before + 3))
    kill "$(<other/pid)"
    wait_for 20 process_ended "$(<other/pid)"
    now=$(grep -c WATCHDOG manager.out)
    kill_x bruco CONT
    wait_for 20 pings_come $((now + 2))
    end_feed
    wait_x bruco 0
    kill_x manager KILL
}

@test "the watchdog of another process is none of ours" {
    project <<<'def handle_event(context, data): return data'
    start_manager
    WATCHDOG_USEC=20000 WATCHDOG_PID=1 start_bruco
    feed a
    wait_for 10 lines_in bruco.out 1
    stop_x bruco
    file_has manager.out '^STOPPING=1$'
    file_lacks manager.out WATCHDOG
    end_feed
    kill_x manager KILL
}

@test "the unit is good, and hardened" {
    requires systemd-analyze
    unit
    run_x 0 systemd-analyze verify --man=no ./bruco@.service
    equals "$output$stderr" ""
    run_x 0 systemd-analyze security --offline=yes --threshold=20 ./bruco@.service
    # A word of systemd's that is none is found.
    sed -i 's/^WatchdogSec=30s/WatchdogSec=soon/' bruco@.service
    run_x 0 systemd-analyze verify --man=no ./bruco@.service
    contains "$stderr" soon
}

@test "the unit's user can be made" {
    requires systemd-sysusers
    mkdir -p root/etc
    run_x 0 systemd-sysusers --dry-run --root="$PWD/root" "$ROOT/packaging/sysusers.conf"
    contains "$output$stderr" "bruco"
    equals "$(sed -n 's/^User=//p; s/^Group=//p' "$ROOT/packaging/bruco@.service" | sort -u)" bruco
}

@test "the unit's statuses are those after which another start does not help" {
    local unit page
    unit=$(sed -n 's/^RestartPreventExitStatus=//p' "$ROOT/packaging/bruco@.service" | tr ' ' '\n' | sort -n | tr '\n' ' ')
    page=$(sed -n 's/^After \(.*\) another start does not help.*/\1/p' "$ROOT/man/bruco.1" | grep -oE '[0-9]+' | sort -n | tr '\n' ' ')
    equals "$unit" "$page"
}

@test "the unit lets through each system call of a pipeline with walls" {
    requires systemd-analyze strace
    start_broker -t in:1 -t out:1
    project <<<'def handle_event(context, data): return data.upper()'
    printf '%s\n' 'processor: {handlerPath: ., isolation: strict}' \
        "source: {kind: kafka, brokers: ['$BROKERS'], topics: [in], consumerGroup: g, offset: earliest}" \
        "sink: {kind: kafka, brokers: ['$BROKERS'], topic: out}" >app/config.yaml
    bruco check app >/dev/null 2>&1 || skip 'no Landlock here'
    bruco-source -q lines <<<one | bruco-sink -q kafka -b "$BROKERS" -t in
    run_x 0 strace -f -o calls bruco -e app
    sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' calls | sort -u >made
    file_has made '^landlock_restrict_self$'
    # The set, with the sets in it.
    members() {
        local word
        for word in $(systemd-analyze syscall-filter "$1" | sed -n 's/^    \([@a-z_0-9-]*\)$/\1/p'); do
            if [[ $word == @* ]]; then members "$word"; else echo "$word"; fi
        done
    }
    {
        members @system-service
        members @default
        sed -n 's/^SystemCallFilter=\([^@]\)/\1/p' "$ROOT/packaging/bruco@.service" | tr ' ' '\n'
    } | sort -u >allowed
    equals "$(comm -23 made allowed)" ""
}
