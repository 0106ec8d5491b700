# Short of descriptors: told at the start, or survived, or an end with 75.

load helpers
load driver

# limit PID [COUNT]: no more files than it has open now, or that many.
limit() {
    local count=${2:-}
    [[ -n $count ]] || count=$(highest "$1")
    prlimit --pid "$1" --nofile="$count:" # the soft one: root alone can raise the other again
}

highest() { # one more than the highest number of an open file
    local number most=0
    for number in "/proc/$1/fd"/*; do
        number=${number##*/}
        ((number <= most)) || most=$number
    done
    echo $((most + 1))
}

@test "a hard limit that is too low is told at the start, with what is needed; and that is enough" {
    requires prlimit
    echo_project 8
    run_x 78 prlimit --nofile=40:40 bruco app <<<hello
    file_has stderr 'bruco: error: 8 workers need [0-9]+ open files at once and 40 are allowed'
    local needed=$(sed 's/.* need \([0-9]*\) open files.*/\1/' stderr)
    run_x 78 prlimit --nofile=$((needed - 1)) bruco app <<<hello
    run_x 0 prlimit --nofile="$needed:$needed" bruco app <<<hello
    equals "$output" hello
    # The soft limit is raised as far as need be.
    run_x 0 prlimit --nofile="20:$needed" bruco app <<<hello
    equals "$output" hello
}

@test "short of descriptors a worker is not replaced, but the others go on, and later it is" {
    requires prlimit
    echo_project 2
    start_bruco
    local driver=$(<bruco.pid) first=$(stages bruco-worker | head -n 1)
    limit "$driver" 12
    kill -KILL "$first"
    wait_for 20 file_has bruco.err 'worker [01] cannot be started: Too many open files, restarting in'
    prlimit --pid "$driver" --nofile=1000:
    wait_for 20 has_stages bruco-worker 2
    feed $(seq 20)
    wait_for 20 lines_in bruco.out 20
    stop_x bruco
    end_feed
}

@test "short of descriptors for too long: 75" {
    requires prlimit
    echo_project 2
    set_key maxRestarts 3
    start_bruco
    limit "$(<bruco.pid)" 5
    kill -KILL $(stages bruco-worker | head -n 1)
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "3 restarts in 60 s are used up: worker"
    contains "$(tail -n 1 bruco.err)" "Too many open files"
    end_feed
}

@test "a limit below what is open already: signals are heard, records pass, the stop is told" {
    requires prlimit
    echo_project 2
    cat >manager.py <<'END'
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('notify')
print('bound', flush=True)
for _ in range(2):
    print(s.recv(100).decode(), flush=True)
END
    start_x manager /usr/bin/python3 manager.py
    wait_for 10 file_has manager.out bound
    NOTIFY_SOCKET=$PWD/notify start_bruco
    for name in bruco-source bruco-sink bruco-worker; do
        for pid in $(stages $name); do
            limit "$pid" 3
        done
    done
    limit "$(<bruco.pid)" 3
    feed $(seq 100)
    wait_for 20 lines_in bruco.out 100
    stop_x bruco
    wait_x manager 0
    file_has manager.out STOPPING=1
    end_feed
}

@test "source or sink has no descriptor for a worker's successor: it ends with 75" {
    requires prlimit
    for name in bruco-source bruco-sink; do
        rm -rf app feed.pipe
        echo_project 1
        start_bruco
        feed a
        wait_for 20 lines_in bruco.out 1
        limit "$(stages $name)" 3
        kill -KILL $(stages bruco-worker)
        wait_x bruco 75
        file_has bruco.err "$name: error: unreadable message .*: Too many open files"
        contains "$(tail -n 1 bruco.err)" "$name ended with status 75"
        end_feed
    done
}

