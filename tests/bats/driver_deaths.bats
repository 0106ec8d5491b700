# bruco, with the kinds lines and discard, so that nothing but Bruco takes part: what dies is
# replaced.

load helpers
load driver

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

@test "a handler that writes garbage among the frames: its worker is killed, nothing of it goes out" {
    project 2 <<'END'
import fcntl, os
def handle_event(context, data):
    if data in (b'700', b'1400'):
        try:
            os.close(os.open('garbage-' + data.decode(), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return data
        for fd in map(int, os.listdir('/proc/self/fd')):
            try:
                pipe = os.readlink(f'/proc/self/fd/{fd}').startswith('pipe:')
                if fd > 2 and pipe and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_WRONLY:
                    os.write(fd, b'no frame' * 100)
            except OSError:
                pass
    return data
END
    set_key processor '{workers: 2, ordering: none, retry: {attempts: 3}}'
    seq 3000 >input
    run_x 0 bruco app <input
    same_lines input stdout
    contains "$stderr" "sent an invalid frame, killing it"
}

@test "kill -9 of source or sink: everything starts anew, nothing stays behind" {
    kafka_project 2
    start_bruco
    local starts=1
    for name in bruco-source bruco-sink; do
        local old=$(stages bruco-source; stages bruco-sink; stages bruco-worker)
        kill -KILL $(stages "$name")
        starts=$((starts + 1))
        wait_for 40 times_in bruco.err 'bruco: info: ready' "$starts"
        contains "$(<bruco.err)" "$name was killed by signal 9 (SIGKILL), restarting the pipeline"
        for pid in $old; do
            [[ ! -e /proc/$pid ]]
        done
        send "after $name"
        wait_for 20 file_has bruco.out "after $name"
    done
    # Workers that end because of it are not deaths of their own.
    file_lacks bruco.err 'worker [01] '
    stop_x bruco
    equals "$(sort -u bruco.out)" $'after bruco-sink\nafter bruco-source'
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
    kafka_project
    set_key maxRestarts 1
    start_bruco
    kill -KILL $(stages bruco-sink)
    wait_for 20 times_in bruco.err 'bruco: info: ready' 2
    kill -KILL $(stages bruco-sink)
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "1 restarts in 60 s are used up: bruco-sink was killed by signal 9"
}

@test "a worker that cannot start again: after maxRestarts 75, with its last error" {
    project 1 <<'END'
import os
if os.path.exists('bad'):
    raise RuntimeError('not any more')
def handle_event(context, data):
    open('bad', 'x').close()
    os._exit(3)
END
    set_key maxRestarts 3
    start_bruco
    feed die
    wait_x bruco 75
    count_in bruco.err 'restarting in' 3
    contains "$(<bruco.err)" "RuntimeError: not any more"
    contains "$(tail -n 1 bruco.err)" "3 restarts in 60 s are used up: worker 0 ended with status 70"
}

@test "deaths of idle workers are counted" {
    echo_project 1
    set_key maxRestarts 3
    start_bruco -v
    for number in 1 2 3 4; do
        wait_for 20 times_in bruco.err 'bruco-worker-0 is ready' "$number"
        feed "$number"
        wait_for 20 lines_in bruco.out "$number"
        kill -KILL $(stages bruco-worker)
    done
    wait_x bruco 75
    contains "$(tail -n 1 bruco.err)" "3 restarts in 60 s are used up: worker 0 was killed by signal 9"
}

@test "poison: events that end their worker cost attempts, not restarts" {
    project 2 <<'END'
import ctypes, os, signal
def handle_event(context, data):
    with open('calls', 'a') as calls:
        calls.write(data.decode() + '\n')
    number = int(data)
    if number % 100 == 1:
        os._exit(1)
    if number % 100 == 2:
        os._exit(0)
    if number % 100 == 3:
        ctypes.string_at(0)
    if number % 100 == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return data
END
    retrying 3 skip
    seq 0 599 >input
    run_x 0 bruco app <input
    grep -vE '0[1-4]$|^[1-4]$' input >expected
    same_lines expected stdout
    for number in 1 2 3 4 101 304 503; do
        equals "$(grep -cx "$number" app/calls)" 3
    done
    file_lacks stderr 'used up'
}

@test "onFailure: stop ends it with 1 when the attempts of a crash are used up" {
    project 2 <<'END'
import os
def handle_event(context, data):
    if data == b'50':
        os._exit(1)
    return data
END
    retrying 2 stop
    set_key maxRestarts 0
    seq 100 >input
    run_x 1 bruco -v app <input
    count_in stderr 'worker [01] ended with status 1 .*, restarting' 2
    file_lacks stdout '^50$'
    contains "$(tail -n 1 stderr)" "bruco: error: bruco-sink ended with status 1"
    # The source had its time: nobody had to be killed.
    file_has stderr 'fatal: from [a-z]+ to settling'
    file_has stderr 'reaped: from settling to done'
}
