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