@test "handlers get the limit that was given to Bruco, or what Python needs if that is less" {
    requires prlimit
    project 1 <<'END'
import resource
def handle_event(context, data):
    return '%d %d' % resource.getrlimit(resource.RLIMIT_NOFILE)
END
    run_x 0 prlimit --nofile=20:1000 bruco app <<<hello
    equals "$output" "128 1000"
    run_x 0 prlimit --nofile=300:1000 bruco app <<<hello
    equals "$output" "300 1000"
}

@test "by hand, with hardly a descriptor: it works, or ends with 75" {
    requires prlimit
    echo_project
    for count in 8 9 10 12 16; do
        for program in "bruco-source lines" "bruco-sink json" "bruco-worker --lines -d app"; do
            ended=0
            in_session timeout 20 prlimit --nofile=$count:$count $program </dev/null >out 2>err
            wait "$!" || ended=$?
            [[ $ended == 0 || $ended == 75 ]] || {
                echo "$program with $count: $ended, $(<err)"
                return 1
            }
        done
    done
}

# ---- control groups

# group CONTROLLER: makes one, of either version, in $GROUP; skips where that may not be.
group() {
    local top=/sys/fs/cgroup
    [[ ! -d $top/$1 ]] || top=$top/$1
    GROUP=$top/bruco-test-$$-$RANDOM
    mkdir "$GROUP" 2>/dev/null || skip "no control group can be made here"
}

limit_group() { # limit_group FILE VALUE: the first of several that is there; false: none is
    while (($# > 1)); do
        if [[ -e $GROUP/$1 ]]; then
            echo "$2" >"$GROUP/$1"
            return
        fi
        shift 2
    done
    rmdir "$GROUP"
    skip "this controller is not for us here"
}

@test "a kill for want of memory is called that, another one is not" {
    group memory
    limit_group memory.max 100M memory.limit_in_bytes 100M
    [[ ! -e $GROUP/memory.swap.max ]] || echo 0 >"$GROUP/memory.swap.max"
    project 1 <<'END'
def handle_event(context, data):
    return str(len(bytearray(b'x') * 300_000_000)) if data == b'eat' else data
END
    sed -i 's/^processor: {/&retry: {attempts: 1}, onFailure: skip, /' app/config.yaml
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$GROUP" bruco app <feed.pipe 7>&-
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    feed a
    wait_for 20 lines_in bruco.out 1
    kill -KILL $(stages bruco-worker)
    wait_for 20 file_has bruco.err 'worker 0 was killed by signal 9 \(SIGKILL\), restarting'
    feed eat b
    wait_for 40 lines_in bruco.out 2
    file_has bruco.err \
        'worker 0 was killed by signal 9 \(SIGKILL\), by the kernel, which is out of memory, restarting'
    stop_x bruco
    end_feed
    wait_for 10 rmdir "$GROUP"
}

workers_are() { # workers_are COUNT COMMAND ...: by the file and by -w
    local count=$1
    shift
    sed -i 's/workers: [a-z0-9]*/workers: auto/' app/config.yaml
    run_x 0 "$@" bruco app <<<x
    equals "$(ls app/worker-* | wc -l)" "$count"
    rm app/worker-*
    sed -i 's/workers: auto/workers: 7/' app/config.yaml
    run_x 0 "$@" bruco -w auto app <<<x
    equals "$(ls app/worker-* | wc -l)" "$count"
    rm app/worker-*
}

counting_project() {
    project 1 <<'END'
def init_context(context):
    open('worker-' + context.worker_name, 'x').close()
def handle_event(context, data):
    return data
END
}

@test "workers: auto is what affinity leaves, by the file and by -w" {
    requires taskset
    counting_project
    workers_are 1 taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')"
    workers_are "$(nproc)" env
}

@test "workers: auto is what a quota of the control group leaves, by the file and by -w" {
    counting_project
    (($(nproc) > 1)) || skip "there is one processor"
    group cpu
    limit_group cpu.max "50000 100000" cpu.cfs_quota_us 50000
    export GROUP
    workers_are 1 sh -c 'echo $$ >"$GROUP/cgroup.procs" && exec "$0" "$@"'
    wait_for 10 rmdir "$GROUP"
}
